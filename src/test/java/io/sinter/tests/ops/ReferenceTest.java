// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sinter.DType;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Tolerance;
import io.sinter.tests.support.Values;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The exact references against the formula as one would write it on paper, in double: a slip that
/// reference and kernel shared would show here. Needs no library.
class ReferenceTest {
  private static final int COUNT = 5000;
  private static final Reference.Mode PLAIN = Reference.Mode.DEFAULT;

  /// Each of the roundings of float arithmetic is relative to the largest term, then one to `out`.
  private static void checkClose(
      String what, double plain, double scale, Elements inputs, Elements actual, int index) {
    DType compute = inputs.type() == DType.F64 ? DType.F64 : DType.F32;
    double arithmetic = 16 * scale * Codec.unitRoundoff(compute);
    double denormal = Codec.smallest(actual.type());
    Tolerance.roundings(actual.type(), 1.5, arithmetic + denormal)
        .check(what + " of " + inputs.type(), plain, actual.value(index));
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void lerpIsTheStraightLine(DType type) {
    SplittableRandom random = Seeds.of("lerp " + type);
    for (double t : new double[] {0, 0.1, 0.3, 0.5, 0.75, 0.999, 1, -0.5, 1.5}) {
      Elements a = Values.NORMAL.elements(type, COUNT, random);
      Elements b = Values.NORMAL.elements(type, COUNT, random);
      for (DType to : DType.values()) {
        Elements out = Reference.lerp(a, b, t, to, PLAIN).out();
        for (int i = 0; i < COUNT; i++) {
          double plain = (1 - t) * a.value(i) + t * b.value(i);
          double scale = Math.abs(a.value(i)) + Math.abs(b.value(i));
          checkClose("lerp at " + t, plain, 3 * scale, a, out, i);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void linearIsTheWeightedSum(DType type) {
    SplittableRandom random = Seeds.of("linear " + type);
    for (int models = 1; models <= 5; models++) {
      List<Elements> inputs =
          IntStream.range(0, models)
              .mapToObj(k -> Values.WEIGHTS.elements(type, COUNT, random))
              .toList();
      double[] weights = random.doubles(models, 0.1, 2).toArray();
      double total = Arrays.stream(weights).sum();
      Elements sum = Reference.linear(inputs, weights, false, type, PLAIN).out();
      Elements mean = Reference.linear(inputs, weights, true, type, PLAIN).out();
      for (int i = 0; i < COUNT; i++) {
        double plain = 0;
        double scale = 0;
        for (int k = 0; k < models; k++) {
          plain += weights[k] * inputs.get(k).value(i);
          scale += Math.abs(weights[k] * inputs.get(k).value(i));
        }
        checkClose("sum of " + models, plain, scale, inputs.get(0), sum, i);
        checkClose("mean of " + models, plain / total, 2 * scale, inputs.get(0), mean, i);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void taskArithmeticAddsDifferences(DType type) {
    SplittableRandom random = Seeds.of("task " + type);
    Elements base = Values.NORMAL.elements(type, COUNT, random);
    List<Elements> inputs =
        List.of(
            Values.NORMAL.elements(type, COUNT, random),
            Values.NORMAL.elements(type, COUNT, random),
            Values.NORMAL.elements(type, COUNT, random));
    double[] weights = {0.5, 0.75, -0.25};
    double lambda = 0.8;
    Elements plain =
        Reference.taskArithmetic(base, inputs, weights, lambda, false, type, PLAIN).out();
    Elements mean =
        Reference.taskArithmetic(base, inputs, weights, lambda, true, type, PLAIN).out();
    for (int i = 0; i < COUNT; i++) {
      double sum = 0;
      double scale = Math.abs(base.value(i));
      for (int k = 0; k < 3; k++) {
        double difference = inputs.get(k).value(i) - base.value(i);
        sum += weights[k] * difference;
        scale += Math.abs(difference);
      }
      checkClose("task", base.value(i) + lambda * sum, 2 * scale, base, plain, i);
      checkClose("task mean", base.value(i) + lambda * sum / 1.0, 2 * scale, base, mean, i);
    }
    Elements rounded =
        Reference.taskArithmetic(
                base,
                inputs.subList(0, 1),
                new double[] {1},
                1,
                false,
                DType.F64,
                new Reference.Mode(null, DType.F8_E4M3))
            .out();
    for (int i = 0; i < COUNT; i++) {
      double difference = inputs.get(0).value(i) - base.value(i);
      double delta = Codec.round(DType.F8_E4M3, difference);
      checkClose("rounded delta", base.value(i) + delta, 8, base, rounded, i);
    }
  }

  @Test
  void reductionsAreCloseToExactOnes() {
    SplittableRandom random = Seeds.of("reductions");
    for (int count : new int[] {0, 1, 63, 64, 65, 4095, 4096, 4097, 70_001}) {
      Elements a = Values.NORMAL.elements(DType.F64, count, random);
      Elements b = Values.NORMAL.elements(DType.F64, count, random);
      BigDecimal sum = BigDecimal.ZERO;
      BigDecimal dot = BigDecimal.ZERO;
      BigDecimal absolute = BigDecimal.ZERO;
      double largest = 0;
      for (int i = 0; i < count; i++) {
        BigDecimal x = new BigDecimal(a.value(i));
        sum = sum.add(x);
        absolute = absolute.add(x.abs());
        dot = dot.add(x.multiply(new BigDecimal(b.value(i))));
        largest = Math.max(largest, Math.abs(a.value(i)));
      }
      // Each sum passes at most 64 lane elements and 6 + 2 levels of the tree per 4096.
      double atol = 100 * Codec.unitRoundoff(DType.F64) * 5 * count;
      Tolerance close = Tolerance.roundings(DType.F64, 1, atol);
      close.check("sum", sum.doubleValue(), Reference.sum(a, null));
      close.check("dot", dot.doubleValue(), Reference.dot(a, b, null));
      close.check("l1", absolute.doubleValue(), Reference.normL1(a, null));
      assertEquals(largest, Reference.normMax(a, null));
      double squares = Reference.dot(a, a, null);
      assertEquals(Math.sqrt(squares), Reference.normL2(a, null));
    }
  }

  /// The order itself, on numbers chosen so that another order gives another sum.
  @Test
  void reductionsFollowTheCanonicalOrder() {
    double[] values = new double[4096 + 1];
    values[0] = 1;
    values[64] = 0x1p53; // the same lane: 1 + 2^53 loses the 1
    values[32] = -0x1p53; // the lane that is added first
    values[4096] = 0x1p-60; // another chunk: added last, lost unless the rest is 0
    assertEquals(0x1p-60, Reference.sum(new Elements(DType.F64, bits(values)), null));
    double[] apart = new double[130];
    apart[0] = 1;
    apart[1] = 0x1p53;
    apart[33] = -0x1p53; // lanes 1 and 33 meet first: the 1 survives
    assertEquals(1, Reference.sum(new Elements(DType.F64, bits(apart)), null));
  }

  private static long[] bits(double[] values) {
    return Arrays.stream(values).mapToLong(Double::doubleToRawLongBits).toArray();
  }

  @Test
  void endsAreCopiesAndEqualElementsStay() {
    SplittableRandom random = Seeds.of("ends");
    for (DType type : DType.values()) {
      Elements a = Values.SPECIAL.elements(type, 1000, random);
      Elements b = Values.SPECIAL.elements(type, 1000, random);
      assertArrayEquals(a.bits(), Reference.lerp(a, b, 0, type, PLAIN).out().bits());
      assertArrayEquals(b.bits(), Reference.lerp(a, b, 1, type, PLAIN).out().bits());
      Elements c = Values.NORMAL.elements(type, 1000, random);
      for (double t : new double[] {0.1, 0.5, 0.9}) {
        Elements same = Reference.lerp(c, c, t, type, PLAIN).out();
        for (int i = 0; i < 1000; i++) {
          assertEquals(c.value(i) + 0.0, same.value(i) + 0.0);
        }
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.TaskVectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Arcee fusion against plain loops over doubles. Every element is exactly the base or the base and
// its
/// difference; which of them may differ only where the importance is the threshold but for
// rounding.
class ArceeFusionTest {
  private static final int[] SIZES = {0, 1, 2, 33, 257, 4095, 4097, 9_000, 70_003};

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndSize() {
    return Devices.all().stream()
        .flatMap(
            device ->
                Arrays.stream(DType.values())
                    .map(
                        type ->
                            DynamicTest.dynamicTest(
                                type + " on " + device, () -> sizes(device, type))));
  }

  private static void sizes(Device device, DType type) {
    SplittableRandom random = Seeds.of("arcee fusion " + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (View.Kind layout : View.Kind.values()) {
          if (Seeds.full() || random.nextInt(2) == 0 && !(Devices.slow(device) && size > 10_000)) {
            one(stream, type, size, layout, random);
          }
        }
      }
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> threads() {
    return IntStream.of(1, 2, 3)
        .mapToObj(
            n ->
                DynamicTest.dynamicTest(
                    n + " threads",
                    () -> {
                      SplittableRandom random = Seeds.of("arcee fusion threads");
                      StreamOptions options = StreamOptions.DEFAULT.withThreads(n);
                      try (Stream stream = Device.cpu().stream(options)) {
                        one(stream, DType.F32, 300_000, View.Kind.CONTIGUOUS, random);
                      }
                    }));
  }

  private static void one(
      Stream stream, DType type, int size, View.Kind layout, SplittableRandom random) {
    boolean same = random.nextInt(8) == 0;
    Elements base = Values.WEIGHTS.elements(type, size, random);
    double[] moved = base.values();
    for (int i = 0; !same && i < size; i++) {
      moved[i] += random.nextGaussian() * 0.01;
    }
    Elements x = Elements.of(type, moved);
    DType out = random.nextBoolean() ? type : DType.values()[random.nextInt(DType.values().length)];
    DType delta = random.nextBoolean() ? null : type;
    View view = View.of(layout, size, random);
    boolean inPlace = out == type && random.nextInt(3) == 0;
    try (Operand a =
            inPlace
                ? Operand.inPlace(stream, base, view, random)
                : Operand.input(stream, base, view, random);
        Operand b = Operand.input(stream, x, view.relaid(random), random);
        Operand to = Operand.output(stream, out, view.relaid(random), random)) {
      Operand result = inPlace ? a : to;
      long[] shape = a.tensor().shape();
      TaskVectors.arceeFusion(
          stream,
          List.of(a.tensor()),
          List.of(b.tensor()),
          List.of(result.tensor()),
          new Arithmetic(null, delta, null));
      stream.synchronize();
      int row = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
      check(base, x, row, delta, out, result.elements(stream), type + Arrays.toString(shape));
    }
  }

  private static void check(
      Elements base,
      Elements x,
      int row,
      @Nullable DType delta,
      DType out,
      Elements actual,
      String what) {
    int n = base.count();
    double[] from = base.values();
    double[] to = x.values();
    boolean wide = base.type() == DType.F64;
    double[] difference = new double[n];
    double[] importance = new double[n];
    for (int start = 0; start < n; start += row) {
      double[] p = softmax(to, start, row);
      double[] q = softmax(from, start, row);
      double divergence = Reference.sum(row, j -> p[j] * Math.log(p[j] / q[j]));
      for (int i = start; i < start + row; i++) {
        double d = wide ? to[i] - from[i] : (float) to[i] - (float) from[i];
        difference[i] = delta == null ? d : Codec.round(delta, d);
        importance[i] = Math.abs(difference[i]) * divergence;
      }
    }
    if (n == 0) {
      return;
    }
    double[] sorted = importance.clone();
    Arrays.sort(sorted);
    double q1 = sorted[(int) Math.floor(0.25 * (n - 1))];
    double median = sorted[(int) Math.floor(0.5 * (n - 1))];
    double q3 = sorted[(int) Math.floor(0.75 * (n - 1))];
    double threshold = median + 1.5 * (q3 - q1);
    // Four roundings of the compute type, and of sums of terms near 1e-8 that cancel.
    double slack = 1e-6 * Math.abs(threshold) + 1e-13;
    for (int i = 0; i < n; i++) {
      double sum = wide ? from[i] + difference[i] : (float) from[i] + (float) difference[i];
      long fused = Codec.encode(out, sum);
      long kept = Codec.encode(out, from[i]);
      boolean either = Math.abs(importance[i] - threshold) <= slack;
      long bits = actual.bits()[i];
      assertTrue(
          either
              ? bits == fused || bits == kept
              : bits == (importance[i] >= threshold ? fused : kept),
          what
              + ", element "
              + i
              + ": "
              + actual.value(i)
              + " for base "
              + from[i]
              + " and difference "
              + difference[i]
              + ", importance "
              + importance[i]
              + ", threshold "
              + threshold
              + " ("
              + Seeds.note()
              + ")");
    }
  }

  private static double[] softmax(double[] values, int start, int row) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < row; j++) {
      largest = Math.max(largest, values[start + j]);
    }
    double top = largest;
    double[] e =
        IntStream.range(0, row).mapToDouble(j -> Math.exp(values[start + j] - top)).toArray();
    double sum = Arrays.stream(e).sum();
    return Arrays.stream(e).map(v -> v / sum + 1e-8).toArray();
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> faults() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> faults(device)));
  }

  private static void faults(Device device) {
    SplittableRandom random = Seeds.of("arcee fusion faults");
    Elements good = Values.NORMAL.elements(DType.F32, 6_000, random);
    double[] values = good.values();
    values[5_999] = Double.POSITIVE_INFINITY;
    Elements bad = Elements.of(DType.F32, values);
    View flat = View.flat(6_000);
    try (Stream stream = device.stream();
        Operand fine = Operand.input(stream, good, flat, random);
        Operand broken = Operand.input(stream, bad, flat, random);
        Operand out = Operand.output(stream, DType.F32, flat, random)) {
      for (boolean inBase : new boolean[] {false, true}) {
        Tensor base = inBase ? broken.tensor() : fine.tensor();
        Tensor x = inBase ? fine.tensor() : broken.tensor();
        NumericException failure =
            assertThrows(
                NumericException.class,
                () -> {
                  TaskVectors.arceeFusion(stream, base, x, out.tensor().named("w"));
                  stream.synchronize();
                });
        assertTrue(
            failure.getMessage().contains("input " + (inBase ? "base" : "x") + " of 'w'"),
            failure.getMessage());
        if (device.isCpu()) {
          out.checkUntouched(stream, "output of a refused call");
        }
      }
    }
  }
}

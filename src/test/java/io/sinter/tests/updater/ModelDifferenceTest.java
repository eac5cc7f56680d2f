// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.tests.support.Seeds;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.ModelDifference;
import io.sinter.updater.ModelDifference.Compared;
import io.sinter.updater.ModelDifference.Total;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two models compared, against plain double loops.
class ModelDifferenceTest {
  @TempDir Path folder;

  private ModelDifference compare(
      Map<String, PlainFile.Plain> a, Map<String, PlainFile.Plain> b, int threads)
      throws IOException {
    AtomicLong read = new AtomicLong();
    try (Checkpoint first = Checkpoint.open(PlainFile.model(folder.resolve("a"), a));
        Checkpoint second = Checkpoint.open(PlainFile.model(folder.resolve("b"), b))) {
      return ModelDifference.of(first, second, threads, read::set);
    }
  }

  private static PlainFile.Plain tensor(String dtype, float[] values) {
    long[] shape = {values.length};
    return switch (dtype) {
      case "F32" -> PlainFile.f32(shape, values);
      case "F16" -> PlainFile.f16(shape, values);
      default -> {
        float[] halves = values.clone();
        for (int i = 0; i < halves.length; i++) {
          halves[i] = Float.intBitsToFloat(Float.floatToRawIntBits(halves[i]) & 0xffff0000);
        }
        yield PlainFile.bf16(shape, halves);
      }
    };
  }

  /// Sizes around chunks and windows, types alike and mixed.
  @Test
  void numbersAreThoseOfPlainLoops() throws IOException {
    SplittableRandom random = Seeds.of("difference");
    Map<String, PlainFile.Plain> a = new LinkedHashMap<>();
    Map<String, PlainFile.Plain> b = new LinkedHashMap<>();
    List<String> types = List.of("F32", "BF16", "F16");
    for (int size : new int[] {0, 1, 2, 4095, 4096, 4097, 300_001}) {
      float[] left = new float[size];
      float[] right = new float[size];
      for (int i = 0; i < size; i++) {
        left[i] = (float) random.nextGaussian();
        right[i] = random.nextInt(3) == 0 ? left[i] : (float) random.nextGaussian();
      }
      for (String first : types) {
        for (String second : types) {
          a.put(first + second + size, tensor(first, left));
          b.put(first + second + size, tensor(second, right));
        }
      }
    }
    ModelDifference difference = compare(a, b, 2);
    assertEquals(a.size(), difference.tensors().size());
    double[] sums = new double[4];
    double largest = 0;
    long changed = 0;
    long elements = 0;
    for (Compared tensor : difference.tensors()) {
      double[] own =
          check(tensor.name(), tensor.numbers(), a.get(tensor.name()), b.get(tensor.name()));
      for (int i = 0; i < 4; i++) {
        sums[i] += own[i];
      }
      largest = Math.max(largest, own[4]);
      changed += (long) own[5];
      elements += tensor.numbers().elements();
    }
    Total total = difference.total();
    assertEquals(elements, total.elements());
    assertEquals(changed, total.changed());
    assertEquals(largest, total.largest());
    assertEquals(Math.sqrt(sums[3]), total.distance(), 1e-12 * Math.sqrt(sums[3]));
    assertEquals(sums[1] / Math.sqrt(sums[0] * sums[2]), total.cosine(), 1e-12);
    assertEquals((double) changed / elements, total.changedFraction());
    for (int threads : new int[] {1, 3}) {
      assertEquals(difference.total(), compare(a, b, threads).total(), Seeds.note());
    }
  }

  /// aa, ab, bb, squares of differences, largest difference, changed elements.
  private static double[] check(String name, Total actual, PlainFile.Plain a, PlainFile.Plain b) {
    String what = name + ", " + Seeds.note();
    double[] sums = new double[6];
    double[] x = a.values();
    double[] y = b.values();
    for (int i = 0; i < x.length; i++) {
      double difference = (float) x[i] - (float) y[i];
      sums[0] += x[i] * x[i];
      sums[1] += x[i] * y[i];
      sums[2] += y[i] * y[i];
      sums[3] += difference * difference;
      sums[4] = Math.max(sums[4], Math.abs(difference));
      sums[5] += x[i] == y[i] ? 0 : 1;
    }
    double rounding = Math.ulp(1.0) * (x.length + 4);
    assertEquals(x.length, actual.elements(), what);
    assertEquals((long) sums[5], actual.changed(), what);
    assertEquals(sums[4], actual.largest(), what);
    assertEquals(Math.sqrt(sums[3]), actual.distance(), Math.sqrt(sums[3]) * rounding, what);
    assertEquals(sums[1] / Math.sqrt(sums[0] * sums[2]), actual.cosine(), rounding, what);
    return sums;
  }

  private Total one(PlainFile.Plain a, PlainFile.Plain b) throws IOException {
    ModelDifference difference = compare(Map.of("x", a), Map.of("x", b), 1);
    Total numbers = difference.tensors().getFirst().numbers();
    assertEquals(difference.total(), numbers);
    return numbers;
  }

  @Test
  void identicalModels() throws IOException {
    PlainFile.Plain x = Merging.random(3, 70, 1000);
    assertEquals(new Total(70_000, 0, 0, 1, 0), one(x, x));
  }

  @Test
  void edges() throws IOException {
    long[] shape = {3};
    PlainFile.Plain zeros = PlainFile.f32(shape, 0, 0, 0);
    assertEquals(new Total(3, 0, 0, Double.NaN, 0), one(zeros, zeros));
    PlainFile.Plain minus = PlainFile.f32(shape, 0, -0f, 0);
    assertEquals(new Total(3, 1, 0, Double.NaN, 0), one(zeros, minus));
    PlainFile.Plain x = PlainFile.f32(shape, 3, 0, 4);
    assertEquals(new Total(3, 2, 5, Double.NaN, 4), one(zeros, x));
    assertEquals(new Total(3, 2, 10, -1, 8), one(x, PlainFile.f32(shape, -3, 0, -4)));
    PlainFile.Plain nan = PlainFile.f32(shape, 3, Float.NaN, 4);
    assertEquals(new Total(3, 1, Double.NaN, Double.NaN, Double.NaN), one(x, nan));
    assertEquals(new Total(3, 0, Double.NaN, Double.NaN, Double.NaN), one(nan, nan));
    PlainFile.Plain infinite = PlainFile.f32(shape, 3, Float.POSITIVE_INFINITY, 4);
    Total toInfinity = one(x, infinite);
    assertEquals(Double.POSITIVE_INFINITY, toInfinity.distance());
    assertEquals(Double.POSITIVE_INFINITY, toInfinity.largest());
    assertEquals(
        new Total(3, 1, Double.NaN, Double.NaN, Double.NaN),
        one(PlainFile.i64(1, 2, 3), PlainFile.i64(1, 5, 3)));
  }

  @Test
  void tensorsThatAreNotInBoth() throws IOException {
    Map<String, PlainFile.Plain> a = new LinkedHashMap<>();
    Map<String, PlainFile.Plain> b = new LinkedHashMap<>();
    a.put("same", PlainFile.f32(new long[] {2}, 1, 2));
    b.put("same", PlainFile.f32(new long[] {2}, 1, 3));
    a.put("shape", PlainFile.f32(new long[] {2, 3}, new float[6]));
    b.put("shape", PlainFile.f32(new long[] {3, 2}, new float[6]));
    a.put("type", PlainFile.f32(new long[] {1}, 1));
    b.put("type", PlainFile.i64(1));
    a.put("left", PlainFile.i64(1));
    b.put("right", PlainFile.i64(1));
    ModelDifference difference = compare(a, b, 0);
    assertEquals(1, difference.tensors().size());
    assertEquals(1, difference.total().changed());
    assertEquals(List.of("left"), difference.onlyFirst());
    assertEquals(List.of("right"), difference.onlySecond());
    assertEquals(
        List.of("shape: F32[2, 3], F32[3, 2]", "type: F32[1], I64[1]"),
        difference.unlike().stream()
            .map(u -> u.name() + ": " + u.first() + ", " + u.second())
            .toList());
    assertTrue(Arrays.equals(new long[] {2}, difference.tensors().getFirst().shape()));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Loss;
import io.sinter.ops.Labels;
import io.sinter.ops.LossOptions;
import io.sinter.ops.LossOptions.Mask;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.View;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// The compatibility loss and its gradient against plain loops over doubles, and the gradient
/// against differences of the loss.
class CompatibilityLossTest {
  private static final LossOptions[] OPTIONS = {
    LossOptions.DEFAULT,
    LossOptions.DEFAULT.withTemperature(2.5),
    LossOptions.DEFAULT.withCrossEntropy(0.3),
    LossOptions.DEFAULT.withMask(Mask.LIKELIHOOD),
    new LossOptions(0.7, 1.5, Mask.LIKELIHOOD),
    new LossOptions(4, 0.1, Mask.WRONG),
  };

  // ---- The reference

  private static double[] softmax(double[] z, double temperature) {
    double largest = Arrays.stream(z).max().orElseThrow();
    double[] e = Arrays.stream(z).map(v -> Math.exp((v - largest) / temperature)).toArray();
    double sum = Arrays.stream(e).sum();
    return Arrays.stream(e).map(v -> v / sum).toArray();
  }

  /// log softmax.
  private static double[] logSoftmax(double[] z, double temperature) {
    double largest = Arrays.stream(z).max().orElseThrow();
    double sum = Arrays.stream(z).map(v -> Math.exp((v - largest) / temperature)).sum();
    return Arrays.stream(z).map(v -> (v - largest) / temperature - Math.log(sum)).toArray();
  }

  private record Expected(Loss loss, double[] gradient) {
    static Expected of(
        double[] old,
        double[] updated,
        double[] logits,
        int[] labels,
        int classes,
        LossOptions options) {
      long n = Arrays.stream(labels).filter(y -> y != -100).count();
      double divergence = 0;
      double entropy = 0;
      long held = 0;
      double[] gradient = new double[logits.length];
      for (int r = 0; r < labels.length; r++) {
        int y = labels[r];
        if (y == -100) {
          continue;
        }
        double[] z = Arrays.copyOfRange(logits, r * classes, (r + 1) * classes);
        double[] zOld = Arrays.copyOfRange(old, r * classes, (r + 1) * classes);
        double[] zNew = Arrays.copyOfRange(updated, r * classes, (r + 1) * classes);
        boolean mask;
        if (options.mask() == Mask.LIKELIHOOD) {
          mask = softmax(z, 1)[y] < softmax(zOld, 1)[y];
        } else {
          int best = 0;
          for (int c = 1; c < classes; c++) {
            best = z[c] > z[best] ? c : best;
          }
          mask = best != y;
        }
        held += mask ? 1 : 0;
        double t = options.temperature();
        double[] q = softmax(mask ? zOld : zNew, t);
        double[] logQ = logSoftmax(mask ? zOld : zNew, t);
        double[] p = softmax(z, t);
        double[] logP = logSoftmax(z, t);
        double[] plain = softmax(z, 1);
        for (int c = 0; c < classes; c++) {
          divergence += q[c] == 0 ? 0 : q[c] * (logQ[c] - logP[c]);
          gradient[r * classes + c] =
              ((p[c] - q[c]) / t + options.crossEntropy() * (plain[c] - (c == y ? 1 : 0))) / n;
        }
        entropy -= options.crossEntropy() == 0 ? 0 : logSoftmax(z, 1)[y];
      }
      n = Math.max(n, 1);
      return new Expected(
          new Loss(
              divergence / n + options.crossEntropy() * (entropy / n),
              divergence / n,
              entropy / n,
              (double) held / n,
              Arrays.stream(labels).filter(y -> y != -100).count()),
          gradient);
    }
  }

  // ---- Values

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndOption() {
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
    SplittableRandom random = Seeds.of("compatibility loss " + type);
    try (Stream stream = device.stream()) {
      for (int classes : new int[] {1, 2, 10, 63, 65, 255, 1000, 4095, 4097, 9001}) {
        for (int rows : new int[] {1, 3, 90}) {
          if ((long) rows * classes > (Devices.slow(device) ? 10_000 : 100_000)) {
            continue;
          }
          LossOptions options = OPTIONS[random.nextInt(OPTIONS.length)];
          one(stream, type, rows, classes, options, random);
        }
      }
    }
  }

  private static Elements logits(
      DType type, int rows, int classes, double spread, SplittableRandom random) {
    double[] values = new double[rows * classes];
    for (int i = 0; i < values.length; i++) {
      values[i] = spread * random.nextGaussian();
    }
    // Masked entries of a vocabulary.
    for (int i = 0; type != DType.F8_E4M3 && classes > 2 && i < values.length; i += 97) {
      if (i % classes > 1) {
        values[i] = Double.NEGATIVE_INFINITY;
      }
    }
    return Elements.of(type, values);
  }

  private static int[] labels(int rows, int classes, double[] logits, SplittableRandom random) {
    int[] labels = new int[rows];
    for (int r = 0; r < rows; r++) {
      int best = 0;
      for (int c = 1; c < classes; c++) {
        best = logits[r * classes + c] > logits[r * classes + best] ? c : best;
      }
      int kind = random.nextInt(10);
      labels[r] = kind == 0 ? -100 : kind < 5 ? best : random.nextInt(Math.min(2, classes));
    }
    return labels;
  }

  private static void one(
      Stream stream,
      DType type,
      int rows,
      int classes,
      LossOptions options,
      SplittableRandom random) {
    // Trained logits keep infinities where the teachers' are, too: else the divergence is infinite.
    Elements trained = logits(type, rows, classes, random.nextInt(5) == 0 ? 40 : 2, random);
    Elements old = logits(type, rows, classes, 2, random);
    Elements updated = logits(type, rows, classes, 3, random);
    int[] labels = labels(rows, classes, trained.values(), random);
    DType out = random.nextInt(3) == 0 ? DType.F64 : type;
    View view = View.matrix(random, rows, classes);
    Expected expected =
        Expected.of(old.values(), updated.values(), trained.values(), labels, classes, options);
    String what =
        type + "[" + rows + ", " + classes + "] " + options + ", " + view + " (" + Seeds.note();
    try (Operand a = Operand.input(stream, old, view, random);
        Operand b = Operand.input(stream, updated, View.matrix(random, rows, classes), random);
        Operand c = Operand.input(stream, trained, View.matrix(random, rows, classes), random);
        Operand to = Operand.output(stream, out, View.matrix(random, rows, classes), random);
        Labels right = Labels.of(stream, labels)) {
      Loss loss =
          Compatibility.loss(
              stream, a.tensor(), b.tensor(), c.tensor(), right, options, to.tensor());
      check(expected.loss(), loss, what);
      double[] gradient = to.elements(stream).values();
      for (int i = 0; i < gradient.length; i++) {
        double exact = expected.gradient()[i];
        // Shares are at most 1; their sums over a row have some 1e-16 per term and lane.
        double slack =
            1e-13 * (1 / options.temperature() + options.crossEntropy() + Math.abs(exact));
        double rounding = Math.abs(Codec.round(out, exact) - exact) * 1.001 + smallest(out);
        if (!(Math.abs(gradient[i] - exact) <= slack + rounding)) {
          throw new AssertionError(
              what + ": element " + i + " is " + gradient[i] + " in place of " + exact);
        }
      }
      Loss bare =
          Compatibility.loss(stream, a.tensor(), b.tensor(), c.tensor(), right, options, null);
      assertEquals(loss, bare, what);
    }
  }

  /// Half the distance of the smallest numbers of a type.
  private static double smallest(DType type) {
    return switch (type) {
      case F64, F32, BF16 -> 1e-38;
      case F16 -> 0x1p-25;
      case F8_E4M3 -> 0x1p-10;
      case F8_E5M2 -> 0x1p-17;
    };
  }

  private static void check(Loss expected, Loss actual, String what) {
    // Logarithms of up to some hundred are rounded, and added row by row.
    close(expected.value(), actual.value(), what + ", value");
    close(expected.divergence(), actual.divergence(), what + ", divergence");
    close(expected.crossEntropy(), actual.crossEntropy(), what + ", cross-entropy");
    assertEquals(expected.held(), actual.held(), what);
    assertEquals(expected.examples(), actual.examples(), what);
  }

  private static void close(double expected, double actual, String what) {
    assertTrue(
        expected == actual || Math.abs(actual - expected) <= 1e-13 * Math.abs(expected) + 1e-13,
        what + ": " + actual + " in place of " + expected);
  }

  // ---- The gradient by differences

  @TestFactory
  java.util.stream.Stream<DynamicNode> differences() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> differences(device)));
  }

  private static void differences(Device device) {
    SplittableRandom random = Seeds.of("compatibility loss, differences");
    int rows = 5;
    int classes = 7;
    try (Stream stream = device.stream()) {
      for (LossOptions options : OPTIONS) {
        double[] old = gaussians(rows * classes, random);
        double[] updated = gaussians(rows * classes, random);
        double[] trained = gaussians(rows * classes, random);
        int[] labels = labels(rows, classes, trained, random);
        labels[1] = -100;
        labels[2] = 0;
        double[] gradient = new double[trained.length];
        run(stream, old, updated, trained, labels, options, gradient);
        double largest = Arrays.stream(gradient).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < trained.length; i++) {
          // Of fourth order: the error of h^4 is below that of rounding, some 1e-16 / h.
          double h = 1e-3;
          double[] at = new double[4];
          int[] steps = {-2, -1, 1, 2};
          for (int s = 0; s < 4; s++) {
            double[] moved = trained.clone();
            moved[i] += steps[s] * h;
            at[s] = run(stream, old, updated, moved, labels, options, null).value();
          }
          double slope = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h);
          // 1e-6 of the element, or of the largest where it is itself the rounding's size.
          double bound = 1e-6 * Math.max(Math.abs(gradient[i]), 1e-4 * largest);
          assertTrue(
              Math.abs(slope - gradient[i]) <= bound,
              options
                  + ", element "
                  + i
                  + ": "
                  + gradient[i]
                  + ", by differences "
                  + slope
                  + " ("
                  + Seeds.note());
        }
      }
    }
  }

  private static double[] gaussians(int count, SplittableRandom random) {
    double[] values = new double[count];
    Arrays.setAll(values, i -> 1.5 * random.nextGaussian());
    return values;
  }

  private static Loss run(
      Stream stream,
      double[] old,
      double[] updated,
      double[] trained,
      int[] labels,
      LossOptions options,
      double @Nullable [] gradient) {
    SplittableRandom random = new SplittableRandom(1);
    int rows = labels.length;
    View plain = View.matrix(rows, trained.length / rows);
    try (Operand a = Operand.input(stream, Elements.of(DType.F64, old), plain, random);
        Operand b = Operand.input(stream, Elements.of(DType.F64, updated), plain, random);
        Operand c = Operand.input(stream, Elements.of(DType.F64, trained), plain, random);
        Operand to = Operand.output(stream, DType.F64, plain, random);
        Labels right = Labels.of(stream, labels)) {
      Loss loss =
          Compatibility.loss(
              stream,
              a.tensor(),
              b.tensor(),
              c.tensor(),
              right,
              options,
              gradient == null ? null : to.tensor());
      if (gradient != null) {
        System.arraycopy(to.elements(stream).values(), 0, gradient, 0, gradient.length);
      }
      return loss;
    }
  }

  // ---- Edges

  @TestFactory
  java.util.stream.Stream<DynamicNode> edges() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> edges(device)));
  }

  private static void edges(Device device) {
    double infinity = Double.POSITIVE_INFINITY;
    try (Stream stream = device.stream()) {
      // Nothing but rows that are left out.
      double[] gradient = {1, 1, 1, 1};
      double[] nan = {Double.NaN, 1, 2, 3};
      Loss none = run(stream, nan, nan, nan, new int[] {-100, -100}, OPTIONS[4], gradient);
      assertEquals(new Loss(0, 0, 0, 0, 0), none);
      assertArrayEquals(new double[4], gradient);
      // Logits far apart and far from 0: no overflow, and where a share is 0, no NaN.
      double[] far = {1e300, 1e300, -1e300, 1e300};
      double[] wide = {5e4, -5e4, 5e4, -5e4};
      Loss loss = run(stream, far, wide, wide, new int[] {0, 0}, OPTIONS[0], gradient);
      assertEquals(0, loss.value());
      assertEquals(0, loss.held());
      Loss held = run(stream, far, wide, wide, new int[] {1, 0}, OPTIONS[0], gradient);
      // Half of the old model's mass is 1e5 below: log(1/2) + 1e5 / 2.
      assertEquals((Math.log(0.5) + 0.5e5) / 2, held.value(), 1e-9);
      assertArrayEquals(new double[] {0.25, -0.25, 0, 0}, gradient);
      // A class that the trained model rules out and its teacher does not.
      double[] out = {1, -infinity};
      assertEquals(
          infinity,
          run(stream, new double[] {0, 0}, out, out, new int[] {1}, OPTIONS[0], null).value());
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> faults() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> faults(device)));
  }

  private static void faults(Device device) {
    try (Stream stream = device.stream()) {
      double[] good = {1, 2, 3, 1, 2, 3};
      double[] nan = {1, 2, 3, 1, Double.NaN, 3};
      double[] infinite = {1, 2, 3, 1, 2, Double.POSITIVE_INFINITY};
      double nothing = Double.NEGATIVE_INFINITY;
      double[] none = {1, 2, 3, nothing, nothing, nothing};
      int[] wrong = {2, 0};
      refused(stream, nan, good, good, wrong, "old_logits has NaN at row 1, column 1");
      refused(stream, good, good, nan, wrong, "logits has NaN at row 1, column 1");
      refused(stream, good, nan, good, new int[] {0, 2}, "new_logits has NaN at row 1, column 1");
      refused(stream, good, good, infinite, wrong, "logits has infinity at row 1, column 2");
      refused(stream, none, good, good, wrong, "old_logits has nothing but -infinity at row 1");
      refused(stream, good, good, good, new int[] {0, 3}, "labels[1] is 3", "0 to 2", "-100");
      refused(stream, good, good, good, new int[] {-1, 0}, "labels[0] is -1");
      // The teacher that is not chosen is not read.
      run(stream, nan, good, good, new int[] {2, 2}, LossOptions.DEFAULT, null);
    }
  }

  private static void refused(
      Stream stream,
      double[] old,
      double[] updated,
      double[] trained,
      int[] labels,
      String... parts) {
    NumericException thrown =
        assertThrows(
            NumericException.class,
            () -> run(stream, old, updated, trained, labels, LossOptions.DEFAULT, null));
    for (String part : parts) {
      assertTrue(
          String.valueOf(thrown.getMessage()).contains(part),
          "\"" + part + "\" is not in: " + thrown.getMessage());
    }
  }

  @Test
  void mistakes() {
    SplittableRandom random = new SplittableRandom(1);
    try (Stream stream = Device.cpu().stream();
        Operand two =
            Operand.input(
                stream, Elements.of(DType.F32, new double[4]), View.matrix(2, 2), random);
        Operand three =
            Operand.input(
                stream, Elements.of(DType.F32, new double[6]), View.matrix(2, 3), random);
        Labels labels = Labels.of(stream, 0, 1);
        Labels more = Labels.of(stream, 0, 1, 0)) {
      LossOptions options = LossOptions.DEFAULT;
      mistake(
          () ->
              Compatibility.loss(
                  stream, two.tensor(), two.tensor(), three.tensor(), labels, options, null),
          "old is tensor f32[2, 2]",
          "[2, 3]");
      mistake(
          () ->
              Compatibility.loss(
                  stream,
                  two.tensor(),
                  two.tensor(),
                  two.tensor(),
                  labels,
                  options,
                  three.tensor()),
          "gradient is tensor f32[2, 3]",
          "[2, 2]");
      mistake(
          () ->
              Compatibility.loss(
                  stream, two.tensor(), two.tensor(), two.tensor(), more, options, null),
          "labels has 3",
          "2 rows");
      mistake(() -> options.withTemperature(0), "temperature is 0");
      mistake(() -> options.withTemperature(Double.NaN), "temperature is NaN");
      mistake(() -> options.withCrossEntropy(-1), "crossEntropy is -1");
    }
  }

  private static void mistake(org.junit.jupiter.api.function.Executable call, String... parts) {
    IllegalArgumentException thrown = assertThrows(IllegalArgumentException.class, call);
    for (String part : parts) {
      assertTrue(
          String.valueOf(thrown.getMessage()).contains(part),
          "\"" + part + "\" is not in: " + thrown.getMessage());
    }
  }

  @Test
  void threadsAgree() {
    SplittableRandom random = Seeds.of("compatibility loss threads");
    int rows = 800;
    int classes = 300;
    double[] old = gaussians(rows * classes, random);
    double[] updated = gaussians(rows * classes, random);
    double[] trained = gaussians(rows * classes, random);
    int[] labels = labels(rows, classes, trained, random);
    double[] first = new double[trained.length];
    Loss loss = null;
    for (int threads = 1; threads <= 3; threads++) {
      StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
      try (Stream stream = Device.cpu().stream(options)) {
        double[] gradient = new double[trained.length];
        Loss now = run(stream, old, updated, trained, labels, OPTIONS[5], gradient);
        if (loss == null) {
          loss = now;
          first = gradient;
        }
        assertEquals(loss, now);
        assertArrayEquals(first, gradient);
      }
    }
  }
}

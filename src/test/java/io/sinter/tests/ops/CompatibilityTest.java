// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Confusion;
import io.sinter.ops.Compatibility.Detail;
import io.sinter.ops.Compatibility.FlipTable;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.ops.Labels;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.View;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Counts of flips against plain loops over the examples.
class CompatibilityTest {
  private static List<Device> devices() {
    return List.of(Device.cpu());
  }

  private static java.util.stream.Stream<DynamicNode> onEach(
      java.util.function.Consumer<Device> test) {
    return devices().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> test.accept(device)));
  }

  // ---- The reference

  /// What two models made of examples, one after the other.
  private record Expected(
      long[] totals,
      long[][] byClass,
      long[][] byGroup,
      long[][] oldToNew,
      long[][] labelToOld,
      long[][] labelToNew,
      int[] outcomes) {
    static Expected of(
        int[] old, int[] updated, int[] labels, int classes, int @Nullable [] groupOf, int groups) {
      Expected all =
          new Expected(
              new long[5],
              new long[classes][5],
              new long[groups][5],
              new long[classes][classes],
              new long[classes][classes],
              new long[classes][classes],
              new int[labels.length]);
      for (int i = 0; i < labels.length; i++) {
        Outcome outcome;
        if (old[i] == labels[i]) {
          outcome = updated[i] == labels[i] ? Outcome.BOTH_RIGHT : Outcome.NEGATIVE_FLIP;
        } else if (updated[i] == labels[i]) {
          outcome = Outcome.POSITIVE_FLIP;
        } else {
          outcome = old[i] == updated[i] ? Outcome.WRONG_SAME : Outcome.WRONG_DIFFERENT;
        }
        all.outcomes[i] = outcome.ordinal();
        all.totals[outcome.ordinal()]++;
        all.byClass[labels[i]][outcome.ordinal()]++;
        if (groupOf != null) {
          all.byGroup[groupOf[i]][outcome.ordinal()]++;
        }
        all.oldToNew[old[i]][updated[i]]++;
        all.labelToOld[labels[i]][old[i]]++;
        all.labelToNew[labels[i]][updated[i]]++;
      }
      return all;
    }

    void check(FlipTable actual, String what) {
      assertEquals(flips(totals), actual.flips(), what);
      check(byClass, actual.byClass(), what + ", by class");
      check(byGroup, actual.byGroup(), what + ", by group");
      check(oldToNew, actual.oldToNew(), what + ", old to new");
      check(labelToOld, actual.labelToOld(), what + ", label to old");
      check(labelToNew, actual.labelToNew(), what + ", label to new");
      Compatibility.Outcomes each = present(actual.outcomes());
      assertEquals(outcomes.length, each.size());
      for (int i = 0; i < outcomes.length; i++) {
        if (each.get(i).ordinal() != outcomes[i]) {
          throw new AssertionError(what + ": example " + i + " is " + each.get(i));
        }
      }
    }

    private static void check(long[][] expected, List<Flips> actual, String what) {
      assertEquals(Arrays.stream(expected).map(Expected::flips).toList(), actual, what);
    }

    private static void check(long[][] expected, @Nullable Confusion actual, String what) {
      Confusion counts = present(actual);
      assertEquals(expected.length, counts.classes(), what);
      for (int i = 0; i < expected.length; i++) {
        for (int j = 0; j < expected.length; j++) {
          if (expected[i][j] != counts.count(i, j)) {
            throw new AssertionError(
                what
                    + ": "
                    + counts.count(i, j)
                    + " of ("
                    + i
                    + ", "
                    + j
                    + ") in place of "
                    + expected[i][j]
                    + " ("
                    + Seeds.note()
                    + ")");
          }
        }
      }
    }

    static Flips flips(long[] counts) {
      return new Flips(counts[0], counts[1], counts[2], counts[3], counts[4]);
    }
  }

  private static <T> T present(@Nullable T value) {
    assertNotNull(value);
    return value;
  }

  /// Labels, or predictions that are the labels in so many of 10.
  private static int[] numbers(
      int n, int classes, int @Nullable [] labels, int tenths, SplittableRandom random) {
    int[] numbers = new int[n];
    for (int i = 0; i < n; i++) {
      numbers[i] =
          labels != null && random.nextInt(10) < tenths ? labels[i] : random.nextInt(classes);
    }
    return numbers;
  }

  // ---- Predictions

  @TestFactory
  java.util.stream.Stream<DynamicNode> predictions() {
    return onEach(CompatibilityTest::predictions);
  }

  private static void predictions(Device device) {
    boolean slow = io.sinter.tests.support.Devices.slow(device);
    int[] sizes =
        slow
            ? new int[] {1, 2, 31, 255, 256, 257, 4096, 4097, 70_001}
            : new int[] {1, 2, 31, 255, 256, 257, 4096, 4097, 70_001, 1_000_000};
    SplittableRandom random = Seeds.of("flips of predictions");
    try (Stream stream = device.stream()) {
      for (int n : sizes) {
        for (int classes : n == 1_000_000 ? new int[] {10, 1000} : new int[] {1, 2, 45, 700}) {
          predictions(stream, n, classes, random);
        }
      }
    }
  }

  private static void predictions(Stream stream, int n, int classes, SplittableRandom random) {
    int groups = 1 + random.nextInt(random.nextBoolean() ? 3 : 900);
    int[] labels = numbers(n, classes, null, 0, random);
    int[] old = numbers(n, classes, labels, 7, random);
    int[] updated = numbers(n, classes, random.nextBoolean() ? labels : old, 8, random);
    int[] groupOf = numbers(n, groups, null, 0, random);
    try (Labels right = Labels.of(stream, labels);
        Labels before = Labels.of(stream, old);
        Labels after = Labels.of(stream, updated);
        Labels group = Labels.of(stream, groupOf)) {
      Detail detail = new Detail(true, group, groups, true, true);
      FlipTable table = Compatibility.flips(stream, before, after, right, classes, detail);
      Expected.of(old, updated, labels, classes, groupOf, groups)
          .check(table, n + " examples of " + classes + " classes");
      FlipTable bare = Compatibility.flips(stream, before, after, right, classes, Detail.NONE);
      assertEquals(table.flips(), bare.flips());
      assertEquals(List.of(), bare.byClass());
      assertEquals(List.of(), bare.byGroup());
      assertNull(bare.oldToNew());
      assertNull(bare.outcomes());
      assertArrayEquals(labels, right.read(stream));
    }
    assertEquals(
        Expected.flips(Expected.of(old, updated, labels, classes, null, 0).totals()),
        Compatibility.flips(stream, old, updated, labels, classes));
  }

  // ---- Logits

  @TestFactory
  java.util.stream.Stream<DynamicNode> logits() {
    return devices().stream()
        .flatMap(
            device ->
                Arrays.stream(DType.values())
                    .map(
                        type ->
                            DynamicTest.dynamicTest(
                                type + " on " + device, () -> logits(device, type))));
  }

  private static void logits(Device device, DType type) {
    boolean slow = io.sinter.tests.support.Devices.slow(device);
    SplittableRandom random = Seeds.of("flips of logits " + type);
    try (Stream stream = device.stream()) {
      for (int classes : new int[] {1, 2, 3, 10, 63, 64, 65, 255, 257, 1000, 1025, 5003}) {
        for (int n : new int[] {1, 5, 300}) {
          if ((long) n * classes > (slow ? 20_000 : 400_000)) {
            continue;
          }
          logits(stream, type, n, classes, random);
        }
      }
    }
  }

  private static void logits(
      Stream stream, DType type, int n, int classes, SplittableRandom random) {
    DType other = random.nextInt(3) == 0 ? DType.values()[random.nextInt(6)] : type;
    // Few values, so that there are ties; rows of nothing but infinity among them.
    Elements old = rows(type, n, classes, random);
    Elements updated = rows(other, n, classes, random);
    int[] labels = numbers(n, classes, argmax(old, n, classes), 6, random);
    View view = View.matrix(random, n, classes);
    View otherView = View.matrix(random, n, classes);
    try (Operand a = Operand.input(stream, old, view, random);
        Operand b = Operand.input(stream, updated, otherView, random);
        Labels right = Labels.of(stream, labels)) {
      Detail detail = new Detail(classes < 2000, null, 0, classes < 600, true);
      FlipTable table = Compatibility.flips(stream, a.tensor(), b.tensor(), right, detail);
      int[] before = argmax(old, n, classes);
      int[] after = argmax(updated, n, classes);
      Expected expected = Expected.of(before, after, labels, classes, null, 0);
      String what =
          type + " and " + other + " [" + n + ", " + classes + "], " + view + " (" + Seeds.note();
      assertEquals(Expected.flips(expected.totals()), table.flips(), what);
      if (classes < 600) {
        expected.check(table, what);
      }
    }
  }

  private static Elements rows(DType type, int n, int classes, SplittableRandom random) {
    double[] values = new double[n * classes];
    for (int r = 0; r < n; r++) {
      int kind = random.nextInt(6);
      for (int c = 0; c < classes; c++) {
        values[r * classes + c] =
            switch (kind) {
              case 0 -> type == DType.F8_E4M3 ? -448 : Double.NEGATIVE_INFINITY;
              case 1 -> random.nextBoolean() ? 0.0 : -0.0;
              case 2 -> random.nextInt(4);
              default -> 3 * random.nextGaussian();
            };
      }
    }
    return Elements.of(type, values);
  }

  private static int[] argmax(Elements logits, int n, int classes) {
    double[] values = logits.values();
    int[] best = new int[n];
    for (int r = 0; r < n; r++) {
      for (int c = 1; c < classes; c++) {
        if (values[r * classes + c] > values[r * classes + best[r]]) {
          best[r] = c;
        }
      }
    }
    return best;
  }

  @Test
  void threadsAgree() {
    SplittableRandom random = Seeds.of("flips threads");
    int n = 3_000;
    int classes = 501;
    Elements old = rows(DType.F32, n, classes, random);
    Elements updated = rows(DType.F32, n, classes, random);
    int[] labels = numbers(n, classes, argmax(updated, n, classes), 7, random);
    Expected expected =
        Expected.of(argmax(old, n, classes), argmax(updated, n, classes), labels, classes, null, 0);
    for (int threads = 1; threads <= 3; threads++) {
      StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
      try (Stream stream = Device.cpu().stream(options);
          Operand a = Operand.input(stream, old, View.matrix(random, n, classes), random);
          Operand b = Operand.input(stream, updated, View.matrix(random, n, classes), random);
          Labels right = Labels.of(stream, labels)) {
        Detail detail = Detail.NONE.withByClass(true).withConfusion(true).withOutcomes(true);
        expected.check(
            Compatibility.flips(stream, a.tensor(), b.tensor(), right, detail),
            threads + " threads");
      }
    }
  }

  // ---- What is refused

  @TestFactory
  java.util.stream.Stream<DynamicNode> faults() {
    return onEach(CompatibilityTest::faults);
  }

  private static void faults(Device device) {
    try (Stream stream = device.stream()) {
      int n = 5_000;
      int[] good = new int[n];
      for (String operand : new String[] {"labels", "old_predictions", "new_predictions"}) {
        for (int value : new int[] {-1, -100, 10, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
          int[] bad = good.clone();
          bad[4_321] = value;
          bad[4_999] = 10;
          int[] old = operand.startsWith("old") ? bad : good;
          int[] updated = operand.startsWith("new") ? bad : good;
          int[] labels = operand.equals("labels") ? bad : good;
          NumericException thrown =
              assertThrows(
                  NumericException.class,
                  () -> Compatibility.flips(stream, old, updated, labels, 10));
          assertHolds(thrown, operand + "[4321] is " + value, "0 to 9", "10 classes");
        }
      }
      try (Labels right = Labels.of(stream, good);
          Labels group = Labels.of(stream, IntStream.range(0, n).map(i -> i / 1250).toArray())) {
        Detail detail = Detail.NONE.withGroups(group, 3);
        assertHolds(
            assertThrows(
                NumericException.class,
                () -> Compatibility.flips(stream, right, right, right, 10, detail)),
            "group_of[3750] is 3",
            "0 to 2");
        // The stream works as before.
        assertEquals(
            n,
            Compatibility.flips(stream, right, right, right, 10, Detail.NONE).flips().bothRight());
      }
      nan(stream, DType.F32, 40, 1_500);
      nan(stream, DType.F64, 3, 70);
      nan(stream, DType.BF16, 40, 300);
      nan(stream, DType.F16, 2, 9);
    }
  }

  private static void nan(Stream stream, DType type, int n, int classes) {
    SplittableRandom random = Seeds.of("NaN logits");
    Elements good = rows(type, n, classes, random);
    for (boolean inNew : new boolean[] {false, true}) {
      for (int column : new int[] {0, classes / 2, classes - 1}) {
        double[] values = good.values();
        values[(n - 1) * classes + column] = Double.NaN;
        values[n * classes - 1] = Double.NaN;
        Elements bad = Elements.of(type, values);
        View plain = View.matrix(n, classes);
        try (Operand a = Operand.input(stream, inNew ? good : bad, plain, random);
            Operand b = Operand.input(stream, inNew ? bad : good, plain, random);
            Labels labels = Labels.of(stream, new int[n])) {
          Tensor old = a.tensor().named("v1");
          Tensor updated = b.tensor().named("v2");
          assertHolds(
              assertThrows(
                  NumericException.class,
                  () -> Compatibility.flips(stream, old, updated, labels, Detail.NONE)),
              inNew ? "new_logits 'v2'" : "old_logits 'v1'",
              "NaN at row " + (n - 1) + ", column " + column + ":");
        }
      }
    }
  }

  private static void assertHolds(Exception thrown, String... parts) {
    for (String part : parts) {
      String message = String.valueOf(thrown.getMessage());
      assertTrue(message.contains(part), "\"" + part + "\" is not in: " + message);
    }
  }

  @Test
  void mistakes() {
    try (Stream stream = Device.cpu().stream();
        Labels three = Labels.of(stream, 0, 1, 2);
        Labels four = Labels.of(stream, 0, 1, 2, 0);
        Labels none = Labels.of(stream);
        Tensor logits = stream.allocate(DType.F32, 3, 2)) {
      refused(
          () -> Compatibility.flips(stream, new int[3], new int[3], new int[4], 2),
          "old has 3 examples",
          "labels has 4");
      refused(
          () -> Compatibility.flips(stream, four, three, four, 3, Detail.NONE),
          "updated has 3 examples",
          "labels has 4");
      refused(
          () ->
              Compatibility.flips(stream, three, three, three, 3, Detail.NONE.withGroups(four, 2)),
          "groupOf has 4",
          "labels has 3");
      refused(() -> Compatibility.flips(stream, none, none, none, 3, Detail.NONE), "no examples");
      refused(
          () -> Compatibility.flips(stream, three, three, three, 0, Detail.NONE), "classes is 0");
      refused(
          () -> Compatibility.flips(stream, logits, logits, four, Detail.NONE),
          "old has 3 examples",
          "labels has 4");
      refused(
          () -> Compatibility.flips(stream, logits, logits.slice(1, 0, 1), three, Detail.NONE),
          "updated is tensor f32[3, 1]",
          "[3, 2]");
      refused(
          () -> Compatibility.flips(stream, logits.flatten(), logits, three, Detail.NONE),
          "f32[6]",
          "[examples, classes]");
      refused(() -> new Detail(false, null, 2, false, false), "groupOf");
      refused(() -> new Detail(false, three, 0, false, false), "groups is 0");
      refused(() -> new Flips(1, 2, -3, 4, 5), "-3");
    }
  }

  private static void refused(org.junit.jupiter.api.function.Executable call, String... parts) {
    assertHolds(assertThrows(IllegalArgumentException.class, call), parts);
  }

  // ---- Measures

  @Test
  void measures() {
    Flips flips = new Flips(70, 5, 10, 9, 6);
    assertEquals(100, flips.examples());
    assertEquals(0.75, flips.oldAccuracy());
    assertEquals(0.80, flips.newAccuracy());
    assertEquals(0.05, flips.accuracyChange());
    assertEquals(0.05, flips.nfr());
    assertEquals(0.10, flips.pfr());
    assertEquals(5.0 / 20, flips.nfi());
    assertEquals(70.0 / 75, flips.btc());
    assertEquals(0.11, flips.nfrMc());
    long[] counts = Arrays.stream(Outcome.values()).mapToLong(flips::count).toArray();
    assertEquals(flips, Expected.flips(counts));
    double[] all = Arrays.stream(Measure.values()).mapToDouble(flips::measure).toArray();
    assertArrayEquals(new double[] {0.75, 0.80, 0.05, 0.05, 0.10, 5.0 / 20, 70.0 / 75, 0.11}, all);
  }

  /// Where a denominator is 0.
  @Test
  void emptyDenominators() {
    Flips perfect = new Flips(3, 0, 0, 0, 0);
    assertEquals(0, perfect.nfi());
    assertEquals(1, perfect.btc());
    Flips hopeless = new Flips(0, 0, 0, 2, 1);
    assertEquals(0, hopeless.nfi());
    assertEquals(1, hopeless.btc());
    Flips nothing = new Flips(0, 0, 0, 0, 0);
    assertEquals(Double.NaN, nothing.nfr());
    assertEquals(Double.NaN, nothing.newAccuracy());
    assertEquals(0, nothing.nfi());
    assertEquals(1, nothing.btc());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static io.sinter.tests.core.Fixtures.floats;
import static io.sinter.tests.core.Fixtures.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.NormKind;
import io.sinter.ops.Philox;
import io.sinter.ops.Reductions;
import io.sinter.ops.Selection;
import io.sinter.ops.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every error path of selection, random numbers and the reductions that make more than a number:
/// what is refused, and how.
class StatisticErrorsTest {
  /// An operation from a batch of inputs to one tensor of results for each, or one for all.
  private interface Operation {
    void run(Stream stream, List<Tensor> in, List<Tensor> out);
  }

  /// What an operation makes of inputs f32[2, 3].
  private record Statistic(Operation operation, long... shape) {}

  /// One table of results for the whole batch, `[1, ...]`.
  private static final Map<String, Statistic> TABLES = new LinkedHashMap<>();

  /// One tensor of results for each input.
  private static final Map<String, Statistic> LISTS = new LinkedHashMap<>();

  static {
    TABLES.put(
        "moments",
        new Statistic(
            (stream, in, out) -> Reductions.moments(stream, in, null, out.getFirst()), 1, 4));
    TABLES.put(
        "count",
        new Statistic(
            (stream, in, out) ->
                Reductions.count(stream, in, new double[in.size()], null, out.getFirst()),
            1,
            4));
    TABLES.put(
        "maskedSum",
        new Statistic(
            (stream, in, out) -> Reductions.maskedSum(stream, in, in, null, out.getFirst()), 1));
    TABLES.put(
        "select",
        new Statistic(
            (stream, in, out) ->
                Selection.select(stream, in, in, new long[in.size()], null, null, out.getFirst()),
            1,
            2));
    TABLES.put(
        "selectJoint",
        new Statistic(
            (stream, in, out) ->
                Selection.selectJoint(stream, null, in, 0, null, null, out.getFirst()),
            1,
            2));
    TABLES.put(
        "quantile",
        new Statistic(
            (stream, in, out) ->
                Selection.quantile(stream, in, new double[] {0, 0.5, 1}, null, out.getFirst()),
            1,
            3));
    LISTS.put(
        "rowSum", new Statistic((stream, in, out) -> Reductions.rowSum(stream, in, null, out), 2));
    LISTS.put(
        "rowNorm",
        new Statistic(
            (stream, in, out) -> Reductions.rowNorm(stream, in, NormKind.L2, null, out), 2));
    LISTS.put(
        "rowDot",
        new Statistic((stream, in, out) -> Reductions.rowDot(stream, in, in, null, out), 2));
    LISTS.put(
        "chunkStatistics",
        new Statistic(
            (stream, in, out) -> Reductions.chunkStatistics(stream, in, null, out), 1, 4));
    LISTS.put(
        "rank", new Statistic((stream, in, out) -> Selection.rank(stream, in, null, out), 2, 3));
    LISTS.put(
        "gram",
        new Statistic(
            (stream, in, out) ->
                Reductions.gram(
                    stream,
                    null,
                    in.stream().map(each -> List.of(each, each)).toList(),
                    Vectors.ROWS,
                    null,
                    null,
                    out),
            2,
            2,
            2));
  }

  private static Statistic statistic(String name) {
    return TABLES.containsKey(name) ? TABLES.get(name) : LISTS.get(name);
  }

  private static List<Object[]> cases(Map<String, Statistic> statistics) {
    List<Object[]> cases = new ArrayList<>();
    for (Device device : Device.all()) {
      statistics.keySet().forEach(name -> cases.add(new Object[] {device, name}));
    }
    return cases;
  }

  static List<Object[]> tables() {
    return cases(TABLES);
  }

  static List<Object[]> lists() {
    return cases(LISTS);
  }

  static List<Object[]> all() {
    List<Object[]> all = new ArrayList<>(cases(TABLES));
    all.addAll(cases(LISTS));
    return all;
  }

  @ParameterizedTest
  @MethodSource("tables")
  void resultsOfABatchMustFitInOneTable(Device device, String name) {
    Statistic statistic = statistic(name);
    long[] shape = statistic.shape().clone();
    long[] more = shape.clone();
    more[0]++;
    try (Stream stream = device.stream();
        Tensor in = stream.allocate(DType.F32, 2, 3);
        Tensor single = stream.allocate(DType.F32, shape);
        Tensor longer = stream.allocate(DType.F64, more);
        Tensor scalar = stream.allocate(DType.F64)) {
      for (Tensor wrong : List.of(single, longer, scalar)) {
        assertMessage(
            IllegalArgumentException.class,
            () -> statistic.operation().run(stream, List.of(in), List.of(wrong)),
            name + ": out is " + wrong,
            "contiguous, writable f64" + Arrays.toString(shape));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("lists")
  void resultsOfEachTensorMustHaveItsShape(Device device, String name) {
    Statistic statistic = statistic(name);
    try (Stream stream = device.stream();
        Tensor in = stream.allocate(DType.F32, 2, 3);
        Tensor right = stream.allocate(DType.F64, statistic.shape());
        Tensor wrong = stream.allocate(DType.F64, 4, 3)) {
      String message =
          assertMessage(
              IllegalArgumentException.class,
              () -> statistic.operation().run(stream, List.of(in, in), List.of(right, wrong)),
              name + ": out[1] is " + wrong);
      assertTrue(
          message.contains("f64" + Arrays.toString(statistic.shape()))
              || message.contains(in.toString()),
          message);
      assertMessage(
          IllegalArgumentException.class,
          () -> statistic.operation().run(stream, List.of(in), List.of(right, right)),
          name + ": out has 2 entries, and the batch has 1");
      assertMessage(
          NullPointerException.class,
          () -> statistic.operation().run(stream, List.of(in), Collections.singletonList(null)),
          name + ": out[0] is null");
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void nullsClosedTensorsAndOtherDevicesAreRefused(Device device, String name) {
    Statistic statistic = statistic(name);
    Operation operation = statistic.operation();
    try (Stream stream = device.stream();
        Tensor in = floats(stream, 1, 2, 3, 4, 5, 6);
        Tensor out = stream.allocate(DType.F64, statistic.shape())) {
      Tensor grid = in.reshape(2, 3);
      Tensor closed = stream.allocate(DType.F32, 2, 3).named("gone");
      closed.close();
      assertThrows(
          NullPointerException.class, () -> operation.run(null, List.of(grid), List.of(out)));
      assertThrows(NullPointerException.class, () -> operation.run(stream, null, List.of(out)));
      assertThrows(
          NullPointerException.class,
          () -> operation.run(stream, List.of(grid), Collections.singletonList(null)));
      assertMessage(
          IllegalStateException.class,
          () -> operation.run(stream, List.of(closed), List.of(out)),
          "\"gone\"");
      for (Device other : Device.all()) {
        if (!other.equals(device)) {
          try (Stream elsewhere = other.stream();
              Tensor far = elsewhere.allocate(DType.F32, 2, 3).named("far")) {
            assertMessage(
                IllegalArgumentException.class,
                () -> operation.run(stream, List.of(far), List.of(out)),
                name + ": ",
                "\"far\"",
                "the stream is on " + device);
          }
        }
      }
      operation.run(stream, List.of(grid), List.of(out)); // the stream is free again
      stream.synchronize();
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, -1})
  void thresholdsAndQuantilesOutOfRangeAreNamed(double bad) {
    for (Device device : Device.all()) {
      try (Stream stream = device.stream();
          Tensor a = floats(stream, 1, 2)) {
        assertMessage(
            IllegalArgumentException.class,
            () -> Reductions.count(stream, a, bad),
            "count: threshold[0] is " + bad,
            "finite and 0 or more");
        assertMessage(
            IllegalArgumentException.class,
            () -> Selection.quantile(stream, a, 0.5, bad),
            "quantile: q[1] is " + bad,
            "from 0 to 1");
        assertMessage(
            IllegalArgumentException.class,
            () -> Selection.quantile(stream, a),
            "quantile: q has no numbers; give at least one");
        assertMessage(
            IllegalArgumentException.class,
            () -> Selection.quantile(stream, a, 1.25),
            "quantile: q[0] is 1.25");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void numbersMustFitTheBatch(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor b = floats(stream, 1, 2, 3);
        Tensor four = stream.allocate(DType.F64, 1, 4);
        Tensor two = stream.allocate(DType.F64, 1, 2);
        Tensor one = stream.allocate(DType.F64, 1)) {
      List<Tensor> in = List.of(a);
      assertMessage(
          IllegalArgumentException.class,
          () -> Reductions.count(stream, in, new double[2], null, four),
          "count: threshold has 2 entries, and the batch has 1");
      assertMessage(
          IllegalArgumentException.class,
          () -> Reductions.maskedSum(stream, in, List.of(b), null, one),
          "maskedSum: mask[0] is " + b,
          "in[0] is " + a);
      assertMessage(
          IllegalArgumentException.class,
          () -> Selection.select(stream, null, in, new long[0], null, null, two),
          "select: k has 0 entries");
      assertMessage(
          IllegalArgumentException.class,
          () -> Selection.select(stream, List.of(b), in, new long[1], null, null, two),
          "select: base[0] is " + b,
          "in[0] is " + a);
      assertMessage(
          IllegalArgumentException.class,
          () -> Philox.random(stream, new long[2], in),
          "random: keys has 2 entries, and the batch has 1");
      assertMessage(
          IllegalArgumentException.class,
          () ->
              Reductions.gram(
                  stream, List.of(b), List.of(in), Vectors.WHOLE, null, null, List.of(one)),
          "gram: base[0] is " + b,
          "inputs[0][0] is " + a);
      assertMessage(
          IllegalArgumentException.class,
          () -> Reductions.gram(stream, null, List.of()),
          "inputs[0] has no models");
      assertThrows(NullPointerException.class, () -> Reductions.rowNorm(stream, a, null, one));
      assertThrows(
          NullPointerException.class,
          () -> Reductions.gram(stream, null, List.of(in), null, null, null, List.of(one)));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void moreOrFewerThanThereAreCannotBeSelected(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2, 3).named("layer");
        Tensor b = floats(stream, 4, 5);
        Tensor out = stream.allocate(DType.F64, 2, 2)) {
      for (long k : new long[] {-1, 4, Long.MAX_VALUE}) {
        assertMessage(
            IllegalArgumentException.class,
            () -> Selection.select(stream, a, k),
            "sinter_select",
            String.valueOf(k));
      }
      for (long k : new long[] {-1, 6}) {
        assertMessage(
            IllegalArgumentException.class,
            () -> Selection.selectJoint(stream, null, List.of(a, b), k, null, null, out),
            "sinter_select",
            String.valueOf(k));
      }
      assertEquals(
          new Selection.Selected(Double.POSITIVE_INFINITY, 0), Selection.select(stream, a, 0));
      assertEquals(2, Selection.select(stream, a, 2).threshold());
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void ranksNeedADtypeThatHoldsThem(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 3, 1, 2);
        Tensor half = stream.allocate(DType.F16, 3);
        Tensor out = stream.allocate(DType.F32, 3)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> Selection.rank(stream, a, half),
          "sinter_rank",
          "out");
      Selection.rank(stream, a, out);
      assertArrayEquals(new float[] {2, 0, 1}, read(stream, out));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void selectionAmongNonFiniteElementsNamesTheTensor(Device device) {
    try (Stream stream = device.stream();
        Tensor good = floats(stream, 1, 2);
        Tensor bad = floats(stream, 1, Float.NEGATIVE_INFINITY).named("broken");
        Tensor table = stream.allocate(DType.F64, 2, 2);
        Tensor ranks = stream.allocate(DType.F32, 2)) {
      List<Tensor> in = List.of(good, bad);
      List<Runnable> calls =
          List.of(
              () -> Selection.select(stream, null, in, new long[] {1, 1}, null, null, table),
              () ->
                  Selection.select(
                      stream, in, List.of(good, good), new long[] {1, 1}, null, null, table),
              () -> Selection.selectJoint(stream, null, in, 1, null, null, table),
              () -> Selection.quantile(stream, in, new double[] {0, 1}, null, table),
              () -> Selection.rank(stream, in, null, List.of(ranks, ranks)));
      for (Runnable call : calls) {
        NumericException thrown =
            assertThrows(
                NumericException.class,
                () -> {
                  call.run();
                  assertFalse(device.isCpu(), "on the CPU the call itself fails");
                  stream.synchronize();
                });
        assertEquals(1, thrown.tensor(), thrown.getMessage());
        assertTrue(thrown.getMessage().contains("non-finite"), thrown.getMessage());
      }
      stream.synchronize(); // reported once
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void numbersComeBackFromTheDevice(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, -2, 3);
        Tensor b = floats(stream, 0, Float.NaN, Float.NEGATIVE_INFINITY)) {
      assertEquals(new Reductions.Moments(2, 14, 20, 98), Reductions.moments(stream, a));
      assertEquals(new Reductions.Counted(3, 0, 0, 2), Reductions.count(stream, a, 1));
      assertEquals(new Reductions.Counted(1, 1, 1, 1), Reductions.count(stream, b, 0));
      assertEquals(2, Reductions.maskedSum(stream, a, a));
      assertArrayEquals(new double[] {-2, 1, 3}, Selection.quantile(stream, a, 0, 0.5, 1));
      assertEquals(new Selection.Selected(2, 2), Selection.select(stream, a, 2));
      assertArrayEquals(
          new double[][] {{14, 14}, {14, 14}}, Reductions.gram(stream, null, List.of(a, a)));
      assertArrayEquals(new double[][] {{0}}, Reductions.gram(stream, a, List.of(a)));
    }
  }

  @Test
  void keysAreTheFirstBytesOfAHash() {
    assertEquals(0xda1e895285b269adL, Philox.key(42, 1, "lm_head.weight"));
    assertEquals(0x508aed82c65ac5bdL, Philox.key(-1, 0, "Gewicht.ä"));
    assertThrows(NullPointerException.class, () -> Philox.key(0, 0, null));
  }
}

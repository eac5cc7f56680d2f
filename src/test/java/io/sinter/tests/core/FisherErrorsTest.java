// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static io.sinter.tests.core.Fixtures.floats;
import static io.sinter.tests.core.Fixtures.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Fisher;
import io.sinter.ops.FisherMergeOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every error path of the operations on Fisher information: what is refused, and how.
class FisherErrorsTest extends OperandErrors {
  private static final FisherMergeOptions PLAIN = FisherMergeOptions.DEFAULT;

  /// By the name that their messages start with.
  private static final Map<String, Operation> METHODS = new LinkedHashMap<>();

  static {
    METHODS.put(
        "bcwi",
        (stream, a, b, out, arithmetic) ->
            Fisher.bcwi(stream, a, pairs(b, b), numbers(a.size()), out, arithmetic));
    METHODS.put(
        "fisherBcwi",
        (stream, a, b, out, arithmetic) ->
            Fisher.fisherBcwi(
                stream, a, pairs(a, a), b, numbers(a.size()), numbers(a.size()), out, arithmetic));
    METHODS.put(
        "merge",
        (stream, a, b, out, arithmetic) ->
            Fisher.merge(
                stream,
                pairs(a, b),
                pairs(b, a),
                table(a.size(), 2),
                numbers(2),
                PLAIN,
                out,
                arithmetic));
  }

  FisherErrorsTest() {
    super(METHODS);
  }

  static List<Object[]> elementwise() {
    return onAllDevices(METHODS);
  }

  private static void assertRefused(Map<String, Executable> calls) {
    calls.forEach((message, call) -> assertMessage(IllegalArgumentException.class, call, message));
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, -0.25})
  void numbersOutOfRangeAreNamed(double bad) {
    for (Device device : Device.all()) {
      try (Stream stream = device.stream();
          Tensor a = floats(stream, 1, 2)) {
        List<Tensor> one = List.of(a);
        List<Tensor> two = List.of(a, a);
        double[] good = {1, 1};
        double[] last = {1, bad};
        String words = " is " + bad + "; it must be finite and 0 or more";
        Map<String, Executable> calls = new LinkedHashMap<>();
        calls.put("accumulate: weights[0]" + words, () -> Fisher.accumulate(stream, one, bad, one));
        calls.put(
            "merge: weights[0][1]" + words,
            () -> Fisher.merge(stream, two, two, last, good, PLAIN, a));
        calls.put(
            "merge: scales[1]" + words, () -> Fisher.merge(stream, two, two, good, last, PLAIN, a));
        calls.put(
            "fisherBcwi: mean[0]" + words, () -> Fisher.fisherBcwi(stream, a, a, a, bad, 0.5, a));
        calls.put(
            "fisherBcwi: alpha[0] is " + bad + "; it must be from 0 to 1",
            () -> Fisher.fisherBcwi(stream, a, a, a, 1, bad, a));
        calls.put("floor" + words, () -> new FisherMergeOptions(bad, 0));
        calls.put("epsilon" + words, () -> new FisherMergeOptions(0, bad));
        if (!(bad < 0)) {
          calls.put("bcwi: alpha[0] is " + bad, () -> Fisher.bcwi(stream, a, a, bad, a));
        }
        assertRefused(calls);
        assertArrayEquals(new float[] {1, 2}, read(stream, a));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void callsThatDoNotFitAreRefused(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor half = stream.allocate(DType.BF16, 2).named("half")) {
      List<Tensor> one = List.of(a);
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      double[] zero = {0, 0};
      Map<String, Executable> calls = new LinkedHashMap<>();
      calls.put(
          "accumulate: state[0] is " + half + "; sums of squares are kept in F32 or F64",
          () -> Fisher.accumulate(stream, one, List.of(half)));
      calls.put("finish: state[0] is ", () -> Fisher.finish(stream, List.of(half), 1));
      calls.put("finish: examples is 0; it must be 1 or more", () -> Fisher.finish(stream, one, 0));
      calls.put("accumulate: state has 2 entries", () -> Fisher.accumulate(stream, one, two));
      calls.put(
          "the weights of out[0] add up to 0",
          () -> Fisher.merge(stream, two, two, zero, good, PLAIN, a));
      calls.put(
          "merge: scales has 1 numbers for 2 models",
          () -> Fisher.merge(stream, two, two, good, new double[] {1}, PLAIN, a));
      calls.put(
          "inputs[0] has no models; give at least one",
          () -> Fisher.merge(stream, List.of(), two, good, good, PLAIN, a));
      calls.put(
          "merge: fishers[0] has 1 models, and fishers[0] has 2",
          () -> Fisher.merge(stream, two, one, good, good, PLAIN, a));
      calls.put(
          "fisherBcwi: alpha[0] is 1.5; it must be from 0 to 1",
          () -> Fisher.fisherBcwi(stream, a, a, a, 1, 1.5, a));
      assertRefused(calls);
      assertThrows(
          NullPointerException.class, () -> Fisher.merge(stream, two, two, good, good, null, a));
      assertThrows(NullPointerException.class, () -> Fisher.statistics(stream, one, null));
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void rowsThatDoNotFitAreRefused(Device device) {
    try (Stream stream = device.stream();
        Tensor old = stream.allocate(DType.F32, 2, 3).named("old head");
        Tensor head = stream.allocate(DType.F32, 4, 3).named("head");
        Tensor out = stream.allocate(DType.F32, 4, 3).named("merged");
        Tensor wide = stream.allocate(DType.F32, 4, 5);
        Tensor half = stream.allocate(DType.BF16, 4, 3);
        Tensor scalar = stream.allocate(DType.F32).named("scalar")) {
      List<Tensor> olds = List.of(old);
      List<Tensor> heads = List.of(head);
      List<Tensor> outs = List.of(out);
      int[] rows = {0, -1, 1, -1};
      Map<String, Executable> calls = new LinkedHashMap<>();
      calls.put(
          "classRows: rows[1] is 2, and old[0] is " + old,
          () -> Fisher.classRows(stream, olds, heads, new int[] {0, 2, -1, -1}, outs));
      calls.put(
          "classRows: rows[3] is -2, and old[0] is ",
          () -> Fisher.classRows(stream, olds, heads, new int[] {0, 1, -1, -2}, outs));
      calls.put(
          "out[0] 'merged' has 4 rows, and there are 3 classes",
          () -> Fisher.classRows(stream, olds, heads, new int[] {0, 1, -1}, outs));
      calls.put(
          "classRows: rows[0] is 0, and old[0] is " + scalar,
          () -> Fisher.classRows(stream, List.of(scalar), heads, rows, outs));
      calls.put(
          "must have rows of one shape",
          () -> Fisher.classRows(stream, olds, List.of(wide), rows, List.of(wide)));
      calls.put(
          "rows keep their bytes: use sinter_cast",
          () -> Fisher.classRows(stream, olds, List.of(half), rows, List.of(half)));
      calls.put(
          "'merged' overlaps old[0] 'merged': it must be apart from it",
          () -> Fisher.classRows(stream, outs, heads, rows, outs));
      calls.put(
          "classRows: out has 2 entries, and the batch has 1",
          () -> Fisher.classRows(stream, olds, heads, rows, List.of(out, out)));
      calls.put("shapes differ", () -> Fisher.classRows(stream, olds, heads, rows, List.of(wide)));
      assertRefused(calls);
      assertThrows(
          NullPointerException.class, () -> Fisher.classRows(stream, olds, heads, null, outs));
      Fisher.classRows(stream, List.of(), null, rows, List.of());
      Fisher.classRows(stream, olds, heads, rows, outs); // the stream is free again
      stream.synchronize();
    }
  }

  @Test
  void optionsKeepWhatIsNotChanged() {
    FisherMergeOptions options = FisherMergeOptions.DEFAULT.withEpsilon(0.5);
    assertEquals(new FisherMergeOptions(1e-6, 0.5), options);
    assertEquals(new FisherMergeOptions(0, 0.5), options.withFloor(0));
  }
}

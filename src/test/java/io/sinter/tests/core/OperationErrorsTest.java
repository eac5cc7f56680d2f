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
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import io.sinter.ops.NormKind;
import io.sinter.ops.Reductions;
import io.sinter.ops.TaskVectors;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every error path of every operation: what is refused, and how.
class OperationErrorsTest extends OperandErrors {
  /// Operations whose output has the inputs' shape, by the name that their messages start with.
  private static final Map<String, Operation> ELEMENTWISE = new LinkedHashMap<>();

  /// Operations that take two inputs and write an f64 tensor of results.
  private static final Map<String, Operation> REDUCTIONS = new LinkedHashMap<>();

  static {
    ELEMENTWISE.put(
        "lerp",
        (stream, a, b, out, arithmetic) ->
            Interpolation.lerp(stream, a, b, numbers(a.size()), out, arithmetic));
    ELEMENTWISE.put(
        "slerp",
        (stream, a, b, out, arithmetic) ->
            Interpolation.slerp(stream, a, b, numbers(a.size()), out, arithmetic));
    ELEMENTWISE.put(
        "linear",
        (stream, a, b, out, arithmetic) ->
            Interpolation.linear(stream, pairs(a, b), table(a.size(), 2), true, out, arithmetic));
    ELEMENTWISE.put(
        "taskArithmetic",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.taskArithmetic(
                stream,
                a,
                pairs(a, b),
                table(a.size(), 2),
                numbers(a.size()),
                false,
                out,
                arithmetic));
    REDUCTIONS.put(
        "dot", (stream, a, b, out, _) -> Reductions.dot(stream, a, b, null, out.getFirst()));
    REDUCTIONS.put(
        "dots", (stream, a, b, out, _) -> Reductions.dots(stream, a, b, null, out.getFirst()));
  }

  static List<Object[]> elementwise() {
    return onAllDevices(ELEMENTWISE);
  }

  static List<Object[]> reductions() {
    return onAllDevices(REDUCTIONS);
  }

  OperationErrorsTest() {
    super(ELEMENTWISE);
  }

  private static void run(
      String name, Stream stream, List<Tensor> a, List<Tensor> b, List<Tensor> out) {
    REDUCTIONS.get(name).run(stream, a, b, out, Arithmetic.DEFAULT);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void weightsThatAreNotFiniteAreNamed(double bad) {
    for (Device device : Device.all()) {
      try (Stream stream = device.stream();
          Tensor a = floats(stream, 1, 2)) {
        List<Tensor> two = List.of(a, a);
        assertMessage(
            IllegalArgumentException.class,
            () -> Interpolation.lerp(stream, a, a, bad, a),
            "lerp: t[0] is " + bad);
        assertMessage(
            IllegalArgumentException.class,
            () -> Interpolation.slerp(stream, a, a, bad, a),
            "slerp: t[0] is " + bad);
        assertMessage(
            IllegalArgumentException.class,
            () -> Interpolation.linear(stream, two, new double[] {1, bad}, false, a),
            "linear: weights[0][1] is " + bad);
        assertMessage(
            IllegalArgumentException.class,
            () -> TaskVectors.taskArithmetic(stream, a, two, new double[] {bad, 1}, 1, false, a),
            "taskArithmetic: weights[0][0] is " + bad);
        assertMessage(
            IllegalArgumentException.class,
            () -> TaskVectors.taskArithmetic(stream, a, two, new double[] {1, 1}, bad, false, a),
            "taskArithmetic: lambda[0] is " + bad);
        assertArrayEquals(new float[] {1, 2}, read(stream, a));
      }
    }
    assertMessage(
        IllegalArgumentException.class,
        () -> Interpolation.slerpWeights(1, 0, 1, bad),
        "slerpWeights: t is " + bad);
    assertThrows(NumericException.class, () -> Interpolation.slerpWeights(bad, 0, 1, 0.5));
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void numbersOfWeightsAndModelsMustFit(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () ->
              Interpolation.lerp(
                  stream,
                  List.of(a),
                  List.of(a),
                  new double[] {1, 2},
                  List.of(a),
                  Arithmetic.DEFAULT),
          "lerp: t has 2 entries",
          "batch has 1");
      assertMessage(
          IllegalArgumentException.class,
          () -> Interpolation.linear(stream, List.of(a, a), new double[] {1}, true, a),
          "linear: weights[0] has 1 numbers for 2 models");
      assertMessage(
          IllegalArgumentException.class,
          () -> Interpolation.linear(stream, List.of(), new double[0], true, a),
          "inputs[0] has no models");
      assertMessage(
          IllegalArgumentException.class,
          () ->
              Interpolation.linear(
                  stream,
                  List.of(List.of(a, a), List.of(a)),
                  table(2, 2),
                  true,
                  List.of(a, a),
                  Arithmetic.DEFAULT),
          "linear: inputs[1] has 1 models",
          "inputs[0] has 2");
      assertMessage(
          IllegalArgumentException.class,
          () ->
              TaskVectors.taskArithmetic(
                  stream,
                  List.of(a),
                  List.of(List.of(a)),
                  table(1, 1),
                  new double[0],
                  false,
                  List.of(a),
                  Arithmetic.DEFAULT),
          "taskArithmetic: lambda has 0 entries");
      assertMessage(
          IllegalArgumentException.class,
          () -> TaskVectors.taskArithmetic(stream, a, List.of(), new double[0], 1, false, a),
          "inputs[0] has no models");
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void weightsThatCancelCannotBeNormalised(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> Interpolation.linear(stream, List.of(a, a), new double[] {1, -1}, true, a),
          "sinter_linear",
          "normalise");
      Interpolation.linear(stream, List.of(a, a), new double[] {1, -1}, false, a);
      assertArrayEquals(new float[] {0, 0}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void castChecksItsOperands(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor other = stream.allocate(DType.BF16, 3);
        Tensor wrong = stream.allocate(DType.F64, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> Conversion.cast(stream, a, other),
          "cast: out[0] is tensor bf16[3]",
          "in[0] is tensor f32[2]");
      assertMessage(
          IllegalArgumentException.class,
          () -> Conversion.cast(stream, List.of(a, a), List.of(a), null),
          "cast: out has 1 entries");
      assertMessage(
          IllegalArgumentException.class,
          () -> Conversion.cast(stream, List.of(a), List.of(a), wrong),
          "cast: counts is " + wrong,
          "f64[1, 3]");
      assertThrows(NullPointerException.class, () -> Conversion.cast(stream, a, null));
      assertThrows(NullPointerException.class, () -> Conversion.cast(null, a, a));
      Conversion.cast(stream, List.of(), List.of(), null);
      Tensor closed = stream.allocate(DType.F32, 2).named("gone");
      closed.close();
      assertMessage(
          IllegalStateException.class, () -> Conversion.cast(stream, a, closed), "\"gone\"");
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void copyChecksItsOperands(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor other = stream.allocate(DType.F32, 3).named("longer");
        Tensor half = stream.allocate(DType.F16, 2);
        Tensor grid = stream.allocate(DType.F32, 2, 3);
        Tensor host = stream.allocatePinned(DType.F32, 3, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.copy(a, other),
          "copy: dst[0] is tensor \"longer\" (f32[3]",
          "src[0] is tensor f32[2]");
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.copy(a, half),
          "copy: src[0] is " + a,
          "dst[0] is " + half,
          "dtypes differ",
          "Conversion.cast");
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.copy(List.of(a), List.of()),
          "copy: dst has 0 entries");
      assertThrows(NullPointerException.class, () -> stream.copy(a, null));
      stream.copy(List.of(), List.of());
      if (device.isCpu()) {
        stream.copy(grid.permute(1, 0), host);
      } else {
        assertMessage(
            IllegalArgumentException.class,
            () -> stream.copy(grid.permute(1, 0), host),
            "sinter_copy",
            "contiguous");
        try (Stream cpu = Device.cpu().stream()) {
          assertMessage(
              IllegalArgumentException.class,
              () -> cpu.copy(a, a),
              "copy: src[0] is " + a,
              "the stream is on cpu");
        }
      }
      stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("reductions")
  void pairsForReductionsMustHaveOneShape(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor b = floats(stream, 1, 2, 3);
        Tensor out =
            stream.allocate(DType.F64, name.equals("dots") ? new long[] {1, 3} : new long[] {1})) {
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a), List.of(b), List.of(out)),
          name + ": b[0] is " + b,
          "a[0] is " + a);
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a), List.of(), List.of(out)),
          name + ": b has 0 entries");
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a), List.of(a), List.of(a)),
          name + ": out is " + a,
          name.equals("dots") ? "f64[1, 3]" : "f64[1]");
      assertThrows(
          NullPointerException.class,
          () -> run(name, stream, List.of(a), List.of(a), Collections.singletonList(null)));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void sumsAndNormsCheckTheirOperands(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 3, -4);
        Tensor out = stream.allocate(DType.F64, 1);
        Tensor two = stream.allocate(DType.F64, 2)) {
      for (Tensor wrong : List.of(a, two)) {
        assertMessage(
            IllegalArgumentException.class,
            () -> Reductions.sum(stream, a, wrong),
            "sum: out is " + wrong,
            "f64[1]");
        assertMessage(
            IllegalArgumentException.class,
            () -> Reductions.norm(stream, a, NormKind.L2, wrong),
            "norm: out is " + wrong,
            "f64[1]");
      }
      assertThrows(NullPointerException.class, () -> Reductions.sum(stream, a, null));
      assertThrows(NullPointerException.class, () -> Reductions.norm(stream, a, null, out));
      Tensor closed = stream.allocate(DType.F32, 2).named("gone");
      closed.close();
      assertMessage(
          IllegalStateException.class, () -> Reductions.sum(stream, closed, out), "\"gone\"");
      assertMessage(
          IllegalStateException.class,
          () -> Reductions.norm(stream, closed, NormKind.L1),
          "\"gone\"");
      assertEquals(-1, Reductions.sum(stream, a));
      assertEquals(7, Reductions.norm(stream, a, NormKind.L1));
      assertEquals(5, Reductions.norm(stream, a, NormKind.L2));
      assertEquals(4, Reductions.norm(stream, a, NormKind.MAX));
      assertEquals(25, Reductions.dot(stream, a, a));
      assertEquals(new Reductions.Dots(25, 25, 25), Reductions.dots(stream, a, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void slerpOfNonFiniteElementsNamesTheTensor(Device device) {
    try (Stream stream = device.stream();
        Tensor good = floats(stream, 1, 2);
        Tensor bad = floats(stream, 1, Float.NaN).named("broken");
        Tensor first = stream.allocate(DType.F32, 2);
        Tensor second = stream.allocate(DType.F32, 2)) {
      NumericException thrown =
          assertThrows(
              NumericException.class,
              () -> {
                Interpolation.slerp(
                    stream,
                    List.of(good, good),
                    List.of(good, bad),
                    numbers(2),
                    List.of(first, second),
                    Arithmetic.DEFAULT);
                assertFalse(device.isCpu(), "on the CPU the call itself fails");
                stream.synchronize();
              });
      assertEquals(1, thrown.tensor());
      stream.synchronize(); // reported once
      assertEquals(3, Reductions.sum(stream, good));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void workspaceBeyondItsLimitIsRefusedBeforeAnythingIsWritten(Device device) {
    int n = 1 << 20;
    try (Stream stream = device.stream(StreamOptions.DEFAULT.withWorkspaceLimit(64));
        Tensor a = stream.allocate(DType.F32, n);
        Tensor b = stream.allocate(DType.F32, n);
        Tensor out = floats(stream, new float[n])) {
      assertMessage(
          DeviceOutOfMemoryException.class,
          () -> Interpolation.slerp(stream, a, b, 0.5, out),
          "64");
      assertArrayEquals(new float[n], read(stream, out));
    }
  }

  @Test
  void slerpWeightsAreThoseOfTheArc() {
    Interpolation.SlerpWeights middle = Interpolation.slerpWeights(1, 0, 1, 0.5);
    assertEquals(Math.sqrt(0.5), middle.a(), 1e-15);
    assertEquals(Math.sqrt(0.5), middle.b(), 1e-15);
    assertFalse(middle.linear());
    assertTrue(Interpolation.slerpWeights(4, 4, 4, 0.25).linear());
  }
}

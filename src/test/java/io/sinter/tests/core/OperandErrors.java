// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static io.sinter.tests.core.Fixtures.floats;
import static io.sinter.tests.core.Fixtures.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Reductions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What every operation refuses whose output has its inputs' shape.
abstract class OperandErrors {
  /// An operation on a batch, seen as: inputs that share a shape, and an output.
  interface Operation {
    void run(
        Stream stream, List<Tensor> a, List<Tensor> b, List<Tensor> out, Arithmetic arithmetic);
  }

  static double[] numbers(int count) {
    double[] numbers = new double[count];
    Arrays.fill(numbers, 0.5);
    return numbers;
  }

  static double[][] table(int count, int models) {
    double[][] table = new double[count][];
    Arrays.setAll(table, k -> numbers(models));
    return table;
  }

  static List<List<Tensor>> pairs(List<Tensor> a, List<Tensor> b) {
    List<List<Tensor>> pairs = new ArrayList<>();
    for (int k = 0; k < a.size(); k++) {
      pairs.add(
          k < b.size() ? Arrays.asList(a.get(k), b.get(k)) : Collections.singletonList(a.get(k)));
    }
    return pairs;
  }

  private final Map<String, Operation> operations;

  /// Tests operations, by the name that their messages start with. `elementwise` of the class gives
  /// each device with each name.
  OperandErrors(Map<String, Operation> operations) {
    this.operations = operations;
  }

  /// Each device with each name.
  static List<Object[]> onAllDevices(Map<String, Operation> operations) {
    List<Object[]> cases = new ArrayList<>();
    for (Device device : Device.all()) {
      operations.forEach((name, operation) -> cases.add(new Object[] {device, name}));
    }
    return cases;
  }

  private void run(String name, Stream stream, List<Tensor> a, List<Tensor> b, List<Tensor> out) {
    operations.get(name).run(stream, a, b, out, Arithmetic.DEFAULT);
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void shapesThatDifferAreBothShown(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = stream.allocate(DType.F32, 2, 3).named("first");
        Tensor b = stream.allocate(DType.F32, 3, 2).named("second");
        Tensor out = stream.allocate(DType.F32, 6).named("third")) {
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a), List.of(b), List.of(a)),
          name + ": ",
          "\"first\" (f32[2, 3]",
          "\"second\" (f32[3, 2]",
          "shapes differ");
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a, b), List.of(a, b), List.of(a, out)),
          name + ": ",
          "out[1]",
          "\"third\" (f32[6]",
          "\"second\" (f32[3, 2]");
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void countsThatDifferAreRefused(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = stream.allocate(DType.F32, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a, a), List.of(a), List.of(a, a)),
          name + ": ",
          " has 1 ");
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(a), List.of(a), List.of(a, a)),
          name + ": out has 2 entries",
          "1");
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void emptyBatchDoesNothing(Device device, String name) {
    try (Stream stream = device.stream()) {
      run(name, stream, List.of(), List.of(), List.of());
      stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void nullsAreNamed(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      List<@Nullable Tensor> none = Collections.singletonList(null);
      for (List<List<Tensor>> operands :
          List.of(
              List.of(none, List.of(a), List.of(a)),
              List.of(List.of(a), none, List.of(a)),
              List.of(List.of(a), List.of(a), none))) {
        NullPointerException thrown =
            assertThrows(
                NullPointerException.class,
                () -> run(name, stream, operands.get(0), operands.get(1), operands.get(2)));
        assertTrue(thrown.getMessage().contains("[0]"), thrown.getMessage());
      }
      assertThrows(
          NullPointerException.class, () -> run(name, null, List.of(a), List.of(a), List.of(a)));
      assertThrows(
          NullPointerException.class,
          () -> operations.get(name).run(stream, List.of(a), List.of(a), List.of(a), null));
      run(name, stream, List.of(a), List.of(a), List.of(a)); // the stream is free again
      stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void closedTensorsAreNamed(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor open = floats(stream, 1, 2)) {
      Tensor closed = stream.allocate(DType.F32, 2).named("gone");
      closed.close();
      for (int i = 0; i < 3; i++) {
        List<Tensor> operands = new ArrayList<>(List.of(open, open, open));
        operands.set(i, closed);
        assertMessage(
            IllegalStateException.class,
            () ->
                run(
                    name,
                    stream,
                    operands.subList(0, 1),
                    operands.subList(1, 2),
                    operands.subList(2, 3)),
            "\"gone\"",
            "is closed");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void closedStreamIsRefused(Device device, String name) {
    Stream closed = device.stream();
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      closed.close();
      assertMessage(
          IllegalStateException.class,
          () -> run(name, closed, List.of(a), List.of(a), List.of(a)),
          "stream on " + device,
          "closed");
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void tensorsOfAnotherDeviceAreRefused(Device device, String name) {
    for (Device other : Device.all()) {
      if (other.equals(device)) {
        continue;
      }
      try (Stream stream = device.stream();
          Stream elsewhere = other.stream();
          Tensor here = stream.allocate(DType.F32, 2);
          Tensor there = elsewhere.allocate(DType.F32, 2).named("far")) {
        for (int i = 0; i < 3; i++) {
          List<Tensor> operands = new ArrayList<>(List.of(here, here, here));
          operands.set(i, there);
          assertMessage(
              IllegalArgumentException.class,
              () ->
                  run(
                      name,
                      stream,
                      operands.subList(0, 1),
                      operands.subList(1, 2),
                      operands.subList(2, 3)),
              "\"far\"",
              "on " + other,
              "the stream is on " + device);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void overlapIsRefusedByTheLibrary(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor memory = floats(stream, 1, 2, 3, 4);
        Tensor other = floats(stream, 1, 2, 3)) {
      Tensor in = memory.slice(0, 0, 3).named("in");
      Tensor out = memory.slice(0, 1, 4).named("out");
      assertMessage(
          IllegalArgumentException.class,
          () -> run(name, stream, List.of(in), List.of(other), List.of(out)),
          "sinter_",
          "overlap");
      assertArrayEquals(new float[] {1, 2, 3, 4}, read(stream, memory));
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void countsMustBeThreeNumbersPerOutput(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor single = stream.allocate(DType.F32, 1, 2);
        Tensor narrow = stream.allocate(DType.F64, 1, 1);
        Tensor wide = stream.allocate(DType.F64, 3, 2);
        Tensor right = stream.allocate(DType.F64, 1, 3)) {
      for (Tensor counts : List.of(single, narrow, wide, wide.slice(1, 0, 1).permute(1, 0))) {
        assertMessage(
            IllegalArgumentException.class,
            () ->
                operations
                    .get(name)
                    .run(
                        stream,
                        List.of(a),
                        List.of(a),
                        List.of(a),
                        Arithmetic.DEFAULT.withCounts(counts)),
            name + ": counts is " + counts,
            "f64[1, 3]");
      }
      operations
          .get(name)
          .run(stream, List.of(a), List.of(a), List.of(a), Arithmetic.DEFAULT.withCounts(right));
      assertEquals(0, Reductions.sum(stream, right));
    }
  }
}

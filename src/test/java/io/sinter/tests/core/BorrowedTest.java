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
import io.sinter.DeviceException;
import io.sinter.Event;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.internal.Bridge;
import io.sinter.ops.Interpolation;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Streams and memory that other libraries own: used in place, and left as they are.
class BorrowedTest {
  static List<Device> devices() {
    return Device.all();
  }

  private static long address(Stream stream) {
    return Bridge.state(stream).address();
  }

  private static long address(Tensor tensor) {
    return Bridge.view(tensor).address();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void streamOverAnothersNativeStreamSharesItsOrder(Device device) {
    if (device.isCpu()) {
      return; // see cpuHasNoNativeStreams
    }
    try (Stream owner = device.stream();
        Tensor a = floats(owner, 1, 2);
        Tensor b = floats(owner, 3, 6);
        Tensor between = owner.allocate(DType.F32, 2);
        Tensor out = owner.allocate(DType.F32, 2)) {
      long under = address(owner);
      try (Stream wrapped = Bridge.wrap(device, under, StreamOptions.DEFAULT)) {
        assertEquals(device, wrapped.device());
        assertEquals(under, address(wrapped));
        Interpolation.lerp(owner, a, b, 0.5, between);
        Interpolation.lerp(wrapped, between, b, 0.5, out); // no event: it is one queue
        try (Event event = wrapped.record();
            Tensor of = wrapped.allocate(DType.F32, 2)) {
          wrapped.copy(out, of);
          owner.await(event);
          assertArrayEquals(new float[] {2.5f, 5}, read(wrapped, of));
        }
      }
      assertArrayEquals(new float[] {2, 4}, read(owner, between)); // the owner's still works
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void closedStreamsAndNullsAreRefused(Device device) {
    Stream closed = device.stream();
    closed.close();
    assertMessage(IllegalStateException.class, () -> address(closed), "closed");
    if (device.isCpu()) {
      return;
    }
    try (Stream stream = device.stream()) {
      long under = address(stream);
      for (Device other : Device.all()) {
        if (!other.isCpu() && !other.equals(device)) {
          assertMessage(
              IllegalArgumentException.class,
              () -> Bridge.wrap(other, under, StreamOptions.DEFAULT).close(),
              "the native stream is of " + device,
              "not of " + other);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void cpuHasNoNativeStreams(Device device) {
    if (!device.isCpu()) {
      return;
    }
    assertMessage(
        DeviceException.class,
        () -> Bridge.wrap(device, 4096, StreamOptions.DEFAULT).close(),
        "the CPU has no native streams");
    try (Stream stream = device.stream()) {
      assertMessage(DeviceException.class, () -> address(stream), "the CPU has no native streams");
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void tensorOverAnothersMemoryIsThatMemory(Device device) {
    try (Stream stream = device.stream();
        Tensor owner = floats(stream, 1, 2, 3, 4, 5, 6)) {
      Tensor wrapped = Bridge.wrap(device, address(owner), DType.F32, 2, 3);
      assertEquals(device, wrapped.device());
      assertEquals(address(owner), address(wrapped));
      assertEquals(address(owner) + 12, address(wrapped.slice(0, 1, 2)));
      Tensor row = wrapped.slice(0, 1, 2).flatten();
      Interpolation.lerp(stream, row, row, 0.25, row);
      Interpolation.lerp(stream, row, wrapped.slice(0, 0, 1).flatten(), 1, row);
      assertArrayEquals(new float[] {1, 2, 3, 1, 2, 3}, read(stream, owner));
      wrapped.close();
      wrapped.close();
      assertMessage(IllegalStateException.class, () -> address(wrapped), "closed");
      assertMessage(
          IllegalStateException.class,
          () -> Interpolation.lerp(stream, row, row, 0.5, row),
          "closed");
      assertArrayEquals(new float[] {1, 2, 3, 1, 2, 3}, read(stream, owner));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void shapesAreCheckedBeforeAnythingElse(Device device) {
    assertThrows(IllegalArgumentException.class, () -> Bridge.wrap(device, 4096, DType.F32, 2, -1));
  }
}

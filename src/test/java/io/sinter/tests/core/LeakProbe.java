// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Leaks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Leaks a tensor, an event and a stream on every device, in a JVM of its own.
final class LeakProbe {
  private LeakProbe() {}

  public static void main(String[] args) throws InterruptedException {
    int devices = Device.all().size();
    MemorySegment kept = null;
    for (Device device : Device.all()) {
      kept = leakEverything(device);
    }
    await(3 * devices);
    // The segment of a host tensor keeps its memory, leaked or not.
    if (kept.get(ValueLayout.JAVA_INT, 0) != 42 || Leaks.open() != 1) {
      throw new AssertionError("open: " + Leaks.open());
    }
    kept = null;
    await(3 * devices + 1);
    if (Leaks.open() != 0) {
      throw new AssertionError("open: " + Leaks.open());
    }
    System.out.println("leaked " + Leaks.leaked());
  }

  private static MemorySegment leakEverything(Device device) {
    Stream stream = device.stream();
    Tensor tensor = stream.allocate(DType.F32, 3, 5);
    stream.copy(tensor, tensor);
    stream.record();
    try (Tensor closed = stream.allocate(DType.F32, 7)) {
      stream.copy(closed, closed);
    }
    if (!device.equals(Device.all().getLast())) {
      return MemorySegment.NULL;
    }
    MemorySegment segment = stream.allocatePinned(DType.F32, 1).segment();
    segment.set(ValueLayout.JAVA_INT, 0, 42);
    return segment;
  }

  private static void await(long leaks) throws InterruptedException {
    for (int i = 0; i < 200 && Leaks.leaked() < leaks; i++) {
      System.gc();
      Thread.sleep(20);
    }
    if (Leaks.leaked() != leaks) {
      throw new AssertionError("leaked: " + Leaks.leaked() + ", expected: " + leaks);
    }
  }
}

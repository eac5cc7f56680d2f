// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.MemoryFaultException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import io.sinter.tests.support.GuardedMemory;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/// The guard page itself: one element too many is found, and the JVM lives.
class GuardTest {
  private static final int COUNT = 1000;

  @Test
  void readingPastTheEndIsAFaultAndNotACrash() {
    try (Stream stream = Device.cpu().stream();
        Tensor out = stream.allocatePinned(DType.F32, COUNT + 1);
        GuardedMemory guarded = new GuardedMemory(COUNT * 4, 0)) {
      MemorySegment memory = guarded.memoryAndGuard();
      Tensor right = Tensor.of(memory.asSlice(0, COUNT * 4), DType.F32, COUNT);
      Tensor wrong = Tensor.of(memory.asSlice(0, COUNT * 4 + 4), DType.F32, COUNT + 1);
      MemoryFaultException e =
          assertThrows(MemoryFaultException.class, () -> Conversion.cast(stream, wrong, out));
      assertEquals(memory.address() + COUNT * 4, e.address());
      Conversion.cast(stream, right, out.slice(0, 0, COUNT));
    }
  }

  @Test
  void writingPastTheEndIsAFaultAndNotACrash() {
    try (Stream stream = Device.cpu().stream();
        Tensor in = stream.allocatePinned(DType.F32, COUNT + 1);
        GuardedMemory guarded = new GuardedMemory(COUNT * 4, 0)) {
      Tensor wrong = Tensor.of(guarded.memoryAndGuard(), DType.F32, COUNT + 1024);
      assertThrows(
          MemoryFaultException.class,
          () -> Interpolation.lerp(stream, in, in, 0.5, wrong.slice(0, 0, COUNT + 1)));
    }
  }
}

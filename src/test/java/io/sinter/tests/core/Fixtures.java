// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.AbstractList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.function.Executable;

/// What the tests of this package share.
final class Fixtures {
  private Fixtures() {}

  /// A tensor on the stream's device with these elements.
  static Tensor floats(Stream stream, float... values) {
    Tensor tensor = stream.allocate(DType.F32, values.length);
    try (Tensor host = stream.allocatePinned(DType.F32, values.length)) {
      MemorySegment.copy(values, 0, host.segment(), ValueLayout.JAVA_FLOAT, 0, values.length);
      stream.copy(host, tensor);
      stream.synchronize();
    }
    return tensor;
  }

  /// A tensor's elements, after the stream's work.
  static float[] read(Stream stream, Tensor tensor) {
    try (Tensor host = stream.allocatePinned(DType.F32, tensor.shape())) {
      stream.copy(tensor, host);
      stream.synchronize();
      return host.segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /// The message of an exception of exactly this type, which must hold all of these parts.
  static String assertMessage(
      Class<? extends RuntimeException> type, Executable executable, String... parts) {
    RuntimeException thrown = assertThrows(type, executable);
    assertEquals(type, thrown.getClass());
    String message = String.valueOf(thrown.getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), "\"" + part + "\" is not in: " + message);
    }
    return message;
  }

  /// A batch that stops a call half-way: reading the element at `stop` waits until `resume`.
  static final class Gate extends AbstractList<Tensor> {
    private final List<Tensor> tensors;
    private final int stop;
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch open = new CountDownLatch(1);

    Gate(int stop, List<Tensor> tensors) {
      this.stop = stop;
      this.tensors = tensors;
    }

    @Override
    public Tensor get(int index) {
      if (index == stop) {
        reached.countDown();
        await(open);
      }
      return tensors.get(index);
    }

    @Override
    public int size() {
      return tensors.size();
    }

    /// Waits until the call is inside.
    void awaitReached() {
      await(reached);
    }

    void resume() {
      open.countDown();
    }

    private static void await(CountDownLatch latch) {
      try {
        assertTrue(latch.await(60, TimeUnit.SECONDS), "the other thread hangs");
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }
}

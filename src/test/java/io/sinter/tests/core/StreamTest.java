// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static io.sinter.tests.core.Fixtures.floats;
import static io.sinter.tests.core.Fixtures.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Event;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.internal.Leaks;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Owners, order between streams, and tensors closed while streams use them.
class StreamTest {
  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void closedStreamIsNotUsedAgain(Device device) {
    Stream stream = device.stream();
    assertEquals(device, stream.device());
    assertEquals("stream on " + device, stream.toString());
    stream.close();
    stream.close();
    assertMessage(
        IllegalStateException.class, () -> stream.allocate(DType.F32, 1), "on " + device, "closed");
    assertMessage(IllegalStateException.class, stream::synchronize, "closed");
    assertMessage(IllegalStateException.class, stream::record, "closed");
    try (Stream other = device.stream();
        Event event = other.record()) {
      assertMessage(IllegalStateException.class, () -> stream.await(event), "closed");
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void tensorsOutliveTheirStream(Device device) {
    try (Stream other = device.stream()) {
      Tensor tensor;
      try (Stream stream = device.stream()) {
        tensor = floats(stream, 1, 2, 3);
      }
      try (tensor) {
        assertArrayEquals(new float[] {1, 2, 3}, read(other, tensor));
        Interpolation.lerp(other, tensor, tensor, 0.25, tensor);
      } // released on `other`, whose work is pending
      try (Tensor next = floats(other, 4, 5, 6)) {
        assertArrayEquals(new float[] {4, 5, 6}, read(other, next));
      }
      Tensor last;
      try (Stream stream = device.stream()) {
        last = floats(stream, 1);
      }
      last.close(); // no stream is left that used it
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void secondThreadInsideIsRefused(Device device) throws Exception {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor b = floats(stream, 3, 4);
        ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Fixtures.Gate gate = new Fixtures.Gate(1, List.of(a, b));
      Future<?> call = pool.submit(() -> stream.copy(gate, List.of(a, b)));
      gate.awaitReached();
      assertMessage(
          IllegalStateException.class,
          stream::synchronize,
          "in use by another thread",
          "one thread");
      assertMessage(
          IllegalStateException.class, () -> stream.allocate(DType.F32, 1), "in use by another");
      assertMessage(IllegalStateException.class, stream::close, "in use by another");
      gate.resume();
      call.get();
      stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void streamIsHandedFromThreadToThread(Device device) throws Exception {
    try (Stream stream = device.stream();
        Tensor sum = floats(stream, 0, 0);
        Tensor one = floats(stream, 1, 2)) {
      for (int i = 0; i < 100; i++) {
        Thread thread =
            (i % 2 == 0 ? Thread.ofVirtual() : Thread.ofPlatform())
                .start(
                    () -> {
                      try (Tensor scratch = stream.allocate(DType.F32, 2)) {
                        stream.copy(sum, scratch);
                        Thread.yield();
                        Interpolation.linear(
                            stream, List.of(scratch, one), new double[] {1, 1}, false, sum);
                      }
                    });
        thread.join();
      }
      assertArrayEquals(new float[] {100, 200}, read(stream, sum));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void tensorClosedInMidCallStaysUntilTheCallEnds(Device device) throws Exception {
    try (Stream stream = device.stream();
        Stream other = device.stream();
        Tensor target = stream.allocate(DType.F32, 2);
        Tensor second = floats(stream, 5, 6);
        ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Stream home : List.of(stream, other)) {
        Tensor closed = floats(home, 7, 8);
        long open = Leaks.open();
        Fixtures.Gate gate = new Fixtures.Gate(1, List.of(closed, second));
        Future<?> call =
            pool.submit(
                () -> {
                  try (Tensor spare = stream.allocate(DType.F32, 2)) {
                    stream.copy(gate, List.of(target, spare));
                  }
                });
        gate.awaitReached();
        closed.close(); // from here, while the other thread is inside
        assertMessage(IllegalStateException.class, () -> other.copy(closed, second), "closed");
        gate.resume();
        call.get();
        assertArrayEquals(new float[] {7, 8}, read(stream, target));
        assertEquals(open - 1, Leaks.open());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void tensorIsReleasedAfterItsLastUseOnEveryStream(Device device) {
    int n = 4096;
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    float[] zeros = new float[n];
    try (Stream home = device.stream();
        Stream second = device.stream();
        Stream third = device.stream();
        Tensor outSecond = second.allocate(DType.F32, n);
        Tensor outThird = third.allocate(DType.F32, n)) {
      for (int round = 0; round < 10; round++) {
        Tensor shared = floats(home, values);
        try (Event ready = home.record()) {
          second.await(ready);
          third.await(ready);
        }
        second.copy(shared, outSecond);
        third.copy(shared, outThird);
        shared.close();
        // Would take the memory over, were it free too early.
        floats(home, zeros).close();
        assertArrayEquals(values, read(second, outSecond));
        assertArrayEquals(values, read(third, outThird));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void homeStreamMayBeGoneWhenOthersStillUseItsTensor(Device device) {
    float[] values = {1, 2, 3};
    try (Stream second = device.stream();
        Stream third = device.stream();
        Stream cpu = Device.cpu().stream();
        Tensor outSecond = second.allocate(DType.F32, 3);
        Tensor outThird = third.allocate(DType.F32, 3)) {
      Tensor shared;
      Tensor pinned;
      try (Stream home = device.stream()) {
        shared = floats(home, values);
        pinned = home.allocatePinned(DType.F32, 3);
        home.copy(shared, pinned);
      }
      second.copy(shared, outSecond);
      third.copy(pinned, outThird);
      Conversion.cast(cpu, pinned, pinned);
      shared.close();
      pinned.close();
      assertArrayEquals(values, read(second, outSecond));
      assertArrayEquals(values, read(third, outThird));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void hostTensorsServeStreamsOfOtherDevices(Device device) {
    try (Stream stream = device.stream();
        Tensor out = stream.allocate(DType.F32, 2)) {
      Tensor host;
      try (Stream cpu = Device.cpu().stream()) {
        host = floats(cpu, 8, 9);
        stream.copy(host, out);
        host.close(); // on the CPU's stream, after the copy on this one
      }
      assertArrayEquals(new float[] {8, 9}, read(stream, out));
      try (Stream cpu = Device.cpu().stream()) {
        host = floats(cpu, 3, 4);
        stream.copy(host, out);
      }
      host.close(); // no CPU stream is left
      assertArrayEquals(new float[] {3, 4}, read(stream, out));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void eventsTellWhenWorkIsDone(Device device) {
    try (Stream first = device.stream();
        Stream second = device.stream();
        Tensor a = floats(first, 1, 2);
        Tensor b = floats(second, 0, 0)) {
      Interpolation.lerp(first, a, a, 0.5, a);
      Event event = first.record();
      assertEquals("event on " + device, event.toString());
      second.await(event);
      second.copy(a, b);
      event.synchronize();
      assertTrue(event.isDone());
      event.close();
      event.close();
      assertArrayEquals(new float[] {1, 2}, read(second, b));
      assertMessage(IllegalStateException.class, event::isDone, "event on " + device, "closed");
      assertMessage(IllegalStateException.class, event::synchronize, "closed");
      assertMessage(IllegalStateException.class, () -> second.await(event), "closed");
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void manyThreadsCloseTensorsOfABusyStream(Device device) throws Exception {
    long open = Leaks.open();
    try (Stream stream = device.stream();
        Tensor ones = floats(stream, 1, 1, 1, 1)) {
      ConcurrentLinkedQueue<Tensor> garbage = new ConcurrentLinkedQueue<>();
      List<CompletableFuture<Void>> closers = new ArrayList<>();
      boolean[] stop = {false};
      for (int i = 0; i < 4; i++) {
        closers.add(
            CompletableFuture.runAsync(
                () -> {
                  boolean last;
                  do {
                    synchronized (stop) {
                      last = stop[0];
                    }
                    for (Tensor tensor; (tensor = garbage.poll()) != null; ) {
                      tensor.close();
                    }
                    Thread.onSpinWait();
                  } while (!last);
                }));
      }
      for (int round = 0; round < 2000; round++) {
        Tensor scratch = stream.allocate(DType.F32, 4);
        stream.copy(ones, scratch);
        garbage.add(scratch);
        Interpolation.lerp(stream, ones, ones, 0.5, ones);
      }
      synchronized (stop) {
        stop[0] = true;
      }
      for (CompletableFuture<Void> closer : closers) {
        closer.get();
      }
      assertArrayEquals(new float[] {1, 1, 1, 1}, read(stream, ones));
    }
    assertEquals(open, Leaks.open());
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void streamsWorkSideBySide(Device device) throws Exception {
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<float[]>> results = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        float value = i;
        results.add(
            pool.submit(
                () -> {
                  try (Stream stream = device.stream(new StreamOptions(1 + (int) value % 3, 0));
                      Tensor a = floats(stream, value, value);
                      Tensor b = floats(stream, value + 2, value + 4)) {
                    for (int round = 0; round < 50; round++) {
                      Interpolation.lerp(
                          stream,
                          List.of(a),
                          List.of(b),
                          new double[] {0},
                          List.of(b),
                          Arithmetic.DEFAULT);
                    }
                    return read(stream, b);
                  }
                }));
      }
      for (int i = 0; i < 8; i++) {
        assertArrayEquals(new float[] {i, i}, results.get(i).get());
      }
    }
  }
}

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
import io.sinter.MemoryFaultException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Interpolation;
import io.sinter.ops.Reductions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Shapes, views, lifetimes and the memory of tensors.
class TensorTest {
  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void allocatedTensorDescribesItself(Device device) {
    try (Stream stream = device.stream();
        Tensor tensor = stream.allocate(DType.BF16, 3, 1, 5).named("w");
        Tensor scalar = stream.allocate(DType.F64);
        Tensor pinned = stream.allocatePinned(DType.F16, 7)) {
      assertEquals(device, tensor.device());
      assertEquals(DType.BF16, tensor.dtype());
      assertArrayEquals(new long[] {3, 1, 5}, tensor.shape());
      assertArrayEquals(new long[] {5, 5, 1}, tensor.strides());
      assertEquals(3, tensor.rank());
      assertEquals(15, tensor.elements());
      assertEquals(30, tensor.bytes());
      assertEquals("w", tensor.name());
      assertEquals("tensor \"w\" (bf16[3, 1, 5] on " + device + ")", tensor.toString());
      assertEquals(0, scalar.rank());
      assertEquals(1, scalar.elements());
      assertEquals(8, scalar.bytes());
      assertEquals(Device.cpu(), pinned.device());
      assertEquals("", pinned.name());
      assertEquals(14, pinned.segment().byteSize());
    }
  }

  @ParameterizedTest
  @EnumSource
  void bytesFollowFromTheDtype(DType dtype) {
    int expected =
        switch (dtype) {
          case F64 -> 8;
          case F32 -> 4;
          case F16, BF16 -> 2;
          case F8_E4M3, F8_E5M2 -> 1;
        };
    assertEquals(expected, dtype.bytes());
    try (Stream stream = Device.cpu().stream();
        Tensor tensor = stream.allocate(dtype, 11)) {
      assertEquals(11L * expected, tensor.segment().byteSize());
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void shapesOutOfRangeAreRefused(Device device) {
    try (Stream stream = device.stream()) {
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.allocate(DType.F32, 2, -1),
          "[2, -1]",
          "negative");
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.allocate(DType.F32, 1, 1, 1, 1, 1, 1, 1, 1, 1),
          "more than 8 dimensions");
      assertMessage(
          IllegalArgumentException.class,
          () -> stream.allocate(DType.F32, Long.MAX_VALUE, 2),
          "2^63");
      assertMessage(
          IllegalArgumentException.class, () -> stream.allocate(DType.F64, 1L << 60), "2^63");
      assertThrows(NullPointerException.class, () -> stream.allocate(null, 1));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void emptyTensorsAreFine(Device device) {
    try (Stream stream = device.stream();
        Arena arena = Arena.ofShared();
        Tensor empty = stream.allocate(DType.F32, 0, 5);
        Tensor huge = stream.allocate(DType.F32, Long.MAX_VALUE, 0, Long.MAX_VALUE)) {
      assertEquals(0, empty.elements());
      assertEquals(0, huge.bytes());
      Interpolation.lerp(stream, empty, empty, 0.5, empty);
      stream.copy(empty, empty);
      assertEquals(0, Reductions.sum(stream, empty));
      Tensor none = Tensor.of(arena.allocate(0), DType.F16, 3, 0);
      assertEquals(0, none.segment().byteSize());
      assertEquals(0, none.flatten().elements());
      assertEquals(0, none.slice(0, 1, 2).elements());
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void viewsSeeTheirPartOfTheMemory(Device device) {
    try (Stream stream = device.stream();
        Tensor owner = floats(stream, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)) {
      Tensor matrix = owner.reshape(3, 4);
      assertArrayEquals(new float[] {4, 5, 6, 7}, read(stream, matrix.slice(0, 1, 2).reshape(4)));
      assertArrayEquals(new float[] {8, 9, 10, 11}, read(stream, owner.slice(0, 8, 12)));
      assertArrayEquals(
          new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, read(stream, matrix.flatten()));
      Tensor column = matrix.slice(1, 1, 2);
      Tensor transposed = matrix.permute(1, 0);
      assertFalse(column.isContiguous());
      assertArrayEquals(new long[] {3, 1}, column.shape());
      assertArrayEquals(new long[] {4, 1}, column.strides());
      assertArrayEquals(new long[] {4, 3}, transposed.shape());
      assertArrayEquals(new long[] {1, 4}, transposed.strides());
      assertEquals(1 + 5 + 9, Reductions.sum(stream, column));
      try (Tensor copy = stream.allocate(DType.F32, 4, 3)) {
        stream.copy(transposed, copy);
        assertArrayEquals(new float[] {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, read(stream, copy));
      }
    }
  }

  @Test
  void wrongViewsAreRefused() {
    try (Stream stream = Device.cpu().stream();
        Tensor owner = stream.allocate(DType.F32, 3, 4).named("w")) {
      assertMessage(
          IllegalArgumentException.class,
          () -> owner.slice(2, 0, 1),
          "\"w\"",
          "no axis 2",
          "0 to 1");
      assertMessage(IllegalArgumentException.class, () -> owner.slice(-1, 0, 1), "no axis -1");
      for (long[] range : new long[][] {{-1, 2}, {2, 1}, {0, 4}}) {
        assertMessage(
            IllegalArgumentException.class,
            () -> owner.slice(0, range[0], range[1]),
            "[" + range[0] + ", " + range[1] + ")",
            "f32[3, 4]");
      }
      assertMessage(IllegalArgumentException.class, () -> owner.reshape(5, 2), "[5, 2]", "[3, 4]");
      assertMessage(
          IllegalArgumentException.class, () -> owner.permute(1, 0).flatten(), "not contiguous");
      for (int[] axes : new int[][] {{0}, {0, 0}, {0, 2}, {-1, 0}, {0, 1, 2}}) {
        assertMessage(IllegalArgumentException.class, () -> owner.permute(axes), "another order");
      }
      assertThrows(NullPointerException.class, () -> owner.named(null));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void closingTwiceIsFineAndUseAfterCloseNamesTheTensor(Device device) {
    try (Stream stream = device.stream();
        Tensor other = floats(stream, 1, 2)) {
      Tensor owner = floats(stream, 1, 2);
      Tensor tensor = owner.named("lm_head.weight");
      Tensor view = tensor.slice(0, 0, 2);
      view.close();
      assertArrayEquals(new float[] {1, 2}, read(stream, tensor), "closing a view does nothing");
      tensor.close();
      tensor.close();
      owner.close();
      for (Tensor closed : new Tensor[] {tensor, view}) {
        assertMessage(
            IllegalStateException.class,
            () -> Interpolation.lerp(stream, other, closed, 0.5, other),
            "\"lm_head.weight\"",
            "is closed");
        assertMessage(IllegalStateException.class, () -> stream.copy(closed, other), "is closed");
        assertMessage(
            IllegalStateException.class, () -> Reductions.sum(stream, closed), "is closed");
      }
      assertMessage(
          IllegalStateException.class,
          () -> stream.copy(other, owner),
          "tensor f32[2]",
          "is closed");
      assertArrayEquals(new float[] {1, 2}, read(stream, other), "the stream still works");
    }
  }

  @Test
  void segmentEndsWithItsTensor() {
    try (Stream stream = Device.cpu().stream()) {
      Tensor tensor = floats(stream, 1, 2, 3);
      MemorySegment segment = tensor.segment();
      assertEquals(2, tensor.slice(0, 1, 3).segment().getAtIndex(ValueLayout.JAVA_FLOAT, 0));
      tensor.close();
      assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_FLOAT, 0));
      assertMessage(IllegalStateException.class, tensor::segment, "is closed");
    }
  }

  @Test
  void segmentNeedsContiguousHostMemory() {
    try (Stream cpu = Device.cpu().stream();
        Tensor host = cpu.allocate(DType.F32, 2, 3)) {
      assertMessage(
          IllegalStateException.class, () -> host.permute(1, 0).segment(), "not contiguous");
    }
    for (Device device : Device.all().subList(1, Device.all().size())) {
      try (Stream stream = device.stream();
          Tensor tensor = stream.allocate(DType.F32, 2)) {
        assertMessage(
            IllegalStateException.class, tensor::segment, device.toString(), "not host memory");
      }
    }
  }

  @Test
  void heapSegmentsAreRefused() {
    MemorySegment heap = MemorySegment.ofArray(new float[4]);
    assertMessage(
        IllegalArgumentException.class,
        () -> Tensor.of(heap, DType.F32, 4),
        "heap segment",
        "Arena");
  }

  @Test
  void segmentsOfAnotherSizeAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      assertMessage(
          IllegalArgumentException.class,
          () -> Tensor.of(memory, DType.F32, 5),
          "16 bytes",
          "f32[5]",
          "20");
      assertMessage(
          IllegalArgumentException.class, () -> Tensor.of(memory, DType.BF16, 4), "bf16[4]", "8");
      assertMessage(
          IllegalArgumentException.class, () -> Tensor.of(memory, DType.F32, -4), "negative");
      assertThrows(NullPointerException.class, () -> Tensor.of(null, DType.F32, 4));
      assertThrows(NullPointerException.class, () -> Tensor.of(memory, null, 4));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void closedArenaNamesTheTensor(Device device) {
    try (Stream stream = device.stream();
        Tensor out = stream.allocate(DType.F32, 4)) {
      Tensor tensor;
      try (Arena arena = Arena.ofShared()) {
        tensor =
            Tensor.of(arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4), DType.F32, 4)
                .named("mapped");
        stream.copy(tensor, out);
        assertArrayEquals(new float[] {1, 2, 3, 4}, read(stream, out));
      }
      assertMessage(
          IllegalStateException.class,
          () -> stream.copy(tensor, out),
          "\"mapped\"",
          "arena that is closed");
      assertMessage(IllegalStateException.class, tensor::segment, "\"mapped\"", "closed");
    }
  }

  @Test
  void closedForeignTensorIsNotUsedAgain() {
    try (Stream stream = Device.cpu().stream();
        Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.of(arena.allocate(8), DType.F32, 2).named("mine");
      tensor.close();
      tensor.close();
      assertMessage(
          IllegalStateException.class, () -> Reductions.sum(stream, tensor), "\"mine\"", "closed");
    }
  }

  @Test
  void confinedArenasServeTheirThreadOnTheCpu() {
    try (Stream stream = Device.cpu().stream();
        Arena arena = Arena.ofConfined()) {
      Tensor tensor =
          Tensor.of(arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2), DType.F32, 2).named("mine");
      assertEquals(3, Reductions.sum(stream, tensor));
      CompletionException thrown =
          assertThrows(
              CompletionException.class,
              () -> CompletableFuture.runAsync(() -> Reductions.sum(stream, tensor)).join());
      assertMessage(
          IllegalStateException.class,
          () -> {
            throw thrown.getCause();
          },
          "\"mine\"",
          "confined to another thread");
    }
  }

  @Test
  void confinedArenasAreRefusedInAsynchronousCopies() {
    for (Device device : Device.all().subList(1, Device.all().size())) {
      try (Stream stream = device.stream();
          Arena arena = Arena.ofConfined();
          Tensor out = stream.allocate(DType.F32, 2)) {
        Tensor tensor = Tensor.of(arena.allocate(8), DType.F32, 2).named("mine");
        assertMessage(
            IllegalArgumentException.class,
            () -> stream.copy(tensor, out),
            "\"mine\"",
            "confined arena",
            "shared or automatic");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void memoryOutlivesTheLastReferenceToIt(Device device) {
    try (Stream stream = device.stream();
        Tensor out = stream.allocate(DType.F32, 1 << 16)) {
      for (int round = 0; round < 20; round++) {
        copyFromAnArenaThatNobodyElseKnows(stream, out, round);
        System.gc();
        assertEquals((double) round * (1 << 16), Reductions.sum(stream, out));
      }
    }
  }

  private static void copyFromAnArenaThatNobodyElseKnows(Stream stream, Tensor out, float value) {
    MemorySegment memory = Arena.ofAuto().allocate(4L << 16);
    for (int i = 0; i < 1 << 16; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    stream.copy(Tensor.of(memory, DType.F32, 1 << 16), out);
  }

  @Test
  void mapsAreUsedInPlaceAndNotWrittenWhereReadOnly(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("weights"), new byte[9]);
    try (Stream stream = Device.cpu().stream();
        Arena arena = Arena.ofShared();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment reading = channel.map(FileChannel.MapMode.READ_ONLY, 0, 9, arena);
      MemorySegment writing = channel.map(FileChannel.MapMode.READ_WRITE, 0, 9, arena);
      Tensor in = Tensor.of(reading.asSlice(1), DType.F32, 2).named("in"); // unaligned
      Tensor out = Tensor.of(writing.asSlice(1), DType.F32, 2);
      try (Tensor values = floats(stream, 3, 4)) {
        stream.copy(values, out);
      }
      assertEquals(7, Reductions.sum(stream, in));
      assertMessage(
          IllegalArgumentException.class, () -> stream.copy(out, in), "\"in\"", "read-only");
      assertMessage(
          IllegalArgumentException.class,
          () -> Interpolation.lerp(stream, out, out, 0.5, in),
          "out[0]",
          "\"in\"",
          "read-only");
      assertThrows(
          RuntimeException.class, () -> in.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
    }
  }

  @Test
  void truncatedMapIsAFaultWithItsAddress(@TempDir Path folder) throws IOException {
    long page = 1 << 16;
    Path file = Files.write(folder.resolve("weights"), new byte[(int) (4 * page)]);
    try (Stream stream = Device.cpu().stream();
        Arena arena = Arena.ofShared();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment map = channel.map(FileChannel.MapMode.READ_ONLY, 0, 4 * page, arena);
      Tensor tensor = Tensor.of(map, DType.F32, page).named("cut");
      assertEquals(0, Reductions.sum(stream, tensor));
      channel.truncate(2 * page);
      MemoryFaultException fault =
          assertThrows(MemoryFaultException.class, () -> Reductions.sum(stream, tensor));
      long offset = fault.address() - map.address();
      assertTrue(2 * page <= offset && offset < 4 * page, "offset " + offset);
      assertEquals(0, Reductions.sum(stream, tensor.slice(0, 0, page / 2)), "the rest is there");
    }
  }
}

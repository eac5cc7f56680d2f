// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/// The functions of `libsinter_twin.so` (see `benchmarks/native/twin.h`).
final class TwinLibrary {
  static final int CPU_VARIANTS = 4;
  static final int DEVICE_VARIANTS = 5;
  static final int MAX_READS = 24;

  private static final AddressLayout POINTER = ValueLayout.ADDRESS;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private static final MemoryLayout STREAMS =
      MemoryLayout.structLayout(
          MemoryLayout.sequenceLayout(MAX_READS, POINTER).withName("reads"),
          MemoryLayout.sequenceLayout(MAX_READS, INT).withName("read_widths"),
          INT.withName("read_count"),
          INT.withName("write_width"),
          POINTER.withName("write"),
          LONG.withName("elements"));
  private static final long READS = offset("reads");
  private static final long READ_WIDTHS = offset("read_widths");
  private static final long READ_COUNT = offset("read_count");
  private static final long WRITE_WIDTH = offset("write_width");
  private static final long WRITE = offset("write");
  private static final long ELEMENTS = offset("elements");

  private static final SymbolLookup SYMBOLS = load();
  private static final MethodHandle CPU_RUN =
      handle("twin_cpu_run", FunctionDescriptor.of(INT, POINTER, INT, INT));
  private static final MethodHandle CPU_TIER =
      handle("twin_cpu_tier", FunctionDescriptor.of(POINTER));
  private static final MethodHandle CALL =
      handle("twin_call", FunctionDescriptor.of(LONG, POINTER, LONG));
  private static final MethodHandle DEVICE_BUILT =
      handle("twin_device_built", FunctionDescriptor.of(INT));
  private static final MethodHandle DEVICE_CREATE =
      handle("twin_device_create", FunctionDescriptor.of(INT, INT, POINTER, POINTER, POINTER));
  private static final MethodHandle DEVICE_RUN =
      handle("twin_device_run", FunctionDescriptor.of(INT, POINTER, INT, INT, POINTER));
  private static final MethodHandle DEVICE_DESTROY =
      handle("twin_device_destroy", FunctionDescriptor.ofVoid(POINTER));

  private TwinLibrary() {}

  /// Describes streams: input widths, inputs (empty for a device twin), output.
  static MemorySegment streams(
      Arena arena,
      int[] readWidths,
      MemorySegment[] reads,
      int writeWidth,
      MemorySegment write,
      long elements) {
    MemorySegment streams = arena.allocate(STREAMS);
    for (int r = 0; r < readWidths.length; r++) {
      streams.set(INT, READ_WIDTHS + 4L * r, readWidths[r]);
    }
    for (int r = 0; r < reads.length; r++) {
      streams.set(POINTER, READS + 8L * r, reads[r]);
    }
    streams.set(INT, READ_COUNT, readWidths.length);
    streams.set(INT, WRITE_WIDTH, writeWidth);
    streams.set(POINTER, WRITE, write);
    streams.set(LONG, ELEMENTS, elements);
    return streams;
  }

  static void cpuRun(MemorySegment streams, int threads, int variant) {
    int status;
    try {
      status = (int) CPU_RUN.invokeExact(streams, threads, variant);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    if (status != 0) {
      throw new IllegalArgumentException("twin_cpu_run: streams out of range");
    }
  }

  /// {@return the vector instructions of the CPU twin}
  static String cpuTier() {
    try {
      MemorySegment text = (MemorySegment) CPU_TIER.invokeExact();
      return text.reinterpret(16).getString(0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /// Calls an `int32_t(void)` function n times from C.
  static long call(MemorySegment function, long n) {
    try {
      return (long) CALL.invokeExact(function, n);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static boolean deviceBuilt() {
    try {
      return (int) DEVICE_BUILT.invokeExact() != 0;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static MemorySegment deviceCreate(int device, MemorySegment streams) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment twin = arena.allocate(POINTER);
      MemorySegment message = arena.allocate(256);
      check((int) DEVICE_CREATE.invokeExact(device, streams, twin, message), message);
      return twin.get(POINTER, 0);
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void deviceRun(MemorySegment twin, int variant, int repeats) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(256);
      check((int) DEVICE_RUN.invokeExact(twin, variant, repeats, message), message);
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void deviceDestroy(MemorySegment twin) {
    try {
      DEVICE_DESTROY.invokeExact(twin);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static void check(int status, MemorySegment message) {
    if (status != 0) {
      throw new IllegalStateException(
          "the traffic twin failed with " + status + ": " + message.getString(0));
    }
  }

  private static long offset(String field) {
    return STREAMS.byteOffset(PathElement.groupElement(field));
  }

  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(SYMBOLS.findOrThrow(name), descriptor);
  }

  /// The library is a resource beside this class; the loader needs a file.
  private static SymbolLookup load() {
    try (InputStream resource = TwinLibrary.class.getResourceAsStream("libsinter_twin.so")) {
      if (resource == null) {
        throw new IllegalStateException(
            "libsinter_twin.so is not beside "
                + TwinLibrary.class.getName()
                + "; build the benchmarks with Maven");
      }
      Path file = Files.createTempFile("libsinter_twin", ".so");
      try {
        Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
        return SymbolLookup.libraryLookup(file, Arena.global());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

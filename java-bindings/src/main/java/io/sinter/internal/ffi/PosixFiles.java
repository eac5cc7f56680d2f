// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal.ffi;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Map;

/// What the Java library cannot ask of the file system.
@SuppressWarnings("restricted") // in this package only
public final class PosixFiles {
  private static final int AT_FDCWD = -100;
  private static final int RENAME_EXCHANGE = 2;
  private static final int O_WRONLY = 1;

  /// Linux errno values that tell a user something.
  private static final Map<Integer, String> REASONS =
      Map.of(
          1, "operation not permitted",
          2, "one of the two is missing",
          13, "permission denied",
          5, "input/output error",
          27, "the file would be too large",
          28, "no space left on the device",
          18, "the two are on different file systems",
          22, "this file system cannot exchange two folders in one step",
          30, "the file system is read-only",
          38, "this kernel cannot exchange two folders in one step");

  private PosixFiles() {}

  /// Exchanges two files or folders of one file system in one step.
  ///
  /// @throws IOException where the system cannot, and then both are as they were
  /// @throws UnsupportedOperationException where a path is not the operating system's
  public static void exchange(Path a, Path b) throws IOException {
    Linker linker = Linker.nativeLinker();
    MemorySegment symbol =
        linker
            .defaultLookup()
            .find("renameat2")
            .orElseThrow(
                () ->
                    new FileSystemException(
                        b.toString(), a.toString(), "this system has no renameat2"));
    StructLayout state = Linker.Option.captureStateLayout();
    MethodHandle renameat2 =
        linker.downcallHandle(
            symbol,
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT),
            Linker.Option.captureCallState("errno"));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment captured = arena.allocate(state);
      int result =
          (int)
              renameat2.invokeExact(
                  captured,
                  AT_FDCWD,
                  arena.allocateFrom(a.toFile().getPath()),
                  AT_FDCWD,
                  arena.allocateFrom(b.toFile().getPath()),
                  RENAME_EXCHANGE);
      if (result != 0) {
        int errno =
            (int) state.varHandle(MemoryLayout.PathElement.groupElement("errno")).get(captured, 0L);
        throw new FileSystemException(
            b.toString(), a.toString(), REASONS.getOrDefault(errno, "errno " + errno));
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw Downcalls.unchecked(t);
    }
  }

  /// Reserves space in a file, which grows where the space ends behind it. Where the file system
  /// cannot reserve any, the C library writes zeros.
  ///
  /// @throws IOException where there is none left, or the file cannot be opened
  public static void allocate(Path file, long position, long bytes) throws IOException {
    Linker linker = Linker.nativeLinker();
    StructLayout state = Linker.Option.captureStateLayout();
    MethodHandle open =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("open"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
            Linker.Option.firstVariadicArg(2),
            Linker.Option.captureCallState("errno"));
    MethodHandle fallocate =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("posix_fallocate"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG));
    MethodHandle close =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("close"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment captured = arena.allocate(state);
      int descriptor =
          (int) open.invokeExact(captured, arena.allocateFrom(file.toFile().getPath()), O_WRONLY);
      if (descriptor < 0) {
        throw failure(
            file,
            (int)
                state.varHandle(MemoryLayout.PathElement.groupElement("errno")).get(captured, 0L));
      }
      int errno;
      try {
        errno = (int) fallocate.invokeExact(descriptor, position, bytes);
      } finally {
        int ignored = (int) close.invokeExact(descriptor);
      }
      if (errno != 0) {
        throw failure(file, errno);
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw Downcalls.unchecked(t);
    }
  }

  private static FileSystemException failure(Path file, int errno) {
    return new FileSystemException(
        file.toString(), null, REASONS.getOrDefault(errno, "errno " + errno));
  }
}

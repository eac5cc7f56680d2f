// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Memory that ends where nothing may be touched: a mapping one page longer than its file, so that
/// reading or writing past the end is a bus error, which libsinter reports as a memory fault.
///
/// It belongs to no arena, because asynchronous copies may not read confined memory.
@SuppressWarnings("restricted")
public final class GuardedMemory implements AutoCloseable {
  private static final long PAGE = 4096;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;

  private static final MethodHandle MEMFD_CREATE =
      libc("memfd_create", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
  private static final MethodHandle FTRUNCATE =
      libc("ftruncate", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG);
  private static final MethodHandle MMAP =
      libc(
          "mmap",
          ValueLayout.ADDRESS,
          ValueLayout.ADDRESS,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_LONG);
  private static final MethodHandle MUNMAP =
      libc("munmap", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
  private static final MethodHandle CLOSE =
      libc("close", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);

  private final MemorySegment mapping;
  private final MemorySegment memory;

  /// `bytes` of memory that end `gap` bytes before the guard; a gap that is not a multiple of the
  /// element's size makes every element unaligned.
  public GuardedMemory(long bytes, int gap) {
    long usable = (bytes + gap + PAGE - 1) / PAGE * PAGE;
    try (Arena arena = Arena.ofConfined()) {
      int file = (int) MEMFD_CREATE.invokeExact(arena.allocateFrom("sinter-test"), 0);
      check(file >= 0, "memfd_create");
      check((int) FTRUNCATE.invokeExact(file, usable) == 0, "ftruncate");
      MemorySegment address =
          (MemorySegment)
              MMAP.invokeExact(
                  MemorySegment.NULL, usable + PAGE, PROT_READ_WRITE, MAP_SHARED, file, 0L);
      check(address.address() != -1, "mmap");
      check((int) CLOSE.invokeExact(file) == 0, "close");
      mapping = address.reinterpret(usable + PAGE);
      memory = mapping.asSlice(usable - bytes - gap, bytes);
    } catch (Throwable e) {
      throw new AssertionError("no guarded memory of " + bytes + " bytes", e);
    }
  }

  public MemorySegment memory() {
    return memory;
  }

  /// The same memory and the page after it, which cannot be touched.
  public MemorySegment memoryAndGuard() {
    return mapping.asSlice(memory.address() - mapping.address());
  }

  /// Gives the memory back; nothing may use it any more.
  @Override
  public void close() {
    try {
      check((int) MUNMAP.invokeExact(mapping, mapping.byteSize()) == 0, "munmap");
    } catch (Throwable e) {
      throw new AssertionError("guarded memory could not be given back", e);
    }
  }

  private static void check(boolean done, String call) {
    if (!done) {
      throw new IllegalStateException(call + " failed");
    }
  }

  private static MethodHandle libc(
      String name, java.lang.foreign.MemoryLayout result, java.lang.foreign.MemoryLayout... args) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, args));
  }
}

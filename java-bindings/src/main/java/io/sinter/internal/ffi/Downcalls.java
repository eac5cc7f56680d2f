// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;

/// Calls into the native library, and the memory it hands out.
@SuppressWarnings("restricted") // in this package only
public final class Downcalls {
  private Downcalls() {}

  static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return handle(Library.symbols(), name, descriptor);
  }

  static MethodHandle handle(SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
  }

  /// The UTF-8 text at a `const char*` of static lifetime.
  static String text(MemorySegment pointer) {
    return pointer.reinterpret(Long.MAX_VALUE).getString(0);
  }

  /// What a method handle threw; the library itself throws nothing.
  static RuntimeException unchecked(Throwable thrown) {
    return switch (thrown) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      default -> throw new AssertionError("a downcall threw a checked exception", thrown);
    };
  }

  /// Host memory of the library as a segment that lives until `arena` is closed. The segment keeps
  /// `owner` reachable.
  public static MemorySegment hostMemory(long address, long bytes, Arena arena, Object owner) {
    return MemorySegment.ofAddress(address)
        .reinterpret(bytes, arena, _ -> Reference.reachabilityFence(owner));
  }
}

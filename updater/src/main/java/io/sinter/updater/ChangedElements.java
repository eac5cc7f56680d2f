// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// How many elements of a tensor have other bits than another's, from bytes as they come, for types
/// that kernels do not compute with and for any others.
final class ChangedElements {
  private static final int INTS = 1 << 14;

  private final int bytes;
  private final int[] left = new int[INTS];
  private final int[] right = new int[INTS];
  private long count;

  /// @param type one whose elements are [#separate]
  ChangedElements(StorageType type) {
    this.bytes = type.bits() / 8;
  }

  /// Whether elements of this type can be told apart: those that share bytes are not.
  static boolean separate(StorageType type) {
    return type.bits() >= 8;
  }

  /// Takes the next elements of both, as many bytes of each.
  void add(MemorySegment a, MemorySegment b) {
    long step = INTS * 4L;
    for (long at = 0; at < a.byteSize(); at += step) {
      long size = Math.min(step, a.byteSize() - at);
      int whole = bytes == 2 || bytes == 4 ? (int) (size / 4) : 0;
      MemorySegment.copy(a, ValueLayout.JAVA_INT_UNALIGNED, at, left, 0, whole);
      MemorySegment.copy(b, ValueLayout.JAVA_INT_UNALIGNED, at, right, 0, whole);
      count += bytes == 2 ? pairs(left, right, whole) : words(left, right, whole);
      for (long rest = at + 4L * whole; rest < at + size; rest += bytes) {
        count += element(a, rest) == element(b, rest) ? 0 : 1;
      }
    }
  }

  /// Of 16 bits, two in one int: loops over ints are what the compiler turns into vector
  /// instructions.
  private static int pairs(int[] a, int[] b, int count) {
    int changed = 0;
    for (int i = 0; i < count; i++) {
      int x = a[i] ^ b[i];
      changed += (((x & 0xffff) + 0xffff) >>> 16) + (((x >>> 16) + 0xffff) >>> 16);
    }
    return changed;
  }

  private static int words(int[] a, int[] b, int count) {
    int changed = 0;
    for (int i = 0; i < count; i++) {
      int x = a[i] ^ b[i];
      changed += (x | -x) >>> 31;
    }
    return changed;
  }

  private long element(MemorySegment segment, long at) {
    return switch (bytes) {
      case 1 -> segment.get(ValueLayout.JAVA_BYTE, at);
      case 2 -> segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
      case 4 -> segment.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      default -> segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    };
  }

  /// Elements that differ, of all that came.
  long count() {
    return count;
  }
}

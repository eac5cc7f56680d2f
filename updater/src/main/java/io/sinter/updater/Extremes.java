// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// The least and the greatest finite element of a tensor, how many are not finite, and how many
/// differ from another tensor's, from bytes as they come.
///
/// Elements are compared as integers of the same order (-0 below +0), two of 16 bits in one int:
/// loops over ints are what the compiler turns into vector instructions.
final class Extremes {
  private static final int INTS = 1 << 14;

  private final StorageType type;
  private final int bits;

  /// The key of the largest finite element; that of the smallest is its complement.
  private final long limit;

  private final int[] ints = new int[INTS];
  private final int[] others = new int[INTS];
  private long least = Long.MAX_VALUE;
  private long greatest = Long.MIN_VALUE;
  private long nonFinite;
  private long changed;

  Extremes(StorageType type) {
    this.type = type;
    this.bits = type.bits();
    this.limit =
        switch (type) {
          case F64 -> 0x7fefffffffffffffL;
          case F32 -> 0x7f7fffff;
          case BF16 -> 0x7f7f;
          case F16 -> 0x7bff;
          case F8_E4M3 -> 0x7e;
          case F8_E5M2 -> 0x7b;
          default -> 0;
        };
  }

  /// Whether elements of this type have extremes.
  private boolean ordered() {
    return limit != 0;
  }

  /// Whether elements of this type can be told apart: those that share bytes are not.
  static boolean separate(StorageType type) {
    return type.bits() >= 8;
  }

  /// Takes the next elements.
  ///
  /// @param base the other tensor's, as many bytes; `null` where there is none
  void add(MemorySegment bytes, @Nullable MemorySegment base) {
    long step = INTS * 4L;
    for (long at = 0; at < bytes.byteSize(); at += step) {
      long size = Math.min(step, bytes.byteSize() - at);
      int whole = (int) (size / 4);
      if (bits == 16 || bits == 32) {
        MemorySegment.copy(bytes, ValueLayout.JAVA_INT_UNALIGNED, at, ints, 0, whole);
        if (ordered()) {
          order(bytes.asSlice(at, size), whole);
        }
        if (base != null) {
          MemorySegment.copy(base, ValueLayout.JAVA_INT_UNALIGNED, at, others, 0, whole);
          changed += bits == 16 ? changed16(ints, others, whole) : changed32(ints, others, whole);
          one(bytes, base, at + 4L * whole, at + size, false, true);
        }
      } else {
        one(bytes, base, at, at + size, ordered(), base != null);
      }
    }
  }

  private void order(MemorySegment bytes, int whole) {
    long before = least;
    long beforeGreatest = greatest;
    if (bits == 16) {
      order16(whole);
    } else {
      order32(whole);
    }
    if (least < ~limit || greatest > limit) { // Something is not finite: once more, one by one.
      least = before;
      greatest = beforeGreatest;
      one(bytes, null, 0, bytes.byteSize(), true, false);
    } else {
      one(bytes, null, 4L * whole, bytes.byteSize(), true, false);
    }
  }

  private void order16(int count) {
    int[] in = ints;
    int low = Integer.MAX_VALUE;
    int high = Integer.MIN_VALUE;
    for (int i = 0; i < count; i++) {
      int upper = in[i];
      int lower = upper << 16;
      int a = (upper ^ ((upper >> 31) & 0x7fffffff)) >> 16;
      int b = (lower ^ ((lower >> 31) & 0x7fffffff)) >> 16;
      low = Math.min(low, Math.min(a, b));
      high = Math.max(high, Math.max(a, b));
    }
    if (count > 0) {
      least = Math.min(least, low);
      greatest = Math.max(greatest, high);
    }
  }

  private void order32(int count) {
    int[] in = ints;
    int low = Integer.MAX_VALUE;
    int high = Integer.MIN_VALUE;
    for (int i = 0; i < count; i++) {
      int key = in[i] ^ ((in[i] >> 31) & 0x7fffffff);
      low = Math.min(low, key);
      high = Math.max(high, key);
    }
    if (count > 0) {
      least = Math.min(least, low);
      greatest = Math.max(greatest, high);
    }
  }

  private static int changed16(int[] a, int[] b, int count) {
    int changed = 0;
    for (int i = 0; i < count; i++) {
      int x = a[i] ^ b[i];
      changed += (((x & 0xffff) + 0xffff) >>> 16) + (((x >>> 16) + 0xffff) >>> 16);
    }
    return changed;
  }

  private static int changed32(int[] a, int[] b, int count) {
    int changed = 0;
    for (int i = 0; i < count; i++) {
      int x = a[i] ^ b[i];
      changed += (x | -x) >>> 31;
    }
    return changed;
  }

  /// Elements one by one, of any size.
  private void one(
      MemorySegment bytes,
      @Nullable MemorySegment base,
      long from,
      long to,
      boolean order,
      boolean compare) {
    for (long at = from; at < to; at += bits / 8) {
      long element = element(bytes, at);
      if (order) {
        long key = element ^ ((element >> 63) & (-1L >>> (65 - bits)));
        if (key > limit || key < ~limit) {
          nonFinite++;
        } else {
          least = Math.min(least, key);
          greatest = Math.max(greatest, key);
        }
      }
      if (compare && base != null && element != element(base, at)) {
        changed++;
      }
    }
  }

  /// The bits of an element, its sign extended.
  private long element(MemorySegment bytes, long at) {
    return switch (bits) {
      case 8 -> bytes.get(ValueLayout.JAVA_BYTE, at);
      case 16 -> bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
      case 32 -> bytes.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      default -> bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    };
  }

  /// The least finite element; `null` where there is none.
  @Nullable Double min() {
    return least > greatest ? null : decode(least);
  }

  /// The greatest finite element; `null` where there is none.
  @Nullable Double max() {
    return least > greatest ? null : decode(greatest);
  }

  /// Elements that are NaN or infinite.
  long nonFinite() {
    return nonFinite;
  }

  /// Elements with other bits than the other tensor's.
  long changed() {
    return changed;
  }

  private double decode(long key) {
    long element = key ^ ((key >> 63) & (-1L >>> (65 - bits)));
    return switch (type) {
      case F64 -> Double.longBitsToDouble(element);
      case F32 -> Float.intBitsToFloat((int) element);
      case BF16 -> Float.intBitsToFloat((int) element << 16);
      case F16 -> Float.float16ToFloat((short) element);
      case F8_E5M2 -> Float.float16ToFloat((short) (element << 8));
      case F8_E4M3 -> {
        int exponent = (int) element >> 3 & 15;
        int mantissa = (int) element & 7;
        double magnitude =
            exponent == 0
                ? Math.scalb((double) mantissa, -9)
                : Math.scalb(8.0 + mantissa, exponent - 10);
        yield element < 0 ? -magnitude : magnitude;
      }
      default -> throw new IllegalStateException(type + " has no order");
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;

/// Element types as bits, written from their definitions and apart from the kernels.
///
/// Every value of every type is a `double`, so `double` is the common currency; encoding rounds
/// once, to nearest even, whether the value came from a `float` or from a `double`.
public final class Codec {
  private Codec() {}

  /// The layout of a binary format below `double`: sign, exponent, mantissa.
  private record Format(
      int exponentBits, int mantissaBits, long largest, boolean saturates, long nan) {
    /// The exponent of the smallest normal number.
    int smallestExponent() {
      return 2 - (1 << (exponentBits - 1));
    }

    long signBit() {
      return 1L << (exponentBits + mantissaBits);
    }
  }

  private static final Format F32 = new Format(8, 23, 0x7f7fffffL, false, 0x7fc00000L);
  private static final Format F16 = new Format(5, 10, 0x7bffL, false, 0x7fffL);
  private static final Format BF16 = new Format(8, 7, 0x7f7fL, false, 0x7fffL);
  private static final Format F8_E4M3 = new Format(4, 3, 0x7eL, true, 0x7fL);
  private static final Format F8_E5M2 = new Format(5, 2, 0x7bL, true, 0x7fL);

  private static Format format(DType type) {
    return switch (type) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
      case F8_E4M3 -> F8_E4M3;
      case F8_E5M2 -> F8_E5M2;
      case F64 -> throw new IllegalArgumentException("f64 is the carrier, not a narrow format");
    };
  }

  /// The value of an element.
  public static double decode(DType type, long bits) {
    if (type == DType.F64) {
      return Double.longBitsToDouble(bits);
    }
    Format f = format(type);
    long magnitude = bits & (f.signBit() - 1);
    double value;
    if (magnitude > f.largest()) {
      boolean infinity = type != DType.F8_E4M3 && magnitude == f.largest() + 1;
      value = infinity ? Double.POSITIVE_INFINITY : Double.NaN;
    } else {
      long mantissa = magnitude & ((1L << f.mantissaBits()) - 1);
      int exponent = (int) (magnitude >>> f.mantissaBits());
      value =
          exponent == 0
              ? Math.scalb((double) mantissa, f.smallestExponent() - f.mantissaBits())
              : Math.scalb(
                  (double) (mantissa + (1L << f.mantissaBits())),
                  f.smallestExponent() - f.mantissaBits() + exponent - 1);
    }
    return (bits & f.signBit()) != 0 ? -value : value;
  }

  /// The element nearest to a value, ties to the even one. NaN becomes the canonical NaN; float8
  /// saturates.
  public static long encode(DType type, double value) {
    if (Double.isNaN(value)) {
      return canonicalNaN(type);
    }
    if (type == DType.F64) {
      return Double.doubleToRawLongBits(value);
    }
    Format f = format(type);
    long sign = Double.doubleToRawLongBits(value) < 0 ? f.signBit() : 0;
    long magnitude = roundedMagnitude(f, Math.abs(value));
    if (magnitude > f.largest()) {
      magnitude = f.saturates() ? f.largest() : f.largest() + 1;
    }
    return sign | magnitude;
  }

  /// Whether encoding a value as float8 replaces it by the largest finite one.
  public static boolean saturates(DType type, double value) {
    if (type == DType.F64 || Double.isNaN(value)) {
      return false;
    }
    Format f = format(type);
    return f.saturates() && roundedMagnitude(f, Math.abs(value)) > f.largest();
  }

  /// The magnitude's bits as if exponents went on without end: a rounding that carries out of the
  /// mantissa carries into the exponent by itself.
  private static long roundedMagnitude(Format f, double magnitude) {
    if (Double.isInfinite(magnitude)) {
      return Long.MAX_VALUE;
    }
    int exponent = Math.max(Math.getExponent(magnitude), f.smallestExponent());
    double units = Math.scalb(magnitude, f.mantissaBits() - exponent);
    long binades = exponent - f.smallestExponent();
    return (binades << f.mantissaBits()) + (long) Math.rint(units);
  }

  /// The NaN that computed elements have.
  public static long canonicalNaN(DType type) {
    return type == DType.F64 ? 0x7ff8000000000000L : format(type).nan();
  }

  /// `value` rounded to `type`, as a value.
  public static double round(DType type, double value) {
    return decode(type, encode(type, value));
  }

  /// The largest finite element's bits; infinity's, where there is one, are the next.
  public static long largest(DType type) {
    return type == DType.F64 ? 0x7fefffffffffffffL : format(type).largest();
  }

  /// The sign bit of an element.
  public static long signBit(DType type) {
    return type == DType.F64 ? Long.MIN_VALUE : format(type).signBit();
  }

  /// How many elements there are of a type below 64 bits, as bit patterns.
  public static long patterns(DType type) {
    return 2 * signBit(type);
  }

  /// Half the distance from 1 to the next larger element: the relative error of one rounding.
  public static double unitRoundoff(DType type) {
    return Math.scalb(1.0, -1 - (type == DType.F64 ? 52 : format(type).mantissaBits()));
  }

  /// The smallest positive element, a denormal.
  public static double smallest(DType type) {
    return decode(type, 1);
  }
}

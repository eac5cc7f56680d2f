// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What one element of an array file is; little-endian.
///
/// Named by safetensors' codes and by those of NumPy.
enum Element {
  BOOL("BOOL", "|b1", 1, true),
  I8("I8", "|i1", 1, true),
  U8("U8", "|u1", 1, true),
  I16("I16", "<i2", 2, true),
  U16("U16", "<u2", 2, true),
  I32("I32", "<i4", 4, true),
  U32("U32", "<u4", 4, true),
  I64("I64", "<i8", 8, true),
  U64("U64", "<u8", 8, true),
  F16("F16", "<f2", 2, false),
  BF16("BF16", null, 2, false),
  F32("F32", "<f4", 4, false),
  F64("F64", "<f8", 8, false);

  private final String code;
  private final @Nullable String numpy;
  private final int bytes;
  private final boolean whole;

  Element(String code, @Nullable String numpy, int bytes, boolean whole) {
    this.code = code;
    this.numpy = numpy;
    this.bytes = bytes;
    this.whole = whole;
  }

  static Optional<Element> ofCode(String code) {
    return Arrays.stream(values()).filter(type -> type.code.equals(code)).findFirst();
  }

  static Optional<Element> ofNumpy(String descr) {
    return Arrays.stream(values()).filter(type -> descr.equals(type.numpy)).findFirst();
  }

  int bytes() {
    return bytes;
  }

  /// Whether it is a whole number.
  boolean whole() {
    return whole;
  }

  /// A whole number; the largest of 64 bits without a sign become the largest of 63.
  long integer(ByteBuffer from, int at) {
    return switch (this) {
      case BOOL, U8 -> Byte.toUnsignedInt(from.get(at));
      case I8 -> from.get(at);
      case I16 -> from.getShort(at);
      case U16 -> Short.toUnsignedInt(from.getShort(at));
      case I32 -> from.getInt(at);
      case U32 -> Integer.toUnsignedLong(from.getInt(at));
      case I64 -> from.getLong(at);
      case U64 -> from.getLong(at) < 0 ? Long.MAX_VALUE : from.getLong(at);
      case F16, BF16, F32, F64 -> throw new IllegalStateException(this + " is not whole");
    };
  }

  /// A number with a fraction, exactly.
  double real(ByteBuffer from, int at) {
    return switch (this) {
      case F16 -> Float.float16ToFloat(from.getShort(at));
      case BF16 -> Float.intBitsToFloat(from.getShort(at) << 16);
      case F32 -> from.getFloat(at);
      case F64 -> from.getDouble(at);
      default -> throw new IllegalStateException(this + " is whole");
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The element types that a safetensors file may hold.
///
/// Those with a [#dtype] can be computed with; the others are copied.
public enum StorageType {
  F64("F64", 64, DType.F64),
  F32("F32", 32, DType.F32),
  F16("F16", 16, DType.F16),
  BF16("BF16", 16, DType.BF16),
  F8_E4M3("F8_E4M3", 8, DType.F8_E4M3),
  F8_E5M2("F8_E5M2", 8, DType.F8_E5M2),
  F8_E8M0("F8_E8M0", 8, null),
  F6_E3M2("F6_E3M2", 6, null),
  F6_E2M3("F6_E2M3", 6, null),
  F4("F4", 4, null),
  C64("C64", 64, null),
  I64("I64", 64, null),
  I32("I32", 32, null),
  I16("I16", 16, null),
  I8("I8", 8, null),
  U64("U64", 64, null),
  U32("U32", 32, null),
  U16("U16", 16, null),
  U8("U8", 8, null),
  BOOL("BOOL", 8, null);

  private final String code;
  private final int bits;
  private final @Nullable DType dtype;

  StorageType(String code, int bits, @Nullable DType dtype) {
    this.code = code;
    this.bits = bits;
    this.dtype = dtype;
  }

  /// The name that a file's header uses.
  public String code() {
    return code;
  }

  /// Bits of one element; fewer than 8 where elements are packed.
  public int bits() {
    return bits;
  }

  /// Bytes of `elements` elements.
  ///
  /// @throws ArithmeticException where that overflows, or is not a whole number of bytes
  public long bytes(long elements) {
    if (bits >= 8) {
      return Math.multiplyExact(elements, bits / 8L);
    }
    long total = Math.multiplyExact(elements, (long) bits);
    if (total % 8 != 0) {
      throw new ArithmeticException(elements + " elements of " + code + " do not fill whole bytes");
    }
    return total / 8;
  }

  /// The type to compute with, if kernels know this one.
  public Optional<DType> dtype() {
    return Optional.ofNullable(dtype);
  }

  /// The storage type of a computable type.
  public static StorageType of(DType dtype) {
    for (StorageType type : values()) {
      if (type.dtype == dtype) {
        return type;
      }
    }
    throw new IllegalArgumentException("no storage type for " + dtype);
  }

  /// The type a header calls `code`, if there is one.
  public static Optional<StorageType> find(String code) {
    return Arrays.stream(values()).filter(type -> type.code.equals(code)).findFirst();
  }

  static String known() {
    return Arrays.stream(values()).map(StorageType::code).collect(Collectors.joining(", "));
  }
}

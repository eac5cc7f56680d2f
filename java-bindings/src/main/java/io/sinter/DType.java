// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.ffi.Abi;

/// Element types.
public enum DType {
  /// IEEE 754 binary64.
  F64(Abi.SINTER_F64, 8),
  /// IEEE 754 binary32.
  F32(Abi.SINTER_F32, 4),
  /// IEEE 754 binary16.
  F16(Abi.SINTER_F16, 2),
  /// bfloat16: the upper half of a binary32.
  BF16(Abi.SINTER_BF16, 2),
  /// OCP float8 with 4 exponent bits and no infinities (e4m3fn). Results saturate at 448.
  F8_E4M3(Abi.SINTER_F8E4M3, 1),
  /// OCP float8 with 5 exponent bits. Results saturate at 57344.
  F8_E5M2(Abi.SINTER_F8E5M2, 1);

  private final int code;
  private final int bytes;

  DType(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /// {@return the type's number in the native library}
  public int code() {
    return code;
  }

  /// {@return the bytes of one element}
  public int bytes() {
    return bytes;
  }
}

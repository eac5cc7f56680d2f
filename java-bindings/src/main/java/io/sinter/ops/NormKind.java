// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.internal.ffi.Abi;

/// Which norm.
public enum NormKind {
  /// Sum of magnitudes.
  L1(Abi.SINTER_NORM_L1),
  /// Square root of the sum of squares.
  L2(Abi.SINTER_NORM_L2),
  /// Largest magnitude; NaN if there is one.
  MAX(Abi.SINTER_NORM_MAX);

  private final int code;

  NormKind(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}

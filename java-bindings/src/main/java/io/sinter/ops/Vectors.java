// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.internal.ffi.Abi;

/// What a method that needs norms and angles takes for a vector. A scalar is one vector of one
/// element.
public enum Vectors {
  /// The whole tensor, flattened: one vector.
  WHOLE(Abi.SINTER_VECTORS_WHOLE),
  /// The vectors along the last axis: as many as the other dimensions' product.
  ROWS(Abi.SINTER_VECTORS_ROWS),
  /// The vectors along axis 0: as many as the other dimensions' product.
  COLUMNS(Abi.SINTER_VECTORS_COLUMNS);

  private final int code;

  Vectors(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }

  /// How many vectors a tensor of a shape has.
  long count(long[] shape) {
    if (this == WHOLE || shape.length == 0) {
      return 1;
    }
    int own = this == ROWS ? shape.length - 1 : 0;
    long count = 1;
    for (int i = 0; i < shape.length; i++) {
      count *= i == own ? 1 : shape[i];
    }
    return count;
  }
}

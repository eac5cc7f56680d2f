// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.internal.ffi.Abi;

/// What kept differences are multiplied by, to make up for those that were dropped.
public enum Rescale {
  /// Nothing: they stay as they are.
  NONE(Abi.SINTER_RESCALE_NONE),
  /// The l1 norm of all differences over that of the kept ones (mergekit's convention); 1 where
  /// either is below 1e-7. Takes a statistic: an element that is not finite is a
  /// [io.sinter.NumericException].
  L1(Abi.SINTER_RESCALE_L1),
  /// One over the probability of being kept (the papers' convention), for methods that drop at
  /// random.
  DENSITY(Abi.SINTER_RESCALE_DENSITY);

  private final int code;

  Rescale(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}

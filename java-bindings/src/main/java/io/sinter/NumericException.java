// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// The data admits no result: a non-finite value where a method reduces over a whole tensor.
public final class NumericException extends SinterException {
  private static final long serialVersionUID = 1;
  private final long tensor;

  /// Made from a status of the native library.
  ///
  /// @param message what happened
  /// @param tensor the index in the batch, or -1
  public NumericException(String message, long tensor) {
    super(message);
    this.tensor = tensor;
  }

  /// {@return the index in the batch of the tensor at fault, or -1 where it is not known}
  public long tensor() {
    return tensor;
  }
}

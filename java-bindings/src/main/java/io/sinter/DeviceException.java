// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// A device is not there, cannot do what was asked, or failed.
public final class DeviceException extends SinterException {
  private static final long serialVersionUID = 1;
  private final int code;

  /// Made from a status of the native library.
  ///
  /// @param message what happened
  /// @param code the CUDA runtime's error number, or 0
  public DeviceException(String message, int code) {
    super(message);
    this.code = code;
  }

  /// {@return the CUDA runtime's error number, or 0}
  public int code() {
    return code;
  }
}

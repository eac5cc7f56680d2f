// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// Memory of a device or of the host ran out, or a stream's workspace limit was reached. Nothing
/// was written.
public final class DeviceOutOfMemoryException extends SinterException {
  private static final long serialVersionUID = 1;

  /// Made from a status of the native library.
  ///
  /// @param message what happened
  public DeviceOutOfMemoryException(String message) {
    super(message);
  }
}

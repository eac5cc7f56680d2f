// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// Mapped memory could not be read or written: its file was truncated meanwhile, or its disk is
/// full.
public final class MemoryFaultException extends SinterException {
  private static final long serialVersionUID = 1;
  private final long address;

  /// Made from a status of the native library.
  ///
  /// @param message what happened
  /// @param address the address that could not be accessed
  public MemoryFaultException(String message, long address) {
    super(message);
    this.address = address;
  }

  /// {@return the address that could not be accessed; minus the segment's address it is the offset
  /// in the map}
  public long address() {
    return address;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// What can go wrong without a mistake of the caller. The message says what to do.
public abstract sealed class SinterException extends RuntimeException
    permits NativeUnavailableException,
        DeviceException,
        DeviceOutOfMemoryException,
        NumericException,
        MemoryFaultException {
  private static final long serialVersionUID = 1;

  SinterException(String message) {
    super(message);
  }
}

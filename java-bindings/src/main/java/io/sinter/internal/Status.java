// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.DeviceException;
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.MemoryFaultException;
import io.sinter.NumericException;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/// Statuses of the native library as exceptions.
public final class Status {
  private Status() {}

  /// A `sinter_error` for one call.
  public static MemorySegment error(SegmentAllocator allocator) {
    MemorySegment error = allocator.allocate(Abi.sinter_error.LAYOUT);
    Abi.sinter_error.struct_size(error, 0, Abi.sinter_error.LAYOUT.byteSize());
    return error;
  }

  /// Throws unless `status` is `SINTER_OK`.
  public static void check(int status, MemorySegment error) {
    if (status != Abi.SINTER_OK) {
      throw exception(status, error);
    }
  }

  /// The exception of a failed call.
  public static RuntimeException exception(int status, MemorySegment error) {
    String message = Abi.sinter_error.message(error, 0);
    return switch (status) {
      case Abi.SINTER_INVALID_ARGUMENT -> new IllegalArgumentException(message);
      case Abi.SINTER_OUT_OF_MEMORY -> new DeviceOutOfMemoryException(message);
      case Abi.SINTER_NUMERIC -> new NumericException(message, Abi.sinter_error.tensor(error, 0));
      case Abi.SINTER_MEMORY_FAULT ->
          new MemoryFaultException(message, Abi.sinter_error.address(error, 0).address());
      default -> new DeviceException(message, Abi.sinter_error.device_code(error, 0));
    };
  }
}

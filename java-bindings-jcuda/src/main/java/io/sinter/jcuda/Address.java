// SPDX-License-Identifier: Apache-2.0
package io.sinter.jcuda;

import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/// Addresses in JCuda's objects, which show them to subclasses only.
final class Address extends Pointer {
  private final boolean allocated;

  private Address(Pointer pointer) {
    super(pointer);
    this.allocated = getNativePointer() != 0;
  }

  /// The address on a device.
  ///
  /// @throws IllegalArgumentException if it has none: null, a Java array, a buffer
  static long of(Pointer pointer) {
    Address address = new Address(pointer);
    long sum = address.getNativePointer() + address.getByteOffset();
    // Pointers to arrays and buffers of Java have no native address, only an offset. A CUdeviceptr
    // is never one of them, and may be an offset from null.
    if (sum == 0 || !(address.allocated || pointer instanceof CUdeviceptr)) {
      throw new IllegalArgumentException(
          "pointer "
              + pointer
              + " has no address on a device: it is null, or points to a Java array or buffer;"
              + " allocate with cudaMalloc or cuMemAlloc and copy there");
    }
    return sum;
  }

  /// The address that a handle holds; 0 where it was not created.
  static long of(NativePointerObject handle) {
    return new Handle(handle).address();
  }

  private static final class Handle extends NativePointerObject {
    Handle(NativePointerObject handle) {
      super(handle);
    }

    long address() {
      return getNativePointer();
    }
  }
}

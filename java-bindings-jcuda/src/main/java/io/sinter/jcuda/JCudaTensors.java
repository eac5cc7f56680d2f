// SPDX-License-Identifier: Apache-2.0
package io.sinter.jcuda;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Tensor;
import io.sinter.internal.Bridge;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/// Device memory as tensors and as pointers.
public final class JCudaTensors {
  private JCudaTensors() {}

  /// Views memory that JCuda allocated as a contiguous tensor.
  ///
  /// The tensor owns nothing: closing it ends its use, and the memory must stay allocated until
  // work
  /// on it is done. How large the memory is cannot be checked.
  ///
  /// @param device the CUDA device that the memory is on
  /// @param pointer where the elements start: a [CUdeviceptr], or a [Pointer] from `cudaMalloc`
  /// @param dtype the elements' type
  /// @param shape at most 8 dimensions, 0 or more each; none for a scalar
  /// @return a tensor over that memory
  /// @throws IllegalArgumentException if the pointer is null or points to a Java array or buffer,
  // if
  ///     the device is the CPU, or the shape is out of range
  public static Tensor tensor(Device device, Pointer pointer, DType dtype, long... shape) {
    Objects.requireNonNull(dtype, "dtype");
    long address = Address.of(Objects.requireNonNull(pointer, "pointer"));
    if (device.isCpu()) {
      throw new IllegalArgumentException(
          "device is cpu, and JCuda's memory is on CUDA devices; use Tensor.of for host memory");
    }
    return Bridge.wrap(device, address, dtype, shape);
  }

  /// The address of a tensor's first element, for both of JCuda's APIs.
  ///
  /// The memory stays the tensor's. A tensor that a stream allocated is freed in the order of the
  /// streams that Sinter used it on: work that JCuda enqueues on another stream must be done before
  /// the tensor is closed. Elements lie in the order of [Tensor#strides].
  ///
  /// @param tensor a tensor on a CUDA device
  /// @return its address
  /// @throws IllegalArgumentException if the tensor is in host memory
  /// @throws IllegalStateException if it is closed
  public static CUdeviceptr pointer(Tensor tensor) {
    if (tensor.device().isCpu()) {
      throw new IllegalArgumentException(
          tensor + " is in host memory; use Pointer.to(tensor.segment().asByteBuffer())");
    }
    return new CUdeviceptr().withByteOffset(Bridge.view(tensor).address());
  }
}

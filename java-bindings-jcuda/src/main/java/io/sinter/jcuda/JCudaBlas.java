// SPDX-License-Identifier: Apache-2.0
package io.sinter.jcuda;

import io.sinter.DeviceException;
import io.sinter.Stream;
import java.util.Objects;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;

/// cuBLAS on Sinter's streams. Needs `org.jcuda:jcublas`.
public final class JCudaBlas {
  private JCudaBlas() {}

  /// Lets a handle enqueue its work on a stream, in order with Sinter's: tensors that one side
  /// writes can be read by the other without synchronising. The handle stays the caller's; before
  /// `stream` is closed, give it another stream or destroy it.
  ///
  /// @param handle a handle created on the stream's device
  /// @param stream a stream on a CUDA device
  /// @throws IllegalArgumentException if the handle was not created
  /// @throws DeviceException if the stream is on the CPU, or cuBLAS refuses
  /// @throws IllegalStateException if the stream is closed
  public static void share(cublasHandle handle, Stream stream) {
    if (Address.of(Objects.requireNonNull(handle, "handle")) == 0) {
      throw new IllegalArgumentException(
          "handle " + handle + " was not created; call cublasCreate first");
    }
    int status = JCublas2.cublasSetStream(handle, JCudaStreams.runtimeStream(stream));
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new DeviceException(
          "cublasSetStream: "
              + cublasStatus.stringFor(status)
              + "; was the handle created on that device?",
          0);
    }
  }
}

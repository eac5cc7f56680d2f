// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// The peer that everybody uses: libtorch's lerp over the same memory, with as many threads.
final class TorchLerp {
  private final org.bytedeco.pytorch.Tensor a;
  private final org.bytedeco.pytorch.Tensor b;
  private final org.bytedeco.pytorch.Tensor out;
  private final Scalar t;

  /// @throws LinkageError if libtorch is not on the class path
  TorchLerp(Tensor a, Tensor b, double t, Tensor out, int threads) {
    torch.set_num_threads(threads);
    this.a = view(a);
    this.b = view(b);
    this.out = view(out);
    this.t = new Scalar(t);
  }

  void run() {
    torch.lerp_out(out, a, b, t).close();
  }

  void close() {
    a.close();
    b.close();
    out.close();
    t.close();
  }

  private static org.bytedeco.pytorch.Tensor view(Tensor tensor) {
    torch.ScalarType type =
        tensor.dtype() == DType.BF16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Float;
    return torch.from_blob(
        new Address(tensor.segment().address()),
        new long[] {tensor.elements()},
        new TensorOptions(type));
  }

  /// A pointer to memory that somebody else owns.
  private static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }
}

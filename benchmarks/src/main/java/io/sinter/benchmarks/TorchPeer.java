// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// The peer that everybody uses: libtorch's operators over the same memory, with as many threads,
/// put together as one would write the method in Python. They compute in the tensors' dtype.
final class TorchPeer implements AutoCloseable {
  private final List<org.bytedeco.pytorch.Tensor> in = new ArrayList<>();
  private final org.bytedeco.pytorch.Tensor out;

  /// @throws LinkageError if libtorch is not on the class path
  TorchPeer(List<Tensor> inputs, Tensor out, int threads) {
    torch.set_num_threads(threads);
    for (Tensor each : inputs) {
      in.add(view(each));
    }
    this.out = view(out);
  }

  @Override
  public void close() {
    in.forEach(Pointer::close);
    out.close();
  }

  void lerp(double t) {
    try (PointerScope scope = new PointerScope()) {
      torch.lerp_out(out, in.get(0), in.get(1), new Scalar(t));
    }
  }

  void linear(double[] weights) {
    try (PointerScope scope = new PointerScope()) {
      torch.mul_out(out, in.get(0), new Scalar(weights[0]));
      for (int k = 1; k < weights.length; k++) {
        out.add_(in.get(k), new Scalar(weights[k]));
      }
    }
  }

  /// Inputs are the base and the models.
  void taskArithmetic(double[] coefficients) {
    try (PointerScope scope = new PointerScope()) {
      out.copy_(in.get(0));
      for (int k = 0; k < coefficients.length; k++) {
        out.add_(torch.sub(in.get(k + 1), in.get(0)), new Scalar(coefficients[k]));
      }
    }
  }

  void slerp(double t) {
    try (PointerScope scope = new PointerScope()) {
      double aa = torch.dot(in.get(0), in.get(0)).item_double();
      double ab = torch.dot(in.get(0), in.get(1)).item_double();
      double bb = torch.dot(in.get(1), in.get(1)).item_double();
      double theta = Math.acos(ab / Math.sqrt(aa * bb));
      torch.mul_out(out, in.get(0), new Scalar(Math.sin((1 - t) * theta) / Math.sin(theta)));
      out.add_(in.get(1), new Scalar(Math.sin(t * theta) / Math.sin(theta)));
    }
  }

  /// Inputs are the base and one model.
  void dare(double density) {
    try (PointerScope scope = new PointerScope()) {
      org.bytedeco.pytorch.Tensor delta = torch.sub(in.get(1), in.get(0));
      delta.mul_(torch.empty_like(delta).bernoulli_(density, new GeneratorOptional()));
      torch.add_out(out, in.get(0), delta, new Scalar(1 / density));
    }
  }

  /// Inputs are the base and the models.
  void ties(double density, double weight) {
    try (PointerScope scope = new PointerScope()) {
      List<org.bytedeco.pytorch.Tensor> kept = new ArrayList<>();
      org.bytedeco.pytorch.Tensor sum = torch.zeros_like(out);
      for (int k = 1; k < in.size(); k++) {
        org.bytedeco.pytorch.Tensor delta = torch.sub(in.get(k), in.get(0));
        org.bytedeco.pytorch.Tensor magnitude = torch.abs(delta);
        long drop = delta.numel() - (long) (density * delta.numel());
        org.bytedeco.pytorch.Tensor threshold = torch.kthvalue(magnitude, drop).get0();
        delta.mul_(torch.gt(magnitude, threshold));
        sum.add_(delta, new Scalar(weight));
        kept.add(delta);
      }
      org.bytedeco.pytorch.Tensor sign = torch.sign(sum);
      org.bytedeco.pytorch.Tensor mixed = torch.zeros_like(out);
      org.bytedeco.pytorch.Tensor weights = torch.zeros_like(out);
      for (org.bytedeco.pytorch.Tensor delta : kept) {
        org.bytedeco.pytorch.Tensor agrees = torch.eq(torch.sign(delta), sign);
        mixed.add_(delta.mul_(agrees), new Scalar(weight));
        weights.add_(agrees, new Scalar(weight));
      }
      torch.add_out(out, in.get(0), mixed.div_(torch.clamp_min(weights, new Scalar(weight))));
    }
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

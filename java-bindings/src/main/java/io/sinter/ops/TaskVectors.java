// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Arithmetic on the differences between fine-tuned models and their base.
public final class TaskVectors {
  private TaskVectors() {}

  /// Task arithmetic: `out = base + lambda sum_i w_i (x_i - base)`, the sum divided by `sum_i w_i`
  /// (by 1 where that is below 1e-8 in magnitude) if `normalize`; `base[...], x_i[...] ->
  /// out[...]`.
  ///
  /// Source: Ilharco et al., "Editing models with task arithmetic", ICLR 2023.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param lambda any finite number
  /// @param normalize whether to divide by the sum of the weights
  /// @param out any dtype; may be `base` or one of the inputs
  public static void taskArithmetic(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double lambda,
      boolean normalize,
      Tensor out) {
    taskArithmetic(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[] {lambda},
        normalize,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Computes a batch as [#taskArithmetic(Stream, Tensor, List, double\[\], double, boolean,
  /// Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param lambda one finite number for each tensor
  /// @param normalize whether to divide by the sum of a tensor's weights
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void taskArithmetic(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[] lambda,
      boolean normalize,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "taskArithmetic", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_task_arithmetic(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              lambdas,
              normalize ? 1 : 0,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Averages that keep what tensors are as vectors: their norms and the angles between them.
///
/// All work in the span of the inputs: inner products in float64 (see [Reductions#gram]) give one
/// coefficient per model and vector, and one weighted sum in the models' order gives the result.
/// With a base, the vectors are the differences from it, rounded to [Arithmetic#deltaDtype] where
/// that is given, and the result is added to it.
///
/// All read the inputs twice and refuse elements that are not finite with a [NumericException] that
/// names tensor and input: from the call itself on the CPU, before anything is written, and from
/// the next [Stream#synchronize] elsewhere. Where a method falls back to something simpler, the
/// third column of [Arithmetic#counts] tells how often.
public final class Spherical {
  private Spherical() {}

  /// Spherical interpolation of vectors by weights; `a[...], b[...] (, base[...]) -> out[...]`.
  ///
  /// With `c = <a, b> / (max(|a|, 1e-7) max(|b|, 1e-7))` and `theta = acos c`: `(1 - t) a + t b`
  /// where `|sin theta| < 1e-8`, else `sin((1 - t) theta) / sin(theta) a + sin(t theta) /
  /// sin(theta) b`. Source: mergekit's nuslerp.
  ///
  /// @param stream the stream
  /// @param base any dtype, or null to interpolate the tensors themselves
  /// @param a any dtype
  /// @param b any dtype
  /// @param t any finite number; the weight of `b` over that of both
  /// @param vectors what is a vector
  /// @param out any dtype; may be one of the inputs
  /// @throws NumericException if an element is not finite
  public static void nuslerp(
      Stream stream,
      @Nullable Tensor base,
      Tensor a,
      Tensor b,
      double t,
      Vectors vectors,
      Tensor out) {
    nuslerp(
        stream,
        base == null ? null : List.of(base),
        List.of(a),
        List.of(b),
        new double[] {t},
        vectors,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#nuslerp(Stream, Tensor, Tensor, Tensor, double, Vectors, Tensor)]
  /// does.
  ///
  /// @param stream the stream
  /// @param base one for each pair, or null
  /// @param a any dtypes
  /// @param b any dtypes, of the shapes of `a`
  /// @param t one finite number for each pair
  /// @param vectors what is a vector
  /// @param out any dtypes, of the shapes of `a`
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void nuslerp(
      Stream stream,
      @Nullable List<Tensor> base,
      List<Tensor> a,
      List<Tensor> b,
      double[] t,
      Vectors vectors,
      List<Tensor> out,
      Arithmetic arithmetic) {
    Objects.requireNonNull(vectors, "vectors");
    try (Call call = Call.on(stream, "nuslerp", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment bases = call.inputsOrNull("base", base);
      MemorySegment parameters = call.numbers("t", t);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_nuslerp(
              call.stream(),
              call.count(),
              bases,
              first,
              second,
              parameters,
              vectors.code(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Average on the sphere of whole tensors: `u_i = x_i / (|x_i| + epsilon)`, `m = sum_i w_i u_i`,
  /// `out = m / |m| sum_i w_i |x_i|`; `x_i[...] (, base[...]) -> out[...]`.
  ///
  /// Falls back to `sum_i w_i x_i` where every `x_i` is zero, or two models cancel (`|m| < 1e-8`).
  /// Source: mergekit's multislerp, whose tangent step is zero.
  ///
  /// @param stream the stream
  /// @param base any dtype, or null to average the tensors themselves
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param options whether weights are normalised, and what is added to norms
  /// @param out any dtype; may be one of the inputs
  /// @throws NumericException if an element is not finite, or more than two models cancel
  public static void multislerp(
      Stream stream,
      @Nullable Tensor base,
      List<Tensor> inputs,
      double[] weights,
      MultislerpOptions options,
      Tensor out) {
    multislerp(
        stream,
        base == null ? null : List.of(base),
        List.of(inputs),
        new double[][] {weights},
        options,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Averages a batch as [#multislerp(Stream, Tensor, List, double\[\], MultislerpOptions, Tensor)]
  /// does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor, or null
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param options whether weights are normalised, and what is added to norms
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite, or more than two models cancel
  public static void multislerp(
      Stream stream,
      @Nullable List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      MultislerpOptions options,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(options, "options");
    try (Call call = Call.on(stream, "multislerp", inputs.size())) {
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment bases = call.inputsOrNull("base", base);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_multislerp(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              options.normalize() ? 1 : 0,
              options.epsilon(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Karcher (Fréchet) mean of the directions of whole tensors, all of equal weight, times their
  /// mean norm; `x_i[...] -> out[...]`.
  ///
  /// Tensors whose norm is at most the tolerance have no direction and are left out; falls back to
  /// the mean where none is left. Source: Karcher, "Riemannian center of mass", 1977; conventions
  /// as mergekit's.
  ///
  /// @param stream the stream
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param options when it stops
  /// @param out any dtype; may be one of the inputs
  /// @throws NumericException if an element is not finite
  public static void karcher(
      Stream stream, List<Tensor> inputs, KarcherOptions options, Tensor out) {
    karcher(stream, List.of(inputs), options, List.of(out), Arithmetic.DEFAULT);
  }

  /// Averages a batch as [#karcher(Stream, List, KarcherOptions, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param options when it stops
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void karcher(
      Stream stream,
      List<List<Tensor>> inputs,
      KarcherOptions options,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(options, "options");
    try (Call call = Call.on(stream, "karcher", inputs.size())) {
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_karcher(
              call.stream(),
              call.count(),
              models,
              tensors,
              options.maxIterations(),
              options.tolerance(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Model stock: `out = base + t mean_i (x_i - base)`, `t = N c / (1 + (N - 1) c)` with `c` the
  /// mean cosine of the pairs of differences; `base[...], x_i[...] -> out[...]`.
  ///
  /// Falls back to the base (`t = 0`) where `|1 + (N - 1) c| < 1e-6`. Source: Jang et al., "Model
  /// stock: all we need is just a few fine-tuned models", ECCV 2024.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least two; any dtypes
  /// @param vectors [whole tensors][Vectors#WHOLE] or [rows][Vectors#ROWS]
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite
  public static void modelStock(
      Stream stream, Tensor base, List<Tensor> inputs, Vectors vectors, Tensor out) {
    modelStock(stream, List.of(base), List.of(inputs), vectors, List.of(out), Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#modelStock(Stream, Tensor, List, Vectors, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor, at least two
  /// @param vectors [whole tensors][Vectors#WHOLE] or [rows][Vectors#ROWS]
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void modelStock(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      Vectors vectors,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(vectors, "vectors");
    try (Call call = Call.on(stream, "modelStock", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_model_stock(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              vectors.code(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }
}

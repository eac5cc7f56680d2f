// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.Scalars;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Interpolation and averages of models.
public final class Interpolation {
  private Interpolation() {}

  /// The coefficients of a spherical interpolation.
  ///
  /// @param a the weight of the first tensor
  /// @param b the weight of the second
  /// @param linear whether the tensors are so nearly parallel that [#lerp] takes the place of the
  ///     weighted sum
  public record SlerpWeights(double a, double b, boolean linear) {}

  /// Linear interpolation: `out = t < 1/2 ? fma(t, b - a, a) : fma(-(1 - t), b - a, b)`;
  /// `a[...], b[...] -> out[...]`.
  ///
  /// `t = 0` and `t = 1` copy `a` and `b`; bytes are kept where the dtypes are equal. Equal
  /// elements give exactly that element for every `t` in `[0, 1]`.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param t any finite number
  /// @param out any dtype; may be `a` or `b`
  public static void lerp(Stream stream, Tensor a, Tensor b, double t, Tensor out) {
    lerp(stream, List.of(a), List.of(b), new double[] {t}, List.of(out), Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#lerp(Stream, Tensor, Tensor, double, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param a any dtypes
  /// @param b any dtypes, of the shapes of `a`
  /// @param t one finite number for each pair
  /// @param out any dtypes, of the shapes of `a`
  /// @param arithmetic how elements are computed
  public static void lerp(
      Stream stream,
      List<Tensor> a,
      List<Tensor> b,
      double[] t,
      List<Tensor> out,
      Arithmetic arithmetic) {
    try (Call call = Call.on(stream, "lerp", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment parameters = call.numbers("t", t);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_lerp(
              call.stream(),
              call.count(),
              first,
              second,
              parameters,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Weighted sum of models: `out = sum_i w_i x_i`, divided by `sum_i w_i` if `normalize`;
  /// `x_i[...] -> out[...]`.
  ///
  /// With `normalize` one model is copied, and two are [#lerp] with `t = w_2 / (w_1 + w_2)`.
  ///
  /// @param stream the stream
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param normalize whether to divide by the sum of the weights, which then must be at least 1e-8
  ///     in magnitude
  /// @param out any dtype; may be one of the inputs
  public static void linear(
      Stream stream, List<Tensor> inputs, double[] weights, boolean normalize, Tensor out) {
    linear(
        stream,
        List.of(inputs),
        new double[][] {weights},
        normalize,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Sums a batch as [#linear(Stream, List, double\[\], boolean, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param normalize whether to divide by the sum of a tensor's weights
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void linear(
      Stream stream,
      List<List<Tensor>> inputs,
      double[][] weights,
      boolean normalize,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "linear", inputs.size())) {
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_linear(
              call.stream(),
              call.count(),
              models,
              tensors,
              numbers,
              normalize ? 1 : 0,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Spherical interpolation of whole tensors: the arc from `a` to `b` in the plane they span;
  /// `a[...], b[...] -> out[...]`.
  ///
  /// With `c = <a, b> / (|a| |b|)`, a norm of at most 1e-8 counting as 1: [#lerp] where `|c| >
  /// 0.9995`, else `sin((1 - t) theta) / sin(theta) a + sin(t theta) / sin(theta) b` with `theta =
  /// acos c`. `t = 0` and `t = 1` copy. Reads the inputs twice. Source: Shoemake, "Animating
  /// rotation with quaternion curves", SIGGRAPH 1985; thresholds as mergekit's.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param t any finite number
  /// @param out any dtype; may be `a` or `b`
  /// @throws NumericException if an element is not finite: from this call on the CPU, from the next
  ///     [Stream#synchronize] elsewhere
  public static void slerp(Stream stream, Tensor a, Tensor b, double t, Tensor out) {
    slerp(stream, List.of(a), List.of(b), new double[] {t}, List.of(out), Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#slerp(Stream, Tensor, Tensor, double, Tensor)] does, each tensor by
  /// itself.
  ///
  /// @param stream the stream
  /// @param a any dtypes
  /// @param b any dtypes, of the shapes of `a`
  /// @param t one finite number for each pair
  /// @param out any dtypes, of the shapes of `a`
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite; it names the tensor
  public static void slerp(
      Stream stream,
      List<Tensor> a,
      List<Tensor> b,
      double[] t,
      List<Tensor> out,
      Arithmetic arithmetic) {
    try (Call call = Call.on(stream, "slerp", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment parameters = call.numbers("t", t);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_slerp(
              call.stream(),
              call.count(),
              first,
              second,
              parameters,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Towards `b` where `a` and `b` differ by less than `t`; else towards `a`, the less the more
  /// they differ: `out = lerp(a, b, w)`, `w = min(t / max(|a - b|, 1e-6), 1)`; `a[...], b[...] ->
  /// out[...]`.
  ///
  /// Source: mergekit's nearswap.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param t 0 or more
  /// @param out any dtype; may be `a` or `b`
  public static void nearswap(Stream stream, Tensor a, Tensor b, double t, Tensor out) {
    nearswap(stream, List.of(a), List.of(b), new double[] {t}, List.of(out), Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#nearswap(Stream, Tensor, Tensor, double, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param a any dtypes
  /// @param b any dtypes, of the shapes of `a`
  /// @param t one number for each pair, 0 or more
  /// @param out any dtypes, of the shapes of `a`
  /// @param arithmetic how elements are computed
  public static void nearswap(
      Stream stream,
      List<Tensor> a,
      List<Tensor> b,
      double[] t,
      List<Tensor> out,
      Arithmetic arithmetic) {
    try (Call call = Call.on(stream, "nearswap", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment parameters = call.numbers("t", t, Call.Range.NOT_NEGATIVE);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_nearswap(
              call.stream(),
              call.count(),
              first,
              second,
              parameters,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// The coefficients of [#slerp] from the results of [Reductions#dots], for callers that stream a
  /// tensor in pieces: `out = weights.a() a + weights.b() b` by [#linear] without `normalize`, or,
  /// where `weights.linear()`, [#lerp] with `t`. The same on every machine.
  ///
  /// @param aa `<a, a>`
  /// @param ab `<a, b>`
  /// @param bb `<b, b>`
  /// @param t any finite number
  /// @return the coefficients
  /// @throws NumericException if a product is not finite
  public static SlerpWeights slerpWeights(double aa, double ab, double bb, double t) {
    if (!Double.isFinite(t)) {
      throw new IllegalArgumentException("slerpWeights: t is " + t + "; it must be finite");
    }
    double[] weights = new double[2];
    boolean linear = Scalars.slerpWeights(aa, ab, bb, t, weights);
    return new SlerpWeights(weights[0], weights[1], linear);
  }
}

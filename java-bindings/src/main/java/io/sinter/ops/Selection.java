// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Exact order statistics, without sorting. An element that is not finite is a [NumericException]:
/// from the call itself on the CPU, from the next [Stream#synchronize] elsewhere.
///
/// The forms that return numbers synchronise the stream.
public final class Selection {
  private Selection() {}

  /// What keeps exactly the k elements of largest magnitude: an element is kept where its magnitude
  /// is above the threshold, or equals it and its index is below the cutoff.
  ///
  /// @param threshold the k-th magnitude; infinite for `k = 0`
  /// @param cutoff the index from which elements of that magnitude are dropped
  public record Selected(double threshold, long cutoff) {}

  /// Finds the k elements of largest magnitude; `in[...] -> out f64[1, 2]` as `(threshold,
  /// cutoff)`, see [Selected]. Of equal magnitudes the lowest indices are kept.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param k 0 to the number of elements
  /// @param out contiguous
  /// @throws NumericException if an element is not finite
  public static void select(Stream stream, Tensor in, long k, Tensor out) {
    select(stream, null, List.of(in), new long[] {k}, null, null, out);
  }

  /// Selects in each tensor of a batch; `in[i][...] (, base[i][...]) -> out f64[count, 2]`.
  ///
  /// @param stream the stream
  /// @param base one for each tensor: magnitudes are of the differences `in - base`; or null: of
  ///     the elements themselves
  /// @param in any dtypes and shapes
  /// @param k one number for each tensor, 0 to the number of its elements
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param deltaDtype rounds every difference to this dtype; null leaves them as computed
  /// @param out contiguous
  /// @throws NumericException if an element is not finite
  public static void select(
      Stream stream,
      @Nullable List<Tensor> base,
      List<Tensor> in,
      long[] k,
      @Nullable DType dtype,
      @Nullable DType deltaDtype,
      Tensor out) {
    try (Call call = Call.on(stream, "select", in.size())) {
      MemorySegment numbers = call.integers("k", k);
      select(call, base, in, numbers, false, dtype, deltaDtype, out);
    }
  }

  /// Selects in a batch's tensors as if they were one sequence in their order: one `k` for all, and
  /// the same threshold for each; `in[i][...] (, base[i][...]) -> out f64[count, 2]`.
  ///
  /// @param stream the stream
  /// @param base one for each tensor: magnitudes are of the differences `in - base`; or null: of
  ///     the elements themselves
  /// @param in any dtypes and shapes
  /// @param k 0 to the number of elements of all tensors
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param deltaDtype rounds every difference to this dtype; null leaves them as computed
  /// @param out contiguous; each tensor's cutoff is an index within it
  /// @throws NumericException if an element is not finite
  public static void selectJoint(
      Stream stream,
      @Nullable List<Tensor> base,
      List<Tensor> in,
      long k,
      @Nullable DType dtype,
      @Nullable DType deltaDtype,
      Tensor out) {
    try (Call call = Call.on(stream, "selectJoint", in.size())) {
      select(call, base, in, call.integer(k), true, dtype, deltaDtype, out);
    }
  }

  private static void select(
      Call call,
      @Nullable List<Tensor> base,
      List<Tensor> in,
      MemorySegment k,
      boolean joint,
      @Nullable DType dtype,
      @Nullable DType deltaDtype,
      Tensor out) {
    MemorySegment inputs = call.inputs("in", in);
    MemorySegment bases = call.inputsOrNull("base", base);
    MemorySegment results =
        call.results("out", Objects.requireNonNull(out, "out"), call.count(), 2);
    call.check(
        Abi.sinter_select(
            call.stream(),
            call.count(),
            bases,
            inputs,
            k,
            joint ? 1 : 0,
            Arithmetic.code(dtype),
            Arithmetic.code(deltaDtype),
            results,
            call.error()));
  }

  /// {@return what keeps the k elements of largest magnitude}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  /// @param k 0 to the number of elements
  /// @throws NumericException if an element is not finite
  public static Selected select(Stream stream, Tensor in, long k) {
    double[] pair = Results.read(stream, out -> select(stream, in, k, out), 1, 2);
    return new Selected(pair[0], (long) pair[1]);
  }

  /// Lower quantiles of a batch's elements themselves: `out[i][j]` is the element at index
  /// `floor(q[j] (n - 1))` of `in[i]` in ascending order, -0 before +0, and NaN for a tensor
  /// without elements; `in[i][...] -> out f64[count, quantiles]`.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param q at least one number from 0 to 1
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  /// @throws NumericException if an element is not finite
  public static void quantile(
      Stream stream, List<Tensor> in, double[] q, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "quantile", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment quantiles = call.list("q", q, Call.Range.SHARE);
      MemorySegment results =
          call.results("out", Objects.requireNonNull(out, "out"), call.count(), q.length);
      call.check(
          Abi.sinter_quantile(
              call.stream(),
              call.count(),
              inputs,
              q.length,
              quantiles,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return lower quantiles of a tensor's elements}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  /// @param q at least one number from 0 to 1
  /// @throws NumericException if an element is not finite
  public static double[] quantile(Stream stream, Tensor in, double... q) {
    return Results.read(stream, out -> quantile(stream, List.of(in), q, null, out), 1, q.length);
  }

  /// Ranks of magnitudes within rows: `out[...]` is the number of elements in the row that are of
  /// smaller magnitude, or equal and of lower index; `in[...] -> out[...]`. Rows run along axis 1;
  /// a tensor of rank 0 or 1 is one row.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param out f64, or f32 where rows have at most 2^24 elements
  /// @throws NumericException if an element is not finite
  public static void rank(Stream stream, Tensor in, Tensor out) {
    rank(stream, List.of(in), null, List.of(out));
  }

  /// Ranks a batch's elements as [#rank(Stream, Tensor, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out f64 or f32, of the shapes of `in`
  /// @throws NumericException if an element is not finite
  public static void rank(Stream stream, List<Tensor> in, @Nullable DType dtype, List<Tensor> out) {
    try (Call call = Call.on(stream, "rank", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_rank(
              call.stream(), call.count(), inputs, Arithmetic.code(dtype), outputs, call.error()));
    }
  }
}

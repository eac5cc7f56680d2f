// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Reductions of whole tensors to float64, in one order that depends on the elements' indices
/// alone: the same bytes on every device and with every number of threads.
///
/// A tensor cut at multiples of 4096 * 4096 elements, its pieces reduced apart and their results
/// added by [#sum(Stream, Tensor, Tensor)], gives the same bytes. No element gives 0. Non-finite
/// elements follow IEEE 754.
///
/// The forms that return numbers synchronise the stream.
public final class Reductions {
  /// Elements of a chunk of the canonical order.
  public static final int CHUNK = 4096;

  private Reductions() {}

  /// The products of two tensors.
  ///
  /// @param aa `<a, a>`
  /// @param ab `<a, b>`
  /// @param bb `<b, b>`
  public record Dots(double aa, double ab, double bb) {}

  /// The sums of a tensor's first powers.
  ///
  /// @param sum of the elements
  /// @param squares of their squares
  /// @param cubes of their cubes
  /// @param fourths of their fourth powers
  public record Moments(double sum, double squares, double cubes, double fourths) {}

  /// How many elements are of which kind.
  ///
  /// @param finite the finite ones
  /// @param infinite the infinite ones
  /// @param nan those that are NaN
  /// @param above those of magnitude above the threshold
  public record Counted(long finite, long infinite, long nan, long above) {}

  /// The sum of a tensor's elements; `in[...] -> out f64[1]`.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param out contiguous
  public static void sum(Stream stream, Tensor in, Tensor out) {
    sum(stream, List.of(in), null, out);
  }

  /// The sums of a batch's tensors; `in[k][...] -> out f64[count]`.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void sum(Stream stream, List<Tensor> in, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "sum", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results = call.results("out", required(out), call.count());
      call.check(
          Abi.sinter_sum(
              call.stream(), call.count(), inputs, Arithmetic.code(dtype), results, call.error()));
    }
  }

  /// {@return the sum of a tensor's elements}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  public static double sum(Stream stream, Tensor in) {
    return Results.read(stream, out -> sum(stream, in, out), 1)[0];
  }

  /// A norm of a tensor; `in[...] -> out f64[1]`.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param kind which norm
  /// @param out contiguous
  public static void norm(Stream stream, Tensor in, NormKind kind, Tensor out) {
    norm(stream, List.of(in), kind, null, out);
  }

  /// Norms of a batch's tensors; `in[k][...] -> out f64[count]`.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param kind which norm
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void norm(
      Stream stream, List<Tensor> in, NormKind kind, @Nullable DType dtype, Tensor out) {
    Objects.requireNonNull(kind, "kind");
    try (Call call = Call.on(stream, "norm", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results = call.results("out", required(out), call.count());
      call.check(
          Abi.sinter_norm(
              call.stream(),
              call.count(),
              inputs,
              kind.code(),
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return a norm of a tensor}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  /// @param kind which norm
  public static double norm(Stream stream, Tensor in, NormKind kind) {
    return Results.read(stream, out -> norm(stream, in, kind, out), 1)[0];
  }

  /// The inner product of two tensors; `a[...], b[...] -> out f64[1]`.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param out contiguous
  public static void dot(Stream stream, Tensor a, Tensor b, Tensor out) {
    dot(stream, List.of(a), List.of(b), null, out);
  }

  /// The inner products of a batch's pairs; `a[k][...], b[k][...] -> out f64[count]`.
  ///
  /// @param stream the stream
  /// @param a any dtypes and shapes
  /// @param b any dtypes, of the shapes of `a`
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void dot(
      Stream stream, List<Tensor> a, List<Tensor> b, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "dot", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment results = call.results("out", required(out), call.count());
      call.check(
          Abi.sinter_dot(
              call.stream(),
              call.count(),
              first,
              second,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return the inner product of two tensors}
  ///
  /// @param stream the stream, which is synchronised
  /// @param a any dtype
  /// @param b any dtype, of the shape of `a`
  public static double dot(Stream stream, Tensor a, Tensor b) {
    return Results.read(stream, out -> dot(stream, a, b, out), 1)[0];
  }

  /// `<a, a>`, `<a, b>` and `<b, b>` in one pass; `a[...], b[...] -> out f64[1, 3]`.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param out contiguous
  public static void dots(Stream stream, Tensor a, Tensor b, Tensor out) {
    dots(stream, List.of(a), List.of(b), null, out);
  }

  /// `<a, a>`, `<a, b>` and `<b, b>` of a batch's pairs in one pass;
  /// `a[k][...], b[k][...] -> out f64[count, 3]`.
  ///
  /// @param stream the stream
  /// @param a any dtypes and shapes
  /// @param b any dtypes, of the shapes of `a`
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void dots(
      Stream stream, List<Tensor> a, List<Tensor> b, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "dots", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment results = call.results("out", required(out), call.count(), 3);
      call.check(
          Abi.sinter_dots(
              call.stream(),
              call.count(),
              first,
              second,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return the products of two tensors, in one pass}
  ///
  /// @param stream the stream, which is synchronised
  /// @param a any dtype
  /// @param b any dtype, of the shape of `a`
  public static Dots dots(Stream stream, Tensor a, Tensor b) {
    double[] products = Results.read(stream, out -> dots(stream, a, b, out), 1, 3);
    return new Dots(products[0], products[1], products[2]);
  }

  /// All inner products of a batch entry's models, in one pass: `out[k][v][i][j] = <x_i, x_j>` over
  /// vector `v`; `inputs[k][i][...] (, base[k][...]) -> out[k] f64[vectors, models, models]`. An
  /// element's index is that within its vector.
  ///
  /// @param stream the stream
  /// @param base one for each entry: the vectors are the differences from it; or null: the models
  ///     themselves
  /// @param inputs `[entry][model]`, the same number of models for each entry; any dtypes
  /// @param vectors what is a vector
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param deltaDtype rounds every difference to this dtype; null leaves them as computed
  /// @param out contiguous, one for each entry
  public static void gram(
      Stream stream,
      @Nullable List<Tensor> base,
      List<List<Tensor>> inputs,
      Vectors vectors,
      @Nullable DType dtype,
      @Nullable DType deltaDtype,
      List<Tensor> out) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(vectors, "vectors");
    try (Call call = Call.on(stream, "gram", inputs.size())) {
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment bases = call.inputsOrNull("base", base);
      MemorySegment results =
          call.results("out", out, shape -> new long[] {vectors.count(shape), models, models});
      call.check(
          Abi.sinter_gram(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              vectors.code(),
              Arithmetic.code(dtype),
              Arithmetic.code(deltaDtype),
              results,
              call.error()));
    }
  }

  /// {@return the inner products of whole tensors, `[model][model]`}
  ///
  /// @param stream the stream, which is synchronised
  /// @param base any dtype: the products are of the differences from it; or null
  /// @param inputs the models' tensors, at least one; any dtypes
  public static double[][] gram(Stream stream, @Nullable Tensor base, List<Tensor> inputs) {
    int models = inputs.size();
    double[] products =
        Results.read(
            stream,
            out ->
                gram(
                    stream,
                    base == null ? null : List.of(base),
                    List.of(inputs),
                    Vectors.WHOLE,
                    null,
                    null,
                    List.of(out)),
            1,
            models,
            models);
    double[][] gram = new double[models][];
    Arrays.setAll(gram, i -> Arrays.copyOfRange(products, i * models, (i + 1) * models));
    return gram;
  }

  /// The sums of the first four powers of the elements of a batch's tensors; `in[k][...] -> out
  /// f64[count, 4]`.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void moments(Stream stream, List<Tensor> in, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "moments", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results = call.results("out", required(out), call.count(), 4);
      call.check(
          Abi.sinter_moments(
              call.stream(), call.count(), inputs, Arithmetic.code(dtype), results, call.error()));
    }
  }

  /// {@return the sums of the first four powers of a tensor's elements}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  public static Moments moments(Stream stream, Tensor in) {
    double[] sums = Results.read(stream, out -> moments(stream, List.of(in), null, out), 1, 4);
    return new Moments(sums[0], sums[1], sums[2], sums[3]);
  }

  /// How many elements of a batch's tensors are finite, infinite, NaN, and of magnitude above a
  /// threshold; `in[k][...] -> out f64[count, 4]`. NaN is above none.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param threshold one number for each tensor, 0 or more
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void count(
      Stream stream, List<Tensor> in, double[] threshold, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "count", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment thresholds = call.numbers("threshold", threshold, Call.Range.NOT_NEGATIVE);
      MemorySegment results = call.results("out", required(out), call.count(), 4);
      call.check(
          Abi.sinter_count(
              call.stream(),
              call.count(),
              inputs,
              thresholds,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return how many elements of a tensor are of which kind}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  /// @param threshold 0 or more
  public static Counted count(Stream stream, Tensor in, double threshold) {
    double[] numbers =
        Results.read(
            stream, out -> count(stream, List.of(in), new double[] {threshold}, null, out), 1, 4);
    return new Counted((long) numbers[0], (long) numbers[1], (long) numbers[2], (long) numbers[3]);
  }

  /// The sums of the elements of a batch's tensors where a mask is not 0; elsewhere nothing is
  /// added, NaN neither; `in[k][...], mask[k][...] -> out f64[count]`. A weighted sum is [#dot].
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param mask any dtypes, of the shapes of `in`
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous
  public static void maskedSum(
      Stream stream, List<Tensor> in, List<Tensor> mask, @Nullable DType dtype, Tensor out) {
    try (Call call = Call.on(stream, "maskedSum", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment masks = call.inputs("mask", mask);
      MemorySegment results = call.results("out", required(out), call.count());
      call.check(
          Abi.sinter_masked_sum(
              call.stream(),
              call.count(),
              inputs,
              masks,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// {@return the sum of a tensor's elements where a mask is not 0}
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtype
  /// @param mask any dtype, of the shape of `in`
  public static double maskedSum(Stream stream, Tensor in, Tensor mask) {
    return Results.read(stream, out -> maskedSum(stream, List.of(in), List.of(mask), null, out), 1)[
        0];
  }

  /// The sum of each row along the last axis; `in[..., n] -> out f64[...]`. A scalar is one row of
  /// one.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param out contiguous, of the shape of `in` without its last dimension
  public static void rowSum(Stream stream, Tensor in, Tensor out) {
    rowSum(stream, List.of(in), null, List.of(out));
  }

  /// Sums the rows of a batch's tensors as [#rowSum(Stream, Tensor, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous, of the shapes of `in` without their last dimension
  public static void rowSum(
      Stream stream, List<Tensor> in, @Nullable DType dtype, List<Tensor> out) {
    try (Call call = Call.on(stream, "rowSum", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results = call.results("out", out, Reductions::withoutLast);
      call.check(
          Abi.sinter_row_sum(
              call.stream(), call.count(), inputs, Arithmetic.code(dtype), results, call.error()));
    }
  }

  /// A norm of each row along the last axis; `in[..., n] -> out f64[...]`. A scalar is one row of
  /// one.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param kind which norm
  /// @param out contiguous, of the shape of `in` without its last dimension
  public static void rowNorm(Stream stream, Tensor in, NormKind kind, Tensor out) {
    rowNorm(stream, List.of(in), kind, null, List.of(out));
  }

  /// Takes norms of the rows of a batch's tensors as [#rowNorm(Stream, Tensor, NormKind, Tensor)]
  /// does.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param kind which norm
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous, of the shapes of `in` without their last dimension
  public static void rowNorm(
      Stream stream, List<Tensor> in, NormKind kind, @Nullable DType dtype, List<Tensor> out) {
    Objects.requireNonNull(kind, "kind");
    try (Call call = Call.on(stream, "rowNorm", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results = call.results("out", out, Reductions::withoutLast);
      call.check(
          Abi.sinter_row_norm(
              call.stream(),
              call.count(),
              inputs,
              kind.code(),
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// The inner product of each pair of rows along the last axis; `a[..., n], b[..., n] -> out
  /// f64[...]`. A scalar is one row of one.
  ///
  /// @param stream the stream
  /// @param a any dtype
  /// @param b any dtype
  /// @param out contiguous, of the shape of `a` without its last dimension
  public static void rowDot(Stream stream, Tensor a, Tensor b, Tensor out) {
    rowDot(stream, List.of(a), List.of(b), null, List.of(out));
  }

  /// Multiplies the rows of a batch's pairs as [#rowDot(Stream, Tensor, Tensor, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param a any dtypes and shapes
  /// @param b any dtypes, of the shapes of `a`
  /// @param dtype rounds every element to this dtype first; null leaves them as stored
  /// @param out contiguous, of the shapes of `a` without their last dimension
  public static void rowDot(
      Stream stream, List<Tensor> a, List<Tensor> b, @Nullable DType dtype, List<Tensor> out) {
    try (Call call = Call.on(stream, "rowDot", a.size())) {
      MemorySegment first = call.inputs("a", a);
      MemorySegment second = call.inputs("b", b);
      MemorySegment results = call.results("out", out, Reductions::withoutLast);
      call.check(
          Abi.sinter_row_dot(
              call.stream(),
              call.count(),
              first,
              second,
              Arithmetic.code(dtype),
              results,
              call.error()));
    }
  }

  /// What each chunk of 4096 elements is like, in one pass, for callers that stream tensors;
  /// `in[k][...] (, base[k][...]) -> out[k] f64[chunks, 4]`, or `[chunks, 6]` with a base.
  ///
  /// A row of `out` holds the least and the greatest finite element (-0 is below +0; infinity and
  /// -infinity where there is none), the sum of squares and the number of elements that are not
  /// finite; with a base also the sum of the squares of the differences, which are rounded to
  // float32
  /// (float64 where one of both tensors is that), and the number of elements whose bits are not
  // those
  /// of the base, cast to the dtype of `in`.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param base of the shapes of `in`; null where there is none
  /// @param out contiguous, `chunks` being the elements divided by 4096, rounded up
  public static void chunkStatistics(
      Stream stream, List<Tensor> in, @Nullable List<Tensor> base, List<Tensor> out) {
    try (Call call = Call.on(stream, "chunkStatistics", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment bases = call.inputsOrNull("base", base);
      MemorySegment results =
          call.results("out", out, shape -> new long[] {chunks(shape), base == null ? 4 : 6});
      call.check(
          Abi.sinter_chunk_statistics(
              call.stream(), call.count(), inputs, bases, results, call.error()));
    }
  }

  private static long chunks(long[] shape) {
    return Math.ceilDiv(Arrays.stream(shape).reduce(1, (x, y) -> x * y), CHUNK);
  }

  private static long[] withoutLast(long[] shape) {
    return Arrays.copyOf(shape, Math.max(0, shape.length - 1));
  }

  private static Tensor required(Tensor out) {
    return Objects.requireNonNull(out, "out");
  }
}

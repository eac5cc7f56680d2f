// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
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
  private Reductions() {}

  /// The products of two tensors.
  ///
  /// @param aa `<a, a>`
  /// @param ab `<a, b>`
  /// @param bb `<b, b>`
  public record Dots(double aa, double ab, double bb) {}

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
    return read(stream, out -> sum(stream, in, out), 1)[0];
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
    return read(stream, out -> norm(stream, in, kind, out), 1)[0];
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
    return read(stream, out -> dot(stream, a, b, out), 1)[0];
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
    double[] products = read(stream, out -> dots(stream, a, b, out), 1, 3);
    return new Dots(products[0], products[1], products[2]);
  }

  private static Tensor required(Tensor out) {
    return Objects.requireNonNull(out, "out");
  }

  /// Runs a reduction and brings its results to the host.
  private static double[] read(Stream stream, Consumer<Tensor> reduction, long... shape) {
    try (Tensor host = stream.allocatePinned(DType.F64, shape)) {
      if (stream.device().isCpu()) {
        reduction.accept(host);
      } else {
        try (Tensor out = stream.allocate(DType.F64, shape)) {
          reduction.accept(out);
          stream.copy(out, host);
        }
      }
      stream.synchronize();
      return host.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }
  }
}

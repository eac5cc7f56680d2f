// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.Status;
import io.sinter.internal.ffi.Abi;
import io.sinter.internal.ffi.OpenBlas;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Dense products and factorisations, by OpenBLAS on the CPU and cuBLAS on CUDA devices.
///
/// Neither is part of Sinter. OpenBLAS is the file named by `-Dsinter.openblas` or by the
// environment
/// variable `SINTER_OPENBLAS`, else that of the artifact `org.bytedeco:openblas` (with the
// classifier
/// of the platform) where it is on the class or module path, else the system's. Where there is
// none,
/// every method throws [io.sinter.DeviceException] with what was tried.
///
/// Here alone Sinter does not promise equal bytes: another library, processor or number of threads
/// may round otherwise. OpenBLAS gets as many threads as the stream has.
///
/// Outputs are f32 or f64, which is what is computed in. Factorisations run on the CPU only (and on
/// an emulated device).
public final class Products {
  private Products() {}

  /// The library of a device's products.
  ///
  /// @param file where it was loaded from
  /// @param detail what it says of itself
  public record Library(String file, String detail) {}

  /// {@return which library computes a device's products; it is loaded if need be}
  ///
  /// @param device the device
  /// @throws io.sinter.DeviceException if there is none, with what was tried
  public static Library library(Device device) {
    OpenBlas.prepare();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment info = arena.allocate(Abi.sinter_products_info.LAYOUT);
      Abi.sinter_products_info.struct_size(info, 0, info.byteSize());
      Status.check(Abi.sinter_products_properties(device.ordinal(), info, error), error);
      return new Library(
          Abi.sinter_products_info.library(info, 0), Abi.sinter_products_info.detail(info, 0));
    }
  }

  /// `c = alpha op(a) op(b) + beta c`, `op` transposing where asked to; `op(a)[m, k], op(b)[k, n]
  // ->
  /// c[m, n]`. `c` is not read where `beta` is 0.
  ///
  /// @param stream the stream
  /// @param transposeA whether `a` is transposed
  /// @param a any dtype and layout; converted to `c`'s dtype, f16 and bf16 exactly
  /// @param transposeB whether `b` is transposed
  /// @param b any dtype and layout
  /// @param alpha finite
  /// @param beta finite
  /// @param c f32 or f64; apart from `a` and `b`
  public static void gemm(
      Stream stream,
      boolean transposeA,
      Tensor a,
      boolean transposeB,
      Tensor b,
      double alpha,
      double beta,
      Tensor c) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "gemm", 1)) {
      checkMatrices(call, a, b, c);
      long m = a.shape()[transposeA ? 1 : 0];
      long k = a.shape()[transposeA ? 0 : 1];
      long n = b.shape()[transposeB ? 0 : 1];
      MemorySegment left = call.matrix("a", a, false, a.shape());
      MemorySegment right = call.matrix("b", b, false, transposeB ? pair(n, k) : pair(k, n));
      MemorySegment out = call.matrix("c", c, true, m, n);
      call.check(
          Abi.sinter_gemm(
              call.stream(),
              transposeA ? 1 : 0,
              transposeB ? 1 : 0,
              call.number("alpha", alpha, Call.Range.FINITE),
              left,
              right,
              call.number("beta", beta, Call.Range.FINITE),
              out,
              call.error()));
    }
  }

  /// `c = a b`, as [#gemm(Stream, boolean, Tensor, boolean, Tensor, double, double, Tensor)] has
  // it.
  ///
  /// @param stream the stream
  /// @param a `[m, k]`
  /// @param b `[k, n]`
  /// @param c `[m, n]`
  public static void gemm(Stream stream, Tensor a, Tensor b, Tensor c) {
    gemm(stream, false, a, false, b, 1, 0, c);
  }

  /// `c = alpha op(a) op(a)^T + beta c` in half the time of [#gemm]; `op(a)[n, k] -> c[n, n]`. Both
  /// triangles are written, equal.
  ///
  /// @param stream the stream
  /// @param transposeA whether `a` is transposed: the Gram matrix of its columns
  /// @param a any dtype and layout
  /// @param alpha finite
  /// @param beta finite
  /// @param c f32 or f64, symmetric where `beta` is not 0
  public static void syrk(
      Stream stream, boolean transposeA, Tensor a, double alpha, double beta, Tensor c) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "syrk", 1)) {
      checkMatrices(call, a, c);
      long n = a.shape()[transposeA ? 1 : 0];
      MemorySegment in = call.matrix("a", a, false, a.shape());
      MemorySegment out = call.matrix("c", c, true, n, n);
      call.check(
          Abi.sinter_syrk(
              call.stream(),
              transposeA ? 1 : 0,
              call.number("alpha", alpha, Call.Range.FINITE),
              in,
              call.number("beta", beta, Call.Range.FINITE),
              out,
              call.error()));
    }
  }

  /// Cholesky's factor in place: the lower triangle of a symmetric positive definite `a[n, n]`
  /// becomes that of `l`, `a = l l^T`. The upper triangle is neither read nor written.
  ///
  /// @param stream the stream
  /// @param a f32 or f64
  /// @throws NumericException if `a` is not positive definite; it then means nothing
  public static void cholesky(Stream stream, Tensor a) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "cholesky", 1)) {
      checkMatrices(call, a);
      long n = a.shape()[0];
      MemorySegment matrix = call.matrix("a", a, true, n, n);
      call.check(Abi.sinter_cholesky(call.stream(), matrix, call.error()));
    }
  }

  /// Solves `l l^T x = b` in place: `b[n, r]` becomes `x`.
  ///
  /// @param stream the stream
  /// @param l what [#cholesky] left, `[n, n]`
  /// @param b of `l`'s dtype
  public static void choleskySolve(Stream stream, Tensor l, Tensor b) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "choleskySolve", 1)) {
      checkMatrices(call, l, b);
      long n = l.shape()[0];
      MemorySegment factor = call.matrix("l", l, false, n, n);
      MemorySegment right = call.matrix("b", b, true, n, b.shape()[1]);
      call.check(Abi.sinter_cholesky_solve(call.stream(), factor, right, call.error()));
    }
  }

  /// Least squares by QR: the first `n` rows of `b[m, r]` become the `x` for which each column of
  /// `a x - b` is smallest. What is left in `a` and in `b`'s other rows means nothing.
  ///
  /// @param stream the stream
  /// @param a `[m, n]`, n at most m, of full rank
  /// @param b `[m, r]`, of `a`'s dtype
  /// @throws NumericException if a column of `a` depends on those before it exactly
  public static void leastSquares(Stream stream, Tensor a, Tensor b) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "leastSquares", 1)) {
      checkMatrices(call, a, b);
      MemorySegment left = call.matrix("a", a, true, a.shape());
      MemorySegment right = call.matrix("b", b, true, a.shape()[0], b.shape()[1]);
      call.check(Abi.sinter_least_squares(call.stream(), left, right, call.error()));
    }
  }

  /// Eigenvalues, rising, and eigenvectors of a symmetric matrix, of which the lower triangle is
  /// read: row `i` of `a[n, n]` becomes the vector of `values[i]`, of length 1.
  ///
  /// @param stream the stream
  /// @param a f32 or f64
  /// @param values `[n]`, of `a`'s dtype
  public static void eigen(Stream stream, Tensor a, Tensor values) {
    OpenBlas.prepare();
    try (Call call = Call.on(stream, "eigen", 1)) {
      checkMatrices(call, a);
      long n = a.shape()[0];
      MemorySegment matrix = call.matrix("a", a, true, n, n);
      MemorySegment out = call.matrix("values", values, true, n);
      call.check(Abi.sinter_eigen(call.stream(), matrix, out, call.error()));
    }
  }

  private static long[] pair(long rows, long columns) {
    return new long[] {rows, columns};
  }

  private static void checkMatrices(Call call, Tensor... tensors) {
    for (Tensor each : tensors) {
      if (each.rank() != 2) {
        throw call.mistake(each + " has rank " + each.rank() + "; give matrices");
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.bytedeco.openblas.global.openblas.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas.CblasTrans;
import static org.bytedeco.openblas.global.openblas.blas_set_num_threads;
import static org.bytedeco.openblas.global.openblas.cblas_sgemm;

import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/// Products of row-major float32 matrices, by OpenBLAS on the calling thread.
///
/// With one thread OpenBLAS sums in an order that depends on the shapes and on the processor: runs
/// on one machine give the same bytes, whatever else runs beside them.
final class Blas {
  static {
    blas_set_num_threads(1);
  }

  private Blas() {}

  /// A matrix, or a part of one, in native memory that somebody else owns.
  static final class Matrix {
    private final MemorySegment segment; // Keeps the memory reachable.
    private final FloatPointer pointer;

    Matrix(MemorySegment segment) {
      this.segment = segment;
      this.pointer = new FloatPointer(new Address(segment.address()));
    }

    MemorySegment segment() {
      return segment;
    }
  }

  private static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }

  /// `c[m, n] = a[m, k] b[n, k]ᵀ`.
  static void timesTransposed(Matrix a, Matrix b, Matrix c, int m, int n, int k) {
    cblas_sgemm(
        CblasRowMajor,
        CblasNoTrans,
        CblasTrans,
        m,
        n,
        k,
        1f,
        a.pointer,
        k,
        b.pointer,
        k,
        0f,
        c.pointer,
        n);
  }

  /// `c[m, n] = a[m, k] b[k, n]`.
  static void times(Matrix a, Matrix b, Matrix c, int m, int n, int k) {
    cblas_sgemm(
        CblasRowMajor,
        CblasNoTrans,
        CblasNoTrans,
        m,
        n,
        k,
        1f,
        a.pointer,
        k,
        b.pointer,
        n,
        0f,
        c.pointer,
        n);
  }

  /// `c[m, n] = a[k, m]ᵀ b[k, n]`, over `k` rows of both from row `from` on.
  static void transposedTimes(Matrix a, Matrix b, int from, Matrix c, int m, int n, int k) {
    cblas_sgemm(
        CblasRowMajor,
        CblasTrans,
        CblasNoTrans,
        m,
        n,
        k,
        1f,
        a.pointer.getPointer((long) from * m),
        m,
        b.pointer.getPointer((long) from * n),
        n,
        0f,
        c.pointer,
        n);
  }
}

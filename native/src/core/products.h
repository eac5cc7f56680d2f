// SPDX-License-Identifier: Apache-2.0
//
// Products and factorisations of dense matrices behind one interface: OpenBLAS on the CPU, cuBLAS on
// CUDA devices. Neither is linked: they are loaded when first asked for, and where one is not found the
// message says what was tried.
#ifndef SINTER_NATIVE_CORE_PRODUCTS_H_
#define SINTER_NATIVE_CORE_PRODUCTS_H_

#include <cstdint>
#include <string>

#include "core/device.h"

namespace sinter {

// A row-major matrix of kF32 or kF64, as libraries take it: elements of a row are neighbours.
struct Matrix {
  void* data;
  int64_t step;     // from row to row
  bool transposed;  // the operand is this matrix's transpose
};

// c[m, n] = alpha a[m, k] b[k, n] + beta c; c is not transposed.
struct Product {
  DType dtype;
  int64_t m, n, k;
  double alpha;
  double beta;
  Matrix a, b, c;
};

// c[n, n] = alpha a[n, k] a[n, k]^T + beta c, of which the lower triangle is written.
struct GramProduct {
  DType dtype;
  int64_t n, k;
  double alpha;
  double beta;
  Matrix a, c;
};

// One library. Sizes and steps are below 2^31.
class Products {
 public:
  virtual ~Products() = default;

  // The file it was loaded from, and what it says of itself.
  virtual std::string library() = 0;
  virtual std::string detail() = 0;

  virtual void gemm(sinter_stream& stream, const Product& product) = 0;
  // Whether the upper triangle of c is written, too.
  virtual bool gram(sinter_stream& stream, const GramProduct& product) = 0;

  // What follows throws Failure (kUnsupported) where the library has none, and returns LAPACK's info.
  // a[n, n] -> its lower triangle l, a = l l^T.
  virtual int64_t cholesky(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a) = 0;
  // b[n, r] = l^-1 b, or l^-T b.
  virtual void triangular_solve(sinter_stream& stream, DType dtype, int64_t n, int64_t r,
                                const Matrix& l, bool transposed, const Matrix& b) = 0;
  // b[m, r], its first n rows: the x that make a[m, n] x - b smallest, m >= n. a is overwritten.
  virtual int64_t least_squares(sinter_stream& stream, DType dtype, int64_t m, int64_t n, int64_t r,
                                const Matrix& a, const Matrix& b) = 0;
  // Of symmetric a[n, n], whose lower triangle is read: values[n] rising, vectors in a's rows.
  virtual int64_t eigen(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a,
                        void* values) = 0;
};

// The library that serves a device. Throws Failure (kUnsupported) that says what was tried.
Products& products_of(int32_t device);

// Loads OpenBLAS from a file, unless it is loaded already from the same.
void load_openblas(const std::string& path);

// The processors' own.
Products& openblas();
#if SINTER_HAS_CUDA
Products& cuda_products(int32_t device);
#endif

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_PRODUCTS_H_

// SPDX-License-Identifier: Apache-2.0
//
// What every formula stands on: function qualifiers, bit casts, and a fused multiply-add that gives
// the same bits with and without hardware for it.
//
// Formulas are compiled by g++ once per instruction set and by nvcc for devices. They are forced
// inline, so that no copy compiled for AVX-512 can be linked into the baseline; they call nothing
// but builtins; and they are compiled with contraction off, so that what is written is what runs.
#ifndef SINTER_KERNELS_FORMULA_COMMON_H_
#define SINTER_KERNELS_FORMULA_COMMON_H_

#include <stdint.h>

#if defined(__CUDACC__)
#define SINTER_FN static __host__ __device__ __forceinline__
#define SINTER_MEMBER_FN static __host__ __device__ __forceinline__
#else
#define SINTER_FN static inline __attribute__((always_inline))
#define SINTER_MEMBER_FN static inline __attribute__((always_inline))
#endif

namespace sinter {

SINTER_FN uint32_t float_bits(float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  uint32_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
#endif
}

SINTER_FN float bits_float(uint32_t u) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(u);
#else
  float x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
#endif
}

SINTER_FN uint64_t double_bits(double x) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint64_t>(__double_as_longlong(x));
#else
  uint64_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
#endif
}

SINTER_FN double bits_double(uint64_t u) {
#if defined(__CUDA_ARCH__)
  return __longlong_as_double(static_cast<long long>(u));
#else
  double x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
#endif
}

// a * b + c, rounded once.
SINTER_FN float fused(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#elif defined(__FMA__) || defined(__aarch64__) || defined(__CUDACC__)
  return __builtin_fmaf(a, b, c);
#else
  // No hardware for it: the product is exact in double; the sum is rounded to odd there (its error
  // by TwoSum), so that the second rounding, to float, sees which side of a tie it is on.
  const double p = static_cast<double>(a) * static_cast<double>(b);
  const double q = static_cast<double>(c);
  const double s = p + q;
  const double r = s - p;
  const double e = (p - (s - r)) + (q - r);
  const uint64_t u = double_bits(s);
  // Infinities and NaN make e a NaN, and both comparisons false.
  const bool up = (e > 0.0) & (s > 0.0);
  const bool down_negative = (e < 0.0) & (s < 0.0);
  const bool away = up | down_negative;
  const bool inexact = (e > 0.0) | (e < 0.0);
  const uint64_t step = away ? uint64_t{1} : ~uint64_t{0};
  const uint64_t even = (u & 1) ^ 1;
  return static_cast<float>(bits_double(u + (inexact & (even != 0) ? step : 0)));
#endif
}

SINTER_FN double fused(double a, double b, double c) {
#if defined(__CUDA_ARCH__)
  return __fma_rn(a, b, c);
#else
  return __builtin_fma(a, b, c);
#endif
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_COMMON_H_

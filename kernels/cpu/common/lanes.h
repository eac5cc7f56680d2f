// SPDX-License-Identifier: Apache-2.0
//
// Lanes of the canonical reductions, a register's worth at a time. Included by the kernels, compiled
// once per instruction set.
#ifndef SINTER_KERNELS_CPU_COMMON_LANES_H_
#define SINTER_KERNELS_CPU_COMMON_LANES_H_

#include "cpu/common/block.h"

namespace sinter::cpu::SINTER_TIER {

// As many lanes as a register holds.
#if defined(__AVX512F__)
constexpr int kStrip = 8;
#elif defined(__AVX2__)
constexpr int kStrip = 4;
#else
constexpr int kStrip = 2;
#endif
// Strips that leave room in the registers for what is added to them.
#if defined(__AVX512F__)
constexpr int kStrips = 24;
#else
constexpr int kStrips = 12;
#endif
typedef double Strip __attribute__((vector_size(8 * kStrip)));
typedef uint64_t StripBits __attribute__((vector_size(8 * kStrip)));
template <class T>
struct StripOf {
  typedef T type __attribute__((vector_size(sizeof(T) * kStrip), aligned(1), may_alias));
};

// Dtypes whose elements are decoded on their way into lanes; others go through a block of float32.
template <DType D>
constexpr bool kLaneDtype = D == DType::kBF16 || D == DType::kF32 || D == DType::kF64;

// The elements that a strip of lanes takes, in float64.
template <DType D>
SINTER_FN Strip strip(const typename Format<D>::Storage* x) {
  static_assert(kLaneDtype<D>);
  const auto stored =
      *reinterpret_cast<const typename StripOf<typename Format<D>::Storage>::type*>(x);
  if constexpr (D == DType::kBF16) {
#if defined(__AVX512F__)
    const __m256i words = _mm256_cvtepu16_epi32(reinterpret_cast<__m128i>(stored));
    const __m256 floats = _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
    // Not _mm512_cvtps_pd, for whose undefined operand g++ 12 warns.
    return reinterpret_cast<Strip>(_mm512_maskz_cvtps_pd(0xff, floats));
#elif defined(__AVX2__)
    const __m128i words = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
    const __m128 floats = _mm_castsi128_ps(_mm_slli_epi32(words, 16));
    return reinterpret_cast<Strip>(_mm256_cvtps_pd(floats));
#else
    Strip lanes;
    for (int l = 0; l < kStrip; ++l) {
      lanes[l] = static_cast<double>(Format<D>::decode(stored[l]));
    }
    return lanes;
#endif
  } else {
    return __builtin_convertvector(stored, Strip);
  }
}

SINTER_FN Strip load_strip(const double* lanes) {
  return *reinterpret_cast<const StripOf<double>::type*>(lanes);
}

SINTER_FN void store_strip(double* lanes, Strip x) {
  *reinterpret_cast<StripOf<double>::type*>(lanes) = x;
}

// sum + a * b. Products of float32 numbers (kExact) are exact in float64, so that fusing changes
// nothing but the time.
template <bool kExact>
SINTER_FN Strip add_product(Strip sum, Strip a, Strip b) {
  if constexpr (kExact) {
#if defined(__AVX512F__)
    return reinterpret_cast<Strip>(_mm512_fmadd_pd(reinterpret_cast<__m512d>(a),
                                                   reinterpret_cast<__m512d>(b),
                                                   reinterpret_cast<__m512d>(sum)));
#elif defined(__AVX2__)
    return reinterpret_cast<Strip>(_mm256_fmadd_pd(reinterpret_cast<__m256d>(a),
                                                   reinterpret_cast<__m256d>(b),
                                                   reinterpret_cast<__m256d>(sum)));
#endif
  }
  return sum + a * b;
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_LANES_H_

// SPDX-License-Identifier: Apache-2.0
//
// Element types: how each is stored, decoded to the type it is computed in, and encoded by one
// rounding to nearest even. Branch-free integer arithmetic, so that compilers vectorise it; the
// device uses the hardware's conversion where its bytes are the same.
//
// NaN is encoded as the one canonical NaN of the type; float8 saturates at its largest finite value.
#ifndef SINTER_KERNELS_FORMULA_DTYPE_H_
#define SINTER_KERNELS_FORMULA_DTYPE_H_

#include "formula/common.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace sinter {

// The values of sinter_dtype.
enum class DType : int32_t {
  kStored = 0,
  kF64 = 1,
  kF32 = 2,
  kF16 = 3,
  kBF16 = 4,
  kF8E4M3 = 5,
  kF8E5M2 = 6
};

SINTER_FN int32_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 8;
    case DType::kF32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
      return 2;
    case DType::kF8E4M3:
    case DType::kF8E5M2:
      return 1;
    default:
      return 0;
  }
}

// The bits of |x|; NaN is above infinity.
SINTER_FN uint32_t magnitude_bits(float x) { return float_bits(x) & 0x7fffffffu; }
SINTER_FN uint64_t magnitude_bits(double x) { return double_bits(x) & 0x7fffffffffffffffull; }

SINTER_FN float canonical(float x) { return x != x ? bits_float(0x7fc00000u) : x; }
SINTER_FN double canonical(double x) { return x != x ? bits_double(0x7ff8000000000000ull) : x; }

// double -> float, rounded to odd: a later rounding to 22 bits or fewer is then as if from the
// double itself.
SINTER_FN float narrow_to_odd(double x) {
  const float f = static_cast<float>(x);
  const double back = static_cast<double>(f);
  const uint32_t u = float_bits(f);
  const double magnitude = x < 0 ? -x : x;
  const double rounded = back < 0 ? -back : back;
  const bool inexact = (rounded > magnitude) | (rounded < magnitude);  // false for NaN
  const uint32_t step = rounded > magnitude ? ~0u : 1u;
  return bits_float(u + (inexact & ((u & 1u) == 0u) ? step : 0u));
}

// A format says how elements are stored, decoded and encoded; which encoded values are not finite
// (stored without their sign, as a Word: those from kNonfinite on); and which results saturate
// (float8 only). kAlarm is a bound, on the bits of a result's magnitude,
// below which neither can be: kernels keep the largest magnitude of a block and count only where it
// reaches the bound. encode_finite is encode for magnitudes below the bound, and says nothing about
// others.
template <DType>
struct Format;

template <>
struct Format<DType::kF64> {
  using Storage = double;
  using Compute = double;
  using Word = uint64_t;
  static constexpr Word kNonfinite = 0x7ff0000000000000ull;
  static constexpr uint64_t kAlarm = 0x7ff0000000000000ull;
  SINTER_MEMBER_FN double decode(double x) { return x; }
  SINTER_MEMBER_FN double encode(double x) { return canonical(x); }
  SINTER_MEMBER_FN double encode(float x) { return canonical(static_cast<double>(x)); }
  SINTER_MEMBER_FN double encode_finite(double x) { return x; }
  SINTER_MEMBER_FN double encode_finite(float x) { return static_cast<double>(x); }
  SINTER_MEMBER_FN uint32_t nonfinite(double x) {
    return (double_bits(x) & 0x7ff0000000000000ull) == 0x7ff0000000000000ull ? 1u : 0u;
  }
  SINTER_MEMBER_FN uint32_t saturates(double) { return 0; }
  SINTER_MEMBER_FN uint32_t saturates(float) { return 0; }
};

template <>
struct Format<DType::kF32> {
  using Storage = float;
  using Compute = float;
  using Word = uint32_t;
  static constexpr Word kNonfinite = 0x7f800000u;
  static constexpr uint64_t kAlarm = 0x7f800000u;
  SINTER_MEMBER_FN float decode(float x) { return x; }
  SINTER_MEMBER_FN float encode(float x) { return canonical(x); }
  SINTER_MEMBER_FN float encode(double x) { return canonical(static_cast<float>(x)); }
  SINTER_MEMBER_FN float encode_finite(float x) { return x; }
  SINTER_MEMBER_FN float encode_finite(double x) { return static_cast<float>(x); }
  SINTER_MEMBER_FN uint32_t nonfinite(float x) {
    return (float_bits(x) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  SINTER_MEMBER_FN uint32_t saturates(float) { return 0; }
  SINTER_MEMBER_FN uint32_t saturates(double) { return 0; }
};

template <>
struct Format<DType::kF16> {
  using Storage = uint16_t;
  using Compute = float;
  using Word = uint16_t;
  static constexpr Word kNonfinite = 0x7c00u;
  static constexpr uint64_t kAlarm = 0x477ff000u;  // 65520 rounds to infinity
  SINTER_MEMBER_FN float decode(uint16_t h) {
#if defined(__CUDA_ARCH__)
    return __half2float(__ushort_as_half(h));
#else
    // Shift into a float's place and correct the exponent by an exact multiplication, which also
    // normalises denormals; then repair infinities and NaN.
    const float scaled =
        bits_float((static_cast<uint32_t>(h) & 0x7fffu) << 13) * bits_float(0x77800000u);  // 2^112
    const uint32_t special = (static_cast<uint32_t>(h) & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
    return bits_float(float_bits(scaled) | special | (static_cast<uint32_t>(h) & 0x8000u) << 16);
#endif
  }
  SINTER_MEMBER_FN uint16_t encode(float x) {
#if defined(__CUDA_ARCH__)
    return __half_as_ushort(__float2half_rn(x));
#else
    const uint32_t u = float_bits(x);
    const uint32_t a = u & 0x7fffffffu;
    const uint32_t normal = (a + 0xfffu + ((a >> 13) & 1u) - 0x38000000u) >> 13;
    const uint32_t capped = normal > 0x7c00u ? 0x7c00u : normal;
    // The sum's last place is 2^-24, the smallest denormal, so the addition does the rounding.
    const uint32_t denormal = float_bits(bits_float(a) + 0.5f) - 0x3f000000u;
    const uint32_t h = (a < 0x38800000u ? denormal : capped) | ((u >> 16) & 0x8000u);
    return static_cast<uint16_t>(a > 0x7f800000u ? 0x7fffu : h);
#endif
  }
  SINTER_MEMBER_FN uint16_t encode(double x) { return encode(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint16_t encode_finite(float x) {
    const uint32_t u = float_bits(x);
    const uint32_t a = u & 0x7fffffffu;
    const uint32_t normal = (a + 0xfffu + ((a >> 13) & 1u) - 0x38000000u) >> 13;
    const uint32_t denormal = float_bits(bits_float(a) + 0.5f) - 0x3f000000u;
    return static_cast<uint16_t>((a < 0x38800000u ? denormal : normal) | ((u >> 16) & 0x8000u));
  }
  SINTER_MEMBER_FN uint16_t encode_finite(double x) { return encode_finite(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint32_t nonfinite(uint16_t h) { return (h & 0x7c00u) == 0x7c00u ? 1u : 0u; }
  SINTER_MEMBER_FN uint32_t saturates(float) { return 0; }
  SINTER_MEMBER_FN uint32_t saturates(double) { return 0; }
};

template <>
struct Format<DType::kBF16> {
  using Storage = uint16_t;
  using Compute = float;
  using Word = uint16_t;
  static constexpr Word kNonfinite = 0x7f80u;
  static constexpr uint64_t kAlarm = 0x7f7f8000u;
  SINTER_MEMBER_FN float decode(uint16_t h) { return bits_float(static_cast<uint32_t>(h) << 16); }
  SINTER_MEMBER_FN uint16_t encode(float x) {
#if defined(__CUDA_ARCH__)
    return __bfloat16_as_ushort(__float2bfloat16_rn(x));
#else
    const uint32_t u = float_bits(x);
    const uint32_t h = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : h);
#endif
  }
  SINTER_MEMBER_FN uint16_t encode(double x) { return encode(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint16_t encode_finite(float x) {
    const uint32_t u = float_bits(x);
    return static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  SINTER_MEMBER_FN uint16_t encode_finite(double x) { return encode_finite(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint32_t nonfinite(uint16_t h) { return (h & 0x7f80u) == 0x7f80u ? 1u : 0u; }
  SINTER_MEMBER_FN uint32_t saturates(float) { return 0; }
  SINTER_MEMBER_FN uint32_t saturates(double) { return 0; }
};

template <>
struct Format<DType::kF8E4M3> {
  using Storage = uint8_t;
  using Compute = float;
  using Word = uint8_t;
  static constexpr Word kNonfinite = 0x7fu;
  static constexpr uint64_t kAlarm = 0x43e80000u;  // 464
  SINTER_MEMBER_FN float decode(uint8_t b) {
    const uint32_t a = static_cast<uint32_t>(b) & 0x7fu;
    const float scaled = bits_float(a << 20) * bits_float(0x7b800000u);  // 2^120
    const uint32_t bits = a == 0x7fu ? 0x7fc00000u : float_bits(scaled);
    return bits_float(bits | (static_cast<uint32_t>(b) & 0x80u) << 24);
  }
  SINTER_MEMBER_FN uint8_t encode(float x) {
    const uint32_t u = float_bits(x);
    const uint32_t a = u & 0x7fffffffu;
    const uint32_t normal = (a + 0x7ffffu + ((a >> 20) & 1u) - 0x3c000000u) >> 20;
    const uint32_t capped = normal > 0x7eu ? 0x7eu : normal;
    const uint32_t denormal = float_bits(bits_float(a) + 16384.0f) - 0x46800000u;
    const uint32_t b = (a < 0x3c800000u ? denormal : capped) | ((u >> 24) & 0x80u);
    return static_cast<uint8_t>(a > 0x7f800000u ? 0x7fu : b);
  }
  SINTER_MEMBER_FN uint8_t encode(double x) { return encode(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint8_t encode_finite(float x) { return encode(x); }
  SINTER_MEMBER_FN uint8_t encode_finite(double x) { return encode_finite(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint32_t nonfinite(uint8_t b) { return (b & 0x7fu) == 0x7fu ? 1u : 0u; }
  // Beyond 464, half-way between 448 and what would follow it.
  SINTER_MEMBER_FN uint32_t saturates(float x) {
    const uint32_t a = float_bits(x) & 0x7fffffffu;
    return (a > 0x43e80000u) & (a <= 0x7f800000u) ? 1u : 0u;
  }
  SINTER_MEMBER_FN uint32_t saturates(double x) { return saturates(narrow_to_odd(x)); }
};

template <>
struct Format<DType::kF8E5M2> {
  using Storage = uint8_t;
  using Compute = float;
  using Word = uint8_t;
  static constexpr Word kNonfinite = 0x7cu;
  static constexpr uint64_t kAlarm = 0x47700000u;  // 61440
  SINTER_MEMBER_FN float decode(uint8_t b) {
    return Format<DType::kF16>::decode(static_cast<uint16_t>(static_cast<uint32_t>(b) << 8));
  }
  SINTER_MEMBER_FN uint8_t encode(float x) {
    const uint32_t u = float_bits(x);
    const uint32_t a = u & 0x7fffffffu;
    const uint32_t normal = (a + 0xfffffu + ((a >> 21) & 1u) - 0x38000000u) >> 21;
    const uint32_t capped = normal > 0x7bu ? 0x7bu : normal;
    const uint32_t denormal = float_bits(bits_float(a) + 128.0f) - 0x43000000u;
    const uint32_t b = (a < 0x38800000u ? denormal : capped) | ((u >> 24) & 0x80u);
    return static_cast<uint8_t>(a > 0x7f800000u ? 0x7fu : b);
  }
  SINTER_MEMBER_FN uint8_t encode(double x) { return encode(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint8_t encode_finite(float x) { return encode(x); }
  SINTER_MEMBER_FN uint8_t encode_finite(double x) { return encode_finite(narrow_to_odd(x)); }
  SINTER_MEMBER_FN uint32_t nonfinite(uint8_t b) { return (b & 0x7cu) == 0x7cu ? 1u : 0u; }
  // From 61440 on, half-way between 57344 and what would follow it: the tie goes to the even side,
  // which is beyond the range.
  SINTER_MEMBER_FN uint32_t saturates(float x) {
    const uint32_t a = float_bits(x) & 0x7fffffffu;
    return (a >= 0x47700000u) & (a <= 0x7f800000u) ? 1u : 0u;
  }
  SINTER_MEMBER_FN uint32_t saturates(double x) { return saturates(narrow_to_odd(x)); }
};

// Calls f.template operator()<T>() for a dtype known at run time.
template <class F>
SINTER_FN void with_dtype(DType dtype, F f) {
  switch (dtype) {
    case DType::kF64:
      f.template operator()<DType::kF64>();
      break;
    case DType::kF32:
      f.template operator()<DType::kF32>();
      break;
    case DType::kF16:
      f.template operator()<DType::kF16>();
      break;
    case DType::kBF16:
      f.template operator()<DType::kBF16>();
      break;
    case DType::kF8E4M3:
      f.template operator()<DType::kF8E4M3>();
      break;
    case DType::kF8E5M2:
      f.template operator()<DType::kF8E5M2>();
      break;
    default:
      break;
  }
}

// x rounded to T and back: "cast on load".
template <DType T, class Compute>
SINTER_FN Compute round_through(Compute x) {
  return static_cast<Compute>(Format<T>::decode(Format<T>::encode(x)));
}

template <class Compute>
SINTER_FN Compute round_to(DType dtype, Compute x) {
  switch (dtype) {
    case DType::kF64:
      return round_through<DType::kF64>(x);
    case DType::kF32:
      return round_through<DType::kF32>(x);
    case DType::kF16:
      return round_through<DType::kF16>(x);
    case DType::kBF16:
      return round_through<DType::kBF16>(x);
    case DType::kF8E4M3:
      return round_through<DType::kF8E4M3>(x);
    case DType::kF8E5M2:
      return round_through<DType::kF8E5M2>(x);
    default:
      return x;
  }
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_DTYPE_H_

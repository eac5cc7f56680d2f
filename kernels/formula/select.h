// SPDX-License-Identifier: Apache-2.0
//
// Keys: unsigned numbers in the order of what is selected.
#ifndef SINTER_KERNELS_FORMULA_SELECT_H_
#define SINTER_KERNELS_FORMULA_SELECT_H_

#include "formula/dtype.h"

namespace sinter {

// The bits of a value that is exact in dtype T, or, if not finite, some of a value that is not.
template <DType T>
struct KeyFormat;
template <>
struct KeyFormat<DType::kBF16> {
  using Key = uint16_t;
  // As Format's encode, and NaN becomes some NaN.
  SINTER_MEMBER_FN uint16_t bits(float x) {
    const uint32_t u = float_bits(x);
    const uint32_t a = u & 0x7fffffffu;
    const uint32_t capped = a > 0x7f800000u ? 0x7fc00000u : a;
    const uint32_t h = (capped + 0x7fffu + ((capped >> 16) & 1u)) >> 16;
    return static_cast<uint16_t>(h | ((u >> 16) & 0x8000u));
  }
  SINTER_MEMBER_FN uint16_t bits(double x) { return Format<DType::kBF16>::encode(x); }
};
template <>
struct KeyFormat<DType::kF16> {
  using Key = uint16_t;
  SINTER_MEMBER_FN uint16_t bits(float x) { return Format<DType::kF16>::encode(x); }
  SINTER_MEMBER_FN uint16_t bits(double x) { return Format<DType::kF16>::encode(x); }
};
template <>
struct KeyFormat<DType::kF32> {
  using Key = uint32_t;
  SINTER_MEMBER_FN uint32_t bits(float x) { return float_bits(x); }
  SINTER_MEMBER_FN uint32_t bits(double x) { return float_bits(static_cast<float>(x)); }
};
template <>
struct KeyFormat<DType::kF64> {
  using Key = uint64_t;
  SINTER_MEMBER_FN uint64_t bits(float x) { return double_bits(static_cast<double>(x)); }
  SINTER_MEMBER_FN uint64_t bits(double x) { return double_bits(x); }
};

template <DType T, class Compute>
SINTER_FN typename KeyFormat<T>::Key key_bits(Compute x) {
  return KeyFormat<T>::bits(x);
}

template <class Key>
SINTER_FN Key key_magnitude(Key bits) {
  return static_cast<Key>(bits & static_cast<Key>(static_cast<Key>(~Key{0}) >> 1));
}

// In the order of the values themselves, -0 before +0.
template <class Key>
SINTER_FN Key signed_key(Key bits) {
  constexpr int kTop = static_cast<int>(sizeof(Key)) * 8 - 1;
  const Key sign = static_cast<Key>(bits >> kTop);
  const Key flip = static_cast<Key>(static_cast<Key>(0) - sign);  // all ones below 0
  return static_cast<Key>(bits ^ (flip | static_cast<Key>(Key{1} << kTop)));
}

// Back again.
template <class Key>
SINTER_FN Key bits_of_signed_key(Key key) {
  constexpr int kTop = static_cast<int>(sizeof(Key)) * 8 - 1;
  const Key positive = static_cast<Key>(key >> kTop);
  const Key flip = static_cast<Key>(positive - 1);  // all ones below 0
  return static_cast<Key>(key ^ (flip | static_cast<Key>(Key{1} << kTop)));
}

// The value whose bits, in dtype `format`, a key holds.
SINTER_FN double key_value(DType format, uint64_t bits) {
  switch (format) {
    case DType::kBF16:
      return static_cast<double>(Format<DType::kBF16>::decode(static_cast<uint16_t>(bits)));
    case DType::kF16:
      return static_cast<double>(Format<DType::kF16>::decode(static_cast<uint16_t>(bits)));
    case DType::kF32:
      return static_cast<double>(bits_float(static_cast<uint32_t>(bits)));
    default:
      return bits_double(bits);
  }
}

// As above, of a key made by signed_key.
SINTER_FN double signed_key_value(DType format, uint64_t key) {
  switch (dtype_bytes(format)) {
    case 2:
      return key_value(format, bits_of_signed_key(static_cast<uint16_t>(key)));
    case 4:
      return key_value(format, bits_of_signed_key(static_cast<uint32_t>(key)));
    default:
      return key_value(format, bits_of_signed_key(key));
  }
}

// The rank, from the largest down and from 1, of the element at floor(q (n - 1)) in ascending order.
SINTER_FN int64_t quantile_rank(double q, int64_t n) {
  return n - static_cast<int64_t>(q * static_cast<double>(n - 1));
}

// The dtype that holds all values a computation yields exactly: of elements of dtype `in` rounded to
// `load`, or (of_differences) of differences rounded to `delta`.
SINTER_FN DType key_format(DType in, DType load, bool of_differences, DType delta, bool wide) {
  const DType value = of_differences ? delta : load == DType::kStored ? in : load;
  switch (value) {
    case DType::kBF16:
      return DType::kBF16;
    case DType::kF16:
    case DType::kF8E4M3:
    case DType::kF8E5M2:
      return DType::kF16;
    default:
      return wide ? DType::kF64 : DType::kF32;
  }
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_SELECT_H_

// SPDX-License-Identifier: Apache-2.0
//
// exp and log of float64: libm differs in the last bit between machines, so these are ours, of
// explicit operations only, and within 2 units in the last place of the exact value. No fused
// operations, so that processors without them are as fast; no branches, so that compilers vectorise.
#ifndef SINTER_KERNELS_FORMULA_EXPONENTIAL_H_
#define SINTER_KERNELS_FORMULA_EXPONENTIAL_H_

#include "formula/common.h"

namespace sinter {

// 2^k for -1022 <= k <= 1023; unsigned, as what is not finite gives anything.
SINTER_FN double power_of_two(uint64_t k) { return bits_double((k + 1023u) << 52); }

// e^x for x <= 709. x = k ln 2 + r with |r| <= ln 2 / 2, and e^r by its Taylor series (the first term
// left out is below 2e-18). Below -745.2 the result is 0; where it is denormal it is rounded twice.
SINTER_FN double exponential(double x) {
  const double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const double bounded = x < -760.0 ? -760.0 : x;
  const double shifted = bounded * 1.44269504088896338700 + shift;
  const double k = shifted - shift;
  // ln 2 in two parts; the first has 32 bits, so that its product with k is exact.
  const double r = (bounded - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  double p = 1.0 / 87178291200.0;  // 1/14!
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  const double e = 1.0 + (r + (r * r) * p);
  // In two steps, so that neither power is denormal.
  const uint64_t n = double_bits(shifted) - double_bits(shift);
  const uint64_t half = ((n + 2048u) >> 1) - 1024u;
  return e * power_of_two(half) * power_of_two(n - half);
}

// log x for positive normal x: x = 2^k m with m about 1, and with f = m - 1, s = f / (2 + f),
// log m = 2 artanh s = f - s (f - 2 (s^2 / 3 + s^4 / 5 + ...)); |s| <= 0.172, so the first term left out is
// below 2e-18.
SINTER_FN double logarithm(double x) {
  const uint64_t u = double_bits(x);
  // m in [sqrt(1/2), sqrt(2)): the bits of sqrt(1/2), rounded up, are where the exponent changes.
  const uint64_t past = u - 0x3fe6a09e667f3bcdull;
  // An arithmetic shift, by way of unsigned numbers.
  const uint64_t k = ((past + 0x8000000000000000ull) >> 52) - 0x800u;
  const double m = bits_double(u - (k << 52));
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 2.0 / 23.0;
  p = p * z + 2.0 / 21.0;
  p = p * z + 2.0 / 19.0;
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  // k as a double, exactly: 52 bits below 1.5 * 2^52.
  const double shift = 6755399441055744.0;
  const double e = bits_double(double_bits(shift) + k) - shift;
  return e * 6.93147180369123816490e-01 - ((s * (f - p * z) - e * 1.90821492927058770002e-10) - f);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_EXPONENTIAL_H_

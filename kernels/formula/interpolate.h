// SPDX-License-Identifier: Apache-2.0
//
// Interpolation: lerp, weighted sums, and the weights of spherical interpolation.
#ifndef SINTER_KERNELS_FORMULA_INTERPOLATE_H_
#define SINTER_KERNELS_FORMULA_INTERPOLATE_H_

#include "formula/common.h"

namespace sinter {

// From the nearer end, so that equal inputs give exactly that value and t = 1 would give b.
template <class T>
SINTER_FN T lerp(T a, T b, T t) {
  return t < T(0.5) ? fused(t, b - a, a) : fused(-(T(1) - t), b - a, b);
}

// The weight of b in nearswap: 1 where a and b differ by less than t. (NaN counts as no difference;
// the sum is NaN whatever the weight.)
template <class T>
SINTER_FN T nearswap_weight(T a, T b, T t) {
  const T difference = b - a;
  const T apart = difference < T(0) ? -difference : difference;
  const T w = t / (apart > T(1e-6) ? apart : T(1e-6));
  return w < T(1) ? w : T(1);
}

template <class T>
SINTER_FN T nearswap(T a, T b, T t) {
  return lerp(a, b, nearswap_weight(a, b, t));
}

// The first and the following terms of a weighted sum.
template <class T>
SINTER_FN T weighted(T weight, T x) {
  return weight * x;
}
template <class T>
SINTER_FN T add_weighted(T weight, T x, T sum) {
  return fused(weight, x, sum);
}

// ---- Spherical interpolation: float64 scalars, the same bits on every machine ----
// libm differs in the last bit between machines, so sine and arc cosine are ours: explicit
// operations only, within 2 units in the last place of the exact value.

// sin r for |r| <= pi/4, by its Taylor series (the first term left out is below 1e-19).
SINTER_FN double sin_reduced(double r) {
  const double z = r * r;
  double p = 1.0 / 355687428096000.0;       // 1/17!
  p = fused(p, z, -1.0 / 1307674368000.0);  // 1/15!
  p = fused(p, z, 1.0 / 6227020800.0);      // 1/13!
  p = fused(p, z, -1.0 / 39916800.0);       // 1/11!
  p = fused(p, z, 1.0 / 362880.0);          // 1/9!
  p = fused(p, z, -1.0 / 5040.0);           // 1/7!
  p = fused(p, z, 1.0 / 120.0);             // 1/5!
  p = fused(p, z, -1.0 / 6.0);              // 1/3!
  return fused(p * z, r, r);
}

// cos r for |r| <= pi/4, likewise.
SINTER_FN double cos_reduced(double r) {
  const double z = r * r;
  double p = -1.0 / 6402373705728000.0;     // 1/18!
  p = fused(p, z, 1.0 / 20922789888000.0);  // 1/16!
  p = fused(p, z, -1.0 / 87178291200.0);    // 1/14!
  p = fused(p, z, 1.0 / 479001600.0);       // 1/12!
  p = fused(p, z, -1.0 / 3628800.0);        // 1/10!
  p = fused(p, z, 1.0 / 40320.0);           // 1/8!
  p = fused(p, z, -1.0 / 720.0);            // 1/6!
  p = fused(p, z, 1.0 / 24.0);              // 1/4!
  p = fused(p, z, -0.5);
  return fused(p, z, 1.0);
}

SINTER_FN double round_down(double x) {
#if defined(__CUDA_ARCH__)
  return ::floor(x);
#else
  return __builtin_floor(x);
#endif
}

SINTER_FN double square_root(double x) {
#if defined(__CUDA_ARCH__)
  return __dsqrt_rn(x);
#else
  return __builtin_sqrt(x);
#endif
}

// sin x: Cody-Waite reduction by pi/2 in three parts.
SINTER_FN double sine(double x) {
  const double k = round_down(fused(x, 0.63661977236758134308, 0.5));
  double r = fused(-k, 1.57079632679489655800e+00, x);
  r = fused(-k, 6.12323399573676603587e-17, r);
  r = fused(-k, -1.49738490485916983e-33, r);
  const double quadrant = k - 4.0 * round_down(k * 0.25);
  const double s = (quadrant == 1.0) | (quadrant == 3.0) ? cos_reduced(r) : sin_reduced(r);
  return quadrant >= 2.0 ? -s : s;
}

// acos c for |c| < 1, as 2 asin sqrt(half), half = (1 - |c|) / 2: no cancellation near 1. The arc sine
// of s <= sqrt(1/2) is a series (error below 8e-4) and three steps of Newton's method.
SINTER_FN double arc_cosine_from(double half, bool negative) {
  const double s = square_root(half);
  const double z = s * s;
  double p = fused(105.0 / 3456.0, z, 15.0 / 336.0);
  p = fused(p, z, 3.0 / 40.0);
  p = fused(p, z, 1.0 / 6.0);
  double y = fused(p * z, s, s);
  for (int i = 0; i < 3; ++i) {
    y += (s - sin_reduced(y)) / cos_reduced(y);
  }
  const double theta = 2.0 * y;
  return negative ? (3.14159265358979311600e+00 - theta) + 1.22464679914735317636e-16 : theta;
}

SINTER_FN double arc_cosine(double c) {
  const double magnitude = c < 0 ? -c : c;
  return arc_cosine_from((1.0 - magnitude) * 0.5, c < 0);
}

struct SlerpWeights {
  double a;
  double b;
  // Too close to parallel: lerp with t instead.
  bool linear;
  // The inputs' dot products are finite; if not, nothing else here means anything.
  bool finite;
};

SINTER_FN SlerpWeights slerp_weights(double aa, double ab, double bb, double t) {
  const double limit = 1.7976931348623157e308;
  SlerpWeights w;
  w.finite = (aa <= limit) & (aa >= -limit) & (bb <= limit) & (bb >= -limit) & (ab <= limit) &
             (ab >= -limit);
  const double root_a = square_root(aa);
  const double root_b = square_root(bb);
  const double norm_a = root_a > 1e-8 ? root_a : 1.0;
  const double norm_b = root_b > 1e-8 ? root_b : 1.0;
  const double c = ab / (norm_a * norm_b);
  w.linear = !((c <= 0.9995) & (c >= -0.9995));
  const double theta = arc_cosine(w.linear ? 0.0 : c);
  const double s = sine(theta);
  w.a = w.linear ? 1.0 - t : sine((1.0 - t) * theta) / s;
  w.b = w.linear ? t : sine(t * theta) / s;
  return w;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_INTERPOLATE_H_

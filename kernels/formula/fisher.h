// SPDX-License-Identifier: Apache-2.0
//
// Fisher information: its sums, means of models that it weights, and backward-compatible
// interpolation.
#ifndef SINTER_KERNELS_FORMULA_FISHER_H_
#define SINTER_KERNELS_FORMULA_FISHER_H_

#include "formula/common.h"
#include "formula/interpolate.h"

namespace sinter {

// ---- The diagonal ----

template <class T>
SINTER_FN T add_square(T state, T gradient, T weight) {
  return fused(weight * gradient, gradient, state);
}

template <class T>
SINTER_FN T mean_square(T state, double examples) {
  return static_cast<T>(static_cast<double>(state) / examples);
}

// ---- As a weight ----

// A scale in two parts: F is multiplied by a power of 2, which is exact as long as nothing is out of
// range, and the rest, from 1 to below 2, is put elsewhere. The power is bounded by what F's products
// are computed in: a rest for scales beyond that is not from 1 to 2.
struct Scale {
  double power;
  double rest;
};

// `wide`: F or what is computed is float64. Scales are 0 or positive, and finite.
SINTER_FN Scale scale_of(double scale, bool wide) {
  const int64_t most = wide ? 1000 : 126;
  const int64_t own = static_cast<int64_t>(double_bits(scale) >> 52) - 1023;
  const int64_t exponent = own > most ? most : own < -most ? -most : own;
  const double power = bits_double(static_cast<uint64_t>(exponent + 1023) << 52);
  const double inverse = bits_double(static_cast<uint64_t>(1023 - exponent) << 52);
  return {scale > 0.0 ? power : 0.0, scale > 0.0 ? scale * inverse : 1.0};
}

// What is made of a value of F before it weights anything: clamped, so that sums and products of a few
// weights of at most 1 stay finite. NaN stays NaN.
template <class T>
struct Importance {
  T floor;
  T epsilon;
  T most;
};

template <class T>
SINTER_FN T most_important() {
  // 2^1022, 2^126
  return static_cast<T>(sizeof(T) == 8 ? 4.49423283715579e+307 : 8.507059173023462e+37);
}

// `scaled` is F times the power.
template <class T>
SINTER_FN T importance(T scaled, const Importance<T>& by) {
  const T y = (scaled < by.floor ? by.floor : scaled) + by.epsilon;
  return y > by.most ? by.most : y;
}

// ---- Fisher merge ----

template <class T>
SINTER_FN Importance<T> merge_importance(Scale scale, double floor, double epsilon) {
  return {static_cast<T>(floor / scale.rest), static_cast<T>(epsilon / scale.rest),
          most_important<T>()};
}

template <class T>
SINTER_FN T merge_weight(double weight, Scale scale) {
  return static_cast<T>(weight * scale.rest);
}

// A weighted mean of models so far, and the sum of their weights.
template <class T>
struct WeightedMean {
  T mean;
  T sum;
};

// `share` is the model's part of the weights so far without importance, which counts as long as
// nothing is important.
template <class T>
SINTER_FN void add_model(WeightedMean<T>& so_far, T x, T weight, T importance, T share) {
  const T own = weight * importance;
  so_far.sum += own;
  const T t = so_far.sum == T(0) ? share : own / so_far.sum;
  so_far.mean = lerp(so_far.mean, x, t);
}

// ---- Backward-compatible interpolation ----

// The mean with one more new model; `part` is 1 / their number now.
template <class T>
SINTER_FN T add_to_mean(T mean, T x, T part) {
  return fused(part, x - mean, mean);
}

// The old model's weight, a y / (a y + rest), y = F times the power.
template <class T>
struct OldWeight {
  double power;
  T least, most;
  T alpha, rest;
};

// F that is its mean gives exactly alpha: with mean = 2^e r, rest is chosen so that a r + rest rounds to
// r. It is r - a r, rounded, which misses r by at most half a unit in its last place; by exactly half
// only where a r is an odd multiple of that half, so where r is even (a tie then goes to r) or a is 1/2
// (and r / 2 is exact). Where a is 1 by rounding, rest is that of the number given. It is never 0:
// nothing divides 0 by 0; and `most` keeps y / rest finite.
template <class T>
SINTER_FN OldWeight<T> old_weight_of(double alpha, double mean, bool wide) {
  const T smallest =
      static_cast<T>(sizeof(T) == 8 ? 2.2250738585072014e-308 : 1.1754943508222875e-38);
  const bool zero = !(mean > 0.0);
  const Scale scale = scale_of(zero ? 1.0 : mean, wide);
  const T own = static_cast<T>(alpha);
  const double most = static_cast<double>(most_important<T>());
  const T r = static_cast<T>(scale.rest < most ? scale.rest : most);
  T rest = own < T(1) ? fused(-own, r, r) : static_cast<T>((1.0 - alpha) * scale.rest);
  rest = rest > smallest ? rest : smallest;
  const T largest = most_important<T>() * (rest < T(1) ? rest : T(1));
  return {1.0 / scale.power, zero ? T(1) : T(0), zero ? T(1) : largest, own, rest};
}

// `scaled` is F times the power.
template <class T>
SINTER_FN T old_weight(T scaled, const OldWeight<T>& of) {
  const T floored = scaled < of.least ? of.least : scaled;
  const T y = floored > of.most ? of.most : floored;
  return of.alpha * (y / fused(of.alpha, y, of.rest));
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_FISHER_H_

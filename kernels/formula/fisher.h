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

// What becomes of a Fisher value before it weights anything. Products are of float64: a scale may be
// beyond float32 where values are near its end.
struct Importance {
  double scale;
  double floor;
  double epsilon;
};

// Sums and products of a few weights up to it, each at most 1, stay finite.
template <class T>
SINTER_FN double most_important() {
  return sizeof(T) == 8 ? 4.49423283715579e+307 : 8.507059173023462e+37;  // 2^1022, 2^126
}

// NaN stays NaN.
template <class T>
SINTER_FN T importance(double fisher, Importance by) {
  const double x = fisher * by.scale;
  const double y = (x < by.floor ? by.floor : x) + by.epsilon;
  return static_cast<T>(y > most_important<T>() ? most_important<T>() : y);
}

// ---- Fisher merge ----

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

// The mean of one more new model; `part` is 1 / their number now.
template <class T>
SINTER_FN T add_to_mean(T mean, T x, T part) {
  return fused(part, x - mean, mean);
}

// From the new models' mean; alpha = 0 does not look at the old model, which may hold anything.
template <class T>
SINTER_FN T towards_old(T mean, T old, T t, T alpha) {
  return alpha == T(0) ? mean : lerp(mean, old, t);
}

// How values of a model are scaled by their mean: to 1 all over where that is 0.
SINTER_FN Importance by_mean(double mean) {
  const double largest = 1.7976931348623157e308;
  const double scale = 1.0 / mean;
  return {mean > 0.0 ? (scale > largest ? largest : scale) : 0.0, mean > 0.0 ? 0.0 : 1.0, 0.0};
}

// 1 - alpha, and not 0 before alpha is 1: the weight below never divides 0 by 0. From the rounded
// alpha, so that the two sum to 1.
template <class T>
SINTER_FN T rest_of(double alpha) {
  const T rest = T(1) - static_cast<T>(alpha);
  return rest > T(0) ? rest : static_cast<T>(1.0 - alpha);
}

// The old model's weight, exactly alpha where importance is 1: alpha + (1 - alpha) rounds to 1, whether
// the difference is exact (from 1/2 on) or rounded to half a unit in the last place below 1.
template <class T>
SINTER_FN T old_weight(T importance, T alpha, T rest) {
  const T x = alpha * importance;
  return x / (x + rest);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_FISHER_H_

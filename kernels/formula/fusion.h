// SPDX-License-Identifier: Apache-2.0
//
// Arcee fusion: how much a row's distribution has changed, and which differences matter.
#ifndef SINTER_KERNELS_FORMULA_FUSION_H_
#define SINTER_KERNELS_FORMULA_FUSION_H_

#include "formula/dtype.h"
#include "formula/exponential.h"

namespace sinter {

// An element's share of its row's softmax, before 1e-8 is added: `sum` is that of e^(x - largest).
SINTER_FN double softmax_term(double x, double largest) { return exponential(x - largest); }

// An element's share of the row's divergence, p log(p / q), from the terms.
SINTER_FN double divergence_of_terms(double x_term, double x_sum, double base_term,
                                     double base_sum) {
  const double p = x_term / x_sum + 1e-8;
  const double q = base_term / base_sum + 1e-8;
  return p * logarithm(p / q);
}

SINTER_FN double divergence_term(double x, double x_largest, double x_sum, double base,
                                 double base_largest, double base_sum) {
  return divergence_of_terms(softmax_term(x, x_largest), x_sum, softmax_term(base, base_largest),
                             base_sum);
}

// |d| times the row's divergence.
template <class T>
SINTER_FN T importance(T d, T divergence) {
  return (d < T(0) ? -d : d) * divergence;
}

SINTER_FN double fusion_threshold(double q1, double median, double q3) {
  return median + 1.5 * (q3 - q1);
}

// The differences that matter are added.
template <class T>
SINTER_FN T fuse(T base, T d, T divergence, double threshold) {
  return static_cast<double>(importance(d, divergence)) >= threshold ? base + d : base;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_FUSION_H_

// SPDX-License-Identifier: Apache-2.0
//
// Methods that ask where task vectors agree: which models changed an element at all (ram), and by how
// different amounts (sce).
#ifndef SINTER_KERNELS_FORMULA_AGREEMENT_H_
#define SINTER_KERNELS_FORMULA_AGREEMENT_H_

#include "formula/common.h"

namespace sinter {

// ---- ram ----

// A difference that counts as a change; NaN does.
template <class T>
SINTER_FN bool active(T d, T epsilon) {
  return !((d <= epsilon) & (d >= -epsilon));
}

// Per element, over the models so far.
template <class T>
struct Changes {
  T sum;     // of the active differences
  T count;   // of them
  T factor;  // of the last one
};

template <class T>
SINTER_FN void add_change(Changes<T>& changes, T d, T epsilon, T factor) {
  const bool on = active(d, epsilon);
  changes.sum = on ? changes.sum + d : changes.sum;
  changes.count += on ? T(1) : T(0);
  changes.factor = on ? factor : changes.factor;
}

// What one model alone changed is taken times its factor; what several changed, by their mean.
template <class T>
SINTER_FN T add_changes(T base, Changes<T> changes) {
  const T alone = fused(changes.factor, changes.sum, base);
  const T mean = base + changes.sum / (changes.count > T(1) ? changes.count : T(1));
  const T changed = changes.count > T(1) ? mean : alone;
  return changes.count > T(0) ? changed : base;
}

// The factor of a model from the number of positions that it changed, and that it alone did:
// 1 + r clamp(rho, 0, alpha). Without any change it is 1.
SINTER_FN double change_factor(double active, double unique, double epsilon, double r,
                               double alpha) {
  const double rho = (active - unique) / (unique > epsilon ? unique : epsilon);
  return 1.0 + r * (rho > alpha ? alpha : rho > 0.0 ? rho : 0.0);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_AGREEMENT_H_

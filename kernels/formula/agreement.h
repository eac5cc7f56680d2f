// SPDX-License-Identifier: Apache-2.0
//
// Methods that ask where task vectors agree: which models changed an element at all (ram), by how
// different amounts (sce), and which find the sum of all changes of use (consensus_ta).
#ifndef SINTER_KERNELS_FORMULA_AGREEMENT_H_
#define SINTER_KERNELS_FORMULA_AGREEMENT_H_

#include "formula/common.h"
#include "formula/consensus.h"
#include "formula/dtype.h"

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

// ---- consensus_ta ----

// Whether a model finds an element important: its own weighted difference holds against what the
// others add to it. False where the sum is not finite; see below.
template <class T>
SINTER_FN bool important(T own, T merged, T lambda_t) {
  const T others = merged - own;
  return (own < T(0) ? -own : own) >= lambda_t * (others < T(0) ? -others : others);
}

// `votes` models find the element important. A sum that is not finite is never dropped.
template <class T>
SINTER_FN T add_consensus(T base, T merged, T votes, T threshold, T lambda) {
  const T changed = fused(lambda, merged, base);
  const T result = (votes >= threshold) & (merged != T(0)) ? changed : base;
  const T nothing = merged - merged;  // or NaN
  return nothing == T(0) ? result : nothing;
}

// ---- sce ----

// Of an element's differences over the models so far, less the first one: so that equal ones have no
// variance at all, and the one below loses no more than a few of float64's bits.
struct Spread {
  double first;
  double sum;
  double squares;
};

SINTER_FN Spread spread_of(double first) { return {first, first - first, first - first}; }

SINTER_FN void add_spread(Spread& spread, double d) {
  const double e = d - spread.first;
  spread.sum += e;
  spread.squares = fused(e, e, spread.squares);
}

// y where a condition holds, else x, by their bits: a loop then has masks of one width, which a
// conversion of the result could else take apart.
SINTER_FN double chosen(bool condition, double y, double x) {
  const uint64_t mask = condition ? ~uint64_t{0} : uint64_t{0};
  return bits_double((double_bits(y) & mask) | (double_bits(x) & ~mask));
}

// The population variance, as selection compares it; not finite where a difference is not.
template <class T>
SINTER_FN T variance(Spread spread, double models) {
  const double v = (spread.squares - spread.sum * spread.sum / models) / models;
  const double positive = chosen(v < 0.0, 0.0, v);
  if (sizeof(T) == 8) {
    return static_cast<T>(positive);
  }
  const double largest = 3.4028234663852886e38;
  const bool above = (positive > largest) & (positive <= 1.7976931348623157e308);
  return static_cast<T>(chosen(above, largest, positive));
}

// The weights of the models from the sums of their squared differences.
SINTER_FN void sce_weights(const double* sums, int64_t models, double elements, double floor,
                           double* weights) {
  double total = 0.0;
  for (int64_t i = 0; i < models; ++i) {
    weights[i] = sums[i] / elements;
    total += weights[i];
  }
  const bool equal = (total < floor) | (total == 0.0);
  for (int64_t i = 0; i < models; ++i) {
    weights[i] = equal ? 1.0 / static_cast<double>(models) : weights[i] / total;
  }
}

// base plus the mean of the differences that take part.
template <class T>
SINTER_FN T add_elected(T base, Mixed<T> mixed) {
  const T least = T(1e-6);
  return base + mixed.sum / (mixed.weight > least ? mixed.weight : least);
}
template <class T>
SINTER_FN T add_elected(T base, const Votes<T>& votes) {
  return add_elected(base, winners(votes));
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_AGREEMENT_H_

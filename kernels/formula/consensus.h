// SPDX-License-Identifier: Apache-2.0
//
// Mixing thinned-out task vectors, with or without an election of the sign. One sweep over the models
// keeps what both outcomes of the election need, so no model is read twice.
#ifndef SINTER_KERNELS_FORMULA_CONSENSUS_H_
#define SINTER_KERNELS_FORMULA_CONSENSUS_H_

#include "formula/common.h"

namespace sinter {

// Per element, over the models so far.
template <class T>
struct Votes {
  T elected;                    // what is elected: the sum whose sign counts
  T positive, positive_weight;  // of models with a positive vote: sum of w d, sum of w
  T negative, negative_weight;
};

// Adds a model's kept difference d (0: dropped, no vote). plain: votes are not weighted.
template <class T>
SINTER_FN void vote(Votes<T>& votes, T w, T d, bool plain) {
  const T ballot = plain ? d : w * d;
  votes.elected = plain ? votes.elected + d : fused(w, d, votes.elected);
  const bool up = ballot > T(0);
  const bool down = ballot < T(0);
  votes.positive = up ? fused(w, d, votes.positive) : votes.positive;
  votes.positive_weight = up ? votes.positive_weight + w : votes.positive_weight;
  votes.negative = down ? fused(w, d, votes.negative) : votes.negative;
  votes.negative_weight = down ? votes.negative_weight + w : votes.negative_weight;
}

template <class T>
struct Mixed {
  T sum, weight;
};

// The side that won; 0 counts as +, and a NaN stays one.
template <class T>
SINTER_FN Mixed<T> winners(const Votes<T>& votes) {
  const bool minus = votes.elected < T(0);
  const T sum = minus ? votes.negative : votes.positive;
  return {votes.elected != votes.elected ? votes.elected : sum,
          minus ? votes.negative_weight : votes.positive_weight};
}

// Votes and winners at once, of N models whose differences are all at hand: the same sums in the same
// order, but only the winners' are made.
template <int N, class T>
SINTER_FN Mixed<T> elected(const T (&w)[N], const T (&d)[N], bool plain) {
  T sign = T(0);
#if defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC unroll 4
#endif
  for (int k = 0; k < N; ++k) {
    sign = plain ? sign + d[k] : fused(w[k], d[k], sign);
  }
  const bool minus = sign < T(0);
  Mixed<T> mixed = {T(0), T(0)};
#if defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC unroll 4
#endif
  for (int k = 0; k < N; ++k) {
    const T ballot = plain ? d[k] : w[k] * d[k];
    const bool takes_part = (minus ? -ballot : ballot) > T(0);
    mixed.sum = takes_part ? fused(w[k], d[k], mixed.sum) : mixed.sum;
    mixed.weight = takes_part ? mixed.weight + w[k] : mixed.weight;
  }
  mixed.sum = sign != sign ? sign : mixed.sum;
  return mixed;
}

// base + lambda times the mixture, its sum divided by the weight if normalize.
template <class T>
SINTER_FN T add_mixture(T base, T lambda, Mixed<T> mixed, bool normalize) {
  const T divisor = normalize & (mixed.weight != T(0)) ? mixed.weight : T(1);
  return fused(lambda, mixed.sum / divisor, base);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_CONSENSUS_H_

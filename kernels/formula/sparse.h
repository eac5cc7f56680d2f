// SPDX-License-Identifier: Apache-2.0
//
// Thinning out task vectors: which differences are kept, and what they are multiplied by. How those
// that are left are mixed is consensus.h's.
#ifndef SINTER_KERNELS_FORMULA_SPARSE_H_
#define SINTER_KERNELS_FORMULA_SPARSE_H_

#include "formula/consensus.h"
#include "formula/dtype.h"
#include "formula/random.h"

namespace sinter {

// Magnitudes in order, largest first, and of equal ones the lowest index first: those before a
// bound are above it.
struct MagnitudeBound {
  int64_t bits;    // of the magnitude as computed
  int64_t cutoff;  // of those with these bits, indices below it are above the bound
};

SINTER_FN bool above(const MagnitudeBound& bound, int64_t bits, int64_t index) {
  return (bits > bound.bits) | ((bits == bound.bits) & (index < bound.cutoff));
}

// Nothing is above it, NaN neither.
SINTER_FN MagnitudeBound above_all() { return {INT64_MAX, 0}; }

// The bound of a selection (see sinter_select), any numbers at all: in what is computed in float32
// (or float64 where wide), a magnitude is above the threshold or equals it exactly where it is so
// for this.
SINTER_FN MagnitudeBound bound_of(double threshold, double cutoff, bool wide) {
  if (threshold != threshold) {
    return above_all();
  }
  if (threshold < 0.0) {
    return {-1, 0};
  }
  const int64_t below = !(cutoff > 0.0) ? 0
                        : cutoff >= 0x1p62
                            ? int64_t{1} << 62
                            : static_cast<int64_t>(cutoff) +
                                  (static_cast<double>(static_cast<int64_t>(cutoff)) < cutoff);
  if (wide) {
    return {static_cast<int64_t>(magnitude_bits(threshold)), below};
  }
  const float nearest = static_cast<float>(threshold);
  const auto bits = static_cast<int64_t>(magnitude_bits(nearest));
  const auto back = static_cast<double>(nearest);
  return back > threshold ? MagnitudeBound{bits - 1, 0}
                          : MagnitudeBound{bits, back == threshold ? below : 0};
}

enum class Keep : int32_t {
  kAll,
  kMagnitude,  // above `inside` and not above `outside`
  kRandom,     // random words below `words`
  kListed      // in a list: a bit, or a factor (0: dropped), for each element
};

// What becomes of one model's differences of one tensor.
struct Thinning {
  Keep keep;
  int32_t reserved;
  MagnitudeBound inside, outside;
  uint64_t key;
  uint64_t words;
  double factor;     // of what is kept
  const void* list;  // kListed: 32-bit words of bits, or factors of the type computed in
};

// Numbers of differences, largest first.
struct Ranks {
  int64_t dropped;  // of the largest
  int64_t kept;     // of those that follow
  bool fell_back;   // one is kept though fewer were asked for
};

SINTER_FN Ranks ranks_of(int64_t elements, double density, double gamma) {
  Ranks ranks = {0, elements, false};
  if (density < 1.0) {
    const auto asked = static_cast<int64_t>(density * static_cast<double>(elements));
    ranks.fell_back = elements > 0 && asked < 1;
    ranks.kept = ranks.fell_back ? 1 : asked;
  }
  const auto top = static_cast<int64_t>(gamma * static_cast<double>(elements));
  ranks.dropped = top < elements - ranks.kept ? top : elements - ranks.kept;
  return ranks;
}

// What keeps a tensor's differences with probability `density`.
SINTER_FN Thinning thinned_at_random(double density, int64_t key) {
  Thinning thinning = {};
  thinning.keep = density >= 1.0 ? Keep::kAll : Keep::kRandom;
  thinning.key = static_cast<uint64_t>(key);
  thinning.words = thinning.keep == Keep::kRandom ? word_bound(density) : 0;
  thinning.factor = 1.0;
  return thinning;
}

SINTER_FN Thinning thinned_by_magnitude(MagnitudeBound inside, MagnitudeBound outside) {
  Thinning thinning = {};
  thinning.keep = Keep::kMagnitude;
  thinning.inside = inside;
  thinning.outside = outside;
  thinning.factor = 1.0;
  return thinning;
}

// The factor of differences kept with probability p: their expectation is as it was.
SINTER_FN double density_factor(double p) { return (p < 1.0) & (p > 0.0) ? 1.0 / p : 1.0; }

// The factor that gives kept differences the l1 norm of all.
SINTER_FN double l1_factor(double all, double kept) {
  return (all < 1e-7) | (kept < 1e-7) ? 1.0 : all / kept;
}

// The probability of the difference of rank r among the n of its row, smallest first.
SINTER_FN double probability_of(double density, double epsilon, int64_t rank, int64_t n) {
  return n < 2 ? density
               : (density - epsilon) +
                     2.0 * epsilon * (static_cast<double>(rank) / static_cast<double>(n - 1));
}

// A difference that is dropped: 0, and NaN where it is not finite, so that none is dropped unseen.
template <class T>
SINTER_FN T thinned(bool keep, T difference, T factor) {
  return keep ? difference * factor : difference - difference;
}

// Adds a model's difference to a mixture without an election.
template <class T>
SINTER_FN void mix(Mixed<T>& mixed, T w, T d, bool keep) {
  mixed.sum = fused(w, d, mixed.sum);
  mixed.weight = keep ? mixed.weight + w : mixed.weight;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_SPARSE_H_

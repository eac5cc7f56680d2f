// SPDX-License-Identifier: Apache-2.0
//
// Mixtures of thinned-out task vectors, bound by memory: N + 2 elements moved per output once it is
// known what is kept. A block goes through a few short loops, one after the other in the first-level
// cache, for each model: its differences, a mask of those that are kept, and the mixture so far.
#include "cpu/sparse.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/philox.h"
#include "cpu/common/rank.h"
#include "cpu/kernels_of_tier.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
struct Signed;
template <>
struct Signed<float> {
  using type = int32_t;
};
template <>
struct Signed<double> {
  using type = int64_t;
};

// A mask of the compute type's width: no bits, or all.
template <class Compute>
using Mask = typename Bits<Compute>::type;

// A model's differences from the base.
template <class Compute>
static void load_deltas(const Item& item, const Batch& batch, int32_t model, int64_t i, int count,
                        const Compute* base, Compute* deltas) {
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  const View& view = item.inputs[1 + model];
  const bool direct = view.contiguous() && view.rank == 1 &&
                      (batch.load == DType::kStored || batch.load == view.dtype);
  const unsigned char* const data = view.data + i * dtype_bytes(view.dtype);
  const auto subtract = [&]<DType T>() __attribute__((always_inline)) {
    const auto x = elements<T>(data);
    for (int j = 0; j < count; ++j) {
      deltas[j] = task_delta<Compute>(static_cast<Compute>(Format<T>::decode(x[j])), base[j],
                                      DType::kStored);
    }
  };
  if (direct && view.dtype == kNative) {
    subtract.template operator()<kNative>();
  } else if (direct && sizeof(Compute) == 4 && view.dtype == DType::kBF16) {
    subtract.template operator()<DType::kBF16>();
  } else if (direct && sizeof(Compute) == 4 && view.dtype == DType::kF16) {
    subtract.template operator()<DType::kF16>();
  } else {
    load_block(view, batch.load, i, count, deltas);
    for (int j = 0; j < count; ++j) {
      deltas[j] = task_delta<Compute>(deltas[j], base[j], DType::kStored);
    }
  }
  if (batch.delta != DType::kStored && batch.delta != kNative) {
    with_dtype(
        batch.delta, [&]<DType D>() __attribute__((always_inline)) {
          if constexpr (D != kNative) {
            round_block<D>(deltas, count);
          }
        });
  }
}

// Above which bits all of a block's elements are above the bound; false where their indices decide.
template <class Int>
SINTER_FN bool plain_bound(const MagnitudeBound& bound, int64_t i, int count, Int* bits) {
  constexpr Int kMost =
      sizeof(Int) == 4 ? static_cast<Int>(INT32_MAX) : static_cast<Int>(INT64_MAX);
  const int64_t above_bits = bound.cutoff >= i + count ? bound.bits - 1 : bound.bits;
  *bits = above_bits > static_cast<int64_t>(kMost) ? kMost : static_cast<Int>(above_bits);
  return bound.cutoff <= i || bound.cutoff >= i + count;
}

template <class Compute>
static void mask_magnitudes(const Thinning& thinning, int64_t i, int count, const Compute* deltas,
                            Mask<Compute>* keep) {
  using Int = typename Signed<Compute>::type;
  Int inside, outside;
  const bool plain = plain_bound(thinning.inside, i, count, &inside);
  if (plain_bound(thinning.outside, i, count, &outside) && plain) {
    for (int j = 0; j < count; ++j) {
      const Int bits = static_cast<Int>(magnitude_bits(deltas[j]));
      keep[j] = (bits > inside) & (bits <= outside) ? ~Mask<Compute>{0} : Mask<Compute>{0};
    }
    return;
  }
  for (int j = 0; j < count; ++j) {
    const auto bits = static_cast<int64_t>(magnitude_bits(deltas[j]));
    const bool kept = above(thinning.inside, bits, i + j) & !above(thinning.outside, bits, i + j);
    keep[j] = kept ? ~Mask<Compute>{0} : Mask<Compute>{0};
  }
}

// Masks the kept ones of a block. Where what is kept has factors of its own, `deltas` are multiplied.
template <class Compute>
SINTER_FN void mask_block(const Thinning& thinning, bool factors, int64_t i, int count,
                          Compute* deltas, Mask<Compute>* keep, Words& words) {
  switch (thinning.keep) {
    case Keep::kMagnitude:
      mask_magnitudes(thinning, i, count, deltas, keep);
      return;
    case Keep::kRandom: {
      const uint32_t* const word = fill_words(thinning.key, i, count, words);
      // Words below 2^32 are all there are.
      const uint32_t bound = static_cast<uint32_t>(thinning.words - 1);
      const Mask<Compute> any = thinning.words == 0 ? Mask<Compute>{0} : ~Mask<Compute>{0};
      for (int j = 0; j < count; ++j) {
        keep[j] = word[j] <= bound ? any : Mask<Compute>{0};
      }
      return;
    }
    case Keep::kListed:
      if (factors) {
        const Compute* const factor = static_cast<const Compute*>(thinning.list) + i;
        for (int j = 0; j < count; ++j) {
          keep[j] = factor[j] != Compute(0) ? ~Mask<Compute>{0} : Mask<Compute>{0};
          deltas[j] = keep[j] != 0 ? deltas[j] * factor[j] : deltas[j];
        }
      } else {
        const uint32_t* const bits = static_cast<const uint32_t*>(thinning.list);
        for (int j = 0; j < count; j += 32) {  // keep has room for whole words
          const int64_t at = (i + j) / 32;
          const int shift = static_cast<int>((i + j) % 32);
          uint32_t word = bits[at] >> shift;
          if (shift > 32 - (count - j < 32 ? count - j : 32)) {
            word |= bits[at + 1] << (32 - shift);
          }
          for (int b = 0; b < 32; ++b) {
            keep[j + b] = (word >> b & 1u) != 0 ? ~Mask<Compute>{0} : Mask<Compute>{0};
          }
        }
      }
      return;
    default:
      for (int j = 0; j < count; ++j) {
        keep[j] = ~Mask<Compute>{0};
      }
  }
}

// Thins out a block of differences: where `keep` is not null, a mask of those kept goes there.
template <class Compute>
static void thin_block(const Thinning& thinning, bool factors, int64_t i, int count,
                       Compute* deltas, Mask<Compute>* keep, Words& words) {
  const auto factor = static_cast<Compute>(thinning.factor);
  using Int = typename Signed<Compute>::type;
  Int inside, outside;
  if (keep == nullptr && thinning.keep == Keep::kMagnitude &&
      plain_bound(thinning.inside, i, count, &inside) &
          plain_bound(thinning.outside, i, count, &outside)) {
    for (int j = 0; j < count; ++j) {
      const Int bits = static_cast<Int>(magnitude_bits(deltas[j]));
      deltas[j] = thinned<Compute>((bits > inside) & (bits <= outside), deltas[j], factor);
    }
    return;
  }
  if (keep == nullptr && thinning.keep == Keep::kRandom && sizeof(Compute) == 4 &&
      thinning.words > 0) {
    const uint32_t* const word = fill_words(thinning.key, i, count, words);
    const uint32_t bound = static_cast<uint32_t>(thinning.words - 1);
    for (int j = 0; j < count; ++j) {
      deltas[j] = thinned<Compute>(word[j] <= bound, deltas[j], factor);
    }
    return;
  }
  alignas(64) Mask<Compute> room[kBlock];
  Mask<Compute>* const mask = keep != nullptr ? keep : room;
  mask_block(thinning, factors, i, count, deltas, mask, words);
  for (int j = 0; j < count; ++j) {
    deltas[j] = thinned<Compute>(mask[j] != 0, deltas[j], factor);
  }
}

// Models whose thinned differences are mixed together, so that what they add up to stays in registers.
constexpr int kMixed = 4;

// What is kept of a block between groups of models: Votes, or a Mixed in the first two.
template <class Compute>
struct Accumulators {
  alignas(64) Compute of[5][kBlock];
};

// The thinned differences of a group, and the masks of those that are kept.
template <class Compute>
struct Group {
  alignas(64) Compute deltas[kMixed][kBlock];
  alignas(64) Mask<Compute> keep[kMixed][kBlock];
  Compute weights[kMixed];
};

// A group of N models: the first, the last (which makes the results, in the base's place), or both.
template <class Compute, bool kConsensus, bool kNormalize, int N>
static void mix_group(const Group<Compute>& group, bool plain, Compute lambda, bool first,
                      bool last, int count, Accumulators<Compute>& a, Compute* base) {
  Compute w[N];
  for (int k = 0; k < N; ++k) {
    w[k] = group.weights[k];
  }
  const auto run = [&]<bool kFirst, bool kLast, bool kPlain>() __attribute__((always_inline)) {
    if constexpr (kFirst && kLast && kConsensus) {
      for (int j = 0; j < count; ++j) {
        Compute d[N];
#pragma GCC unroll 4
        for (int k = 0; k < N; ++k) {
          d[k] = group.deltas[k][j];
        }
        base[j] =
            add_mixture<Compute>(base[j], lambda, elected<N, Compute>(w, d, kPlain), kNormalize);
      }
      return;
    }
    for (int j = 0; j < count; ++j) {
      Votes<Compute> votes = {};
      Mixed<Compute> mixed = {};
      if (!kFirst) {
        if (kConsensus) {
          votes = {a.of[0][j], a.of[1][j], a.of[2][j], a.of[3][j], a.of[4][j]};
        } else {
          mixed = {a.of[0][j], a.of[1][j]};
        }
      }
#pragma GCC unroll 4
      for (int k = 0; k < N; ++k) {
        const Compute d = group.deltas[k][j];
        if (kConsensus) {
          vote<Compute>(votes, w[k], d, kPlain);
        } else {
          mix<Compute>(mixed, w[k], d, kNormalize && group.keep[k][j] != 0);
        }
      }
      if (kLast) {
        base[j] = add_mixture<Compute>(base[j], lambda,
                                       kConsensus ? winners<Compute>(votes) : mixed, kNormalize);
      } else if (kConsensus) {
        a.of[0][j] = votes.elected;
        a.of[1][j] = votes.positive;
        a.of[2][j] = votes.positive_weight;
        a.of[3][j] = votes.negative;
        a.of[4][j] = votes.negative_weight;
      } else {
        a.of[0][j] = mixed.sum;
        a.of[1][j] = mixed.weight;
      }
    }
  };
  const auto of_place = [&]<bool kPlain>() __attribute__((always_inline)) {
    if (first && last) {
      run.template operator()<true, true, kPlain>();
    } else if (last) {
      run.template operator()<false, true, kPlain>();
    } else if constexpr (N == kMixed) {  // a group that others follow is whole
      if (first) {
        run.template operator()<true, false, kPlain>();
      } else {
        run.template operator()<false, false, kPlain>();
      }
    }
  };
  if (kConsensus && plain) {
    of_place.template operator()<true>();
  } else {
    of_place.template operator()<false>();
  }
}

// Asks for the inputs' elements of a block to come, so that they are on their way while this one is
// worked on: its loops read little else than the first-level cache. Addresses past an end do no harm.
SINTER_FN void expect_block(const Item& item, int32_t inputs, int64_t i) {
  for (int32_t k = 0; k < inputs; ++k) {
    const View& view = item.inputs[k];
    const int64_t bytes = dtype_bytes(view.dtype);
    if (view.contiguous()) {
      const unsigned char* const data = view.data + i * bytes;
      for (int64_t at = 0; at < kBlock * bytes; at += 64) {
        __builtin_prefetch(data + at);
      }
    }
  }
}

// ---- In one loop ----

// The common mixtures of a few models, their elements of one dtype and side by side, need none of the
// rooms above: everything between the loads and the store stays in registers.
constexpr int kFewModels = 3;

struct FewModels {
  float weights[kFewModels];
  float factors[kFewModels];
  // Of magnitudes: above which bits one is kept, up to which.
  int32_t inside[kFewModels];
  int32_t outside[kFewModels];
  // At random: words (those of pairs, or all at words[k].low), and up to which one is kept.
  WordPairs words[kFewModels];
  uint32_t bounds[kFewModels];
  float lambda;
  bool powers;    // divided_by_powers
  bool positive;  // all weights
  bool whole;     // what is kept is kept as it is, however large
  // Sums of weights, or reciprocals of those where `powers`: of the models whose bits are set.
  float divisors[1 << kFewModels];
};

// The word of an element, where for_elements takes those of T.
template <DType T>
SINTER_FN uint32_t word_of(const WordPairs& words, const Element& e) {
  if constexpr (kPaired<T, float>) {
    return e.high ? words.high[e.i] : words.low[e.i];
  } else {
    return words.low[e.j];
  }
}

enum class Divide { kNot, kByPowers, kByAny };

// The powers of 2 that float32 and its reciprocals have in common.
SINTER_FN bool is_power(float x) {
  const uint32_t bits = magnitude_bits(x);
  return (bits & 0x007fffffu) == 0 && bits >= 0x00800000u && bits <= 0x7e000000u;
}

// Whether all sums of weights that a mixture may be divided by are powers of 2, as 1 and 1 + 1 are.
static bool divided_by_powers(const FewModels& few, int32_t models) {
  bool powers = true;
  for (uint32_t set = 1; set < 1u << models; ++set) {
    float sum = 0.0f;
    for (int32_t m = 0; m < models; ++m) {
      sum = (set >> m & 1u) != 0 ? sum + few.weights[m] : sum;
    }
    powers = powers && is_power(sum);
  }
  return powers;
}

// base + lambda times the mixture. Division by a power of 2 is multiplication by its reciprocal, which
// has the negated exponent: the quotient is the same, and the loop need not wait for the divider.
template <Divide kDivide>
SINTER_FN float add_few(float base, float lambda, Mixed<float> mixed) {
  if constexpr (kDivide == Divide::kByPowers) {
    const float divisor = mixed.weight != 0.0f ? mixed.weight : 1.0f;
    return fused(lambda, mixed.sum * bits_float(0x7f000000u - float_bits(divisor)), base);
  } else {
    return add_mixture<float>(base, lambda, mixed, kDivide == Divide::kByAny);
  }
}

template <DType T, int N, bool kConsensus, Divide kDivide, bool kRandom>
static bool mix_few(const Item& item, const FewModels& few, int64_t i, int count,
                    typename Format<T>::Storage* staged) {
  const int64_t width = dtype_bytes(T);
  Elements<T> x[1 + N];
  float w[N];
  WordPairs words[N];
  x[0] = elements<T>(item.inputs[0].data + i * width);
#pragma GCC unroll 4
  for (int k = 0; k < N; ++k) {
    x[1 + k] = elements<T>(item.inputs[1 + k].data + i * width);
    w[k] = few.weights[k];
    words[k] = few.words[k];
  }
  Encoder<T, float> encode(staged);
  for_elements<T, float>(
      x, count, encode, [&](Element e, const float(&at)[1 + N]) __attribute__((always_inline)) {
        float d[N];
#pragma GCC unroll 4
        for (int k = 0; k < N; ++k) {
          const float all = task_delta<float>(at[1 + k], at[0], DType::kStored);
          const auto bits = static_cast<int32_t>(magnitude_bits(all));
          const bool keep = kRandom ? word_of<T>(words[k], e) <= few.bounds[k]
                                    : (bits > few.inside[k]) & (bits <= few.outside[k]);
          d[k] = thinned<float>(keep, all, few.factors[k]);
        }
        Mixed<float> mixed = {};
        if constexpr (kConsensus) {
          mixed = elected<N, float>(w, d, false);
        } else {
#pragma GCC unroll 4
          for (int k = 0; k < N; ++k) {
            mix<float>(mixed, w[k], d[k], false);
          }
        }
        return add_few<kDivide>(at[0], few.lambda, mixed);
      });
  return !encode.alarmed();
}

// The divisor of those that take part. Where nobody does, what is divided is 0.
template <int N>
SINTER_FN float divisor_of(const float (&divisors)[1 << kFewModels], const bool (&part)[N]) {
  if constexpr (N == 1) {
    return divisors[1];
  } else if constexpr (N == 2) {
    const float first = part[1] ? divisors[3] : divisors[1];
    return part[0] ? first : divisors[2];
  } else {
    const float both = part[2] ? divisors[7] : divisors[3];
    const float outer = part[2] ? divisors[5] : divisors[1];
    const float inner = part[2] ? divisors[6] : divisors[2];
    const float without = part[1] ? inner : divisors[4];
    const float with = part[1] ? both : outer;
    return part[0] ? with : without;
  }
}

// Mixtures by election of what is large, as ties makes them, with positive weights: mix_few's results
// in two thirds of its operations. Differences that are not finite are left to others to find, so what
// is dropped is 0; and each sum of weights is known before.
template <DType T, int N, Divide kDivide>
static bool elect_few(const Item& item, const FewModels& few, int64_t i, int count,
                      typename Format<T>::Storage* staged) {
  const int64_t width = dtype_bytes(T);
  Elements<T> x[1 + N];
  float w[N];
  int32_t inside[N];
  float divisors[1 << kFewModels];
  x[0] = elements<T>(item.inputs[0].data + i * width);
#pragma GCC unroll 4
  for (int k = 0; k < N; ++k) {
    x[1 + k] = elements<T>(item.inputs[1 + k].data + i * width);
    w[k] = few.weights[k];
    inside[k] = few.inside[k];
  }
  for (int set = 0; set < 1 << kFewModels; ++set) {
    divisors[set] = few.divisors[set];
  }
  const float lambda = few.lambda;
  int32_t peak = 0;
  Encoder<T, float> encode(staged);
  for_elements<T, float>(
      x, count, encode, [&](Element, const float(&at)[1 + N]) __attribute__((always_inline)) {
        float d[N];
        float ballots[N];
        float sign = 0.0f;
#pragma GCC unroll 4
        for (int k = 0; k < N; ++k) {
          const float all = task_delta<float>(at[1 + k], at[0], DType::kStored);
          const auto bits = static_cast<int32_t>(magnitude_bits(all));
          peak = bits > peak ? bits : peak;
          d[k] = bits > inside[k] ? all : 0.0f;
          ballots[k] = w[k] * d[k];
          sign = k == 0 ? ballots[0] : fused(w[k], d[k], sign);
        }
        // As integers, or the compiler follows every way through the signs.
        const uint32_t flip = sign < 0.0f ? 0x80000000u : 0u;
        bool part[N];
        float sum = 0.0f;
#pragma GCC unroll 4
        for (int k = 0; k < N; ++k) {
          part[k] = static_cast<int32_t>(float_bits(ballots[k]) ^ flip) > 0;
          const float with = k == 0   ? ballots[0]
                             : N == 2 ? (part[0] ? sign : ballots[1])  // the same sums
                                      : fused(w[k], d[k], sum);
          sum = part[k] ? with : sum;
        }
        const float by = divisor_of<N>(divisors, part);
        return fused(lambda, kDivide == Divide::kByPowers ? sum * by : sum / by, at[0]);
      });
  return !encode.alarmed() && peak < static_cast<int32_t>(Format<DType::kF32>::kNonfinite);
}

// Whether mix_few has a loop for an item's mixture; then `few` holds what all its blocks share.
static bool has_few(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                    FewModels* few, bool* random) {
  const int32_t models = sparse.batch.inputs - 1;
  const DType dtype = item.output.dtype;
  *random = thinnings[0].keep == Keep::kRandom;
  if ((dtype != DType::kBF16 && dtype != DType::kF32) || !uniform(item, sparse.batch) ||
      (sparse.batch.delta != DType::kStored && sparse.batch.delta != DType::kF32) ||
      models > kFewModels || sparse.consensus != sparse.normalize || sparse.plain_election ||
      (*random && (sparse.consensus || models > 2))) {
    return false;
  }
  for (int32_t m = 0; m < models; ++m) {
    const Thinning& each = thinnings[m];
    if (each.keep != (*random ? Keep::kRandom : Keep::kMagnitude) || (*random && each.words == 0)) {
      return false;
    }
    few->weights[m] = static_cast<float>(item.weights[m]);
    few->factors[m] = static_cast<float>(each.factor);
    few->bounds[m] = static_cast<uint32_t>(each.words - 1);
  }
  few->lambda = static_cast<float>(item.weights[models]);
  few->powers = divided_by_powers(*few, models);
  few->positive = true;
  few->whole = true;
  for (int32_t m = 0; m < models; ++m) {
    few->positive = few->positive && few->weights[m] > 0.0f;
    few->whole =
        few->whole && few->factors[m] == 1.0f && thinnings[m].outside.bits == above_all().bits;
  }
  for (uint32_t set = 1; set < 1u << models; ++set) {
    float sum = 0.0f;
    for (int32_t m = 0; m < models; ++m) {
      sum = (set >> m & 1u) != 0 ? sum + few->weights[m] : sum;
    }
    few->divisors[set] = few->powers ? 1.0f / sum : sum;
  }
  return true;
}

// Mixes a block into `staged`; false where it takes the rooms after all: results may have to be
// counted, or indices decide what is kept.
template <DType T>
static bool mix_few_models(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                           FewModels& few, bool random, int64_t i, int count, Words* words,
                           typename Format<T>::Storage* staged) {
  const int32_t models = sparse.batch.inputs - 1;
  for (int32_t m = 0; m < models; ++m) {
    if (random) {
      if constexpr (kPaired<T, float>) {
        few.words[m] = fill_word_pairs(thinnings[m].key, i, count, words[m]);
      } else {
        few.words[m].low = fill_words(thinnings[m].key, i, count, words[m]);
      }
    } else if (!plain_bound(thinnings[m].inside, i, count, &few.inside[m]) ||
               !plain_bound(thinnings[m].outside, i, count, &few.outside[m])) {
      return false;
    }
  }
  if (random) {
    return models == 1 ? mix_few<T, 1, false, Divide::kNot, true>(item, few, i, count, staged)
                       : mix_few<T, 2, false, Divide::kNot, true>(item, few, i, count, staged);
  }
  const bool powers = few.powers;
  if (sparse.consensus && few.positive && few.whole) {
    switch (models) {
      case 1:
        return powers ? elect_few<T, 1, Divide::kByPowers>(item, few, i, count, staged)
                      : elect_few<T, 1, Divide::kByAny>(item, few, i, count, staged);
      case 2:
        return powers ? elect_few<T, 2, Divide::kByPowers>(item, few, i, count, staged)
                      : elect_few<T, 2, Divide::kByAny>(item, few, i, count, staged);
      default:
        return powers ? elect_few<T, 3, Divide::kByPowers>(item, few, i, count, staged)
                      : elect_few<T, 3, Divide::kByAny>(item, few, i, count, staged);
    }
  }
  switch (sparse.consensus ? models : -models) {
    case 1:
      return powers ? mix_few<T, 1, true, Divide::kByPowers, false>(item, few, i, count, staged)
                    : mix_few<T, 1, true, Divide::kByAny, false>(item, few, i, count, staged);
    case 2:
      return powers ? mix_few<T, 2, true, Divide::kByPowers, false>(item, few, i, count, staged)
                    : mix_few<T, 2, true, Divide::kByAny, false>(item, few, i, count, staged);
    case 3:
      return powers ? mix_few<T, 3, true, Divide::kByPowers, false>(item, few, i, count, staged)
                    : mix_few<T, 3, true, Divide::kByAny, false>(item, few, i, count, staged);
    case -1:
      return mix_few<T, 1, false, Divide::kNot, false>(item, few, i, count, staged);
    case -2:
      return mix_few<T, 2, false, Divide::kNot, false>(item, few, i, count, staged);
    default:
      return mix_few<T, 3, false, Divide::kNot, false>(item, few, i, count, staged);
  }
}

template <class Compute, bool kConsensus, bool kNormalize>
static void mix_range(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                      int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
  const int32_t models = sparse.batch.inputs - 1;
  const auto lambda = static_cast<Compute>(item.weights[models]);
  const bool factors = sparse.rescale == Rescale::kDensity;
  alignas(64) Compute base[kBlock];
  Group<Compute> group;
  Accumulators<Compute> sums;
  Words words[2];
  FewModels few = {};
  bool random = false;
  const bool direct = sizeof(Compute) == 4 && has_few(item, sparse, thinnings, &few, &random);
  const int64_t width = dtype_bytes(item.output.dtype);
  alignas(64) unsigned char staged[kBlock * sizeof(float)];
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    expect_block(item, sparse.batch.inputs, i + 2 * kBlock);
    if (direct) {
      const bool mixed =
          width == 2 ? mix_few_models<DType::kBF16>(item, sparse, thinnings, few, random, i, count,
                                                    words, reinterpret_cast<uint16_t*>(staged))
                     : mix_few_models<DType::kF32>(item, sparse, thinnings, few, random, i, count,
                                                   words, reinterpret_cast<float*>(staged));
      if (mixed) {
        put(item.output.data + i * width, staged, count * width, streamed);
        continue;
      }
    }
    load_block(item.inputs[0], sparse.batch.load, i, count, base);
    for (int32_t m = 0; m < models; m += kMixed) {
      const int n = models - m < kMixed ? models - m : kMixed;
      for (int k = 0; k < n; ++k) {
        load_deltas(item, sparse.batch, m + k, i, count, base, group.deltas[k]);
        thin_block(thinnings[m + k], factors, i, count, group.deltas[k],
                   kNormalize && !kConsensus ? group.keep[k] : nullptr, words[0]);
        group.weights[k] = static_cast<Compute>(item.weights[m + k]);
      }
      const bool first = m == 0;
      const bool last = m + n == models;
      switch (n) {
        case 1:
          mix_group<Compute, kConsensus, kNormalize, 1>(group, sparse.plain_election, lambda, first,
                                                        last, count, sums, base);
          break;
        case 2:
          mix_group<Compute, kConsensus, kNormalize, 2>(group, sparse.plain_election, lambda, first,
                                                        last, count, sums, base);
          break;
        case 3:
          mix_group<Compute, kConsensus, kNormalize, 3>(group, sparse.plain_election, lambda, first,
                                                        last, count, sums, base);
          break;
        default:
          mix_group<Compute, kConsensus, kNormalize, 4>(group, sparse.plain_election, lambda, first,
                                                        last, count, sums, base);
      }
    }
    store_block(item.output, i, count, base, streamed, counts);
  }
}

template <class Compute>
SINTER_FN void mix_elements(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                            int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
  if (sparse.consensus && sparse.normalize) {
    mix_range<Compute, true, true>(item, sparse, thinnings, begin, end, streamed, counts);
  } else if (sparse.consensus) {
    mix_range<Compute, true, false>(item, sparse, thinnings, begin, end, streamed, counts);
  } else if (sparse.normalize) {
    mix_range<Compute, false, true>(item, sparse, thinnings, begin, end, streamed, counts);
  } else {
    mix_range<Compute, false, false>(item, sparse, thinnings, begin, end, streamed, counts);
  }
}

void mix_kernel(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
  if (item.wide) {
    mix_elements<double>(item, sparse, thinnings, begin, end, streamed, counts);
  } else {
    mix_elements<float>(item, sparse, thinnings, begin, end, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

// ---- Norms ----

static_assert(kReduceChunk % kBlock == 0 && kBlock % kReduceLanes == 0);

SINTER_FN double combine_lanes(double* lanes) {
  for (int half = kReduceLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      lanes[l] = combine<Term::kMagnitude>(lanes[l], lanes[l + half]);
    }
  }
  return lanes[0];
}

template <class Compute>
static void norms_of_chunks(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                            int64_t begin, int64_t end, double* partials) {
  const int32_t models = sparse.batch.inputs - 1;
  alignas(64) Compute base[kBlock];
  alignas(64) Compute deltas[kBlock];
  alignas(64) Mask<Compute> keep[kBlock];
  Words words;
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    const int64_t from = chunk * kReduceChunk;
    const int64_t to = item.elements - from < kReduceChunk ? item.elements : from + kReduceChunk;
    for (int32_t m = 0; m < models; ++m) {
      alignas(64) double all[kReduceLanes] = {};
      alignas(64) double kept[kReduceLanes] = {};
      for (int64_t i = from; i < to; i += kBlock) {
        const int count = to - i < kBlock ? static_cast<int>(to - i) : kBlock;
        // From the caches after the first model: a chunk is small.
        load_block(item.inputs[0], sparse.batch.load, i, count, base);
        load_deltas(item, sparse.batch, m, i, count, base, deltas);
        mask_block(thinnings[m], false, i, count, deltas, keep, words);
        for (int j = 0; j < count; j += kReduceLanes) {
          const int lanes = count - j < kReduceLanes ? count - j : kReduceLanes;
          for (int l = 0; l < lanes; ++l) {
            const double d = static_cast<double>(deltas[j + l]);
            all[l] = accumulate<Term::kMagnitude>(all[l], d, d);
            kept[l] = keep[j + l] != 0 ? accumulate<Term::kMagnitude>(kept[l], d, d) : kept[l];
          }
        }
      }
      partials[((chunk - begin) * models + m) * 2] = combine_lanes(all);
      partials[((chunk - begin) * models + m) * 2 + 1] = combine_lanes(kept);
    }
  }
}

void norms_kernel(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                  int64_t begin, int64_t end, double* partials) {
  if (item.wide) {
    norms_of_chunks<double>(item, sparse, thinnings, begin, end, partials);
  } else {
    norms_of_chunks<float>(item, sparse, thinnings, begin, end, partials);
  }
}

// ---- Ranks ----

// Loads the differences of `columns` rows side by side: those of row c from deltas + c * length on.
template <class Compute>
static bool load_rows(const RankedJob& job, int64_t first, int64_t columns, Compute* deltas) {
  const Item& item = *job.item;
  const DType load = job.sparse->batch.load;
  const int64_t length = job.rows.length;
  alignas(64) Compute base[kBlock];
  alignas(64) Compute block[kBlock];
  Mask<Compute> peak = 0;
  // Of neighbouring elements: a row's, where its own are neighbours, or those of rows side by side.
  const bool along = job.rows.inner == 1;
  const int64_t step = along ? kBlock : 1;
  for (int64_t l = 0; l < length; l += step) {
    const int64_t i = first + l * job.rows.inner;
    const int count = static_cast<int>(!along ? columns : length - l < step ? length - l : step);
    load_block(item.inputs[0], load, i, count, base);
    load_deltas(item, job.sparse->batch, job.model, i, count, base, block);
    for (int j = 0; j < count; ++j) {
      deltas[along ? l + j : j * length + l] = block[j];
      const Mask<Compute> bits = magnitude_bits(block[j]);
      peak = bits > peak ? bits : peak;
    }
  }
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  return peak < Format<kNative>::kNonfinite;
}

// The largest words that keep the elements of a row, by their ranks; and how many ranks from 0 on are
// kept by any: with a negative epsilon, rounding could make the last probabilities 0.
SINTER_FN uint32_t rank_bounds(const RankedJob& job, uint32_t* last) {
  const int64_t n = job.rows.length;
  uint32_t some = 0;
  for (int64_t r = 0; r < n; ++r) {
    const uint64_t bound = word_bound(probability_of(job.density, job.epsilon, r, n));
    last[r] = static_cast<uint32_t>(bound - 1);
    some += bound != 0 ? 1 : 0;
  }
  return some;
}

template <class Compute>
static bool rank_unit(const RankedJob& job, int64_t unit, bool first, unsigned char* room) {
  const RowShape& rows = job.rows;
  const int64_t columns = ranked_columns(rows);
  const int64_t groups = (rows.inner + columns - 1) / columns;
  const int64_t column = unit % groups * columns;
  const int64_t width = rows.inner - column < columns ? rows.inner - column : columns;
  const int64_t start = unit / groups * rows.length * rows.inner + column;
  RankPair* const pairs = reinterpret_cast<RankPair*>(room);
  Compute* const deltas = reinterpret_cast<Compute*>(pairs + 2 * rows.length);
  uint32_t* const last = reinterpret_cast<uint32_t*>(deltas + columns * rows.length);
  if (first) {
    last[rows.length] = rank_bounds(job, last);
  }
  const uint32_t some = last[rows.length];
  if (!load_rows(job, start, width, deltas)) {
    return false;
  }
  Words words;
  for (int64_t c = 0; c < width; ++c) {
    uint32_t* const ranks = reinterpret_cast<uint32_t*>(deltas + c * rows.length);
    rank_row(deltas + c * rows.length, rows.length, ranks, {pairs, pairs + rows.length});
    const bool along = rows.inner == 1;
    for (int64_t l = 0; l < rows.length;) {
      const int64_t i = start + c + l * rows.inner;
      const int skipped = static_cast<int>(i % 32);
      // Runs end where words of bits do.
      int count = 1;
      if (along) {
        const int64_t left = rows.length - l;
        const int64_t whole = kBlock - skipped;
        count = static_cast<int>(left < whole ? left : whole);
      }
      const uint32_t* const word = fill_words(job.key, i, count, words);
      if (job.factors != nullptr) {
        Compute* const factors = static_cast<Compute*>(job.factors) + i;
        for (int j = 0; j < count; ++j) {
          const uint32_t rank = ranks[l + j];
          const double p =
              probability_of(job.density, job.epsilon, static_cast<int64_t>(rank), rows.length);
          const Compute factor = static_cast<Compute>(density_factor(p));
          const bool keep = (word[j] <= last[rank]) & (rank < some);
          factors[j] = keep ? factor : Compute(0);
        }
      } else {
        alignas(64) uint32_t keep[kBlock] = {};  // 1 or 0, whole words of them
        for (int j = 0; j < count; ++j) {
          const uint32_t rank = ranks[l + j];
          keep[skipped + j] = (word[j] <= last[rank]) & (rank < some) ? 1 : 0;
        }
        for (int at = 0; at < skipped + count; at += 32) {
          uint32_t bits = 0;
          for (int b = 0; b < 32; ++b) {
            bits |= keep[at + b] << b;
          }
          // Units of other threads may share the first and the last of them.
          __atomic_fetch_or(job.bits + (i - skipped + at) / 32, bits, __ATOMIC_RELAXED);
        }
      }
      l += count;
    }
  }
  return true;
}

bool rank_kernel(const RankedJob& job, int64_t unit, bool first, unsigned char* room) {
  return job.item->wide ? rank_unit<double>(job, unit, first, room)
                        : rank_unit<float>(job, unit, first, room);
}

}  // namespace

extern const SparseKernels sparse_kernels = {mix_kernel, norms_kernel, rank_kernel};

}  // namespace sinter::cpu::SINTER_TIER

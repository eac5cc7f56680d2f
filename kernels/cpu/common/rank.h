// SPDX-License-Identifier: Apache-2.0
//
// Ranks of one row's magnitudes: a stable radix sort of (key, index), least significant digit first,
// of as few bits as tell the row's magnitudes apart. Included by the kernels, compiled once per
// instruction set.
#ifndef SINTER_KERNELS_CPU_COMMON_RANK_H_
#define SINTER_KERNELS_CPU_COMMON_RANK_H_

#include "cpu/common/block.h"

namespace sinter::cpu::SINTER_TIER {

struct alignas(8) RankPair {
  uint32_t key;
  uint32_t index;
};

// Room for a row of n elements, n < 2^32: 16 bytes each.
struct RankScratch {
  RankPair* a;
  RankPair* b;
};

constexpr int kRankDigit = 11;
constexpr int kRankBins = 1 << kRankDigit;

// Turns counts into places.
SINTER_FN void rank_places(uint32_t* counts, uint32_t bins) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < bins; ++i) {
    const uint32_t count = counts[i];
    counts[i] = sum;
    sum += count;
  }
}

// What tells a row's magnitudes apart: the bits' distance from `low` (0 for smaller ones), shifted, of
// `width` bits. 0 is the only one that may be smaller: many elements of a model are what they were in
// another, and the next larger difference is far from it.
template <class Key>
struct RankKeys {
  Key low;
  int shift;
  int width;

  inline __attribute__((always_inline)) Key of(Key bits) const {
    return ((bits > low ? bits : low) - low) >> shift;
  }
};

template <class Compute>
SINTER_FN RankKeys<typename Bits<Compute>::type> rank_keys(const Compute* magnitudes, int64_t n) {
  using Key = typename Bits<Compute>::type;
  const Key first = magnitude_bits(magnitudes[0]);
  Key least = ~Key{0};  // less 1, of those that are not 0
  Key most = 0;
  Key differing = 0;
  for (int64_t i = 0; i < n; ++i) {
    const Key bits = magnitude_bits(magnitudes[i]);
    const Key below = bits - 1;
    least = below < least ? below : least;
    most = bits > most ? bits : most;
    differing |= bits ^ first;
  }
  if (differing == 0) {
    return {first, 0, 0};
  }
  const int shift = __builtin_ctzll(differing);
  // A step below the least one, so that 0 differs from it. All have the same bits below the shift:
  // none where one is 0.
  const Key step = Key{1} << shift;
  const Key low = least + 1 > step ? least + 1 - step : Key{0};
  return {low, shift, 64 - __builtin_clzll(uint64_t{most - low} >> shift)};
}

// A row's first digit is counted and placed in four parts of the row that take turns: most elements
// often share it, and a count that has just been written is waited for.
constexpr int kRankParts = 4;

// Calls f(part, i) for a row's elements, in order within each part: the last has what is left over.
template <class F>
SINTER_FN void for_parts(int64_t n, F f) {
  const int64_t each = n / kRankParts;
  for (int64_t i = 0; i < each; ++i) {
#pragma GCC unroll 4
    for (int part = 0; part < kRankParts; ++part) {
      f(part, part * each + i);
    }
  }
  for (int64_t i = kRankParts * each; i < n; ++i) {
    f(kRankParts - 1, i);
  }
}

SINTER_FN void rank_places(uint32_t (*counts)[kRankParts], uint32_t bins) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < bins; ++i) {
#pragma GCC unroll 4
    for (int part = 0; part < kRankParts; ++part) {
      const uint32_t count = counts[i][part];
      counts[i][part] = sum;
      sum += count;
    }
  }
}

// Few keys: one digit, and elements in order, so no index moves.
template <class Compute>
static void rank_few(const Compute* magnitudes, int64_t n,
                     const RankKeys<typename Bits<Compute>::type>& keys, uint32_t* ranks,
                     const RankScratch& scratch) {
  const uint32_t bins = uint32_t{1} << keys.width;
  uint32_t counts[kRankBins][kRankParts];
  __builtin_memset(counts, 0, bins * sizeof counts[0]);
  uint16_t* const key = reinterpret_cast<uint16_t*>(scratch.a);
  for (int64_t i = 0; i < n; ++i) {
    key[i] = static_cast<uint16_t>(keys.of(magnitude_bits(magnitudes[i])));
  }
  for_parts(
      n, [&](int part, int64_t i) __attribute__((always_inline)) { ++counts[key[i]][part]; });
  rank_places(counts, bins);
  for_parts(
      n, [&](int part, int64_t i)
             __attribute__((always_inline)) { ranks[i] = counts[key[i]][part]++; });
}

// Sorts words of a key, in the upper half, and an index, by kDigits digits of the key.
template <int kDigits, class Compute>
static void rank_words(const Compute* magnitudes, int64_t n,
                       const RankKeys<typename Bits<Compute>::type>& keys, uint32_t* ranks,
                       const RankScratch& scratch) {
  const int bits = (keys.width + kDigits - 1) / kDigits;
  const uint32_t bins = uint32_t{1} << bits;
  uint32_t first[kRankBins][kRankParts];
  uint32_t counts[kDigits - 1][kRankBins];
  __builtin_memset(first, 0, bins * sizeof first[0]);
  for (int d = 0; d < kDigits - 1; ++d) {
    __builtin_memset(counts[d], 0, bins * sizeof(uint32_t));
  }
  uint64_t* from = reinterpret_cast<uint64_t*>(scratch.a);
  uint64_t* to = reinterpret_cast<uint64_t*>(scratch.b);
  for (int64_t i = 0; i < n; ++i) {
    from[i] = uint64_t{keys.of(magnitude_bits(magnitudes[i]))} << 32 | static_cast<uint64_t>(i);
  }
  for_parts(
      n, [&](int part, int64_t i) __attribute__((always_inline)) {
        uint32_t key = static_cast<uint32_t>(from[i] >> 32);
        ++first[key & (bins - 1)][part];
#pragma GCC unroll 4
        for (int d = 0; d < kDigits - 1; ++d) {
          key >>= bits;
          ++counts[d][key & (bins - 1)];
        }
      });
  rank_places(first, bins);
  for (int d = 0; d < kDigits - 1; ++d) {
    rank_places(counts[d], bins);
  }
  for_parts(
      n, [&](int part, int64_t i) __attribute__((always_inline)) {
        const uint64_t word = from[i];
        to[first[(word >> 32) & (bins - 1)][part]++] = word;
      });
  for (int d = 0; d + 2 < kDigits; ++d) {
    uint64_t* const swap = from;
    from = to;
    to = swap;
    const int shift = 32 + (d + 1) * bits;
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t word = from[i];
      to[counts[d][(word >> shift) & (bins - 1)]++] = word;
    }
  }
  const int shift = 32 + (kDigits - 1) * bits;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t word = to[i];
    ranks[static_cast<uint32_t>(word)] = counts[kDigits - 2][word >> shift]++;
  }
}

// Keys that do not fit beside their indices are read from the row.
template <class Compute>
static void rank_wide(const Compute* magnitudes, int64_t n, uint32_t* ranks,
                      const RankScratch& scratch) {
  uint32_t* from = reinterpret_cast<uint32_t*>(scratch.a);
  uint32_t* to = reinterpret_cast<uint32_t*>(scratch.b);
  for (int64_t i = 0; i < n; ++i) {
    from[i] = static_cast<uint32_t>(i);
  }
  for (int shift = 0; shift < 64; shift += kRankDigit) {
    uint32_t places[kRankBins] = {};
    for (int64_t i = 0; i < n; ++i) {
      ++places[(magnitude_bits(magnitudes[i]) >> shift) % kRankBins];
    }
    rank_places(places, kRankBins);
    for (int64_t i = 0; i < n; ++i) {
      to[places[(magnitude_bits(magnitudes[from[i]]) >> shift) % kRankBins]++] = from[i];
    }
    uint32_t* const swap = from;
    from = to;
    to = swap;
  }
  for (int64_t i = 0; i < n; ++i) {
    ranks[from[i]] = static_cast<uint32_t>(i);
  }
}

// ranks[i] = how many magnitudes are smaller, or equal and at a lower index. n > 0; ranks may take the
// magnitudes' place.
template <class Compute>
static void rank_row(const Compute* magnitudes, int64_t n, uint32_t* ranks,
                     const RankScratch& scratch) {
  const auto keys = rank_keys(magnitudes, n);
  // Bins cost as much as elements: fewer of them for short rows.
  const int digit = n < 2048 ? 8 : kRankDigit;
  if (keys.width <= digit) {
    rank_few(magnitudes, n, keys, ranks, scratch);
  } else if (keys.width <= 2 * digit) {
    rank_words<2>(magnitudes, n, keys, ranks, scratch);
  } else if (keys.width <= 3 * digit) {
    rank_words<3>(magnitudes, n, keys, ranks, scratch);
  } else if (keys.width <= 32) {
    rank_words<4>(magnitudes, n, keys, ranks, scratch);
  } else {
    rank_wide(magnitudes, n, ranks, scratch);
  }
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_RANK_H_

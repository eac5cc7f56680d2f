// SPDX-License-Identifier: Apache-2.0
//
// Ranks of one row's magnitudes: a stable radix sort of (bits, index), least significant digit first,
// without the digits in which all keys agree. Included by the kernels, compiled once per instruction
// set.
#ifndef SINTER_KERNELS_CPU_COMMON_RANK_H_
#define SINTER_KERNELS_CPU_COMMON_RANK_H_

#include "cpu/common/block.h"

namespace sinter::cpu::SINTER_TIER {

struct RankPair {
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

// Turns counts into places; false where one bin holds all.
SINTER_FN bool rank_places(uint32_t* counts, int64_t n) {
  uint32_t sum = 0;
  bool one = false;
  for (int i = 0; i < kRankBins; ++i) {
    const uint32_t count = counts[i];
    one |= count == static_cast<uint32_t>(n);
    counts[i] = sum;
    sum += count;
  }
  return !one;
}

// ranks[i] = how many magnitudes are smaller, or equal and at a lower index.
[[maybe_unused]] static void rank_row(const float* magnitudes, int64_t n, uint32_t* ranks,
                                      const RankScratch& scratch) {
  uint32_t counts[3][kRankBins] = {};
  RankPair* from = scratch.a;
  RankPair* to = scratch.b;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t key = magnitude_bits(magnitudes[i]);
    from[i] = {key, static_cast<uint32_t>(i)};
    ++counts[0][key % kRankBins];
    ++counts[1][(key >> kRankDigit) % kRankBins];
    ++counts[2][key >> (2 * kRankDigit)];
  }
  for (int digit = 0; digit < 3; ++digit) {
    uint32_t* const places = counts[digit];
    if (rank_places(places, n)) {
      for (int64_t i = 0; i < n; ++i) {
        to[places[(from[i].key >> (digit * kRankDigit)) % kRankBins]++] = from[i];
      }
      RankPair* const swap = from;
      from = to;
      to = swap;
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    ranks[from[i].index] = static_cast<uint32_t>(i);
  }
}

// The keys do not fit beside their indices, so they are read from the row.
[[maybe_unused]] static void rank_row(const double* magnitudes, int64_t n, uint32_t* ranks,
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
    if (rank_places(places, n)) {
      for (int64_t i = 0; i < n; ++i) {
        to[places[(magnitude_bits(magnitudes[from[i]]) >> shift) % kRankBins]++] = from[i];
      }
      uint32_t* const swap = from;
      from = to;
      to = swap;
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    ranks[from[i]] = static_cast<uint32_t>(i);
  }
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_RANK_H_

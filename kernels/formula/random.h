// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32-10: random words that are a function of a counter and a key, and so the same for any
// order of elements, number of threads, and processor. Source: Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011.
#ifndef SINTER_KERNELS_FORMULA_RANDOM_H_
#define SINTER_KERNELS_FORMULA_RANDOM_H_

#include "formula/common.h"

namespace sinter {

constexpr int kPhiloxRounds = 10;
constexpr uint32_t kPhiloxFactor0 = 0xd2511f53u;
constexpr uint32_t kPhiloxFactor1 = 0xcd9e8d57u;
// What the halves of the key grow by from round to round.
constexpr uint32_t kPhiloxStep0 = 0x9e3779b9u;
constexpr uint32_t kPhiloxStep1 = 0xbb67ae85u;

struct PhiloxBlock {
  uint32_t words[4];
};

// The block of a counter of 128 bits (low and high half) and a key.
SINTER_FN PhiloxBlock philox(uint64_t low, uint64_t high, uint64_t key) {
  uint32_t c0 = static_cast<uint32_t>(low);
  uint32_t c1 = static_cast<uint32_t>(low >> 32);
  uint32_t c2 = static_cast<uint32_t>(high);
  uint32_t c3 = static_cast<uint32_t>(high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = uint64_t{kPhiloxFactor0} * c0;
    const uint64_t p1 = uint64_t{kPhiloxFactor1} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxStep0;
    k1 += kPhiloxStep1;
  }
  return {{c0, c1, c2, c3}};
}

// Words of a tensor come four to a counter: element i has word i mod 4 of counter i div 4.
constexpr int kWordsPerCounter = 4;

SINTER_FN uint32_t random_word(uint64_t key, int64_t index) {
  const PhiloxBlock block = philox(static_cast<uint64_t>(index) / kWordsPerCounter, 0, key);
  // By comparisons: an array that is indexed leaves the registers of a device.
  const uint32_t even = (index & 2) == 0 ? block.words[0] : block.words[2];
  const uint32_t odd = (index & 2) == 0 ? block.words[1] : block.words[3];
  return (index & 1) == 0 ? even : odd;
}

// Uniform on [0, 1), exactly.
SINTER_FN double uniform_of(uint32_t word) { return static_cast<double>(word) * 0x1p-32; }

// As above for results of at most 22 bits: rounded to odd, so that a later rounding to these is as if
// from the double. Exact where the word has no more than 24 bits.
SINTER_FN float uniform_to_odd(uint32_t word) {
  const bool large = word >= 0x1000000u;
  const uint32_t odd = (word >> 8) | ((word & 0xffu) != 0u ? 1u : 0u);
  return static_cast<float>(static_cast<int32_t>(large ? odd : word)) *
         (large ? 0x1p-24f : 0x1p-32f);
}

// Words below this are kept with probability p < 1; 2^32 keeps all.
SINTER_FN uint64_t word_bound(double p) {
  const double scaled = p * 0x1p32;
  const uint64_t whole = static_cast<uint64_t>(scaled);
  return whole + (static_cast<double>(whole) < scaled ? 1 : 0);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_RANDOM_H_

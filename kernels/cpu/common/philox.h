// SPDX-License-Identifier: Apache-2.0
//
// Philox's words for runs of neighbouring elements, as many counters at a time as registers hold.
//
// A 32-bit number of the algorithm is kept in the lower half of a 64-bit lane: that is what the
// widening multiplication reads, and its product is both the number's successors, one of them after
// a shift. What is in the upper halves is never read.
#ifndef SINTER_KERNELS_CPU_COMMON_PHILOX_H_
#define SINTER_KERNELS_CPU_COMMON_PHILOX_H_

#include "cpu/common/block.h"
#include "formula/random.h"

namespace sinter::cpu::SINTER_TIER {

#if defined(__AVX512F__)
constexpr int kCounters = 8;  // in a register
#elif defined(__AVX2__)
constexpr int kCounters = 4;
#else
constexpr int kCounters = 2;
#endif
// Registers that go through the rounds side by side, so that one's latency hides another's.
#if defined(__AVX512F__)
constexpr int kPhiloxSets = 4;
#else
constexpr int kPhiloxSets = 2;
#endif
constexpr int kPhiloxAtOnce = kCounters * kPhiloxSets * kWordsPerCounter;

typedef uint64_t CounterSet __attribute__((vector_size(8 * kCounters)));

// The products of the lower halves.
SINTER_FN CounterSet widening_product(CounterSet a, CounterSet b) {
#if defined(__AVX512F__)
  return reinterpret_cast<CounterSet>(
      // Not _mm512_mul_epu32, for whose undefined operand g++ 12 warns.
      _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<CounterSet>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__x86_64__)
  return reinterpret_cast<CounterSet>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

SINTER_FN CounterSet all_counters(uint64_t x) { return CounterSet{} + x; }

// Where the words of `count` elements from `begin` on are put: room for a block's, whole counters and
// whole steps.
struct Words {
  alignas(64) uint32_t room[kBlock + 2 * kPhiloxAtOnce];
};

// Where the words of elements 2 i and 2 i + 1 of a run are: low[i] and high[i].
struct WordPairs {
  const uint32_t* low;
  const uint32_t* high;
};

// Calls put(at, c0, c1, c2, c3) with the words of as many counters as a register holds, in the lower
// halves of its lanes: those of counter `first` and later ones, `words` of them and what fills up the
// last step. `at` is the index of the first word.
template <class Put>
SINTER_FN void for_words(uint64_t key, int64_t first, int words, Put put) {
  uint64_t keys0[kPhiloxRounds];
  uint64_t keys1[kPhiloxRounds];
  for (int r = 0; r < kPhiloxRounds; ++r) {
    keys0[r] = static_cast<uint32_t>(key) + static_cast<uint64_t>(r) * kPhiloxStep0;
    keys1[r] = (key >> 32) + static_cast<uint64_t>(r) * kPhiloxStep1;
  }
  CounterSet step{};
  for (int l = 0; l < kCounters; ++l) {
    step[l] = static_cast<uint64_t>(l);
  }
  const CounterSet factor0 = all_counters(kPhiloxFactor0);
  const CounterSet factor1 = all_counters(kPhiloxFactor1);
  for (int at = 0; at < words; at += kPhiloxAtOnce) {
    CounterSet c0[kPhiloxSets], c1[kPhiloxSets], c2[kPhiloxSets], c3[kPhiloxSets];
#pragma GCC unroll 4
    for (int s = 0; s < kPhiloxSets; ++s) {
      c0[s] = step + static_cast<uint64_t>(first + at / kWordsPerCounter + s * kCounters);
      c1[s] = c0[s] >> 32;
      c2[s] = CounterSet{};
      c3[s] = CounterSet{};
    }
#pragma GCC unroll 10
    for (int r = 0; r < kPhiloxRounds; ++r) {
      const CounterSet k0 = all_counters(keys0[r]);
      const CounterSet k1 = all_counters(keys1[r]);
#pragma GCC unroll 4
      for (int s = 0; s < kPhiloxSets; ++s) {
        const CounterSet p0 = widening_product(c0[s], factor0);
        const CounterSet p1 = widening_product(c2[s], factor1);
        c0[s] = (p1 >> 32) ^ c1[s] ^ k0;
        c1[s] = p1;
        c2[s] = (p0 >> 32) ^ c3[s] ^ k1;
        c3[s] = p0;
      }
    }
#pragma GCC unroll 4
    for (int s = 0; s < kPhiloxSets; ++s) {
      put(at + s * kCounters * kWordsPerCounter, c0[s], c1[s], c2[s], c3[s]);
    }
  }
}

SINTER_FN CounterSet both_words(CounterSet even, CounterSet odd) {
  return (even & 0xffffffffu) | odd << 32;
}

// Fills `words`, and returns the place of the first element's.
static const uint32_t* fill_words(uint64_t key, int64_t begin, int count, Words& words) {
  const int skipped = static_cast<int>(begin % kWordsPerCounter);
  // A pair of words of each counter, in turn.
  CounterSet low{};
  CounterSet high{};
  for (int l = 0; l < kCounters; ++l) {
    low[l] = static_cast<uint64_t>(l / 2 + (l % 2) * kCounters);
    high[l] = low[l] + kCounters / 2;
  }
  for_words(
      key, begin / kWordsPerCounter, skipped + count,
      [&](int at, CounterSet c0, CounterSet c1, CounterSet c2,
          CounterSet c3) __attribute__((always_inline)) {
        const CounterSet pair0 = both_words(c0, c1);
        const CounterSet pair1 = both_words(c2, c3);
        uint32_t* const to = words.room + at;
        *reinterpret_cast<CounterSet*>(to) = __builtin_shuffle(pair0, pair1, low);
        *reinterpret_cast<CounterSet*>(to + 2 * kCounters) = __builtin_shuffle(pair0, pair1, high);
      });
  return words.room + skipped;
}

// As fill_words, for loops that take two elements at a time: even and odd words apart, as the rounds
// leave them.
SINTER_FN WordPairs fill_word_pairs(uint64_t key, int64_t begin, int count, Words& words) {
  const int skipped = static_cast<int>(begin % kWordsPerCounter);
  uint32_t* const even = words.room;
  uint32_t* const odd = words.room + sizeof(words.room) / sizeof(*words.room) / 2;
  for_words(
      key, begin / kWordsPerCounter, skipped + count,
      [&](int at, CounterSet c0, CounterSet c1, CounterSet c2, CounterSet c3)
          __attribute__((always_inline)) {
            *reinterpret_cast<CounterSet*>(even + at / 2) = both_words(c0, c2);
            *reinterpret_cast<CounterSet*>(odd + at / 2) = both_words(c1, c3);
          });
  if (skipped % 2 == 0) {
    return {even + skipped / 2, odd + skipped / 2};
  }
  return {odd + skipped / 2, even + skipped / 2 + 1};
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_PHILOX_H_

// SPDX-License-Identifier: Apache-2.0
//
// The selection's kernels over any source of keys. A source is a struct with
//
//   using Key = uint16_t, uint32_t or uint64_t;
//   static bool block(const void* source, int64_t begin, int count, Key* keys);
//
// which writes the keys of elements begin .. begin + count - 1 (count <= kKeyBlock) and returns
// whether all were finite, and may have a capture() of its own (see DifferenceKeys).
// key_kernels<Source>() is its table. Included by the kernels, compiled once
// per instruction set.
#ifndef SINTER_KERNELS_CPU_COMMON_SELECT_H_
#define SINTER_KERNELS_CPU_COMMON_SELECT_H_

#include "cpu/common/block.h"
#include "cpu/select.h"

namespace sinter::cpu::SINTER_TIER {

// Elements per block of keys.
constexpr int kKeyBlock = 1024;
static_assert(kCaptured % kKeyBlock == 0);

template <class Source>
class KeyLoops {
 public:
  using Key = typename Source::Key;

  static bool keys(const void* source, int64_t begin, int64_t count, void* out) {
    Key* const to = static_cast<Key*>(out);
    bool finite = true;
    for (int64_t i = 0; i < count; i += kKeyBlock) {
      const int some = count - i < kKeyBlock ? static_cast<int>(count - i) : kKeyBlock;
      finite &= Source::block(source, begin + i, some, to + i);
    }
    return finite;
  }

  static bool count(const void* source, int64_t begin, int64_t end, const uint64_t* bounds, int n,
                    uint32_t* counts) {
    return for_blocks(source, begin, end, [&](const Key* keys, int some, int64_t) {
      int j = 0;
      for (; j + 4 <= n; j += 4) {
        count_at<4>(keys, some, bounds + j, counts + j);
      }
      for (; j < n; ++j) {
        count_at<1>(keys, some, bounds + j, counts + j);
      }
      return true;
    });
  }

  static Captured capture(const void* source, int64_t begin, int64_t end, uint64_t low,
                          uint64_t high, void* room) {
    Key* const to = static_cast<Key*>(room);
    Captured captured = {0, 0, true};
    const Key from = static_cast<Key>(low);
    const Key span = static_cast<Key>(high - low);
    const Key top = static_cast<Key>(high);
    if constexpr (requires { Source::capture(source, begin, end, from, top, to, captured); }) {
      begin += Source::capture(source, begin, end, from, top, to, captured);
    }
    captured.finite &= for_blocks(source, begin, end, [&](const Key* keys, int some, int64_t) {
      capture_block(keys, some, from, span, top, to, captured);
      return true;
    });
    return captured;
  }

  static bool histogram(const void* source, int64_t begin, int64_t end, uint64_t low, int shift,
                        uint64_t bins, uint64_t* counts) {
    return for_blocks(source, begin, end, [&](const Key* keys, int some, int64_t) {
      for (int j = 0; j < some; ++j) {
        const uint64_t key = keys[j];
        const uint64_t bin = (key - low) >> shift;
        if ((key >= low) & (bin < bins)) {
          ++counts[bin];
        }
      }
      return true;
    });
  }

  static void bins(const void* keys, int64_t count, uint64_t low, uint64_t span, int shift,
                   uint32_t* counts) {
    const Key* const all = static_cast<const Key*>(keys);
    const Key from = static_cast<Key>(low);
    const Key width = static_cast<Key>(span);
    Key inside[kBinBlock + kCaptureSlack];
    for (int64_t i = 0; i < count; i += kBinBlock) {
      const int some = count - i < kBinBlock ? static_cast<int>(count - i) : kBinBlock;
      Captured captured = {0, 0, true};
      capture_block(all + i, some, from, width, static_cast<Key>(from + width), inside, captured);
      const int n = static_cast<int>(captured.inside);
      for (int j = 0; j < n; ++j) {
        inside[j] = static_cast<Key>(static_cast<Key>(inside[j] - from) >> shift);
      }
      for (int j = 0; j < n; ++j) {
        ++counts[j % kBinCopies * kKeyBins + static_cast<int>(inside[j])];
      }
    }
  }

  static uint32_t equals(const void* keys, int64_t count, uint64_t key) {
    const Key* const all = static_cast<const Key*>(keys);
    uint32_t equal = 0;
    for (int64_t i = 0; i < count; ++i) {
      equal += all[i] == key;
    }
    return equal;
  }

  static int64_t find(const void* source, int64_t begin, int64_t end, uint64_t key, int64_t nth) {
    int64_t found = end - 1;
    for_blocks(source, begin, end, [&](const Key* keys, int some, int64_t at) {
      int equal = 0;
      for (int j = 0; j < some; ++j) {
        equal += keys[j] == key;
      }
      if (equal < nth) {
        nth -= equal;
        return true;
      }
      for (int j = 0; j < some; ++j) {
        nth -= keys[j] == key;
        if (nth == 0) {
          found = at + j;
          return false;
        }
      }
      return false;
    });
    return found;
  }

 private:
  static constexpr int kBinBlock = 512;

  // Calls f(keys, count, begin) for the range's blocks as long as it answers true.
  template <class F>
  static inline __attribute__((always_inline)) bool for_blocks(const void* source, int64_t begin,
                                                               int64_t end, F f) {
    alignas(64) Key block[kKeyBlock];
    bool finite = true;
    for (int64_t i = begin; i < end; i += kKeyBlock) {
      const int some = end - i < kKeyBlock ? static_cast<int>(end - i) : kKeyBlock;
      finite &= Source::block(source, i, some, block);
      if (!f(block, some, i)) {
        break;
      }
    }
    return finite;
  }

  template <int N>
  static inline __attribute__((always_inline)) void count_at(const Key* keys, int some,
                                                             const uint64_t* bounds,
                                                             uint32_t* counts) {
    Key bound[N];
    Key sums[N] = {};
    for (int b = 0; b < N; ++b) {
      bound[b] = static_cast<Key>(bounds[b]);
    }
    for (int j = 0; j < some; ++j) {
#pragma GCC unroll 4
      for (int b = 0; b < N; ++b) {
        sums[b] = static_cast<Key>(sums[b] + (keys[j] >= bound[b] ? 1 : 0));
      }
    }
    for (int b = 0; b < N; ++b) {
      // A bound past the largest key has none at or above it.
      counts[b] += bounds[b] == bound[b] ? static_cast<uint32_t>(sums[b]) : 0u;
    }
  }

  static inline __attribute__((always_inline)) void capture_block(const Key* keys, int some,
                                                                  Key low, Key span, Key high,
                                                                  Key* room, Captured& captured) {
    int j = 0;
#if defined(__AVX512F__)
    if constexpr (sizeof(Key) == 4) {
      const __m512i from = _mm512_set1_epi32(static_cast<int>(low));
      const __m512i width = _mm512_set1_epi32(static_cast<int>(span));
      const __m512i top = _mm512_set1_epi32(static_cast<int>(high));
      int64_t above = 0;
      int64_t inside = captured.inside;
      for (; j + 16 <= some; j += 16) {
        const __m512i key = _mm512_loadu_si512(keys + j);
        above += __builtin_popcount(_mm512_cmpgt_epu32_mask(key, top));
        const __mmask16 in = _mm512_cmple_epu32_mask(_mm512_sub_epi32(key, from), width);
        _mm512_storeu_si512(room + inside, _mm512_maskz_compress_epi32(in, key));
        inside += __builtin_popcount(in);
      }
      captured.above += above;
      captured.inside = inside;
    } else if constexpr (sizeof(Key) == 8) {
      const __m512i from = _mm512_set1_epi64(static_cast<int64_t>(low));
      const __m512i width = _mm512_set1_epi64(static_cast<int64_t>(span));
      const __m512i top = _mm512_set1_epi64(static_cast<int64_t>(high));
      int64_t above = 0;
      int64_t inside = captured.inside;
      for (; j + 8 <= some; j += 8) {
        const __m512i key = _mm512_loadu_si512(keys + j);
        above += __builtin_popcount(_mm512_cmpgt_epu64_mask(key, top));
        const __mmask8 in = _mm512_cmple_epu64_mask(_mm512_sub_epi64(key, from), width);
        _mm512_storeu_si512(room + inside, _mm512_maskz_compress_epi64(in, key));
        inside += __builtin_popcount(in);
      }
      captured.above += above;
      captured.inside = inside;
    }
#endif
    // Few of them are inside, so most groups are passed over.
    constexpr int kGroup = 64 / static_cast<int>(sizeof(Key));
    for (; j < some; j += kGroup) {
      const int n = some - j < kGroup ? some - j : kGroup;
      Key above = 0;
      Key inside = 0;
      if (n == kGroup) {
        for (int i = 0; i < kGroup; ++i) {
          above = static_cast<Key>(above + (keys[j + i] > high ? 1 : 0));
          inside = static_cast<Key>(inside + (static_cast<Key>(keys[j + i] - low) <= span ? 1 : 0));
        }
      } else {
        for (int i = 0; i < n; ++i) {
          above = static_cast<Key>(above + (keys[j + i] > high ? 1 : 0));
          inside = 1;
        }
      }
      captured.above += above;
      if (inside != 0) {
        int64_t to = captured.inside;
        for (int i = 0; i < n; ++i) {
          room[to] = keys[j + i];
          to += static_cast<Key>(keys[j + i] - low) <= span ? 1 : 0;
        }
        captured.inside = to;
      }
    }
  }
};

template <class Source>
constexpr KeyKernels key_kernels() {
  using Loops = KeyLoops<Source>;
  return {static_cast<int32_t>(sizeof(typename Source::Key)),
          Loops::keys,
          Loops::count,
          Loops::capture,
          Loops::histogram,
          Loops::bins,
          Loops::equals,
          Loops::find};
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_SELECT_H_

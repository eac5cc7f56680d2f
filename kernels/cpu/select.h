// SPDX-License-Identifier: Apache-2.0
//
// Selection by magnitude, quantiles, ranks: the kernels of one instruction set, as its table lists
// them, and what they select from.
//
// What is selected are keys: unsigned numbers of 16, 32 or 64 bits whose order is that of the
// elements. A source makes them, block by block; everything else is the same for all sources.
#ifndef SINTER_KERNELS_CPU_SELECT_H_
#define SINTER_KERNELS_CPU_SELECT_H_

#include "batch.h"

namespace sinter::cpu {

// Bounds that one pass over keys counts at.
constexpr int kBounds = 16;

// Of the keys in a range: how many lie above a window, and how many inside.
struct Captured {
  int64_t above;
  int64_t inside;
  bool finite;
};

// The most elements that `capture` is asked for at a time.
constexpr int64_t kCaptured = 4096;
// Keys of room that it needs beyond them.
constexpr int64_t kCaptureSlack = 16;

// Bins of captured keys, and how many of each there are: neighbouring keys are often equal, and adding
// to one number again waits for the first time to be done.
constexpr int kKeyBins = 2048;
constexpr int kBinCopies = 4;

// The kernels over one kind of source; `source` is what they were made for. All answer whether the
// elements were finite, where they look at them.
struct KeyKernels {
  int32_t bytes;  // of a key
  bool (*keys)(const void* source, int64_t begin, int64_t count, void* keys);
  // counts[j] += keys that are at least bounds[j], for j < n <= kBounds.
  bool (*count)(const void* source, int64_t begin, int64_t end, const uint64_t* bounds, int n,
                uint32_t* counts);
  // Keys in [low, high] go to `room`, in their order.
  Captured (*capture)(const void* source, int64_t begin, int64_t end, uint64_t low, uint64_t high,
                      void* room);
  // counts[(key - low) >> shift] += 1, for those below `bins`.
  bool (*histogram)(const void* source, int64_t begin, int64_t end, uint64_t low, int shift,
                    uint64_t bins, uint64_t* counts);
  // Of keys that were captured: counts[j % kBinCopies][(key - low) >> shift] += 1 for those in
  // [low, low + span], which fall into kKeyBins bins.
  void (*bins)(const void* keys, int64_t count, uint64_t low, uint64_t span, int shift,
               uint32_t* counts);
  // How many of them are this key.
  uint32_t (*equals)(const void* keys, int64_t count, uint64_t key);
  // The index of the nth (from 1) element in [begin, end) that has this key.
  int64_t (*find)(const void* source, int64_t begin, int64_t end, uint64_t key, int64_t nth);
};

// Keys of a tensor's elements, or of their differences from a base: bits of the values encoded as
// `key`, which holds them exactly. Without their sign, or (is_signed) so that negative values come
// first, the larger in magnitude the earlier.
struct Differences {
  View in;
  View base;  // equals in where there is none
  bool has_base;
  bool wide;  // differences are computed in float64
  bool is_signed;
  DType load;
  DType delta;
  DType key;  // kBF16, kF16: 16 bits; kF32: 32; kF64: 64
};

// One row's ranks; see rank.h.
struct RankJob {
  Differences of;
  View out;
  int64_t row;
};

struct SelectKernels {
  // Of Differences.
  KeyKernels magnitudes16, magnitudes32, magnitudes64;
  KeyKernels signed16, signed32, signed64;
  // Ranks row `index`; scratch holds rank_scratch(row) bytes. False where an element is not finite.
  bool (*rank)(const RankJob& job, int64_t index, void* scratch);
  // Whether all elements of [begin, end) are finite after rounding on load.
  bool (*finite)(const View& in, DType load, bool wide, int64_t begin, int64_t end);
  // Whether all of the elements' differences are.
  bool (*finite_differences)(const Differences& of, int64_t begin, int64_t end);
};

// What ranking a row takes: its magnitudes, ranks, and two lists of (key, index).
constexpr int64_t rank_scratch(int64_t row) { return row * 28 + 64; }

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SELECT_H_

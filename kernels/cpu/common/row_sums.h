// SPDX-License-Identifier: Apache-2.0
//
// Canonical sums of a row's terms as they come. Included by the kernels, compiled once per instruction
// set.
#ifndef SINTER_KERNELS_CPU_COMMON_ROW_SUMS_H_
#define SINTER_KERNELS_CPU_COMMON_ROW_SUMS_H_

#include "cpu/common/block.h"
#include "formula/reduce.h"

namespace sinter::cpu::SINTER_TIER {

// Of a row of any length: level 0 takes elements, the others the results of chunks of the level below.
class RowSums {
 public:
  static constexpr int kLevels = 4;  // 2^48 elements

  // The next `count` terms; blocks start at multiples of kBlock.
  inline __attribute__((always_inline)) void add(const double* terms, int count) {
    const int whole = count - count % kReduceLanes;
    for (int j = 0; j < whole; j += kReduceLanes) {
      for (int l = 0; l < kReduceLanes; ++l) {
        lanes_[0][l] += terms[j + l];
      }
    }
    for (int l = 0; l < count - whole; ++l) {
      lanes_[0][l] += terms[whole + l];
    }
    taken_[0] += count;
    if (taken_[0] == kReduceChunk) {
      close(0);
    }
  }

  double result() {
    for (int level = 0; level + 1 < kLevels; ++level) {
      if (chunks_[level] == 0) {
        return fold(level);  // its only chunk
      }
      if (taken_[level] > 0) {
        close(level);
      }
    }
    return fold(kLevels - 1);
  }

 private:
  double fold(int level) {
    double* const lanes = lanes_[level];
    for (int half = kReduceLanes / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) {
        lanes[l] = combine<Term::kValue>(lanes[l], lanes[l + half]);
      }
    }
    return lanes[0];
  }

  // A chunk is full, or the last.
  void close(int level) {
    const double value = fold(level);
    for (int l = 0; l < kReduceLanes; ++l) {
      lanes_[level][l] = 0.0;
    }
    taken_[level] = 0;
    ++chunks_[level];
    lanes_[level + 1][taken_[level + 1] % kReduceLanes] += value;
    if (++taken_[level + 1] == kReduceChunk && level + 2 < kLevels) {
      close(level + 1);
    }
  }

  alignas(64) double lanes_[kLevels][kReduceLanes] = {};
  int64_t taken_[kLevels] = {};
  int64_t chunks_[kLevels] = {};
};

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_ROW_SUMS_H_

// SPDX-License-Identifier: Apache-2.0
//
// Canonical sums of a row's terms as they come, by a warp.
#ifndef SINTER_KERNELS_CUDA_COMMON_ROW_SUMS_CUH_
#define SINTER_KERNELS_CUDA_COMMON_ROW_SUMS_CUH_

#include "cuda/common/device.cuh"
#include "formula/reduce.h"

namespace sinter::cuda {

// Of a row of any length: see the CPU's RowSums. A thread has lanes 2 t and
// 2 t + 1.
class RowSums {
 public:
  // Terms of elements 2 t and 2 t + 1 of 64; `count` of the 64 are there.
  __device__ __forceinline__ void add(double even, double odd, int count) {
    const int lane = 2 * static_cast<int>(threadIdx.x % kWarp);
    if (lane < count) {
      lanes_[0][0] += even;
    }
    if (lane + 1 < count) {
      lanes_[0][1] += odd;
    }
    taken_[0] += count;
    if (taken_[0] == kReduceChunk) {
      close(0);
    }
  }

  __device__ __forceinline__ double result() {
    for (int level = 0; level + 1 < kLevels; ++level) {
      if (chunks_[level] == 0) {
        return fold(level);
      }
      if (taken_[level] > 0) {
        close(level);
      }
    }
    return fold(kLevels - 1);
  }

 private:
  static constexpr int kLevels = 4;

  __device__ __forceinline__ double fold(int level) {
    double x = lanes_[level][0];
    double y = lanes_[level][1];
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      x = combine<Term::kValue>(x, __shfl_down_sync(kAllLanes, x, half));
      y = combine<Term::kValue>(y, __shfl_down_sync(kAllLanes, y, half));
    }
    return __shfl_sync(kAllLanes, combine<Term::kValue>(x, y), 0);
  }

  __device__ __forceinline__ void close(int level) {
    for (; level + 1 < kLevels; ++level) {
      const double value = fold(level);
      lanes_[level][0] = 0.0;
      lanes_[level][1] = 0.0;
      taken_[level] = 0;
      ++chunks_[level];
      const int place = static_cast<int>(taken_[level + 1] % kReduceLanes);
      if (place / 2 == static_cast<int>(threadIdx.x % kWarp)) {
        lanes_[level + 1][place % 2] += value;
      }
      if (++taken_[level + 1] != kReduceChunk || level + 2 >= kLevels) {
        return;
      }
    }
  }

  double lanes_[kLevels][2] = {};
  int64_t taken_[kLevels] = {};
  int64_t chunks_[kLevels] = {};
};

// The sum of term(j) over a row of `count` elements; all threads of the warp return it.
template <class Value>
SINTER_DEVICE double row_sum(int64_t count, const Value& term) {
  const int lane = 2 * static_cast<int>(threadIdx.x % kWarp);
  RowSums sums;
  for (int64_t i = 0; i < count; i += kReduceLanes) {
    const int64_t left = count - i;
    const int some = left < kReduceLanes ? static_cast<int>(left) : kReduceLanes;
    const double even = lane < some ? term(i + lane) : 0.0;
    const double odd = lane + 1 < some ? term(i + lane + 1) : 0.0;
    sums.add(even, odd, some);
  }
  return sums.result();
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_ROW_SUMS_CUH_

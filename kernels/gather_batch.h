// SPDX-License-Identifier: Apache-2.0
//
// Gathers: out[i, j, ...] = in[p[i], q[j], ...], as launchers get them.
#ifndef SINTER_KERNELS_GATHER_BATCH_H_
#define SINTER_KERNELS_GATHER_BATCH_H_

#include "batch.h"

namespace sinter {

// An axis may be cut in two: where runs start, and runs.
constexpr int kMaxGatherRank = 2 * kMaxRank;

// Which elements of `in` an output's are, in the order of the output's elements: along axis d, number
// i is at strides[d] * (index[d] == null ? i : index[d][i * every[d]]). Axes of size 1 are dropped, and
// neighbours merged where that can be.
struct GatherPlaces {
  int32_t rank;
  int64_t shape[kMaxGatherRank];
  int64_t strides[kMaxGatherRank];  // of `in`, in elements
  const int32_t* index[kMaxGatherRank];
  int64_t every[kMaxGatherRank];
  // One more than the largest index of the last axis, where that has any.
  int64_t reach;
};

// The gathered input of an item is its last: its view has the data, the dtype and no shape.
struct GatherItem {
  GatherPlaces places;
  // One past the last byte of the input.
  const unsigned char* end;
};

// With two inputs per item the first is what the gathered one is interpolated from, by weights[0].
struct GatherBatch {
  Batch batch;
  const GatherItem* items;  // [batch.count]
};

}  // namespace sinter

#endif  // SINTER_KERNELS_GATHER_BATCH_H_

// SPDX-License-Identifier: Apache-2.0
//
// arcee_fusion: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_FUSION_H_
#define SINTER_KERNELS_CPU_FUSION_H_

#include "batch.h"
#include "cpu/select.h"

namespace sinter::cpu {

struct PartCounts;

// A tensor's rows, and what is known of them.
struct FusionJob {
  Differences of;  // x - base
  int64_t row;     // elements of a row
  double* divergences;
};

struct FusionKernels {
  // Writes the divergences of rows [begin, end), or returns what is not finite: as Selected::fault.
  int32_t (*divergences)(const FusionJob& job, int64_t begin, int64_t end);
  // Keys of importances; the source is a FusionJob.
  KeyKernels importances32, importances64;
  // At Item::weights: the threshold, the row's length, the divergences.
  void (*fuse)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
               PartCounts& counts);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_FUSION_H_

// SPDX-License-Identifier: Apache-2.0
//
// Canonical reductions for other kernels' launchers.
#ifndef SINTER_KERNELS_CUDA_REDUCE_CUH_
#define SINTER_KERNELS_CUDA_REDUCE_CUH_

#include <vector>

#include "batch.h"
#include "cuda/common/queue.h"

namespace sinter::cuda {

// What is reduced, and where its results go.
struct Reduction {
  ReduceItem item;
  double* result;
};

// result[3] = <a, a>, <a, b>, <b, b> of each.
void reduce_dots(Queue& queue, const std::vector<Reduction>& reductions, DType load);

// The sum of each, or of each of its rows, whose elements are float64.
void reduce_sums(Queue& queue, const std::vector<Reduction>& reductions);

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_REDUCE_CUH_

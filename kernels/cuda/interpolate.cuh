// SPDX-License-Identifier: Apache-2.0
//
// Kernels of weighted sums for other methods' launchers. Where ElementwiseParams::formula is set, it
// holds the coefficients, float64 and [batch][models]; an ElementwiseRun then has no weights.
#ifndef SINTER_KERNELS_CUDA_INTERPOLATE_CUH_
#define SINTER_KERNELS_CUDA_INTERPOLATE_CUH_

#include "cuda/common/elementwise.cuh"

namespace sinter::cuda {

// Inputs are the models.
ElementwiseKernel linear_kernel(const Group& group);

// Input 0 is the base, the others are the models.
ElementwiseKernel task_arithmetic_kernel(const Group& group);

// The coefficients of the k-th entry.
SINTER_DEVICE const double* entry_weights(const Descriptors& table, const ElementwiseParams& params,
                                          int64_t k, int models) {
  return params.formula == nullptr
             ? table.weights + k * params.table.weights
             : static_cast<const double*>(params.formula) + table.entries[k].index * models;
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_INTERPOLATE_CUH_

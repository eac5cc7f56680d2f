// SPDX-License-Identifier: Apache-2.0
//
// The kernels of the instruction set being compiled: SINTER_TIER is its name and namespace.
#ifndef SINTER_KERNELS_CPU_KERNELS_OF_TIER_H_
#define SINTER_KERNELS_CPU_KERNELS_OF_TIER_H_

#include "cpu/common/kernels.h"

#define SINTER_CONSTRUCTOR inline __attribute__((always_inline)) explicit

namespace sinter::cpu::SINTER_TIER {

#define SINTER_ELEMENTWISE_KERNEL(name)                                                      \
  void name(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed, \
            PartCounts& counts)
SINTER_ELEMENTWISE_KERNEL(cast_kernel);
SINTER_ELEMENTWISE_KERNEL(lerp_kernel);
SINTER_ELEMENTWISE_KERNEL(linear_kernel);
SINTER_ELEMENTWISE_KERNEL(nearswap_kernel);
SINTER_ELEMENTWISE_KERNEL(task_arithmetic_kernel);
#undef SINTER_ELEMENTWISE_KERNEL

void gather_kernel(const Item& item, const GatherItem& places, const Batch& batch, int64_t begin,
                   int64_t end, bool streamed, PartCounts& counts);

#define SINTER_REDUCE_KERNEL(name) \
  void name(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials)
SINTER_REDUCE_KERNEL(sum_kernel);
SINTER_REDUCE_KERNEL(norm_l1_kernel);
SINTER_REDUCE_KERNEL(sum_of_squares_kernel);
SINTER_REDUCE_KERNEL(norm_max_kernel);
SINTER_REDUCE_KERNEL(dot_kernel);
SINTER_REDUCE_KERNEL(dots_kernel);
SINTER_REDUCE_KERNEL(moments_kernel);
SINTER_REDUCE_KERNEL(count_kernel);
SINTER_REDUCE_KERNEL(fisher_statistics_kernel);
SINTER_REDUCE_KERNEL(masked_sum_kernel);
SINTER_REDUCE_KERNEL(statistics_kernel);
SINTER_REDUCE_KERNEL(based_statistics_kernel);
#undef SINTER_REDUCE_KERNEL

// The families that have tables of their own.
extern const AgreementKernels agreement_kernels;
extern const AssignmentKernels assignment_kernels;
extern const CompatibilityKernels compatibility_kernels;
extern const FisherKernels fisher_kernels;
extern const FusionKernels fusion_kernels;
extern const RandomKernels random_kernels;
extern const SelectKernels select_kernels;
extern const SparseKernels sparse_kernels;
extern const SphericalKernels spherical_kernels;

// The table of these.
extern const Kernels table;

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_KERNELS_OF_TIER_H_

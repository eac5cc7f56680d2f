// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels_of_tier.h"

#define SINTER_QUOTE(x) #x
#define SINTER_NAME(x) SINTER_QUOTE(x)

namespace sinter::cpu::SINTER_TIER {

extern const Kernels table = {
    SINTER_NAME(SINTER_TIER),
    cast_kernel,
    lerp_kernel,
    linear_kernel,
    nearswap_kernel,
    task_arithmetic_kernel,
    sum_kernel,
    norm_l1_kernel,
    sum_of_squares_kernel,
    norm_max_kernel,
    dot_kernel,
    dots_kernel,
    moments_kernel,
    count_kernel,
    fisher_statistics_kernel,
    masked_sum_kernel,
    statistics_kernel,
    based_statistics_kernel,
    &agreement_kernels,
    &assignment_kernels,
    &compatibility_kernels,
    &fisher_kernels,
    &fusion_kernels,
    gather_kernel,
    &random_kernels,
    &select_kernels,
    &sparse_kernels,
    &spherical_kernels,
};

}  // namespace sinter::cpu::SINTER_TIER

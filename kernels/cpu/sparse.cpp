// SPDX-License-Identifier: Apache-2.0
#include "cpu/sparse.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const SparseKernels sparse_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

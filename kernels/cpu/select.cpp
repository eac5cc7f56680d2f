// SPDX-License-Identifier: Apache-2.0
#include "cpu/select.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const SelectKernels select_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

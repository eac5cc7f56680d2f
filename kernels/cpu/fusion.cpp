// SPDX-License-Identifier: Apache-2.0
#include "cpu/fusion.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const FusionKernels fusion_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
#include "cpu/random.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const RandomKernels random_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

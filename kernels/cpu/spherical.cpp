// SPDX-License-Identifier: Apache-2.0
#include "cpu/spherical.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const SphericalKernels spherical_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
#include "cpu/agreement.h"

#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

extern const AgreementKernels agreement_kernels = {};

}  // namespace sinter::cpu::SINTER_TIER

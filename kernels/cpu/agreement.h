// SPDX-License-Identifier: Apache-2.0
//
// sce, ram and ramplus_tl: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_AGREEMENT_H_
#define SINTER_KERNELS_CPU_AGREEMENT_H_

#include "batch.h"

namespace sinter::cpu {

struct AgreementKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_AGREEMENT_H_

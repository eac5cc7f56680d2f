// SPDX-License-Identifier: Apache-2.0
//
// arcee_fusion: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_FUSION_H_
#define SINTER_KERNELS_CPU_FUSION_H_

#include "batch.h"

namespace sinter::cpu {

struct FusionKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_FUSION_H_

// SPDX-License-Identifier: Apache-2.0
//
// Selection by magnitude, quantiles, ranks: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_SELECT_H_
#define SINTER_KERNELS_CPU_SELECT_H_

#include "batch.h"

namespace sinter::cpu {

struct SelectKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SELECT_H_

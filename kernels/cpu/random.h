// SPDX-License-Identifier: Apache-2.0
//
// Philox: random numbers: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_RANDOM_H_
#define SINTER_KERNELS_CPU_RANDOM_H_

#include "batch.h"

namespace sinter::cpu {

struct RandomKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_RANDOM_H_

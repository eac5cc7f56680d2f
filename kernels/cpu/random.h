// SPDX-License-Identifier: Apache-2.0
//
// Philox: random numbers: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_RANDOM_H_
#define SINTER_KERNELS_CPU_RANDOM_H_

#include "batch.h"

namespace sinter::cpu {

struct PartCounts;

struct RandomKernels {
  // An ElementwiseKernel; the bits of an item's one weight are its key.
  void (*random)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_RANDOM_H_

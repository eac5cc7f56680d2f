// SPDX-License-Identifier: Apache-2.0
//
// Gathers: the kernel of one instruction set, as its table lists it.
#ifndef SINTER_KERNELS_CPU_GATHER_H_
#define SINTER_KERNELS_CPU_GATHER_H_

#include "batch.h"

namespace sinter {
struct GatherItem;
}

namespace sinter::cpu {

struct PartCounts;

// Elements [begin, end) of an output.
using GatherKernel = void (*)(const Item& item, const GatherItem& gather, const Batch& batch,
                              int64_t begin, int64_t end, bool streamed, PartCounts& counts);

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_GATHER_H_

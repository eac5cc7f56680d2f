// SPDX-License-Identifier: Apache-2.0
//
// Fisher information: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_FISHER_H_
#define SINTER_KERNELS_CPU_FISHER_H_

#include "batch.h"

namespace sinter::cpu {

struct PartCounts;

// Elementwise kernels. Inputs and weights are those of the launchers of these names.
struct FisherKernels {
  void (*accumulate)(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                     bool streamed, PartCounts& counts);
  void (*finish)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts);
  void (*merge)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                PartCounts& counts);
  void (*bcwi)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
               PartCounts& counts);
  void (*fisher_bcwi)(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                      bool streamed, PartCounts& counts);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_FISHER_H_

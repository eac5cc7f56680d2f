// SPDX-License-Identifier: Apache-2.0
//
// Compatibility: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_COMPATIBILITY_H_
#define SINTER_KERNELS_CPU_COMPATIBILITY_H_

#include <stdint.h>

namespace sinter {
struct FlipBatch;
}  // namespace sinter

namespace sinter::cpu {

struct CompatibilityKernels {
  // Adds examples [begin, end) to the counts, which other threads may be adding to, and writes what
  // is asked for of each. Returns the first fault; examples that have one are not counted.
  uint64_t (*flips)(const FlipBatch& batch, int64_t begin, int64_t end);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMPATIBILITY_H_

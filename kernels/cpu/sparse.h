// SPDX-License-Identifier: Apache-2.0
//
// ties, breadcrumbs, dare and della: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_SPARSE_H_
#define SINTER_KERNELS_CPU_SPARSE_H_

#include "batch.h"

namespace sinter::cpu {

struct SparseKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SPARSE_H_

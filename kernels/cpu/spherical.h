// SPDX-License-Identifier: Apache-2.0
//
// nuslerp, multislerp, karcher, model_stock and Gram matrices: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_SPHERICAL_H_
#define SINTER_KERNELS_CPU_SPHERICAL_H_

#include "batch.h"

namespace sinter::cpu {

struct SphericalKernels {};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SPHERICAL_H_

// SPDX-License-Identifier: Apache-2.0
//
// Grids whose blocks wait for each other.
#ifndef SINTER_KERNELS_CUDA_COMMON_COOPERATIVE_CUH_
#define SINTER_KERNELS_CUDA_COMMON_COOPERATIVE_CUH_

#include "cuda/common/device.cuh"
#include "cuda/common/queue.h"

#if !defined(SINTER_EMULATION)
#include <cooperative_groups.h>
#endif

namespace sinter::cuda {

// All threads of all blocks; what each wrote before, all read after.
#if defined(SINTER_EMULATION)
inline void synchronize_grid(EmulationLocation where = EmulationLocation::current()) {
  sinter::emulation::synchronize_grid(where);
}
#else
SINTER_DEVICE void synchronize_grid() { cooperative_groups::this_grid().sync(); }
#endif

// As launch, for a kernel that calls synchronize_grid; at most Queue::resident_blocks blocks.
template <class... Parameters, class... Arguments>
void launch_cooperative(Queue& queue, void (*kernel)(Parameters...), int64_t blocks, int threads,
                        Arguments&&... arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = queue.stream();
  config.attrs = &attribute;
  config.numAttrs = 1;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...),
        "launch a kernel");
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_COOPERATIVE_CUH_

// SPDX-License-Identifier: Apache-2.0
//
// From a validated call to the launcher of the stream's processor.
#ifndef SINTER_NATIVE_CORE_DISPATCH_H_
#define SINTER_NATIVE_CORE_DISPATCH_H_

#include "core/cpu_device.h"

#if SINTER_HAS_CUDA
#include "core/cuda_device.h"
#include "cuda/launch.h"
#endif

namespace sinter {

// LAUNCH(stream, lerp, batch): sinter::cpu::lerp or sinter::cuda::lerp with the stream's context.
#if SINTER_HAS_CUDA
#define SINTER_LAUNCH(stream, operation, batch)                                       \
  do {                                                                                \
    if ((stream).device == SINTER_CPU) {                                              \
      ::sinter::cpu::operation(static_cast<CpuStream&>(stream).context(), (batch));   \
    } else {                                                                          \
      ::sinter::cuda::operation(static_cast<CudaStream&>(stream).context(), (batch)); \
    }                                                                                 \
  } while (false)
#else
#define SINTER_LAUNCH(stream, operation, batch) \
  ::sinter::cpu::operation(static_cast<CpuStream&>(stream).context(), (batch))
#endif

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_DISPATCH_H_

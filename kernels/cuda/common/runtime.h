// SPDX-License-Identifier: Apache-2.0
//
// The CUDA runtime, or its emulation, and what every caller does about its errors.
#ifndef SINTER_KERNELS_CUDA_COMMON_RUNTIME_H_
#define SINTER_KERNELS_CUDA_COMMON_RUNTIME_H_

#include <cuda_runtime.h>

#include <cstdint>

// Declares a variable of the block in shared memory, undefined at first.
#if defined(SINTER_EMULATION)
#define SINTER_SHARED(type, name) auto& name = ::sinter::emulation::shared<type, decltype([] {})>()
#else
#define SINTER_SHARED(type, name) __shared__ type name
#endif

namespace sinter::cuda {

// Throws Failure unless error is cudaSuccess; `doing` completes "could not ...".
void check(cudaError_t error, const char* doing);

// Throws Failure (kOutOfMemory) that says how much was asked for and how much is free.
[[noreturn]] void out_of_memory(int64_t bytes, const char* of_what);

// Makes a device the calling thread's current one for as long as this lives.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device);
  ~CurrentDevice();
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_RUNTIME_H_

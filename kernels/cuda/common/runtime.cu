// SPDX-License-Identifier: Apache-2.0
#include "cuda/common/runtime.h"

#include <string>

#include "failure.h"

namespace sinter::cuda {

void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) {
    return;
  }
  const std::string reason =
      std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
  cudaGetLastError();  // what is reported here must not be met again by the next call
  if (error == cudaErrorMemoryAllocation) {
    throw Failure(Status::kOutOfMemory, std::string("could not ") + doing + ": memory ran out (" +
                                            reason + "); free some, or work on smaller batches")
        .with_device_code(error);
  }
  throw Failure(Status::kDeviceFailure,
                std::string("could not ") + doing + " (" + reason +
                    "); if the device itself failed, only a new process can use it again")
      .with_device_code(error);
}

void out_of_memory(int64_t bytes, const char* of_what) {
  cudaGetLastError();
  size_t free = 0;
  size_t total = 0;
  std::string room;
  if (cudaMemGetInfo(&free, &total) == cudaSuccess) {
    room =
        "; the device has " + std::to_string(free) + " of " + std::to_string(total) + " bytes free";
  }
  throw Failure(Status::kOutOfMemory, std::to_string(bytes) + " bytes of " + of_what +
                                          " could not be allocated" + room +
                                          "; close tensors, or work on smaller batches")
      .with_device_code(cudaErrorMemoryAllocation);
}

CurrentDevice::CurrentDevice(int device) {
  check(cudaGetDevice(&before_), "read the current device");
  if (before_ != device) {
    check(cudaSetDevice(device), "select the device");
    changed_ = true;
  }
}

CurrentDevice::~CurrentDevice() {
  if (changed_) {
    cudaSetDevice(before_);
  }
}

}  // namespace sinter::cuda

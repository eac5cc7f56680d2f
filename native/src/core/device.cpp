// SPDX-License-Identifier: Apache-2.0
#include "core/device.h"

#include <string>

#include "failure.h"

namespace sinter {

std::string device_name(int32_t device) {
  return device == SINTER_CPU ? "cpu" : "cuda:" + std::to_string(device);
}

Backend& backend_of(int32_t device) {
  if (device == SINTER_CPU) {
    return cpu_backend();
  }
  if (device < SINTER_CPU) {
    throw Failure(Status::kInvalidArgument,
                  "device " + std::to_string(device) +
                      " is not a device number: use SINTER_CPU (-1), or 0 and up for CUDA devices");
  }
  Backend& cuda = cuda_backend();
  const int32_t count = cuda.count();
  if (device >= count) {
    throw Failure(Status::kNoDevice, device_name(device) + " does not exist: this machine has " +
                                         std::to_string(count) + " CUDA device" +
                                         (count == 1 ? "" : "s") + ", numbered from 0");
  }
  return cuda;
}

}  // namespace sinter

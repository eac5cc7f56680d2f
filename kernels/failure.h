// SPDX-License-Identifier: Apache-2.0
//
// The one exception inside libsinter. The ABI's guard turns it into a status and a message.
#ifndef SINTER_KERNELS_FAILURE_H_
#define SINTER_KERNELS_FAILURE_H_

#include <stdint.h>

#include <stdexcept>
#include <string>

namespace sinter {

// The values of sinter_status.
enum class Status : int32_t {
  kInvalidArgument = 1,
  kUnsupported = 2,
  kNoDevice = 3,
  kDriverTooOld = 4,
  kOutOfMemory = 5,
  kDeviceFailure = 6,
  kNumeric = 7,
  kInternal = 8,
  kMemoryFault = 9
};

class Failure : public std::runtime_error {
 public:
  Failure(Status status, const std::string& message)
      : std::runtime_error(message), status(status) {}

  Failure& at_tensor(int64_t index) {
    tensor = index;
    return *this;
  }
  Failure& at_address(const void* where) {
    address = where;
    return *this;
  }
  Failure& with_device_code(int32_t code) {
    device_code = code;
    return *this;
  }

  Status status;
  int32_t device_code = 0;
  int64_t tensor = -1;
  const void* address = nullptr;
};

}  // namespace sinter

#endif  // SINTER_KERNELS_FAILURE_H_

// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <cstdio>
#include <cstring>

namespace sinter {

static_assert(static_cast<int32_t>(Status::kInvalidArgument) == SINTER_INVALID_ARGUMENT);
static_assert(static_cast<int32_t>(Status::kUnsupported) == SINTER_UNSUPPORTED);
static_assert(static_cast<int32_t>(Status::kNoDevice) == SINTER_NO_DEVICE);
static_assert(static_cast<int32_t>(Status::kDriverTooOld) == SINTER_DRIVER_TOO_OLD);
static_assert(static_cast<int32_t>(Status::kOutOfMemory) == SINTER_OUT_OF_MEMORY);
static_assert(static_cast<int32_t>(Status::kDeviceFailure) == SINTER_DEVICE_FAILURE);
static_assert(static_cast<int32_t>(Status::kNumeric) == SINTER_NUMERIC);
static_assert(static_cast<int32_t>(Status::kInternal) == SINTER_INTERNAL);
static_assert(static_cast<int32_t>(Status::kMemoryFault) == SINTER_MEMORY_FAULT);

namespace {

// An error struct of another size cannot be written safely; the status still says what happened.
bool writable(const sinter_error* error) {
  return error != nullptr && error->struct_size == sizeof(sinter_error);
}

// Cuts a message where it must end, between UTF-8 characters.
void set_message(char (&to)[1000], const char* function, const char* text) {
  const int length = std::snprintf(to, sizeof to, "%s: %s", function, text);
  if (length < static_cast<int>(sizeof to)) {
    return;
  }
  size_t end = sizeof to - 1;
  while (end > 0 && (static_cast<unsigned char>(to[end - 1]) & 0xc0) == 0x80) {
    --end;
  }
  if (end > 0 && (static_cast<unsigned char>(to[end - 1]) & 0x80) != 0) {
    --end;
  }
  to[end] = '\0';
}

}  // namespace

int32_t report(sinter_error* error, const char* function, const Failure& failure) noexcept {
  const int32_t status = static_cast<int32_t>(failure.status);
  if (writable(error)) {
    error->status = status;
    error->device_code = failure.device_code;
    error->tensor = failure.tensor;
    error->address = failure.address;
    set_message(error->message, function, failure.what());
  }
  return status;
}

int32_t report_ok(sinter_error* error) noexcept {
  if (writable(error)) {
    error->status = SINTER_OK;
    error->device_code = 0;
    error->tensor = -1;
    error->address = nullptr;
    error->message[0] = '\0';
  }
  return SINTER_OK;
}

void invalid(const std::string& message, int64_t tensor) {
  throw Failure(Status::kInvalidArgument, message).at_tensor(tensor);
}

}  // namespace sinter

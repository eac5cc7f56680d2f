// SPDX-License-Identifier: Apache-2.0
//
// The one guard at the ABI: exceptions become statuses.
#ifndef SINTER_NATIVE_CORE_ERROR_H_
#define SINTER_NATIVE_CORE_ERROR_H_

#include <new>

#include "failure.h"
#include "sinter.h"

namespace sinter {

// Writes *error (nullable) and returns the status.
int32_t report(sinter_error* error, const char* function, const Failure& failure) noexcept;
int32_t report_ok(sinter_error* error) noexcept;

// Runs an entry's body; `function` is its name, for messages.
template <class Body>
int32_t guard(const char* function, sinter_error* error, Body body) noexcept {
  try {
    body();
    return report_ok(error);
  } catch (const Failure& failure) {
    return report(error, function, failure);
  } catch (const std::bad_alloc&) {
    return report(error, function,
                  Failure(Status::kOutOfMemory, "host memory ran out; free some and try again"));
  } catch (const std::exception& unexpected) {
    return report(
        error, function,
        Failure(Status::kInternal,
                std::string("a defect in libsinter, please report it: ") + unexpected.what()));
  } catch (...) {
    return report(error, function,
                  Failure(Status::kInternal, "a defect in libsinter, please report it"));
  }
}

[[noreturn]] void invalid(const std::string& message, int64_t tensor = -1);

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_ERROR_H_

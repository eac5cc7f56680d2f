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

// An operation that takes a statistic, in messages about values that admit no result. Inputs are
// numbered as in Item::inputs: the first ones have names, the others are models.
struct Statistic {
  const char* operation;
  // Null from the first model on.
  const char* inputs[3];
  // What is said of a tensor for kUndefined; null where that cannot be.
  const char* undefined;
};

// In the place of an input's number: all are finite, and still there is no result.
constexpr int64_t kUndefined = 0xffff;

// `name` is the tensor's, or empty; `input` is the number of the first input at fault.
inline Failure no_result(const Statistic& statistic, int64_t tensor, const std::string& name,
                         int64_t input) {
  const std::string subject = name.empty() ? "tensor " + std::to_string(tensor) : "'" + name + "'";
  if (input == kUndefined) {
    return Failure(Status::kNumeric,
                   subject + ": " + (statistic.undefined != nullptr ? statistic.undefined : ""))
        .at_tensor(tensor);
  }
  int64_t named = 0;
  while (named < 3 && statistic.inputs[named] != nullptr) {
    ++named;
  }
  const std::string which = input < named
                                ? std::string("input ") + statistic.inputs[input]
                                : "model " + std::to_string(input - named) + " (counted from 0)";
  return Failure(Status::kNumeric, which + " of " + subject + " holds a non-finite value, and " +
                                       statistic.operation +
                                       " takes a statistic of it; repair that model, or merge this "
                                       "tensor by a method that takes none, such as linear")
      .at_tensor(tensor);
}

// Statistic::undefined where statistics are of differences.
constexpr const char kOverflow[] =
    "a model and its base are finite and their difference is not, and the method takes a statistic "
    "of "
    "it; compute in float64 or without delta_dtype, or merge this tensor by linear";

// slerp's, which stands with the methods that merge two tensors.
constexpr Statistic kSlerpStatistic = {"slerp", {"a", "b", nullptr}, nullptr};

constexpr Statistic kSceStatistic = {
    "sce",
    {"base", nullptr, nullptr},
    "the models' differences from the base are too large to be squared; check the models, or merge "
    "this tensor by a method that takes no statistic, such as linear"};
// The selection's; with a base, and without.
constexpr Statistic kSelectStatistic[2] = {
    {"select", {"in", nullptr, nullptr}, nullptr},
    {"select",
     {"base", "in", nullptr},
     "a difference of finite elements is too large to be one; give a wider dtype"}};
constexpr Statistic kQuantileStatistic = {"quantile", {"in", nullptr, nullptr}, nullptr};
constexpr Statistic kFusionStatistic = {
    "arcee_fusion",
    {"base", "x", nullptr},
    "a difference of finite elements is too large to be one; give a wider dtype"};
constexpr Statistic kRankStatistic = {"rank", {"in", nullptr, nullptr}, nullptr};

}  // namespace sinter

#endif  // SINTER_KERNELS_FAILURE_H_

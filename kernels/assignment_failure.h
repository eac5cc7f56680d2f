// SPDX-License-Identifier: Apache-2.0
//
// What every launcher says of a cost that admits no assignment.
#ifndef SINTER_KERNELS_ASSIGNMENT_FAILURE_H_
#define SINTER_KERNELS_ASSIGNMENT_FAILURE_H_

#include <string>

#include "failure.h"

namespace sinter {

enum class CostFault : int32_t { kNaN = 0, kInfinite = 1, kTooLarge = 2 };

// `problem` is its number in the batch, `name` may be empty.
inline Failure assignment_failure(int64_t problem, const std::string& name, int64_t row,
                                  int64_t column, CostFault fault) {
  const std::string which = name.empty() ? "" : " '" + name + "'";
  const std::string place = "cost of row " + std::to_string(row) + ", column " +
                            std::to_string(column) + " in problem " + std::to_string(problem) +
                            which + " (counted from 0)";
  if (fault == CostFault::kTooLarge) {
    return Failure(Status::kNumeric, place + " is beyond 2^1000 in magnitude: scale the costs down")
        .at_tensor(problem);
  }
  return Failure(Status::kNumeric,
                 place + " is " + (fault == CostFault::kNaN ? "NaN" : "infinite") +
                     ": costs must be finite; for a pair that must not be, use a large finite cost")
      .at_tensor(problem);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_ASSIGNMENT_FAILURE_H_

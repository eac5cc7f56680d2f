// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/workspace.h"

#include <string>

#include "failure.h"

namespace sinter::cpu {

double* Workspace::reserve(int64_t count) {
  if (count > capacity_) {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(double));
    if (limit_ > 0 && bytes > limit_) {
      throw Failure(Status::kOutOfMemory,
                    "the operation needs " + std::to_string(bytes) +
                        " bytes of workspace and the stream allows " + std::to_string(limit_) +
                        "; raise workspace_limit, or pass fewer tensors at a time");
    }
    values_.reset();
    capacity_ = 0;
    values_.reset(new double[static_cast<size_t>(count)]);
    capacity_ = count;
  }
  return values_.get();
}

}  // namespace sinter::cpu

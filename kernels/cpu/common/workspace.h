// SPDX-License-Identifier: Apache-2.0
//
// Scratch memory of one stream, kept between operations and bounded by the caller.
#ifndef SINTER_KERNELS_CPU_COMMON_WORKSPACE_H_
#define SINTER_KERNELS_CPU_COMMON_WORKSPACE_H_

#include <cstdint>
#include <memory>

namespace sinter::cpu {

class Workspace {
 public:
  // limit <= 0: no bound.
  explicit Workspace(int64_t limit) : limit_(limit) {}

  // Room for `count` values; what an earlier call returned is gone. Throws Failure (kOutOfMemory)
  // past the limit.
  double* reserve(int64_t count);

 private:
  const int64_t limit_;
  int64_t capacity_ = 0;
  std::unique_ptr<double[]> values_;
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_WORKSPACE_H_

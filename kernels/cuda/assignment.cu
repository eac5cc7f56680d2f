// SPDX-License-Identifier: Apache-2.0
#include "assignment_batch.h"
#include "cuda/launch.h"
#include "failure.h"

namespace sinter::cuda {

void assign(const Context&, const AssignmentBatch&) {
  throw Failure(Status::kUnsupported,
                "assignment does not run on CUDA devices yet: solve it on a CPU stream");
}

}  // namespace sinter::cuda

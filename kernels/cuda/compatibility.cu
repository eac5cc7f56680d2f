// SPDX-License-Identifier: Apache-2.0
#include "cuda/launch.h"
#include "failure.h"
#include "flips.h"

namespace sinter::cuda {

void flips(const Context&, const FlipBatch&) {
  throw Failure(Status::kUnsupported, "flips are counted on the CPU only; use a CPU stream");
}

}  // namespace sinter::cuda

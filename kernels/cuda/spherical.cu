// SPDX-License-Identifier: Apache-2.0
#include "cuda/launch.h"
#include "failure.h"
#include "spherical_batch.h"

namespace sinter::cuda {

void gram(const Context&, const GramBatch&) { throw Failure(Status::kUnsupported, "not yet"); }

void spherical(const Context&, const SphericalBatch&) {
  throw Failure(Status::kUnsupported, "not yet");
}

}  // namespace sinter::cuda

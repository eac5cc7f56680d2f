// SPDX-License-Identifier: Apache-2.0
#include "cuda/launch.h"
#include "failure.h"

namespace sinter::cuda {

void select(const Context&, const SelectBatch&) { throw Failure(Status::kUnsupported, "not yet"); }
void write_selections(const Context&, const SelectCall&) {
  throw Failure(Status::kUnsupported, "not yet");
}
void quantile(const Context&, const QuantileBatch&) {
  throw Failure(Status::kUnsupported, "not yet");
}
void rank(const Context&, const RankBatch&) { throw Failure(Status::kUnsupported, "not yet"); }

}  // namespace sinter::cuda

// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_philox(int64_t /*counter_low*/, int64_t /*counter_high*/, int64_t /*key*/,
                      int32_t* /*words*/, sinter_error* error) {
  return sinter::guard("sinter_philox", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_random(sinter_stream* /*stream*/, int64_t /*count*/, const int64_t* /*keys*/,
                      const sinter_tensor* /*out*/, sinter_error* error) {
  return sinter::guard("sinter_random", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

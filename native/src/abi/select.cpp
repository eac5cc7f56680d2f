// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_select(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*base*/,
                      const sinter_tensor* /*in*/, const int64_t* /*k*/, int32_t /*joint*/,
                      int32_t /*dtype*/, int32_t /*delta_dtype*/, const sinter_tensor* /*out*/,
                      sinter_error* error) {
  return sinter::guard("sinter_select", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_quantile(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                        int32_t /*quantiles*/, const double* /*q*/, int32_t /*dtype*/,
                        const sinter_tensor* /*out*/, sinter_error* error) {
  return sinter::guard("sinter_quantile", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_rank(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                    int32_t /*dtype*/, const sinter_tensor* /*out*/, sinter_error* error) {
  return sinter::guard("sinter_rank", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

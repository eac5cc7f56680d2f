// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_nuslerp(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*base*/,
                       const sinter_tensor* /*a*/, const sinter_tensor* /*b*/, const double* /*t*/,
                       int32_t /*vectors*/, const sinter_tensor* /*out*/,
                       const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_nuslerp", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_multislerp(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                          const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                          const double* /*weights*/, int32_t /*normalize*/, double /*epsilon*/,
                          const sinter_tensor* /*out*/, const sinter_arithmetic* /*arithmetic*/,
                          sinter_error* error) {
  return sinter::guard("sinter_multislerp", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_karcher(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                       const sinter_tensor* /*inputs*/, int32_t /*max_iterations*/,
                       double /*tolerance*/, const sinter_tensor* /*out*/,
                       const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_karcher", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_model_stock(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                           const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                           int32_t /*vectors*/, const sinter_tensor* /*out*/,
                           const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_model_stock", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_gram(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                    const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                    int32_t /*vectors*/, int32_t /*dtype*/, int32_t /*delta_dtype*/,
                    const sinter_tensor* /*out*/, sinter_error* error) {
  return sinter::guard("sinter_gram", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_sce(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                   const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                   const double* /*topk*/, double /*floor*/, const sinter_tensor* /*out*/,
                   const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_sce", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_ram(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                   const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                   double /*epsilon*/, const sinter_tensor* /*out*/,
                   const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_ram", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_ramplus_tl(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                          const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                          double /*epsilon*/, double /*r*/, double /*alpha*/,
                          const sinter_tensor* /*out*/, const sinter_arithmetic* /*arithmetic*/,
                          sinter_error* error) {
  return sinter::guard("sinter_ramplus_tl", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

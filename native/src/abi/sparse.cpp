// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_ties(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                    const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                    const double* /*weights*/, const double* /*densities*/,
                    const sinter_tensor* /*selections*/, const double* /*lambda*/,
                    const sinter_mixture* /*mixture*/, const sinter_tensor* /*out*/,
                    const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_ties", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_breadcrumbs(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                           const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                           const double* /*weights*/, const double* /*densities*/,
                           const double* /*gammas*/, const double* /*lambda*/,
                           const sinter_mixture* /*mixture*/, const sinter_tensor* /*out*/,
                           const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_breadcrumbs", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_dare(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                    const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                    const double* /*weights*/, const double* /*densities*/, const int64_t* /*keys*/,
                    const double* /*lambda*/, const sinter_mixture* /*mixture*/,
                    const sinter_tensor* /*out*/, const sinter_arithmetic* /*arithmetic*/,
                    sinter_error* error) {
  return sinter::guard("sinter_dare", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

int32_t sinter_della(sinter_stream* /*stream*/, int64_t /*count*/, int32_t /*models*/,
                     const sinter_tensor* /*base*/, const sinter_tensor* /*inputs*/,
                     const double* /*weights*/, const double* /*densities*/,
                     const double* /*epsilons*/, const int64_t* /*keys*/, const double* /*lambda*/,
                     const sinter_mixture* /*mixture*/, const sinter_tensor* /*out*/,
                     const sinter_arithmetic* /*arithmetic*/, sinter_error* error) {
  return sinter::guard("sinter_della", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

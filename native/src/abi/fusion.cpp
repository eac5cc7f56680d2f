// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "sinter.h"

int32_t sinter_arcee_fusion(sinter_stream* /*stream*/, int64_t /*count*/,
                            const sinter_tensor* /*base*/, const sinter_tensor* /*x*/,
                            const sinter_tensor* /*out*/, const sinter_arithmetic* /*arithmetic*/,
                            sinter_error* error) {
  return sinter::guard("sinter_arcee_fusion", error,
                       [] { throw sinter::Failure(sinter::Status::kUnsupported, "not yet"); });
}

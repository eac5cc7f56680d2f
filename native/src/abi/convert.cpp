// SPDX-License-Identifier: Apache-2.0
#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

int32_t sinter_cast(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                    const sinter_tensor* out, const sinter_tensor* counts, sinter_error* error) {
  using namespace sinter;
  return guard("sinter_cast", error, [&] {
    sinter_arithmetic arithmetic = {};
    arithmetic.struct_size = sizeof arithmetic;
    arithmetic.counts = counts;
    Elementwise call(stream, count, &arithmetic);
    call.input("in", in);
    call.output("out", out);
    for (int64_t k = 0; k < count; ++k) {
      call.copy(k, 0);
    }
    SINTER_LAUNCH(call.stream(), cast, call.batch());
  });
}

// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

int32_t sinter_arcee_fusion(sinter_stream* stream, int64_t count, const sinter_tensor* base,
                            const sinter_tensor* x, const sinter_tensor* out,
                            const sinter_arithmetic* arithmetic, sinter_error* error) {
  using namespace sinter;
  return guard("sinter_arcee_fusion", error, [&] {
    Elementwise call(stream, count, arithmetic);
    call.input("base", base);
    call.input("x", x);
    call.output("out", out);
    const Batch& batch = call.batch();
    std::vector<int64_t> rows;
    for (int64_t k = 0; k < count; ++k) {
      rows.push_back(base[k].rank > 0 ? base[k].shape[base[k].rank - 1] : 1);
    }
    const FusionBatch fusion = {batch, rows.data()};
    SINTER_LAUNCH(call.stream(), arcee_fusion, fusion);
  });
}

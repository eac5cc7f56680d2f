// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"
#include "cpu/launch.h"
#include "gather_batch.h"

namespace sinter::cpu {

void gather(const Context& context, const GatherBatch& batch) {
  const GatherKernel kernel = kernels().gather;
  run_parts(context, batch.batch,
            [&](int64_t k, int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
              kernel(batch.batch.items[k], batch.items[k], batch.batch, begin, end, streamed,
                     counts);
            });
}

}  // namespace sinter::cpu

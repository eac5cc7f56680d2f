// SPDX-License-Identifier: Apache-2.0
//
// Casts and copies: two elements moved per output.
#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {

void cast_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts) {
  copy_or_cast(item, batch, begin, end, streamed, counts);
  if (streamed) {
    end_streaming();
  }
}

}  // namespace sinter::cpu::SINTER_TIER

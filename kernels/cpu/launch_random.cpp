// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"
#include "cpu/launch.h"

namespace sinter::cpu {

void random(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().random->random);
}

}  // namespace sinter::cpu

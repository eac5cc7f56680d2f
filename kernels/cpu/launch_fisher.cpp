// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"
#include "cpu/launch.h"

namespace sinter::cpu {

void fisher_accumulate(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().fisher->accumulate);
}

void fisher_finish(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().fisher->finish);
}

void fisher_statistics(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().fisher_statistics, 4, Term::kValue);
}

void fisher_merge(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().fisher->merge);
}

void bcwi(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().fisher->bcwi);
}

void fisher_bcwi(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().fisher->fisher_bcwi);
}

}  // namespace sinter::cpu

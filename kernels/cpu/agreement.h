// SPDX-License-Identifier: Apache-2.0
//
// sce, ram, ramplus_tl and consensus_ta: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_AGREEMENT_H_
#define SINTER_KERNELS_CPU_AGREEMENT_H_

#include "batch.h"
#include "cpu/select.h"

namespace sinter::cpu {

struct PartCounts;

// Adds the numbers of elements [begin, end) that each model changed, and that it alone did, to
// tallies[models][2]. An item's only weight is epsilon.
using TallyKernel = void (*)(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                             double* tallies);

// Chunks [begin, end) of the sums of the models' squared differences over the elements that are kept;
// partials[chunk][models].
using SquaresKernel = void (*)(const Item& item, const Batch& batch, const Selected& kept,
                               int64_t begin, int64_t end, double* partials);

// Whose elements' variances over the models are selected from.
struct Variances {
  const Item* item;
  const Batch* batch;
};

struct AgreementKernels {
  // The weights are epsilon, and for ramplus a factor per model.
  void (*ram)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
              PartCounts& counts);
  void (*ramplus)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                  PartCounts& counts);
  TallyKernel tally;
  // The weights are one per model, a lambda_t per model, lambda and the threshold.
  void (*consensus_ta)(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                       bool streamed, PartCounts& counts);
  // The weights are the threshold and the cutoff of what is kept, then one per model.
  void (*elect)(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                PartCounts& counts);
  SquaresKernel squares;
  KeyKernels variances32, variances64;  // of Variances that are not, and are, item->wide
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_AGREEMENT_H_

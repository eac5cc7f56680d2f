// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "cpu/agreement.h"
#include "cpu/common/parts.h"
#include "cpu/launch.h"
#include "formula/agreement.h"

namespace sinter::cpu {

void ram(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().agreement->ram);
}

void ramplus_tl(const Context& context, const Batch& batch) {
  const int64_t models = batch.inputs - 1;
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  double* const tallies = context.workspace.reserve(first.back() * models * 2);
  const TallyKernel tally = kernels().agreement->tally;
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const Item& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * kPart;
    const int64_t end = item.elements - begin < kPart ? item.elements : begin + kPart;
    double* const own = tallies + part * models * 2;
    std::fill(own, own + models * 2, 0.0);
    tally(item, batch, begin, end, own);
  });
  std::vector<Item> items(batch.items, batch.items + batch.count);
  std::vector<double> weights(static_cast<size_t>(batch.count * (1 + models)));
  for (int64_t k = 0; k < batch.count; ++k) {
    Item& item = items[static_cast<size_t>(k)];
    const double epsilon = item.weights[0];
    double* const own = weights.data() + k * (1 + models);
    own[0] = epsilon;
    for (int64_t i = 0; i < models; ++i) {
      double active = 0.0;
      double unique = 0.0;
      for (int64_t part = first[static_cast<size_t>(k)]; part < first[static_cast<size_t>(k) + 1];
           ++part) {
        active += tallies[(part * models + i) * 2];
        unique += tallies[(part * models + i) * 2 + 1];
      }
      own[1 + i] = change_factor(active, unique, epsilon, item.weights[1], item.weights[2]);
    }
    item.weights = own;
  }
  Batch scaled = batch;
  scaled.items = items.data();
  run_elementwise(context, scaled, kernels().agreement->ramplus);
}

}  // namespace sinter::cpu

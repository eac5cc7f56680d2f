// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <vector>

#include "cpu/common/parts.h"
#include "cpu/common/select_keys.h"
#include "cpu/fusion.h"
#include "cpu/launch.h"
#include "failure.h"
#include "formula/fusion.h"
#include "formula/select.h"

namespace sinter::cpu {

void arcee_fusion(const Context& context, const FusionBatch& fusion) {
  const Batch& batch = fusion.batch;
  const size_t count = static_cast<size_t>(batch.count);
  std::vector<FusionJob> jobs(count);
  // Each tensor's weights: the threshold, the row's length, the divergences.
  std::vector<std::vector<double>> weights(count);
  // Units of as many rows as make a part.
  std::vector<int64_t> each(count);
  std::vector<int64_t> first{0};
  std::vector<std::atomic<int32_t>> faults(count);
  for (size_t k = 0; k < count; ++k) {
    const Item& item = batch.items[k];
    const int64_t row = fusion.rows[k];
    const int64_t rows = item.elements > 0 ? item.elements / row : 0;
    weights[k].assign(static_cast<size_t>(rows) + 2, 0.0);
    weights[k][1] = static_cast<double>(row);
    Differences of = {};
    of.in = item.inputs[1];
    of.base = item.inputs[0];
    of.has_base = true;
    of.wide = item.wide;
    of.is_signed = true;
    of.load = batch.load;
    of.delta = batch.delta;
    of.key = item.wide ? DType::kF64 : DType::kF32;
    jobs[k] = {of, row, weights[k].data() + 2};
    each[k] = std::max<int64_t>(1, kPart / std::max<int64_t>(row, 1));
    first.push_back(first.back() + (rows + each[k] - 1) / each[k]);
  }
  const FusionKernels& all = *kernels().fusion;
  context.team.run(first.back(), [&](int64_t unit) {
    const size_t k = static_cast<size_t>(tensor_of(first, unit));
    const int64_t begin = (unit - first[k]) * each[k];
    const int64_t end = std::min(begin + each[k], batch.items[k].elements / jobs[k].row);
    const int32_t fault = all.divergences(jobs[k], begin, end);
    int32_t known = faults[k].load();
    while (fault > known && !faults[k].compare_exchange_weak(known, fault)) {
    }
  });
  const auto refuse = [&](size_t k, int64_t input) {
    const char* const name = batch.items[k].name;
    throw no_result(kFusionStatistic, static_cast<int64_t>(k), name != nullptr ? name : "", input);
  };
  std::vector<KeyPiece> pieces(count);
  std::vector<KeySelection> selections;
  // Tensors before the first that is at fault: one of them may be so in another way.
  size_t sound = 0;
  for (; sound < count && faults[sound].load() == 0; ++sound) {
    const size_t k = sound;
    const Item& item = batch.items[k];
    pieces[k] = {&jobs[k], item.elements};
    const int32_t bytes = dtype_bytes(item.inputs[0].dtype) + dtype_bytes(item.inputs[1].dtype);
    for (int j = 0; item.elements > 0 && j < 3; ++j) {
      selections.push_back({item.wide ? &all.importances64 : &all.importances32, &pieces[k], 1,
                            quantile_rank(0.25 * (j + 1), item.elements), bytes, j > 0, 0, 0, 0,
                            true});
    }
  }
  select_keys(context, selections.data(), static_cast<int64_t>(selections.size()));
  std::vector<Item> items(batch.items, batch.items + count);
  size_t i = 0;
  for (size_t k = 0; k < sound; ++k) {
    items[k].weights = weights[k].data();
    if (items[k].elements == 0) {
      continue;
    }
    double quartiles[3];
    for (double& quartile : quartiles) {
      if (!selections[i].finite) {
        refuse(k, kUndefined);
      }
      quartile = signed_key_value(jobs[k].of.key, selections[i++].key);
    }
    weights[k][0] = fusion_threshold(quartiles[0], quartiles[1], quartiles[2]);
  }
  if (sound < count) {
    refuse(sound, faults[sound].load() == 3 ? 0 : 1);
  }
  Batch last = batch;
  last.items = items.data();
  run_elementwise(context, last, all.fuse);
}

}  // namespace sinter::cpu

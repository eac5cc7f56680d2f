// SPDX-License-Identifier: Apache-2.0
#include "cpu/launch.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/common/parts.h"
#include "failure.h"
#include "formula/interpolate.h"

namespace sinter::cpu {
void cast(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().cast);
}

void lerp(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().lerp);
}

void linear(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().linear);
}

void nearswap(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().nearswap);
}

void task_arithmetic(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().task_arithmetic);
}

void slerp(const Context& context, const Batch& batch) {
  const size_t count = static_cast<size_t>(batch.count);
  std::vector<ReduceItem> reduced;
  std::vector<double> results(count * 3);
  std::vector<size_t> at;
  for (size_t k = 0; k < count; ++k) {
    const Item& item = batch.items[k];
    if (item.copy_of < 0) {
      reduced.push_back({item.elements, item.inputs[0], item.inputs[1]});
      at.push_back(k);
    }
  }
  dots(context, {reduced.data(), static_cast<int64_t>(reduced.size()), batch.load, results.data()});

  std::vector<Item> items(batch.items, batch.items + count);
  std::vector<double> weights(count * 2);
  std::vector<bool> arc(count, false);
  for (size_t r = 0; r < reduced.size(); ++r) {
    const size_t k = at[r];
    const SlerpWeights w = slerp_weights(results[r * 3], results[r * 3 + 1], results[r * 3 + 2],
                                         batch.items[k].weights[0]);
    if (!w.finite) {
      const char* const name = batch.items[k].name;
      throw no_result(kSlerpStatistic, static_cast<int64_t>(k), name != nullptr ? name : "",
                      std::isfinite(results[r * 3]) ? 1 : 0);
    }
    if (!w.linear) {
      weights[k * 2] = w.a;
      weights[k * 2 + 1] = w.b;
      items[k].weights = &weights[k * 2];
      arc[k] = true;
    }
  }
  // Two formulas, so two runs: tensors on the arc, and those that are copied or nearly parallel.
  for (const bool on_arc : {true, false}) {
    Batch part = batch;
    std::vector<Item> chosen;
    std::vector<size_t> place;
    for (size_t k = 0; k < count; ++k) {
      if (arc[k] == on_arc) {
        chosen.push_back(items[k]);
        place.push_back(k);
      }
    }
    std::vector<Counts> counts(chosen.size());
    part.items = chosen.data();
    part.count = static_cast<int64_t>(chosen.size());
    part.counts = batch.counts != nullptr ? counts.data() : nullptr;
    run_elementwise(context, part, on_arc ? kernels().linear : kernels().lerp);
    for (size_t c = 0; batch.counts != nullptr && c < chosen.size(); ++c) {
      put(batch.counts + place[c], counts[c]);
    }
  }
}

void sum(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().sum, 1, Term::kValue);
}

void norm_l1(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().norm_l1, 1, Term::kValue);
}

void norm_l2(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().sum_of_squares, 1, Term::kValue, true);
}

void norm_max(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().norm_max, 1, Term::kLargest);
}

void dot(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().dot, 1, Term::kValue);
}

void dots(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().dots, 3, Term::kValue);
}

void moments(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().moments, 4, Term::kValue);
}

void count(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().count, 4, Term::kValue);
}

void masked_sum(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().masked_sum, 1, Term::kValue);
}

void chunk_statistics(const Context& context, const StatisticsBatch& batch) {
  constexpr int64_t kChunks = kPart / kReduceChunk;
  const ReduceKernel kernel = batch.based ? kernels().based_statistics : kernels().statistics;
  const int64_t numbers = batch.based ? kBasedStatistics : kStatistics;
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const ReduceItem& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * kChunks;
    const int64_t chunks = chunks_of(item.elements);
    const int64_t end = chunks - begin < kChunks ? chunks : begin + kChunks;
    double results[kChunks * kBasedStatistics];
    kernel(item, DType::kStored, begin, end, results);
    std::memcpy(item.results + begin * numbers, results,
                static_cast<size_t>((end - begin) * numbers) * sizeof(double));
  });
}

}  // namespace sinter::cpu

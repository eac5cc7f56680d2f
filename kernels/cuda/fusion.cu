// SPDX-License-Identifier: Apache-2.0
//
// Arcee fusion: a warp per row for the divergences, a selection for the quartiles, and one pass over
// the elements. A row is one warp's, so a tensor of one long row is slow; weights have many.
#include "formula/fusion.h"

#include <string>
#include <utility>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/common/row_sums.cuh"
#include "cuda/common/select.cuh"
#include "cuda/launch.h"
#include "failure.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"

namespace sinter::cuda {
namespace {

constexpr int kRowWarps = kThreads / kWarp;

// Of one entry.
struct FusionRows {
  double* divergences;  // one for each row
  int64_t row;          // elements
};

// ---- Divergences --------------------------------------------------------------------------------

struct DivergenceParams {
  DType load;
  const FusionRows* rows;  // [entries]
  unsigned long long* failure;
  unsigned long long operation;
  Table table;  // operands: base, x; units: rows
};

SINTER_DEVICE double larger_finite(double x, double y) { return y > x ? y : x; }

SINTER_DEVICE double largest_of_warp(double x) {
#pragma unroll
  for (int half = kWarp / 2; half > 0; half /= 2) {
    x = larger_finite(x, __shfl_xor_sync(kAllLanes, x, half));
  }
  return x;
}

__global__ void __launch_bounds__(kThreads)
    divergence_kernel(const __grid_constant__ DivergenceParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t worker = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / kWarp;
  const int64_t workers = int64_t{gridDim.x} * kRowWarps;
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  for (int64_t unit = worker; unit < params.table.units; unit += workers) {
    const int64_t k = entry_of(table.first, params.table.count, unit);
    const FusionRows rows = params.rows[k];
    const Operand& base = table.operands[2 * k];
    const Operand& in = table.operands[2 * k + 1];
    const int64_t begin = (unit - table.first[k]) * rows.row;
    const auto x_of = [&](int64_t i) {
      return load_element<double>(in, table.layouts, params.load, begin + i);
    };
    const auto base_of = [&](int64_t i) {
      return load_element<double>(base, table.layouts, params.load, begin + i);
    };
    double x_largest = -1.7976931348623157e308;
    double base_largest = x_largest;
    bool x_finite = true;
    bool base_finite = true;
    for (int64_t i = lane; i < rows.row; i += kWarp) {
      const double x = x_of(i);
      const double b = base_of(i);
      x_finite = x_finite && Format<DType::kF64>::nonfinite(x) == 0;
      base_finite = base_finite && Format<DType::kF64>::nonfinite(b) == 0;
      x_largest = larger_finite(x_largest, x);
      base_largest = larger_finite(base_largest, b);
    }
    if (!x_finite || !base_finite) {
      record_failure(params.failure, params.operation, table.entries[k].index, base_finite ? 1 : 0);
    }
    x_largest = largest_of_warp(x_largest);
    base_largest = largest_of_warp(base_largest);
    const double x_sum =
        row_sum(rows.row, [&](int64_t i) { return softmax_term(x_of(i), x_largest); });
    const double base_sum =
        row_sum(rows.row, [&](int64_t i) { return softmax_term(base_of(i), base_largest); });
    const double divergence = row_sum(rows.row, [&](int64_t i) {
      return divergence_term(x_of(i), x_largest, x_sum, base_of(i), base_largest, base_sum);
    });
    if (lane == 0) {
      rows.divergences[unit - table.first[k]] = divergence;
    }
  }
}

// ---- Importances --------------------------------------------------------------------------------

// Three selections for each entry: its quartiles.
template <class Compute, class KeyType>
struct ImportanceSource {
  using Key = KeyType;
  static constexpr int kWidth = 4;

  const Operand* operands;  // base, x
  const Layout* layouts;
  KeyParams params;
  FusionRows rows;

  __device__ __forceinline__ ImportanceSource(const Descriptors& table, const KeyParams& keys,
                                              int64_t k)
      : operands(table.operands + 2 * k),
        layouts(table.layouts),
        params(keys),
        rows(static_cast<const FusionRows*>(keys.formula)[table.entries[k].index]) {}

  __device__ __forceinline__ void operator()(int64_t at, int count, Key (&keys)[kWidth],
                                             uint32_t& fault) const {
#pragma unroll 1
    for (int j = 0; j < count; ++j) {
      const auto base = load_element<Compute>(operands[0], layouts, params.load, at + j);
      const auto x = load_element<Compute>(operands[1], layouts, params.load, at + j);
      const Compute d = task_delta(x, base, params.delta);
      const Compute value =
          importance(d, static_cast<Compute>(rows.divergences[(at + j) / rows.row]));
      constexpr DType kFormat = sizeof(Key) == 8 ? DType::kF64 : DType::kF32;
      const Key bits = key_bits<kFormat>(value);
      if (key_magnitude(bits) >= Format<kFormat>::kNonfinite) {
        fault = kDifferenceFault;
      }
      keys[j] = signed_key(bits);
    }
  }
};

struct ThresholdParams {
  const KeyOutcome* outcomes;  // [entries][3]
  DType key;
  double* thresholds;  // [batch]
  unsigned long long* failure;
  unsigned long long operation;
  Table table;
};

__global__ void __launch_bounds__(kThreads)
    threshold_kernel(const __grid_constant__ ThresholdParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= params.table.count) {
    return;
  }
  double quartiles[3];
  uint32_t fault = kNoFault;
  for (int j = 0; j < 3; ++j) {
    const KeyOutcome outcome = params.outcomes[3 * k + j];
    quartiles[j] = signed_key_value(params.key, outcome.key);
    fault |= outcome.fault;
  }
  const int64_t index = table.entries[k].index;
  params.thresholds[index] = fusion_threshold(quartiles[0], quartiles[1], quartiles[2]);
  if (fault != kNoFault) {
    record_failure(params.failure, params.operation, index, kUndefined);
  }
}

// ---- The last pass ------------------------------------------------------------------------------

struct FuseParams {
  DType load;
  DType delta;
  Counts* counts;
  const FusionRows* rows;    // [entries]
  const double* thresholds;  // [batch]
  Table table;               // operands: output, base, x
};

template <class Compute>
__global__ void __launch_bounds__(kThreads) fuse_kernel(const __grid_constant__ FuseParams params) {
  const Descriptors table = descriptors(params.table);
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  for (int64_t k = entry_of(table.first, params.table.count, unit); unit < stop; ++k) {
    const Entry entry = table.entries[k];
    const int64_t first = table.first[k];
    const int64_t next = table.first[k + 1];
    const int64_t past = next < stop ? next : stop;
    const int64_t begin = (unit - first) * kUnit;
    const int64_t end = past < next ? (past - first) * kUnit : entry.elements;
    const Operand* const operands = table.operands + 3 * k;
    const FusionRows rows = params.rows[k];
    const double threshold = params.thresholds[entry.index];
    Tally tally = {0, 0};
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
      const auto base = load_element<Compute>(operands[1], table.layouts, params.load, i);
      const auto x = load_element<Compute>(operands[2], table.layouts, params.load, i);
      const Compute d = task_delta(x, base, params.delta);
      const auto divergence = static_cast<Compute>(rows.divergences[i / rows.row]);
      store_element(operands[0], table.layouts, i, fuse(base, d, divergence, threshold), tally);
    }
    if (params.counts != nullptr) {
      add_counts(params.counts[entry.index], tally);
    }
    unit = past;
  }
}

template <class Compute, class Key>
void run(Queue& queue, const FusionBatch& fusion, bool wide, Counts* counts, double* thresholds,
         unsigned long long operation) {
  const Batch& batch = fusion.batch;
  std::vector<size_t> chosen;
  int64_t all_rows = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    if (item.wide == wide && item.elements > 0) {
      chosen.push_back(static_cast<size_t>(k));
      all_rows += item.elements / fusion.rows[k];
    }
  }
  if (chosen.empty()) {
    return;
  }
  const Scratch divergences(queue, all_rows * static_cast<int64_t>(sizeof(double)));
  const Scratch rows(queue, static_cast<int64_t>(chosen.size() * sizeof(FusionRows)));
  std::vector<FusionRows> host_rows;
  std::vector<int64_t> ranks;
  TableBuilder by_row(2, 0), keys(2, 0), by_element(3, 0), places(0, 0);
  int64_t at = 0;
  for (size_t c = 0; c < chosen.size(); ++c) {
    const auto k = static_cast<int64_t>(chosen[c]);
    const Item& item = batch.items[k];
    const int64_t count = item.elements / fusion.rows[k];
    host_rows.push_back({divergences.as<double>() + at, fusion.rows[k]});
    at += count;
    const View* const views[] = {&item.output, &item.inputs[0], &item.inputs[1]};
    by_row.add({item.elements, k}, count, views + 1, nullptr);
    by_element.add({item.elements, k}, (item.elements + kUnit - 1) / kUnit, views, nullptr);
    places.add({0, k}, 1, nullptr, nullptr);
    for (int j = 0; j < 3; ++j) {
      keys.add({item.elements, static_cast<int64_t>(c)}, key_units(item.elements), views + 1,
               nullptr);
      ranks.push_back(quantile_rank(0.25 * (j + 1), item.elements));
    }
  }
  const auto blocks_of = [&](auto kernel, int64_t blocks) {
    return std::min<int64_t>(blocks, queue.resident_blocks(kernel, kThreads));
  };
  const DType format = wide ? DType::kF64 : DType::kF32;
  DivergenceParams divergence = {
      batch.load, rows.as<FusionRows>(), queue.failure_place(), operation, {}};
  by_row.finish(queue, divergence.table);
  KeyRun<ImportanceSource<Compute, Key>> selection(
      queue, keys, {batch.load, batch.delta, format, rows.as<void>()}, false);
  ThresholdParams threshold = {selection.outcomes(),  format,    thresholds,
                               queue.failure_place(), operation, {}};
  places.finish(queue, threshold.table);
  FuseParams last = {batch.load, batch.delta, counts, rows.as<FusionRows>(), thresholds, {}};
  by_element.finish(queue, last.table);
  queue.upload(rows.as<void>(), host_rows.data(),
               static_cast<int64_t>(host_rows.size() * sizeof(FusionRows)));
  launch(queue, divergence_kernel,
         blocks_of(divergence_kernel, (by_row.units() + kRowWarps - 1) / kRowWarps), kThreads,
         divergence);
  selection.start(ranks);
  selection.launch();
  launch(queue, threshold_kernel, (places.units() + kThreads - 1) / kThreads, kThreads, threshold);
  launch(queue, fuse_kernel<Compute>, blocks_of(fuse_kernel<Compute>, by_element.units()), kThreads,
         last);
}

}  // namespace

void arcee_fusion(const Context& context, const FusionBatch& fusion) {
  Queue& queue = context.queue;
  const Batch& batch = fusion.batch;
  if (batch.count == 0) {
    return;
  }
  std::vector<std::string> names;
  for (int64_t k = 0; k < batch.count; ++k) {
    names.emplace_back(batch.items[k].name != nullptr ? batch.items[k].name : "");
  }
  // Counts at an address that atomics cannot use are counted elsewhere and copied.
  const int64_t bytes =
      batch.counts == nullptr ? 0 : batch.count * static_cast<int64_t>(sizeof(Counts));
  const bool direct = reinterpret_cast<uintptr_t>(batch.counts) % alignof(Counts) == 0;
  const Scratch elsewhere(queue, direct ? 0 : bytes);
  const Scratch thresholds(queue, batch.count * static_cast<int64_t>(sizeof(double)));
  Counts* const counts = direct ? batch.counts : elsewhere.as<Counts>();
  if (bytes > 0) {
    check(cudaMemsetAsync(counts, 0, static_cast<size_t>(bytes), queue.stream()),
          "clear the counts");
  }
  queue.failure_place();
  const unsigned long long operation = queue.watch(kFusionStatistic, std::move(names));
  run<float, uint32_t>(queue, fusion, false, counts, thresholds.as<double>(), operation);
  run<double, uint64_t>(queue, fusion, true, counts, thresholds.as<double>(), operation);
  if (!direct) {
    check(cudaMemcpyAsync(batch.counts, counts, static_cast<size_t>(bytes),
                          cudaMemcpyDeviceToDevice, queue.stream()),
          "copy the counts");
  }
}

}  // namespace sinter::cuda

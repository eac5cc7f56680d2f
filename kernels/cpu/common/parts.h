// SPDX-License-Identifier: Apache-2.0
//
// What launchers are made of: a batch cut into parts for the team, and runs of kernels over it.
#ifndef SINTER_KERNELS_CPU_COMMON_PARTS_H_
#define SINTER_KERNELS_CPU_COMMON_PARTS_H_

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "batch.h"
#include "cpu/common/kernels.h"
#include "cpu/launch.h"
#include "formula/reduce.h"

namespace sinter::cpu {

// Elements of one part: a few hundred microseconds' work, and a multiple of the reductions' chunk.
constexpr int64_t kPart = 64 * 1024;

// Outputs of a batch from this size on would only drive each other out of the caches.
constexpr int64_t kStreamedBytes = 8 * 1024 * 1024;

// Counts and results may be asked for at any address.
template <class T>
void put(T* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Parts are numbered through the batch: first[k] is the number of tensor k's first.
template <class Items>
std::vector<int64_t> number_parts(const Items* items, int64_t count) {
  std::vector<int64_t> first(static_cast<size_t>(count) + 1, 0);
  for (int64_t k = 0; k < count; ++k) {
    first[static_cast<size_t>(k) + 1] =
        first[static_cast<size_t>(k)] + (items[k].elements + kPart - 1) / kPart;
  }
  return first;
}

// The tensor that a part belongs to.
inline int64_t tensor_of(const std::vector<int64_t>& first, int64_t part) {
  int64_t low = 0;
  int64_t high = static_cast<int64_t>(first.size()) - 1;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (first[static_cast<size_t>(middle)] <= part ? low : high) = middle;
  }
  return low;
}

// Calls run(k, part, streamed, counts) for all parts of a batch, numbered as `first` says and within
// their tensors, and fills its counts.
template <class Run>
void run_parts(const Context& context, const Batch& batch, const std::vector<int64_t>& first,
               bool streamed, const Run& run) {
  struct Totals {
    std::atomic<int64_t> nonfinite{0};
    std::atomic<int64_t> saturated{0};
  };
  std::vector<Totals> totals(batch.counts != nullptr ? static_cast<size_t>(batch.count) : 0);
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    PartCounts counts = {0, 0};
    run(k, part - first[static_cast<size_t>(k)], streamed, counts);
    if (batch.counts != nullptr) {
      totals[static_cast<size_t>(k)].nonfinite += counts.nonfinite;
      totals[static_cast<size_t>(k)].saturated += counts.saturated;
    }
  });
  for (size_t k = 0; k < totals.size(); ++k) {
    put(batch.counts + k, Counts{static_cast<double>(totals[k].nonfinite.load()),
                                 static_cast<double>(totals[k].saturated.load()), 0.0});
  }
}

// Calls run(k, begin, end, streamed, counts) for all parts of a batch and fills its counts.
template <class Run>
void run_parts(const Context& context, const Batch& batch, const Run& run) {
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  int64_t bytes = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    bytes += batch.items[k].elements * dtype_bytes(batch.items[k].output.dtype);
  }
  run_parts(context, batch, first, bytes >= kStreamedBytes,
            [&](int64_t k, int64_t part, bool streamed, PartCounts& counts) {
              const int64_t begin = part * kPart;
              const int64_t left = batch.items[k].elements - begin;
              run(k, begin, left < kPart ? begin + left : begin + kPart, streamed, counts);
            });
}

// As above, for a kernel.
void run_elementwise(const Context& context, const Batch& batch, ElementwiseKernel kernel);

// The value of one item and term from its chunks' partials, which stand `stride` apart and are
// overwritten.
double reduce_partials(double* values, int64_t chunks, int64_t stride, Term term);

// Reduces a batch to [count][terms] in batch.results, or each item's rows to its own results; `term`
// says how chunks' results are combined, and `root` that final results are square roots.
void run_reduction(const Context& context, const ReduceBatch& batch, ReduceKernel kernel, int terms,
                   Term term, bool root = false);

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_PARTS_H_

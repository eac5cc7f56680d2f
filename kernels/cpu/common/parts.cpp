// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"

#include <atomic>

namespace sinter::cpu {

void run_elementwise(const Context& context, const Batch& batch, ElementwiseKernel kernel) {
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  int64_t bytes = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    bytes += batch.items[k].elements * dtype_bytes(batch.items[k].output.dtype);
  }
  const bool streamed = bytes >= kStreamedBytes;
  struct Totals {
    std::atomic<int64_t> nonfinite{0};
    std::atomic<int64_t> saturated{0};
  };
  std::vector<Totals> totals(batch.counts != nullptr ? static_cast<size_t>(batch.count) : 0);
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const Item& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * kPart;
    const int64_t end = item.elements - begin < kPart ? item.elements : begin + kPart;
    PartCounts counts = {0, 0};
    kernel(item, batch, begin, end, streamed, counts);
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

double reduce_partials(double* values, int64_t chunks, int64_t stride, Term term) {
  // Each level writes its results over the values it has read.
  while (chunks > 1) {
    const int64_t next = (chunks + kReduceChunk - 1) / kReduceChunk;
    for (int64_t c = 0; c < next; ++c) {
      double lanes[kReduceLanes] = {};
      const int64_t from = c * kReduceChunk;
      const int64_t to = chunks - from < kReduceChunk ? chunks : from + kReduceChunk;
      for (int64_t i = from; i < to; ++i) {
        double& lane = lanes[(i - from) % kReduceLanes];
        const double value = values[i * stride];
        lane = term == Term::kLargest ? accumulate<Term::kLargest>(lane, value, value)
                                      : accumulate<Term::kValue>(lane, value, value);
      }
      for (int half = kReduceLanes / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; ++l) {
          lanes[l] = term == Term::kLargest ? combine<Term::kLargest>(lanes[l], lanes[l + half])
                                            : combine<Term::kValue>(lanes[l], lanes[l + half]);
        }
      }
      values[c * stride] = lanes[0];
    }
    chunks = next;
  }
  return values[0];
}

void run_reduction(const Context& context, const ReduceBatch& batch, ReduceKernel kernel, int terms,
                   Term term) {
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  std::vector<int64_t> offset(static_cast<size_t>(batch.count) + 1, 0);
  for (int64_t k = 0; k < batch.count; ++k) {
    const int64_t chunks = (batch.items[k].elements + kReduceChunk - 1) / kReduceChunk;
    offset[static_cast<size_t>(k) + 1] = offset[static_cast<size_t>(k)] + chunks * terms;
  }
  double* const partials = context.workspace.reserve(offset.back());
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const ReduceItem& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * (kPart / kReduceChunk);
    const int64_t chunks = (item.elements + kReduceChunk - 1) / kReduceChunk;
    const int64_t end =
        chunks - begin < kPart / kReduceChunk ? chunks : begin + kPart / kReduceChunk;
    kernel(item, batch.load, begin, end, partials + offset[static_cast<size_t>(k)] + begin * terms);
  });
  for (int64_t k = 0; k < batch.count; ++k) {
    for (int j = 0; j < terms; ++j) {
      const int64_t chunks =
          (offset[static_cast<size_t>(k) + 1] - offset[static_cast<size_t>(k)]) / terms;
      const double value =
          chunks == 0 ? 0.0
                      : canonical(reduce_partials(partials + offset[static_cast<size_t>(k)] + j,
                                                  chunks, terms, term));
      put(batch.results + k * terms + j, value);
    }
  }
}

}  // namespace sinter::cpu

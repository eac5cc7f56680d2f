// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"

#include <atomic>

#include "formula/dtype.h"
#include "formula/interpolate.h"

namespace sinter::cpu {
namespace {

// A row costs as much as this many elements at the least.
constexpr int64_t kFewest = 64;

}  // namespace

void run_elementwise(const Context& context, const Batch& batch, ElementwiseKernel kernel) {
  run_parts(context, batch,
            [&](int64_t k, int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
              kernel(batch.items[k], batch, begin, end, streamed, counts);
            });
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
                   Term term, bool root) {
  // Work is numbered through the batch in parts of chunks, then in parts of results.
  const auto count = static_cast<size_t>(batch.count);
  std::vector<int64_t> first(count + 1, 0);
  std::vector<int64_t> last(count + 1, 0);
  std::vector<int64_t> offset(count + 1, 0);
  std::vector<int64_t> chunks_per_part(count, 1);
  for (size_t k = 0; k < count; ++k) {
    const ReduceItem& item = batch.items[k];
    const int64_t row = item.row();
    const int64_t chunks = item.rows * chunks_of(row);
    chunks_per_part[k] = kPart / (row < kFewest        ? kFewest
                                  : row < kReduceChunk ? row
                                                       : kReduceChunk);
    first[k + 1] = first[k] + (chunks + chunks_per_part[k] - 1) / chunks_per_part[k];
    last[k + 1] = last[k] + (item.rows + kReduceChunk - 1) / kReduceChunk;
    offset[k + 1] = offset[k] + chunks * terms;
  }
  double* const partials = context.workspace.reserve(offset.back());
  context.team.run(first.back(), [&](int64_t part) {
    const auto k = static_cast<size_t>(tensor_of(first, part));
    const ReduceItem& item = batch.items[k];
    const int64_t begin = (part - first[k]) * chunks_per_part[k];
    const int64_t chunks = item.rows * chunks_of(item.row());
    const int64_t end = chunks - begin < chunks_per_part[k] ? chunks : begin + chunks_per_part[k];
    kernel(item, batch.load, begin, end, partials + offset[k] + begin * terms);
  });
  context.team.run(last.back(), [&](int64_t part) {
    const auto k = static_cast<size_t>(tensor_of(last, part));
    const ReduceItem& item = batch.items[k];
    const int64_t begin = (part - last[k]) * kReduceChunk;
    const int64_t end = item.rows - begin < kReduceChunk ? item.rows : begin + kReduceChunk;
    const int64_t chunks = chunks_of(item.row());
    double* const results =
        item.results != nullptr ? item.results : batch.results + static_cast<int64_t>(k) * terms;
    for (int64_t r = begin; r < end; ++r) {
      for (int j = 0; j < terms; ++j) {
        const double value =
            reduce_partials(partials + offset[k] + r * chunks * terms + j, chunks, terms, term);
        put(results + r * terms + j, canonical(root ? square_root(value) : value));
      }
    }
  });
}

}  // namespace sinter::cpu

// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/parts.h"
#include "cpu/launch.h"
#include "gather_batch.h"

namespace sinter::cpu {

namespace {

// Elements of one part of an item: whole groups of rows that the kernel may gather together.
int64_t part_of(const Batch& batch, const GatherItem& gather, const Item& item) {
  const GatherPlaces& places = gather.places;
  const int64_t row = places.rank > 1 ? places.shape[places.rank - 1] : 1;
  const int64_t group = 16 / dtype_bytes(item.inputs[batch.inputs - 1].dtype) * row;
  return group > 16 * kPart ? kPart : (kPart + group - 1) / group * group;
}

}  // namespace

void gather(const Context& context, const GatherBatch& gathers) {
  const GatherKernel kernel = kernels().gather;
  const Batch& batch = gathers.batch;
  const auto n = static_cast<size_t>(batch.count);
  std::vector<int64_t> first(n + 1, 0);
  std::vector<int64_t> sizes(n, 1);
  int64_t bytes = 0;
  for (size_t k = 0; k < n; ++k) {
    const Item& item = batch.items[k];
    bytes += item.elements * dtype_bytes(item.output.dtype);
    if (item.elements > 0) {
      sizes[k] = part_of(batch, gathers.items[k], item);
    }
    first[k + 1] = first[k] + (item.elements + sizes[k] - 1) / sizes[k];
  }
  run_parts(context, batch, first, bytes >= kStreamedBytes,
            [&](int64_t k, int64_t part, bool streamed, PartCounts& counts) {
              const Item& item = batch.items[k];
              const int64_t size = sizes[static_cast<size_t>(k)];
              const int64_t begin = part * size;
              const int64_t left = item.elements - begin;
              kernel(item, gathers.items[k], batch, begin,
                     left < size ? begin + left : begin + size, streamed, counts);
            });
}

}  // namespace sinter::cpu

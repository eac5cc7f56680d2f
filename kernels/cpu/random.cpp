// SPDX-License-Identifier: Apache-2.0
//
// Uniform random numbers: a multiplication of 32 bits by 32 and a few logical operations per round
// and word, which bound them.
#include "cpu/random.h"

#include "cpu/common/philox.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
SINTER_FN void random_elements(const Item& item, int64_t begin, int64_t end, bool streamed,
                               PartCounts& counts) {
  const uint64_t key = double_bits(item.weights[0]);
  Words words;
  alignas(64) Compute results[kBlock];
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    const uint32_t* const word = fill_words(key, i, count, words);
    for (int j = 0; j < count; ++j) {
      if constexpr (sizeof(Compute) == 8) {
        results[j] = uniform_of(word[j]);
      } else {
        results[j] = uniform_to_odd(word[j]);
      }
    }
    store_block(item.output, i, count, results, streamed, counts);
  }
}

void random_kernel(const Item& item, const Batch&, int64_t begin, int64_t end, bool streamed,
                   PartCounts& counts) {
  if (dtype_bytes(item.output.dtype) < 4) {
    random_elements<float>(item, begin, end, streamed, counts);
  } else {
    random_elements<double>(item, begin, end, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

}  // namespace

extern const RandomKernels random_kernels = {random_kernel};

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
//
// Uniform random numbers: some 15 operations of the integer units per word bound them, or the bytes
// written where a word becomes 4 of them or more.
#include "cuda/random.cuh"

#include "cuda/launch.h"

namespace sinter::cuda {
namespace {

template <class Compute>
struct Random {
  static constexpr int kVectors = 1;

  uint64_t key;

  __device__ __forceinline__ Random(const Descriptors& table, const ElementwiseParams&, int64_t k)
      : key(double_bits(table.weights[k])) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    uint32_t words[N];
    random_words(key, input, words);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const double x = uniform_of(words[j]);
      if constexpr (sizeof(Compute) == 8) {
        out[j] = x;
      } else if constexpr (Input::kDType == DType::kF32) {
        out[j] = static_cast<float>(x);
      } else {
        out[j] = narrow_to_odd(x);  // rounded once more, to fewer bits
      }
    }
  }
};

}  // namespace

void random(const Context& context, const Batch& batch) {
  // Elements are made in float64, whatever an output of another dtype than the others' asks for.
  std::vector<Item> items(batch.items, batch.items + batch.count);
  for (Item& item : items) {
    item.wide = true;
  }
  Batch wide = batch;
  wide.items = items.data();
  ElementwiseRun(context.queue, wide, 1, formula_kernel<Random>).launch();
}

}  // namespace sinter::cuda

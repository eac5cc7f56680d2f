// SPDX-License-Identifier: Apache-2.0
//
// Philox's words for a thread's elements.
#ifndef SINTER_KERNELS_CUDA_RANDOM_CUH_
#define SINTER_KERNELS_CUDA_RANDOM_CUH_

#include "cuda/common/elementwise.cuh"
#include "formula/random.h"

namespace sinter::cuda {

// words[N] of the elements that `input` is at. A vector's elements are neighbours and begin at a
// multiple of its width, so that a block of the generator serves four of them.
template <class Input, int N>
SINTER_DEVICE void random_words(uint64_t key, const Input& input, uint32_t (&words)[N]) {
  if constexpr (requires { Input::kWidth; }) {
    constexpr int kSame = Input::kWidth < kWordsPerCounter ? Input::kWidth : kWordsPerCounter;
    static_assert(kSame == 2 || kSame == 4);
#pragma unroll
    for (int j = 0; j < N; j += kSame) {
      const int64_t index = input.index(j);
      const PhiloxBlock block = philox(static_cast<uint64_t>(index) / kWordsPerCounter, 0, key);
      const bool second = kSame == 2 && index % kWordsPerCounter != 0;
#pragma unroll
      for (int k = 0; k < kSame; ++k) {
        words[j + k] = second ? block.words[(k + 2) % kWordsPerCounter] : block.words[k];
      }
    }
  } else {
#pragma unroll
    for (int j = 0; j < N; ++j) {
      words[j] = random_word(key, input.index(j));
    }
  }
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_RANDOM_CUH_

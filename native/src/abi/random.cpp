// SPDX-License-Identifier: Apache-2.0
#include "formula/random.h"

#include <cstring>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

int32_t sinter_philox(int64_t counter_low, int64_t counter_high, int64_t key, int32_t* words,
                      sinter_error* error) {
  using namespace sinter;
  return guard("sinter_philox", error, [&] {
    require(words, "words");
    const PhiloxBlock block =
        philox(static_cast<uint64_t>(counter_low), static_cast<uint64_t>(counter_high),
               static_cast<uint64_t>(key));
    std::memcpy(words, block.words, sizeof block.words);
  });
}

int32_t sinter_random(sinter_stream* stream, int64_t count, const int64_t* keys,
                      const sinter_tensor* out, sinter_error* error) {
  using namespace sinter;
  return guard("sinter_random", error, [&] {
    Elementwise call(stream, count, nullptr);
    // Launchers want an input, and nothing reads it.
    call.input("out", out);
    call.output("out", out);
    if (count > 0) {
      require(keys, "keys");
    }
    double* const bits = call.weights(1);
    if (count > 0) {
      std::memcpy(bits, keys, static_cast<size_t>(count) * sizeof *keys);
    }
    SINTER_LAUNCH(call.stream(), random, call.batch());
  });
}

// SPDX-License-Identifier: Apache-2.0
//
// Values of elements, or of their differences from a base, and keys of such values. Included by the
// kernels, compiled once per instruction set.
#ifndef SINTER_KERNELS_CPU_COMMON_DIFFERENCES_H_
#define SINTER_KERNELS_CPU_COMMON_DIFFERENCES_H_

#include "cpu/common/block.h"
#include "cpu/select.h"
#include "formula/select.h"
#include "formula/task_vectors.h"

namespace sinter::cpu::SINTER_TIER {

// The values that keys are of: loaded, subtracted, rounded to `delta`; count <= kBlock.
template <class Compute>
[[maybe_unused]] __attribute__((noinline)) static void difference_values(const Differences& source,
                                                                         int64_t begin, int count,
                                                                         Compute* out) {
  load_block(source.in, source.load, begin, count, out);
  if (source.has_base) {
    Compute base[kBlock];
    load_block(source.base, source.load, begin, count, base);
    for (int j = 0; j < count; ++j) {
      out[j] = task_delta(out[j], base[j], DType::kStored);
    }
    if (source.delta != DType::kStored) {
      with_dtype(
          source.delta, [&]<DType T>()
                            __attribute__((always_inline)) { round_block<T>(out, count); });
    }
  }
}

// Values, exact in dtype T, as keys.
template <DType T, class Key, bool kSigned, class Compute>
SINTER_FN bool encode_keys(const Compute* values, int count, Key* keys) {
  Key peak = 0;
  for (int j = 0; j < count; ++j) {
    const Key bits = static_cast<Key>(key_bits<T>(values[j]));
    const Key magnitude = key_magnitude(bits);
    peak = magnitude > peak ? magnitude : peak;
    keys[j] = kSigned ? signed_key(bits) : magnitude;
  }
  return peak < Format<T>::kNonfinite;
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_DIFFERENCES_H_

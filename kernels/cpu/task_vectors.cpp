// SPDX-License-Identifier: Apache-2.0
//
// Task arithmetic, bound by memory: N + 2 elements moved per output.
#include "formula/task_vectors.h"

#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
class TaskArithmetic {
 public:
  SINTER_CONSTRUCTOR TaskArithmetic(const Item& item, const Batch& batch)
      : weights_(item.weights), models_(batch.inputs - 1), delta_(batch.delta) {}

  // Input 0 is the base, input k model k.
  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* sums,
                                                 Sink& sink) const {
    const auto base = elements<T>(input(0));
    if (delta_ != DType::kStored && delta_ != (sizeof(Compute) == 8 ? DType::kF64 : DType::kF32)) {
      for (int32_t k = 1; k <= models_; ++k) {
        add_rounded<T>(base, input, k, count, sums);
      }
      for (int j = 0; j < count; ++j) {
        sink(j, add_to_base<Compute>(Format<T>::decode(base[j]), sums[j]));
      }
      return;
    }
    switch (models_) {
      case 1:
        add<T, 1, true, true>(base, input, 1, count, sums, sink);
        return;
      case 2:
        add<T, 2, true, true>(base, input, 1, count, sums, sink);
        return;
      case 3:
        add<T, 3, true, true>(base, input, 1, count, sums, sink);
        return;
      default:
        break;
    }
    Keeper<Compute> keep(sums);
    add<T, 3, true, false>(base, input, 1, count, sums, keep);
    int32_t k = 4;
    for (; k + 3 <= models_; k += 3) {
      add<T, 3, false, false>(base, input, k, count, sums, keep);
    }
    switch (models_ + 1 - k) {
      case 1:
        add<T, 1, false, true>(base, input, k, count, sums, sink);
        return;
      case 2:
        add<T, 2, false, true>(base, input, k, count, sums, sink);
        return;
      default:
        add<T, 3, false, true>(base, input, k, count, sums, sink);
    }
  }

 private:
  // Adds the differences of N models, the first of them `from`, to the sums so far, and at last to
  // the base.
  template <DType T, int N, bool kFirst, bool kLast, class Input, class Sink>
  inline __attribute__((always_inline)) void add(Elements<T> base, Input input, int32_t from,
                                                 int count, const Compute* sums, Sink& sink) const {
    Elements<T> x[N];
    Compute w[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(from + k));
      w[k] = static_cast<Compute>(weights_[from + k - 1]);
    }
    for (int j = 0; j < count; ++j) {
      const Compute b = Format<T>::decode(base[j]);
      const Compute first = task_delta<Compute>(Format<T>::decode(x[0][j]), b, DType::kStored);
      Compute sum =
          kFirst ? weighted<Compute>(w[0], first) : add_weighted<Compute>(w[0], first, sums[j]);
#pragma GCC unroll 4
      for (int k = 1; k < N; ++k) {
        sum = add_weighted<Compute>(
            w[k], task_delta<Compute>(Format<T>::decode(x[k][j]), b, DType::kStored), sum);
      }
      sink(j, kLast ? add_to_base<Compute>(b, sum) : sum);
    }
  }

  // Adds one model whose differences are rounded to delta_.
  template <DType T, class Input>
  inline __attribute__((always_inline)) void add_rounded(Elements<T> base, Input input, int32_t k,
                                                         int count, Compute* sums) const {
    const auto x = elements<T>(input(k));
    const Compute w = static_cast<Compute>(weights_[k - 1]);
    Compute delta[kBlock];
    for (int j = 0; j < count; ++j) {
      delta[j] =
          task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]), DType::kStored);
    }
    with_dtype(
        delta_, [&]<DType D>() __attribute__((always_inline)) { round_block<D>(delta, count); });
    if (k == 1) {
      for (int j = 0; j < count; ++j) {
        sums[j] = weighted<Compute>(w, delta[j]);
      }
    } else {
      for (int j = 0; j < count; ++j) {
        sums[j] = add_weighted<Compute>(w, delta[j], sums[j]);
      }
    }
  }

  const double* const weights_;
  const int32_t models_;
  const DType delta_;
};

}  // namespace

void task_arithmetic_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                            bool streamed, PartCounts& counts) {
  elementwise<TaskArithmetic>(item, batch, begin, end, streamed, counts);
}

}  // namespace sinter::cpu::SINTER_TIER

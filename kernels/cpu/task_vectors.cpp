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
      const Elements<T> x[] = {base};
      for_elements<T, Compute>(
          x, count, sink, [&](Element e, const Compute(&at)[1]) __attribute__((always_inline)) {
            return add_to_base<Compute>(at[0], sums[e.j]);
          });
      return;
    }
    int32_t k = 1;
    if (models_ > kGroup) {
      Keeper<Compute> keep(sums);
      add<T, kGroup, true, false>(base, input, k, count, sums, keep);
      for (k += kGroup; k + kGroup <= models_; k += kGroup) {
        add<T, kGroup, false, false>(base, input, k, count, sums, keep);
      }
      add_last<T, false>(base, input, k, count, sums, sink);
    } else {
      add_last<T, true>(base, input, k, count, sums, sink);
    }
  }

 private:
  // Adds the differences of the models from k on, at most kGroup, and at last the base.
  template <DType T, bool kFirst, class Input, class Sink>
  inline __attribute__((always_inline)) void add_last(Elements<T> base, Input input, int32_t k,
                                                      int count, const Compute* sums,
                                                      Sink& sink) const {
    switch (models_ + 1 - k) {
      case 1:
        return add<T, 1, kFirst, true>(base, input, k, count, sums, sink);
      case 2:
        return add<T, 2, kFirst, true>(base, input, k, count, sums, sink);
      case 3:
        return add<T, 3, kFirst, true>(base, input, k, count, sums, sink);
      default:
        return add<T, kGroup, kFirst, true>(base, input, k, count, sums, sink);
    }
  }

  // Adds the differences of N models, the first of them `from`, to the sums so far, and at last to
  // the base.
  template <DType T, int N, bool kFirst, bool kLast, class Input, class Sink>
  inline __attribute__((always_inline)) void add(Elements<T> base, Input input, int32_t from,
                                                 int count, const Compute* sums, Sink& sink) const {
    Elements<T> x[1 + N];
    Compute w[N];
    x[0] = base;
    for (int k = 0; k < N; ++k) {
      x[1 + k] = elements<T>(input(from + k));
      w[k] = static_cast<Compute>(weights_[from + k - 1]);
    }
    for_elements<T, Compute>(
        x, count, sink, [&](Element e, const Compute(&at)[1 + N]) __attribute__((always_inline)) {
          const Compute first = task_delta<Compute>(at[1], at[0], DType::kStored);
          Compute sum = kFirst ? weighted<Compute>(w[0], first)
                               : add_weighted<Compute>(w[0], first, sums[e.j]);
#pragma GCC unroll 8
          for (int k = 1; k < N; ++k) {
            sum = add_weighted<Compute>(w[k], task_delta<Compute>(at[1 + k], at[0], DType::kStored),
                                        sum);
          }
          return kLast ? add_to_base<Compute>(at[0], sum) : sum;
        });
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

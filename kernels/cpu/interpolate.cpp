// SPDX-License-Identifier: Apache-2.0
//
// lerp and weighted sums of N tensors, bound by memory: 3 and N + 1 elements moved per output.
#include "formula/interpolate.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/lerp.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
class Nearswap {
 public:
  SINTER_CONSTRUCTOR Nearswap(const Item& item, const Batch&)
      : t_(static_cast<Compute>(item.weights[0])) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute*,
                                                 Sink& sink) const {
    const Elements<T> x[] = {elements<T>(input(0)), elements<T>(input(1))};
    for_elements<T, Compute>(
        x, count, sink, [&](Element, const Compute(&at)[2]) __attribute__((always_inline)) {
          return nearswap<Compute>(at[0], at[1], t_);
        });
  }

 private:
  const Compute t_;
};

template <class Compute>
class Linear {
 public:
  SINTER_CONSTRUCTOR Linear(const Item& item, const Batch& batch)
      : weights_(item.weights), models_(batch.inputs) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* sums,
                                                 Sink& sink) const {
    int32_t k = 0;
    if (models_ > kGroup) {
      Keeper<Compute> keep(sums);
      add<T, kGroup, true>(input, k, count, sums, keep);
      for (k = kGroup; k + kGroup < models_; k += kGroup) {
        add<T, kGroup, false>(input, k, count, sums, keep);
      }
      add_last<T, false>(input, k, count, sums, sink);
    } else {
      add_last<T, true>(input, k, count, sums, sink);
    }
  }

 private:
  // Adds the models from k on, at most kGroup.
  template <DType T, bool kFirst, class Input, class Sink>
  inline __attribute__((always_inline)) void add_last(Input input, int32_t k, int count,
                                                      const Compute* sums, Sink& sink) const {
    switch (models_ - k) {
      case 1:
        return add<T, 1, kFirst>(input, k, count, sums, sink);
      case 2:
        return add<T, 2, kFirst>(input, k, count, sums, sink);
      case 3:
        return add<T, 3, kFirst>(input, k, count, sums, sink);
      default:
        return add<T, kGroup, kFirst>(input, k, count, sums, sink);
    }
  }

  // Adds N models, the first of them `from`, to the sums so far.
  template <DType T, int N, bool kFirst, class Input, class Sink>
  inline __attribute__((always_inline)) void add(Input input, int32_t from, int count,
                                                 const Compute* sums, Sink& sink) const {
    Elements<T> x[N];
    Compute w[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(from + k));
      w[k] = static_cast<Compute>(weights_[from + k]);
    }
    for_elements<T, Compute>(
        x, count, sink, [&](Element e, const Compute(&at)[N]) __attribute__((always_inline)) {
          Compute sum = kFirst ? weighted<Compute>(w[0], at[0])
                               : add_weighted<Compute>(w[0], at[0], sums[e.j]);
#pragma GCC unroll 8
          for (int k = 1; k < N; ++k) {
            sum = add_weighted<Compute>(w[k], at[k], sum);
          }
          return sum;
        });
  }

  const double* const weights_;
  const int32_t models_;
};

}  // namespace

void lerp_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts) {
  elementwise<Lerp>(item, batch, begin, end, streamed, counts);
}

void nearswap_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                     bool streamed, PartCounts& counts) {
  elementwise<Nearswap>(item, batch, begin, end, streamed, counts);
}

void linear_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                   PartCounts& counts) {
  elementwise<Linear>(item, batch, begin, end, streamed, counts);
}

}  // namespace sinter::cpu::SINTER_TIER

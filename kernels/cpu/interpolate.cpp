// SPDX-License-Identifier: Apache-2.0
//
// lerp and weighted sums of N tensors, bound by memory: 3 and N + 1 elements moved per output.
#include "formula/interpolate.h"

#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
class Lerp {
 public:
  SINTER_CONSTRUCTOR Lerp(const Item& item, const Batch&)
      : t_(static_cast<Compute>(item.weights[0])) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute*,
                                                 Sink& sink) const {
    const auto a = elements<T>(input(0));
    const auto b = elements<T>(input(1));
    const Compute t = t_;
    // Which end lerp starts from is the same for all elements: a loop for each.
    if (t < Compute(0.5)) {
      for (int j = 0; j < count; ++j) {
        sink(j, lerp<Compute>(Format<T>::decode(a[j]), Format<T>::decode(b[j]), t));
      }
    } else {
      for (int j = 0; j < count; ++j) {
        sink(j, lerp<Compute>(Format<T>::decode(a[j]), Format<T>::decode(b[j]), t));
      }
    }
  }

 private:
  const Compute t_;
};

template <class Compute>
class Nearswap {
 public:
  SINTER_CONSTRUCTOR Nearswap(const Item& item, const Batch&)
      : t_(static_cast<Compute>(item.weights[0])) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute*,
                                                 Sink& sink) const {
    const auto a = elements<T>(input(0));
    const auto b = elements<T>(input(1));
    for (int j = 0; j < count; ++j) {
      sink(j, nearswap<Compute>(Format<T>::decode(a[j]), Format<T>::decode(b[j]), t_));
    }
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
    switch (models_) {
      case 1:
        add<T, 1, true>(input, 0, count, sums, sink);
        return;
      case 2:
        add<T, 2, true>(input, 0, count, sums, sink);
        return;
      case 3:
        add<T, 3, true>(input, 0, count, sums, sink);
        return;
      case 4:
        add<T, 4, true>(input, 0, count, sums, sink);
        return;
      default:
        break;
    }
    Keeper<Compute> keep(sums);
    add<T, 4, true>(input, 0, count, sums, keep);
    int32_t k = 4;
    for (; k + 3 < models_; k += 3) {
      add<T, 3, false>(input, k, count, sums, keep);
    }
    switch (models_ - k) {
      case 1:
        add<T, 1, false>(input, k, count, sums, sink);
        return;
      case 2:
        add<T, 2, false>(input, k, count, sums, sink);
        return;
      default:
        add<T, 3, false>(input, k, count, sums, sink);
    }
  }

 private:
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
    for (int j = 0; j < count; ++j) {
      Compute sum = kFirst ? weighted<Compute>(w[0], Format<T>::decode(x[0][j]))
                           : add_weighted<Compute>(w[0], Format<T>::decode(x[0][j]), sums[j]);
#pragma GCC unroll 4
      for (int k = 1; k < N; ++k) {
        sum = add_weighted<Compute>(w[k], Format<T>::decode(x[k][j]), sum);
      }
      sink(j, sum);
    }
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

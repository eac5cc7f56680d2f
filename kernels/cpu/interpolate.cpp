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

  template <DType T, class Input>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* out) const {
    const auto a = elements<T>(input(0));
    const auto b = elements<T>(input(1));
    const Compute t = t_;
    if (t < Compute(0.5)) {
      for (int j = 0; j < count; ++j) {
        out[j] = lerp<Compute>(Format<T>::decode(a[j]), Format<T>::decode(b[j]), t);
      }
    } else {
      for (int j = 0; j < count; ++j) {
        out[j] = lerp<Compute>(Format<T>::decode(a[j]), Format<T>::decode(b[j]), t);
      }
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

  template <DType T, class Input>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* out) const {
    switch (models_) {
      case 1:
        first<T, 1>(input, count, out);
        return;
      case 2:
        first<T, 2>(input, count, out);
        return;
      case 3:
        first<T, 3>(input, count, out);
        return;
      default:
        first<T, 4>(input, count, out);
    }
    int32_t k = 4;
    for (; k + 3 <= models_; k += 3) {
      add<T, 3>(input, k, count, out);
    }
    for (; k < models_; ++k) {
      add<T, 1>(input, k, count, out);
    }
  }

 private:
  template <DType T, int N, class Input>
  inline __attribute__((always_inline)) void first(Input input, int count, Compute* out) const {
    Elements<T> x[N];
    Compute w[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(k));
      w[k] = static_cast<Compute>(weights_[k]);
    }
    for (int j = 0; j < count; ++j) {
      Compute sum = weighted<Compute>(w[0], Format<T>::decode(x[0][j]));
#pragma GCC unroll 4
      for (int k = 1; k < N; ++k) {
        sum = add_weighted<Compute>(w[k], Format<T>::decode(x[k][j]), sum);
      }
      out[j] = sum;
    }
  }

  template <DType T, int N, class Input>
  inline __attribute__((always_inline)) void add(Input input, int32_t from, int count,
                                                 Compute* out) const {
    Elements<T> x[N];
    Compute w[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(from + k));
      w[k] = static_cast<Compute>(weights_[from + k]);
    }
    for (int j = 0; j < count; ++j) {
      Compute sum = out[j];
#pragma GCC unroll 4
      for (int k = 0; k < N; ++k) {
        sum = add_weighted<Compute>(w[k], Format<T>::decode(x[k][j]), sum);
      }
      out[j] = sum;
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

void linear_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                   PartCounts& counts) {
  elementwise<Linear>(item, batch, begin, end, streamed, counts);
}

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
//
// ram and ramplus_tl, bound by memory: N + 2 elements moved per output, ramplus_tl N + 1 more for its
// tallies.
#include "cpu/agreement.h"

#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"
#include "formula/agreement.h"
#include "formula/task_vectors.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

// Out of line: rounding costs more than the call, and loops of its own in each formula would be most
// of this file's code.
template <class Compute>
static __attribute__((noinline)) void round_differences(DType delta, Compute* d, int count) {
  if (delta != DType::kStored && delta != kNative<Compute>) {
    with_dtype(
        delta, [&]<DType D>() __attribute__((always_inline)) { round_block<D>(d, count); });
  }
}

// ---- ram ----

template <class Compute, bool kScaled>
class Agreement {
 public:
  SINTER_CONSTRUCTOR Agreement(const Item& item, const Batch& batch)
      : epsilon_(static_cast<Compute>(item.weights[0])),
        factors_(item.weights + 1),
        models_(batch.inputs - 1),
        delta_(batch.delta) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* sums,
                                                 Sink& sink) const {
    const auto base = elements<T>(input(0));
    alignas(64) Compute numbers[kBlock];
    alignas(64) Compute factors[kBlock];
    for (int j = 0; j < count; ++j) {
      sums[j] = numbers[j] = 0;
      factors[j] = 1;
    }
    const bool rounded = delta_ != DType::kStored && delta_ != kNative<Compute>;
    for (int32_t k = 1; k <= models_; ++k) {
      const auto x = elements<T>(input(k));
      const Compute factor = kScaled ? static_cast<Compute>(factors_[k - 1]) : Compute(1);
      if (rounded) {
        alignas(64) Compute d[kBlock];
        for (int j = 0; j < count; ++j) {
          d[j] = task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]),
                                     DType::kStored);
        }
        round_differences(delta_, d, count);
        for (int j = 0; j < count; ++j) {
          add(j, d[j], factor, sums, numbers, factors);
        }
      } else {
        for (int j = 0; j < count; ++j) {
          add(j,
              task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]),
                                  DType::kStored),
              factor, sums, numbers, factors);
        }
      }
    }
    for (int j = 0; j < count; ++j) {
      sink(j, add_changes<Compute>(Format<T>::decode(base[j]),
                                   {sums[j], numbers[j], kScaled ? factors[j] : Compute(1)}));
    }
  }

 private:
  inline __attribute__((always_inline)) void add(int j, Compute d, Compute factor, Compute* sums,
                                                 Compute* numbers, Compute* factors) const {
    Changes<Compute> changes = {sums[j], numbers[j], factors[j]};
    add_change(changes, d, epsilon_, factor);
    sums[j] = changes.sum;
    numbers[j] = changes.count;
    if (kScaled) {
      factors[j] = changes.factor;
    }
  }

  const Compute epsilon_;
  const double* const factors_;
  const int32_t models_;
  const DType delta_;
};

template <class Compute>
using Ram = Agreement<Compute, false>;
template <class Compute>
using RamPlus = Agreement<Compute, true>;

// ---- Differences in blocks ----

// The base's elements of a block, and what models differ from them by.
template <class Compute>
class Differences {
 public:
  SINTER_CONSTRUCTOR Differences(const Item& item, const Batch& batch)
      : item_(item), batch_(batch) {}

  inline __attribute__((always_inline)) void move_to(int64_t begin, int count) {
    begin_ = begin;
    count_ = count;
    load_block(item_.inputs[0], batch_.load, begin, count, base_);
  }

  inline __attribute__((always_inline)) const Compute* base() const { return base_; }

  // Model `model`, counted from 0.
  inline __attribute__((always_inline)) void load(int32_t model, Compute* d) const {
    load_block(item_.inputs[1 + model], batch_.load, begin_, count_, d);
    for (int j = 0; j < count_; ++j) {
      d[j] = task_delta<Compute>(d[j], base_[j], DType::kStored);
    }
    round_differences(batch_.delta, d, count_);
  }

 private:
  const Item& item_;
  const Batch& batch_;
  int64_t begin_ = 0;
  int count_ = 0;
  alignas(64) Compute base_[kBlock];
};

// ---- ramplus_tl ----

template <class Compute>
SINTER_FN void tally(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                     double* tallies) {
  const auto epsilon = static_cast<Compute>(item.weights[0]);
  const int32_t models = batch.inputs - 1;
  Differences<Compute> differences(item, batch);
  for (int64_t i = begin; i < end; i += kBlock) {
    const int count = end - i < kBlock ? static_cast<int>(end - i) : kBlock;
    differences.move_to(i, count);
    int32_t numbers[kBlock] = {};
    int32_t last[kBlock];
    for (int32_t k = 0; k < models; ++k) {
      alignas(64) Compute d[kBlock];
      differences.load(k, d);
      int32_t changed = 0;
      for (int j = 0; j < count; ++j) {
        const bool on = active(d[j], epsilon);
        numbers[j] += on ? 1 : 0;
        last[j] = on ? k : last[j];
        changed += on ? 1 : 0;
      }
      tallies[2 * k] += changed;
    }
    for (int j = 0; j < count; ++j) {
      if (numbers[j] == 1) {
        tallies[2 * last[j] + 1] += 1;
      }
    }
  }
}

void ram_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                PartCounts& counts) {
  elementwise<Ram>(item, batch, begin, end, streamed, counts);
}

void ramplus_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                    PartCounts& counts) {
  elementwise<RamPlus>(item, batch, begin, end, streamed, counts);
}

void tally_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                  double* tallies) {
  if (item.wide) {
    tally<double>(item, batch, begin, end, tallies);
  } else {
    tally<float>(item, batch, begin, end, tallies);
  }
}

}  // namespace

extern const AgreementKernels agreement_kernels = {ram_kernel, ramplus_kernel, tally_kernel};

}  // namespace sinter::cpu::SINTER_TIER

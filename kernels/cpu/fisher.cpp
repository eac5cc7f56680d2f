// SPDX-License-Identifier: Apache-2.0
//
// Fisher information, bound by memory: per output element, accumulate moves the state twice and the
// gradient once; bcwi k + 2 elements; fisher_bcwi those and one of F; merge 2 N + 1.
//
// F is most often of another dtype than the models. So its methods work on blocks in the first-level
// cache, whatever the dtypes: one loop per dtype and operand decodes, one formula follows.
#include "cpu/fisher.h"

#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"
#include "formula/fisher.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

// Elements as they are computed with, at any address.
template <class Compute>
using Numbers = const typename Unaligned<Compute>::type*;

SINTER_FN void expect_block(const View& view, int64_t i, int count) {
  if (view.contiguous()) {
    const int64_t width = dtype_bytes(view.dtype);
    expect(view.data + i * width, count * static_cast<int>(width));
  }
}

// A block of an input: in its place where nothing is to be done to it, else decoded to `room`.
template <class Compute>
SINTER_FN Numbers<Compute> numbers(const View& view, DType load, int64_t i, int count,
                                   Compute* room) {
  expect_block(view, i, count);
  if (view.dtype == kNative<Compute> && view.contiguous() &&
      (load == DType::kStored || load == view.dtype)) {
    return reinterpret_cast<Numbers<Compute>>(view.data) + i;
  }
  load_block(view, load, i, count, room);
  return room;
}

template <class Compute>
SINTER_FN void importances(const View& view, int64_t i, int count, Importance by, Compute* out) {
  expect_block(view, i, count);
  if (view.dtype == DType::kF32 && view.contiguous()) {
    const Numbers<float> f = reinterpret_cast<Numbers<float>>(view.data) + i;
    for (int j = 0; j < count; ++j) {
      out[j] = importance<Compute>(static_cast<double>(f[j]), by);
    }
    return;
  }
  alignas(64) double f[kBlock];
  load_block(view, DType::kStored, i, count, f);
  for (int j = 0; j < count; ++j) {
    out[j] = importance<Compute>(f[j], by);
  }
}

// Calls compute(i, count, results) for the blocks of a range, and stores what it leaves there.
template <class Compute, class F>
SINTER_FN void for_blocks(const Item& item, int64_t begin, int64_t end, bool streamed,
                          PartCounts& counts, F compute) {
  alignas(64) Compute results[kBlock];
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    compute(i, count, results);
    store_block(item.output, i, count, results, streamed, counts);
  }
}

// A kernel from its two instances.
#define SINTER_KERNEL_OF(name)                                                         \
  void name##_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, \
                     bool streamed, PartCounts& counts) {                              \
    if (item.copy_of >= 0) {                                                           \
      copy_or_cast(item, batch, begin, end, streamed, counts);                         \
    } else if (item.wide) {                                                            \
      name<double>(item, batch, begin, end, streamed, counts);                         \
    } else {                                                                           \
      name<float>(item, batch, begin, end, streamed, counts);                          \
    }                                                                                  \
    if (streamed) {                                                                    \
      end_streaming();                                                                 \
    }                                                                                  \
  }

// ---- The diagonal ----

template <class Compute>
static void accumulate(const Item& item, const Batch&, int64_t begin, int64_t end, bool streamed,
                       PartCounts& counts) {
  const auto weight = static_cast<Compute>(item.weights[0]);
  alignas(64) Compute rooms[2][kBlock];
  for_blocks<Compute>(
      item, begin, end, streamed,
      counts, [&](int64_t i, int count, Compute* results) __attribute__((always_inline)) {
        const auto state = numbers(item.inputs[1], DType::kStored, i, count, rooms[0]);
        const auto gradient = numbers(item.inputs[0], DType::kStored, i, count, rooms[1]);
        for (int j = 0; j < count; ++j) {
          results[j] = add_square<Compute>(state[j], gradient[j], weight);
        }
      });
}
SINTER_KERNEL_OF(accumulate)

template <class Compute>
static void finish(const Item& item, const Batch&, int64_t begin, int64_t end, bool streamed,
                   PartCounts& counts) {
  const double examples = item.weights[0];
  alignas(64) Compute room[kBlock];
  for_blocks<Compute>(
      item, begin, end, streamed,
      counts, [&](int64_t i, int count, Compute* results) __attribute__((always_inline)) {
        const auto state = numbers(item.inputs[0], DType::kStored, i, count, room);
        for (int j = 0; j < count; ++j) {
          results[j] = mean_square<Compute>(state[j], examples);
        }
      });
}
SINTER_KERNEL_OF(finish)

// ---- Fisher merge ----

template <class Compute>
static void merge(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                  PartCounts& counts) {
  const int32_t models = batch.weighing;
  const double* const weights = item.weights;
  const double* const shares = weights + models;
  const double* const scales = shares + models;
  Importance by = {0.0, scales[models], scales[models + 1]};
  alignas(64) Compute room[kBlock];
  alignas(64) Compute important[kBlock];
  alignas(64) Compute sums[kBlock];
  for_blocks<Compute>(
      item, begin, end, streamed,
      counts, [&](int64_t i, int count, Compute* means) __attribute__((always_inline)) {
        for (int32_t k = 0; k < models; ++k) {
          const auto x = numbers(item.inputs[k], batch.load, i, count, room);
          by.scale = scales[k];
          importances(item.inputs[models + k], i, count, by, important);
          const auto weight = static_cast<Compute>(weights[k]);
          const auto share = static_cast<Compute>(shares[k]);
          if (k == 0) {
            for (int j = 0; j < count; ++j) {
              means[j] = x[j];
              sums[j] = weight * important[j];
            }
          } else {
            for (int j = 0; j < count; ++j) {
              WeightedMean<Compute> so_far = {means[j], sums[j]};
              add_model<Compute>(so_far, x[j], weight, important[j], share);
              means[j] = so_far.mean;
              sums[j] = so_far.sum;
            }
          }
        }
      });
}
SINTER_KERNEL_OF(merge)

// ---- Backward-compatible interpolation ----

template <class Compute>
class Bcwi {
 public:
  SINTER_CONSTRUCTOR Bcwi(const Item& item, const Batch& batch)
      : alpha_(static_cast<Compute>(item.weights[0])), models_(batch.inputs - 1) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* means,
                                                 Sink& sink) const {
    if (models_ > kGroup) {
      Keeper<Compute> keep(means);
      add<T, kGroup, true, false>(input, 1, count, means, keep);
      int32_t k = 1 + kGroup;
      for (; k + kGroup <= models_; k += kGroup) {
        add<T, kGroup, false, false>(input, k, count, means, keep);
      }
      add_last<T, false>(input, k, count, means, sink);
    } else {
      add_last<T, true>(input, 1, count, means, sink);
    }
  }

 private:
  // Adds the models from k on, at most kGroup, and interpolates.
  template <DType T, bool kFirst, class Input, class Sink>
  inline __attribute__((always_inline)) void add_last(Input input, int32_t k, int count,
                                                      const Compute* means, Sink& sink) const {
    switch (models_ + 1 - k) {
      case 1:
        return add<T, 1, kFirst, true>(input, k, count, means, sink);
      case 2:
        return add<T, 2, kFirst, true>(input, k, count, means, sink);
      case 3:
        return add<T, 3, kFirst, true>(input, k, count, means, sink);
      default:
        return add<T, kGroup, kFirst, true>(input, k, count, means, sink);
    }
  }

  // Adds N models, the first of them `from`, to the mean so far; after the last, the old model.
  template <DType T, int N, bool kFirst, bool kLast, class Input, class Sink>
  inline __attribute__((always_inline)) void add(Input input, int32_t from, int count,
                                                 const Compute* means, Sink& sink) const {
    Elements<T> x[N + (kLast ? 1 : 0)];
    Compute parts[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(from + k));
      parts[k] = Compute(1) / static_cast<Compute>(from + k);
    }
    if (kLast) {
      x[N] = elements<T>(input(0));
    }
    const Compute alpha = alpha_;
    for_elements<T, Compute>(
        x, count, sink,
        [&](Element e, const Compute(&at)[N + (kLast ? 1 : 0)]) __attribute__((always_inline)) {
          Compute mean = kFirst ? at[0] : add_to_mean<Compute>(means[e.j], at[0], parts[0]);
#pragma GCC unroll 8
          for (int k = 1; k < N; ++k) {
            mean = add_to_mean<Compute>(mean, at[k], parts[k]);
          }
          return kLast ? towards_old<Compute>(mean, at[N], alpha, alpha) : mean;
        });
  }

  const Compute alpha_;
  const int32_t models_;
};

void bcwi_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts) {
  elementwise<Bcwi>(item, batch, begin, end, streamed, counts);
}

template <class Compute>
static void fisher_bcwi(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                        bool streamed, PartCounts& counts) {
  const int32_t models = batch.inputs - 2;
  const auto alpha = static_cast<Compute>(item.weights[0]);
  const auto rest = rest_of<Compute>(item.weights[0]);
  const Importance by = by_mean(item.weights[1]);
  alignas(64) Compute old_room[kBlock];
  alignas(64) Compute room[kBlock];
  alignas(64) Compute means[kBlock];
  alignas(64) Compute important[kBlock];
  for_blocks<Compute>(
      item, begin, end, streamed,
      counts, [&](int64_t i, int count, Compute* results) __attribute__((always_inline)) {
        Numbers<Compute> mean = numbers(item.inputs[1], batch.load, i, count, room);
        for (int32_t k = 2; k <= models; ++k) {
          const auto x = numbers(item.inputs[k], batch.load, i, count, k == 2 ? results : room);
          const Compute part = Compute(1) / static_cast<Compute>(k);
          for (int j = 0; j < count; ++j) {
            means[j] = add_to_mean<Compute>(mean[j], x[j], part);
          }
          mean = means;
        }
        const auto old = numbers(item.inputs[0], batch.load, i, count, old_room);
        importances(item.inputs[models + 1], i, count, by, important);
        for (int j = 0; j < count; ++j) {
          const Compute w = old_weight<Compute>(important[j], alpha, rest);
          results[j] = towards_old<Compute>(mean[j], old[j], w, alpha);
        }
      });
}
SINTER_KERNEL_OF(fisher_bcwi)

#undef SINTER_KERNEL_OF

}  // namespace

extern const FisherKernels fisher_kernels = {
    accumulate_kernel, finish_kernel, merge_kernel, bcwi_kernel, fisher_bcwi_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
//
// Fisher information, bound by memory: per output element, accumulate moves the state twice and the
// gradient once; bcwi of k models k + 2 elements; fisher_bcwi those and one of F; merge 2 N + 1.
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

// A block of F times a power of 2. The product is rounded once, whatever F is stored in.
template <class Compute>
SINTER_FN void scaled_block(const View& view, int64_t i, int count, double power, Compute* out) {
  expect_block(view, i, count);
  if (sizeof(Compute) == 4 && view.dtype == DType::kF64) {
    alignas(64) double f[kBlock];
    load_block(view, DType::kStored, i, count, f);
    for (int j = 0; j < count; ++j) {
      out[j] = static_cast<Compute>(f[j] * power);
    }
    return;
  }
  const auto f = numbers(view, DType::kStored, i, count, out);
  const auto factor = static_cast<Compute>(power);
  for (int j = 0; j < count; ++j) {
    out[j] = f[j] * factor;
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

// ---- Straight from memory ----

// Models and the output are of one dtype T that is not float64, F is float32 (its number of inputs is
// kWeighing), and all of them are contiguous: what most calls are.
template <int kModels, int kWeighing>
SINTER_FN bool straight(const Item& item, const Batch& batch) {
  const DType dtype = item.output.dtype;
  bool so = batch.inputs == kModels + kWeighing && item.output.contiguous() &&
            (batch.load == DType::kStored || batch.load == dtype) &&
            (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16);
  for (int k = 0; so && k < kModels + kWeighing; ++k) {
    const View& view = item.inputs[k];
    so = view.contiguous() && view.dtype == (k < kModels ? dtype : DType::kF32);
  }
  return so;
}

// Calls formula(x, f) for every element, x[] of the models and f[] of F; loaded(i, count, results) is
// the same for a block of any kind, for those whose results are counted.
template <int kModels, int kWeighing, class F, class Loaded>
SINTER_FN void run_straight(const Item& item, int64_t begin, int64_t end, bool streamed,
                            PartCounts& counts, F formula, Loaded loaded) {
  with_dtype(
      item.output.dtype, [&]<DType T>() __attribute__((always_inline)) {
        if constexpr (kDirect<T, float>) {
          using Storage = typename Format<T>::Storage;
          constexpr int64_t kWidth = sizeof(Storage);
          constexpr int kStep = kDirectBytes / static_cast<int>(kWidth);
          alignas(64) Storage staged[kStep];
          int count = first_block(item.output, begin);
          count = count < kStep ? count : kStep;
          for (int64_t i = begin; i < end; i += count, count = kStep) {
            count = end - i < count ? static_cast<int>(end - i) : count;
            Elements<T> x[kModels];
            Elements<DType::kF32> f[kWeighing];
            for (int k = 0; k < kModels; ++k) {
              x[k] = elements<T>(item.inputs[k].data + i * kWidth);
              expect(reinterpret_cast<const Storage*>(x[k]), count);
            }
            for (int k = 0; k < kWeighing; ++k) {
              f[k] = elements<DType::kF32>(item.inputs[kModels + k].data + i * 4);
              expect(reinterpret_cast<const float*>(f[k]), count);
            }
            Encoder<T, float> encode(staged);
            for_elements<T, float>(
                x, count,
                encode, [&](Element e, const float(&at)[kModels]) __attribute__((always_inline)) {
                  float own[kWeighing];
#pragma GCC unroll 4
                  for (int k = 0; k < kWeighing; ++k) {
                    own[k] = f[k][e.j];
                  }
                  return formula(at, own);
                });
            if (!encode.alarmed()) {
              put(item.output.data + i * kWidth, staged, count * kWidth, streamed);
            } else {
              alignas(64) float results[kBlock];
              loaded(i, count, results);
              store_block(item.output, i, count, results, streamed, counts);
            }
          }
        }
      });
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

// What is the same for all elements of a model.
template <class Compute>
struct MergeModel {
  double power;
  Importance<Compute> by;
  Compute weight;
  Compute share;
};

template <class Compute>
SINTER_FN MergeModel<Compute> merge_model(const Item& item, int32_t models, int32_t k) {
  const double* const weights = item.weights;
  const double* const scales = weights + 2 * models;
  const bool wide = sizeof(Compute) == 8 || item.inputs[models + k].dtype == DType::kF64;
  const Scale scale = scale_of(scales[k], wide);
  return {scale.power, merge_importance<Compute>(scale, scales[models], scales[models + 1]),
          merge_weight<Compute>(weights[k], scale), static_cast<Compute>(weights[models + k])};
}

template <class Compute>
static void merge(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                  PartCounts& counts) {
  const int32_t models = batch.weighing;
  alignas(64) Compute room[kBlock];
  alignas(64) Compute scaled[kBlock];
  alignas(64) Compute sums[kBlock];
  const auto block = [&](int64_t i, int count, Compute* means) __attribute__((always_inline)) {
    for (int32_t k = 0; k < models; ++k) {
      const MergeModel<Compute> model = merge_model<Compute>(item, models, k);
      const auto x = numbers(item.inputs[k], batch.load, i, count, room);
      scaled_block(item.inputs[models + k], i, count, model.power, scaled);
      if (k == 0) {
        for (int j = 0; j < count; ++j) {
          means[j] = x[j];
          sums[j] = model.weight * importance(scaled[j], model.by);
        }
      } else {
        for (int j = 0; j < count; ++j) {
          WeightedMean<Compute> so_far = {means[j], sums[j]};
          add_model(so_far, static_cast<Compute>(x[j]), model.weight,
                    importance(scaled[j], model.by), model.share);
          means[j] = so_far.mean;
          sums[j] = so_far.sum;
        }
      }
    }
  };
  if constexpr (sizeof(Compute) == 4) {
    if (models == 2 && straight<2, 2>(item, batch)) {
      const MergeModel<float> a = merge_model<float>(item, 2, 0);
      const MergeModel<float> b = merge_model<float>(item, 2, 1);
      const auto a_power = static_cast<float>(a.power);
      const auto b_power = static_cast<float>(b.power);
      run_straight<2, 2>(
          item, begin, end, streamed, counts,
          [&](const float(&x)[2], const float(&f)[2]) __attribute__((always_inline)) {
            WeightedMean<float> so_far = {x[0], a.weight * importance(f[0] * a_power, a.by)};
            add_model(so_far, x[1], b.weight, importance(f[1] * b_power, b.by), b.share);
            return so_far.mean;
          },
          block);
      return;
    }
  }
  for_blocks<Compute>(item, begin, end, streamed, counts, block);
}
SINTER_KERNEL_OF(merge)

// ---- Backward-compatible interpolation ----

// From the mean of several; one new model is lerp.
template <class Compute>
class Bcwi {
 public:
  SINTER_CONSTRUCTOR Bcwi(const Item& item, const Batch& batch)
      : alpha_(static_cast<Compute>(item.weights[0])),
        new_only_(item.weights[0] == 0.0),
        models_(batch.inputs - batch.weighing - 1) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* means,
                                                 Sink& sink) const {
    int32_t k = 0;
    add<T, 2, true>(input, k, count, means);
    for (k += 2; k + 2 <= models_; k += 2) {
      add<T, 2, false>(input, k, count, means);
    }
    if (k < models_) {
      add<T, 1, false>(input, k, count, means);
    }
    const Elements<T> old[] = {elements<T>(input(models_))};
    const Compute t = alpha_;
    if (new_only_) {
      for_elements<T, Compute>(
          old, count, sink, [&](Element e, const Compute(&)[1]) __attribute__((always_inline)) {
            return means[e.j];
          });
    } else {
      for_elements<T, Compute>(
          old, count, sink, [&](Element e, const Compute(&at)[1]) __attribute__((always_inline)) {
            return lerp<Compute>(means[e.j], at[0], t);
          });
    }
  }

 private:
  // Adds N models, the first of them `from`, to the mean so far.
  template <DType T, int N, bool kFirst, class Input>
  inline __attribute__((always_inline)) void add(Input input, int32_t from, int count,
                                                 Compute* means) const {
    Elements<T> x[N];
    Compute parts[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(from + k));
      parts[k] = Compute(1) / static_cast<Compute>(from + k + 1);
    }
    Keeper<Compute> keep(means);
    for_elements<T, Compute>(
        x, count, keep, [&](Element e, const Compute(&at)[N]) __attribute__((always_inline)) {
          Compute mean = kFirst ? at[0] : add_to_mean<Compute>(means[e.j], at[0], parts[0]);
#pragma GCC unroll 8
          for (int k = 1; k < N; ++k) {
            mean = add_to_mean<Compute>(mean, at[k], parts[k]);
          }
          return mean;
        });
  }

  const Compute alpha_;
  const bool new_only_;
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
  const View& fisher = item.inputs[models + 1];
  const OldWeight<Compute> of = old_weight_of<Compute>(
      item.weights[0], item.weights[1], sizeof(Compute) == 8 || fisher.dtype == DType::kF64);
  if (item.weights[0] == 0.0) {
    run_formula<Bcwi, Compute>(item, batch, begin, end, streamed, counts);
    return;
  }
  alignas(64) Compute old_room[kBlock];
  alignas(64) Compute room[kBlock];
  alignas(64) Compute means[kBlock];
  alignas(64) Compute scaled[kBlock];
  const auto block = [&](int64_t i, int count, Compute* results) __attribute__((always_inline)) {
    Numbers<Compute> mean = numbers(item.inputs[0], batch.load, i, count, means);
    for (int32_t k = 1; k < models; ++k) {
      const auto x = numbers(item.inputs[k], batch.load, i, count, room);
      const Compute part = Compute(1) / static_cast<Compute>(k + 1);
      for (int j = 0; j < count; ++j) {
        means[j] = add_to_mean<Compute>(mean[j], x[j], part);
      }
      mean = means;
    }
    const auto old = numbers(item.inputs[models], batch.load, i, count, old_room);
    scaled_block(fisher, i, count, of.power, scaled);
    for (int j = 0; j < count; ++j) {
      results[j] = lerp<Compute>(mean[j], old[j], old_weight(scaled[j], of));
    }
  };
  if constexpr (sizeof(Compute) == 4) {
    if (straight<2, 1>(item, batch)) {
      const auto power = static_cast<float>(of.power);
      run_straight<2, 1>(
          item, begin, end, streamed, counts,
          [&](const float(&x)[2], const float(&f)[1]) __attribute__((always_inline)) {
            return lerp<float>(x[0], x[1], old_weight(f[0] * power, of));
          },
          block);
      return;
    }
  }
  for_blocks<Compute>(item, begin, end, streamed, counts, block);
}
SINTER_KERNEL_OF(fisher_bcwi)

#undef SINTER_KERNEL_OF

}  // namespace

extern const FisherKernels fisher_kernels = {
    accumulate_kernel, finish_kernel, merge_kernel, bcwi_kernel, fisher_bcwi_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

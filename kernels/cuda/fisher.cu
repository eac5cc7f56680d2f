// SPDX-License-Identifier: Apache-2.0
//
// Fisher information, bound by memory: per output element, accumulate moves the state twice and the
// gradient once; bcwi k + 2 elements; fisher_bcwi those and one of F; merge 2 N + 1. F and the state
// are most often float32 and the models half of that: vectors of both go together.
#include "formula/fisher.h"

#include "cuda/common/elementwise.cuh"
#include "cuda/launch.h"

namespace sinter::cuda {
namespace {

// ---- The diagonal ----

template <class Compute>
struct Accumulate {
  static constexpr int kVectors = 1;

  Compute weight;

  __device__ __forceinline__ Accumulate(const Descriptors& table, const ElementwiseParams&,
                                        int64_t k)
      : weight(static_cast<Compute>(table.weights[k])) {}

  // Input 0 is the gradient, 1 the state.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute gradient[N];
    input(0, gradient);
    input.weighing(1, 1.0, out);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_square(out[j], gradient[j], weight);
    }
  }
};

template <class Compute>
struct Finish {
  static constexpr int kVectors = 2;

  double examples;

  __device__ __forceinline__ Finish(const Descriptors& table, const ElementwiseParams&, int64_t k)
      : examples(table.weights[k]) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    input(0, out);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = mean_square(out[j], examples);
    }
  }
};

// ---- Fisher merge ----

// What is the same for all elements of model k of a merge.
template <class Compute>
struct MergeModel {
  double power;
  Importance<Compute> by;
  Compute weight, share;

  // `weights`: one per model, a share and a scale per model, the floor and epsilon.
  __device__ __forceinline__ MergeModel(const double* weights, const Operand& fisher, int models,
                                        int k) {
    const bool wide = sizeof(Compute) == 8 || fisher.dtype == DType::kF64;
    const Scale scale = scale_of(weights[2 * models + k], wide);
    power = scale.power;
    by = merge_importance<Compute>(scale, weights[3 * models], weights[3 * models + 1]);
    weight = merge_weight<Compute>(weights[k], scale);
    share = static_cast<Compute>(weights[models + k]);
  }
};

// Two models, whose loads overlap. Inputs are the models, then their values of F.
template <class Compute>
struct MergeTwo {
  static constexpr int kVectors = 1;
  static constexpr bool kHungry = true;

  MergeModel<Compute> a, b;

  __device__ __forceinline__ MergeTwo(const Descriptors& table, const ElementwiseParams& params,
                                      int64_t k)
      : a(table.weights + k * params.table.weights, table.operands[k * 5 + 3], 2, 0),
        b(table.weights + k * params.table.weights, table.operands[k * 5 + 4], 2, 1) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute x[N], y[N], of_x[N], of_y[N];
    input(0, x);
    input(1, y);
    input.weighing(2, a.power, of_x);
    input.weighing(3, b.power, of_y);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      WeightedMean<Compute> so_far = {x[j], a.weight * importance(of_x[j], a.by)};
      add_model(so_far, y[j], b.weight, importance(of_y[j], b.by), b.share);
      out[j] = so_far.mean;
    }
  }
};

// Any number.
template <class Compute>
struct Merge {
  static constexpr int kVectors = 1;
  static constexpr bool kHungry = true;

  const double* weights;
  const Operand* fisher;
  int models;

  __device__ __forceinline__ Merge(const Descriptors& table, const ElementwiseParams& params,
                                   int64_t k)
      : weights(table.weights + k * params.table.weights), models((params.table.weights - 2) / 3) {
    fisher = table.operands + k * params.table.operands + 1 + models;
  }

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute sums[N], x[N], scaled[N];
    for (int k = 0; k < models; ++k) {
      const MergeModel<Compute> model(weights, fisher[k], models, k);
      input(k, x);
      input.weighing(models + k, model.power, scaled);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        if (k == 0) {
          out[j] = x[j];
          sums[j] = model.weight * importance(scaled[j], model.by);
        } else {
          WeightedMean<Compute> so_far = {out[j], sums[j]};
          add_model(so_far, x[j], model.weight, importance(scaled[j], model.by), model.share);
          out[j] = so_far.mean;
          sums[j] = so_far.sum;
        }
      }
    }
  }
};

// ---- Backward-compatible interpolation ----

// The mean of the first `models` inputs.
template <class Compute, class Input, int N>
SINTER_DEVICE void mean_of(const Input& input, int models, Compute (&mean)[N]) {
  input(0, mean);
  for (int k = 1; k < models; ++k) {
    const Compute part = Compute(1) / static_cast<Compute>(k + 1);
    Compute x[N];
    input(k, x);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      mean[j] = add_to_mean(mean[j], x[j], part);
    }
  }
}

// From the mean of several; one new model is lerp.
template <class Compute>
struct Bcwi {
  static constexpr int kVectors = 1;

  Compute alpha;
  bool new_only;
  int models;

  __device__ __forceinline__ Bcwi(const Descriptors& table, const ElementwiseParams& params,
                                  int64_t k)
      : alpha(static_cast<Compute>(table.weights[k])),
        new_only(table.weights[k] == 0.0),
        models(params.table.operands - 2) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    mean_of(input, models, out);
    if (new_only) {
      return;
    }
    Compute old[N];
    input(models, old);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = sinter::lerp(out[j], old[j], alpha);
    }
  }
};

template <class Compute, bool kSoup>
struct Weighted {
  static constexpr int kVectors = 1;

  OldWeight<Compute> of;
  bool new_only;
  int models;

  __device__ __forceinline__ Weighted(const Descriptors& table, const ElementwiseParams& params,
                                      int64_t k)
      : new_only(table.weights[2 * k] == 0.0), models(params.table.operands - 3) {
    const Operand& fisher = table.operands[(k + 1) * params.table.operands - 1];
    of = old_weight_of<Compute>(table.weights[2 * k], table.weights[2 * k + 1],
                                sizeof(Compute) == 8 || fisher.dtype == DType::kF64);
  }

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    if (kSoup) {
      mean_of(input, models, out);
      if (new_only) {
        return;
      }
    } else {
      input(0, out);
    }
    const int last = kSoup ? models : 1;
    Compute old[N], scaled[N];
    input(last, old);
    input.weighing(last + 1, of.power, scaled);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = sinter::lerp(out[j], old[j], old_weight(scaled[j], of));
    }
  }
};

template <class Compute>
using FisherBcwi = Weighted<Compute, false>;
template <class Compute>
using FisherSoup = Weighted<Compute, true>;

}  // namespace

void fisher_accumulate(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Accumulate>).launch();
}

void fisher_finish(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Finish>).launch();
}

void fisher_merge(const Context& context, const Batch& batch) {
  const int32_t models = batch.weighing;
  ElementwiseRun(context.queue, batch, 3 * models + 2,
                 models == 2 ? formula_kernel<MergeTwo> : formula_kernel<Merge>)
      .launch();
}

void bcwi(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Bcwi>).launch();
}

void fisher_bcwi(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 2,
                 batch.inputs == 3 ? formula_kernel<FisherBcwi> : formula_kernel<FisherSoup>)
      .launch();
}

}  // namespace sinter::cuda

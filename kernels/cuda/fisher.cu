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

template <class Compute>
struct Merge {
  static constexpr int kVectors = 1;

  const double* weights;  // one per model, a share and a scale per model, the floor and epsilon
  const Operand* fisher;
  int models;

  __device__ __forceinline__ Merge(const Descriptors& table, const ElementwiseParams& params,
                                   int64_t k)
      : weights(table.weights + k * params.table.weights), models((params.table.weights - 2) / 3) {
    fisher = table.operands + k * params.table.operands + 1 + models;
  }

  // Inputs are the models, then their values of F.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    WeightedMean<Compute> so_far[N];
    for (int k = 0; k < models; ++k) {
      const bool wide = sizeof(Compute) == 8 || fisher[k].dtype == DType::kF64;
      const Scale scale = scale_of(weights[2 * models + k], wide);
      const Importance<Compute> by =
          merge_importance<Compute>(scale, weights[3 * models], weights[3 * models + 1]);
      const auto weight = merge_weight<Compute>(weights[k], scale);
      const auto share = static_cast<Compute>(weights[models + k]);
      Compute x[N], scaled[N];
      input(k, x);
      input.weighing(models + k, scale.power, scaled);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        if (k == 0) {
          so_far[j] = {x[j], weight * importance(scaled[j], by)};
        } else {
          add_model(so_far[j], x[j], weight, importance(scaled[j], by), share);
        }
      }
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = so_far[j].mean;
    }
  }
};

// ---- Backward-compatible interpolation ----

// The mean of inputs 1 to `models`.
template <class Compute, class Input, int N>
SINTER_DEVICE void mean_of(const Input& input, int models, Compute (&mean)[N]) {
  input(1, mean);
  for (int k = 2; k <= models; ++k) {
    const Compute part = Compute(1) / static_cast<Compute>(k);
    Compute x[N];
    input(k, x);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      mean[j] = add_to_mean(mean[j], x[j], part);
    }
  }
}

template <class Compute>
struct Bcwi {
  static constexpr int kVectors = 2;

  Compute alpha;
  int models;

  __device__ __forceinline__ Bcwi(const Descriptors& table, const ElementwiseParams& params,
                                  int64_t k)
      : alpha(static_cast<Compute>(table.weights[k])), models(params.table.operands - 2) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute old[N];
    input(0, old);
    mean_of(input, models, out);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      // At 0 the old model may hold anything.
      out[j] = alpha == Compute(0) ? out[j] : sinter::lerp(out[j], old[j], alpha);
    }
  }
};

template <class Compute>
struct FisherBcwi {
  static constexpr int kVectors = 1;

  OldWeight<Compute> of;
  int models;

  __device__ __forceinline__ FisherBcwi(const Descriptors& table, const ElementwiseParams& params,
                                        int64_t k)
      : models(params.table.operands - 3) {
    const Operand& fisher = table.operands[(k + 1) * params.table.operands - 1];
    of = old_weight_of<Compute>(table.weights[2 * k], table.weights[2 * k + 1],
                                sizeof(Compute) == 8 || fisher.dtype == DType::kF64);
  }

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute old[N], scaled[N];
    input(0, old);
    input.weighing(1 + models, of.power, scaled);
    mean_of(input, models, out);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const Compute w = old_weight(scaled[j], of);
      out[j] = of.alpha == Compute(0) ? out[j] : sinter::lerp(out[j], old[j], w);
    }
  }
};

}  // namespace

void fisher_accumulate(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Accumulate>).launch();
}

void fisher_finish(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Finish>).launch();
}

void fisher_merge(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 3 * batch.weighing + 2, formula_kernel<Merge>).launch();
}

void bcwi(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Bcwi>).launch();
}

void fisher_bcwi(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 2, formula_kernel<FisherBcwi>).launch();
}

}  // namespace sinter::cuda

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
    input.weighing(
        1, [](double x) { return static_cast<Compute>(x); }, out);
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
  int models;

  __device__ __forceinline__ Merge(const Descriptors& table, const ElementwiseParams& params,
                                   int64_t k)
      : weights(table.weights + k * params.table.weights), models((params.table.weights - 2) / 3) {}

  // Inputs are the models, then their values of F.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute sums[N], important[N];
    load(input, 0, out, important);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      sums[j] = static_cast<Compute>(weights[0]) * important[j];
    }
    for (int k = 1; k < models; ++k) {
      Compute x[N];
      load(input, k, x, important);
      const auto weight = static_cast<Compute>(weights[k]);
      const auto share = static_cast<Compute>(weights[models + k]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        WeightedMean<Compute> so_far = {out[j], sums[j]};
        add_model(so_far, x[j], weight, important[j], share);
        out[j] = so_far.mean;
        sums[j] = so_far.sum;
      }
    }
  }

 private:
  template <class Input, int N>
  __device__ __forceinline__ void load(const Input& input, int k, Compute (&x)[N],
                                       Compute (&important)[N]) const {
    const Importance by = {weights[2 * models + k], weights[3 * models], weights[3 * models + 1]};
    input(k, x);
    input.weighing(
        models + k, [&](double f) { return importance<Compute>(f, by); }, important);
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
      out[j] = towards_old(out[j], old[j], alpha, alpha);
    }
  }
};

template <class Compute>
struct FisherBcwi {
  static constexpr int kVectors = 1;

  Importance by;
  Compute alpha, rest;
  int models;

  __device__ __forceinline__ FisherBcwi(const Descriptors& table, const ElementwiseParams& params,
                                        int64_t k)
      : by(by_mean(table.weights[2 * k + 1])),
        alpha(static_cast<Compute>(table.weights[2 * k])),
        rest(rest_of<Compute>(table.weights[2 * k])),
        models(params.table.operands - 3) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute old[N], important[N];
    input(0, old);
    input.weighing(
        1 + models, [&](double f) { return importance<Compute>(f, by); }, important);
    mean_of(input, models, out);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = towards_old(out[j], old[j], old_weight(important[j], alpha, rest), alpha);
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

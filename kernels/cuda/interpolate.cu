// SPDX-License-Identifier: Apache-2.0
//
// lerp and weighted sums of N tensors, bound by memory: 3 and N + 1 elements moved per output.
// slerp: a reduction, one thread per tensor for its weights, and a weighted sum: 5 elements.
#include "formula/interpolate.h"

#include <string>
#include <utility>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/interpolate.cuh"
#include "cuda/launch.h"
#include "cuda/reduce.cuh"

namespace sinter::cuda {
namespace {

template <class Compute>
struct Lerp {
  static constexpr int kVectors = 2;

  Compute t;

  __device__ __forceinline__ Lerp(const Descriptors& table, const ElementwiseParams&, int64_t k)
      : t(static_cast<Compute>(table.weights[k])) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute a[N], b[N];
    input(0, a);
    input(1, b);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = sinter::lerp(a[j], b[j], t);
    }
  }
};

template <class Compute>
struct Nearswap {
  static constexpr int kVectors = 2;

  Compute t;

  __device__ __forceinline__ Nearswap(const Descriptors& table, const ElementwiseParams&, int64_t k)
      : t(static_cast<Compute>(table.weights[k])) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute a[N], b[N];
    input(0, a);
    input(1, b);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = sinter::nearswap(a[j], b[j], t);
    }
  }
};

template <class Compute>
struct Linear {
  static constexpr int kVectors = 1;

  const double* weights;
  int models;

  __device__ __forceinline__ Linear(const Descriptors& table, const ElementwiseParams& params,
                                    int64_t k)
      : weights(entry_weights(table, params, k, params.table.operands - 1)),
        models(params.table.operands - 1) {}

  // Four models at a time, so that their loads overlap.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    // Two where a vector has sixteen elements: registers.
    constexpr int kMost = N < 16 ? 4 : 2;
    for (int k = 0; k < models; k += kMost) {
      switch (models - k) {
        case 1:
          add<1>(input, k, out);
          break;
        case 2:
          add<2>(input, k, out);
          break;
        case 3:
          add<(kMost < 3 ? kMost : 3)>(input, k, out);
          break;
        default:
          add<kMost>(input, k, out);
      }
    }
  }

 private:
  template <int M, class Input, int N>
  __device__ __forceinline__ void add(const Input& input, int k, Compute (&out)[N]) const {
    Compute x[M][N];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      input(k + m, x[m]);
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const auto w = static_cast<Compute>(weights[k + m]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        out[j] = k + m == 0 ? weighted(w, x[m][j]) : add_weighted(w, x[m][j], out[j]);
      }
    }
  }
};

template <class Compute>
struct Slerp {
  static constexpr int kVectors = 2;

  Compute t, a_weight, b_weight;
  bool linear;

  __device__ __forceinline__ Slerp(const Descriptors& table, const ElementwiseParams& params,
                                   int64_t k)
      : t(static_cast<Compute>(table.weights[k])) {
    const SlerpWeights w = static_cast<const SlerpWeights*>(params.formula)[table.entries[k].index];
    a_weight = static_cast<Compute>(w.a);
    b_weight = static_cast<Compute>(w.b);
    linear = w.linear;
  }

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute a[N], b[N];
    input(0, a);
    input(1, b);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = linear ? sinter::lerp(a[j], b[j], t)
                      : add_weighted(b_weight, b[j], weighted(a_weight, a[j]));
    }
  }
};

// Constant over the grid.
struct SlerpParams {
  const double* dots;     // [batch][3]
  SlerpWeights* weights;  // [batch]
  unsigned long long* failure;
  unsigned long long operation;
  Table table;  // one weight, t, per entry that is not a copy
};

__global__ void __launch_bounds__(kThreads)
    slerp_weights_kernel(const __grid_constant__ SlerpParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= params.table.count) {
    return;
  }
  const int64_t index = table.entries[k].index;
  const double* const dots = params.dots + index * 3;
  const SlerpWeights w = slerp_weights(dots[0], dots[1], dots[2], table.weights[k]);
  params.weights[index] = w;
  if (!w.finite) {
    record_failure(params.failure, params.operation, index,
                   Format<DType::kF64>::nonfinite(dots[0]) != 0 ? 0 : 1);
  }
}

}  // namespace

ElementwiseKernel linear_kernel(const Group& group) { return formula_kernel<Linear>(group); }

void lerp(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Lerp>).launch();
}

void linear(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, batch.inputs, formula_kernel<Linear>).launch();
}

void nearswap(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Nearswap>).launch();
}

void slerp(const Context& context, const Batch& batch) {
  Queue& queue = context.queue;
  const Scratch dots(queue, batch.count * 3 * static_cast<int64_t>(sizeof(double)));
  const Scratch weights(queue, batch.count * static_cast<int64_t>(sizeof(SlerpWeights)));
  ElementwiseRun run(queue, batch, 1, formula_kernel<Slerp>);
  std::vector<Reduction> reductions;
  std::vector<std::string> names;
  TableBuilder table(0, 1);
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    names.emplace_back(item.name != nullptr ? item.name : "");
    if (item.copy_of < 0) {
      reductions.push_back(
          {{item.elements, item.inputs[0], item.inputs[1]}, dots.as<double>() + k * 3});
      table.add({item.elements, k}, 1, nullptr, item.weights);
    }
  }
  if (!reductions.empty()) {
    reduce_dots(queue, reductions, batch.load);
    SlerpParams params = {dots.as<double>(),
                          weights.as<SlerpWeights>(),
                          queue.failure_place(),
                          queue.watch(kSlerpStatistic, std::move(names)),
                          {}};
    table.finish(queue, params.table);
    launch(queue, slerp_weights_kernel, (table.units() + kThreads - 1) / kThreads, kThreads,
           params);
  }
  run.launch(weights.as<void>());
}

}  // namespace sinter::cuda

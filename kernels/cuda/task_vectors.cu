// SPDX-License-Identifier: Apache-2.0
//
// Task arithmetic, bound by memory: N + 2 elements moved per output.
#include "formula/task_vectors.h"

#include "cuda/common/elementwise.cuh"
#include "cuda/interpolate.cuh"
#include "cuda/launch.h"

namespace sinter::cuda {
namespace {

template <class Compute>
struct TaskArithmetic {
  static constexpr int kVectors = 1;
  static constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

  const double* weights;
  int models;
  DType delta;

  __device__ __forceinline__ TaskArithmetic(const Descriptors& table,
                                            const ElementwiseParams& params, int64_t k)
      : weights(entry_weights(table, params, k, params.table.operands - 2)),
        models(params.table.operands - 2),
        delta(params.delta == kNative ? DType::kStored : params.delta) {}

  // Input 0 is the base, input 1 + k model k; four models at a time, so that their loads overlap.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute base[N];
    input(0, base);
    // Two where a vector has sixteen elements: registers.
    constexpr int kMost = N < 16 ? 4 : 2;
    for (int k = 0; k < models; k += kMost) {
      switch (models - k) {
        case 1:
          add<1>(input, k, base, out);
          break;
        case 2:
          add<2>(input, k, base, out);
          break;
        case 3:
          add<(kMost < 3 ? kMost : 3)>(input, k, base, out);
          break;
        default:
          add<kMost>(input, k, base, out);
      }
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_to_base(base[j], out[j]);
    }
  }

 private:
  template <int M, class Input, int N>
  __device__ __forceinline__ void add(const Input& input, int k, const Compute (&base)[N],
                                      Compute (&out)[N]) const {
    Compute x[M][N];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      input(1 + k + m, x[m]);
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const auto w = static_cast<Compute>(weights[k + m]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const Compute d = difference<Input>(x[m][j], base[j]);
        out[j] = k + m == 0 ? weighted(w, d) : add_weighted(w, d, out[j]);
      }
    }
  }

  // Vectors come with delta = their dtype or none, so that no switch over dtypes stands in their
  // loop.
  template <class Input>
  __device__ __forceinline__ Compute difference(Compute x, Compute base) const {
    if constexpr (Input::kDType == DType::kStored) {
      return task_delta(x, base, delta);
    } else {
      const Compute d = task_delta(x, base, DType::kStored);
      return delta == DType::kStored ? d : round_through<Input::kDType>(d);
    }
  }
};

}  // namespace

ElementwiseKernel task_arithmetic_kernel(const Group& group) {
  return formula_kernel<TaskArithmetic>(group);
}

void task_arithmetic(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, batch.inputs - 1, formula_kernel<TaskArithmetic>).launch();
}

}  // namespace sinter::cuda

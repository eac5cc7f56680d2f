// SPDX-License-Identifier: Apache-2.0
//
// Casts and copies, strided ones included: two elements moved per output.
#include "cuda/common/elementwise.cuh"
#include "cuda/launch.h"

namespace sinter::cuda {
namespace {

template <class Compute>
struct Cast {
  static constexpr int kVectors = 2;

  __device__ __forceinline__ Cast(const Descriptors&, const ElementwiseParams&, int64_t) {}

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    input(0, out);
  }
};

// Moves elements as they are, and counts those that are not finite; vectors where it can.
template <DType T>
SINTER_DEVICE void copy_elements(const Operand& from, const Operand& to, const Layout* layouts,
                                 int64_t begin, int64_t end, Tally& tally) {
  using Storage = typename Format<T>::Storage;
  constexpr int64_t kBytes = sizeof(Storage);
  constexpr int kWidth = 16 / sizeof(Storage);
  constexpr int kCount = kWidth < 16 ? 4 : 2;
  using Vector = Packet<Storage, kWidth>;
  const uintptr_t past =
      (reinterpret_cast<uintptr_t>(from.data) | reinterpret_cast<uintptr_t>(to.data)) % 16;
  if (past == 0 && from.layout < 0 && to.layout < 0) {
    const int64_t vectors = (end - begin) / kWidth;
    const auto* const source = reinterpret_cast<const Vector*>(from.data + begin * kBytes);
    auto* const target = reinterpret_cast<Vector*>(to.data + begin * kBytes);
    for (int64_t v = threadIdx.x; v < vectors; v += kThreads * kCount) {
      Vector loaded[kCount];
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        loaded[c] = v + c * kThreads < vectors ? source[v + c * kThreads] : Vector{};
      }
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        if (v + c * kThreads < vectors) {
          target[v + c * kThreads] = loaded[c];
        }
#pragma unroll
        for (int j = 0; j < kWidth; ++j) {
          tally.nonfinite += Format<T>::nonfinite(loaded[c].values[j]);
        }
      }
    }
    begin += vectors * kWidth;
  }
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const auto value = read<Storage>(from.data + place_of(from, layouts, i) * kBytes);
    write<Storage>(to.data + place_of(to, layouts, i) * kBytes, value);
    tally.nonfinite += Format<T>::nonfinite(value);
  }
}

template <DType T>
__global__ void __launch_bounds__(kThreads, 4)
    copy_kernel(const __grid_constant__ ElementwiseParams params) {
  for_entries(params, [&](const Descriptors& table, int64_t, const Operand* operands, int64_t begin,
                          int64_t end, Tally& tally) {
    copy_elements<T>(operands[1], operands[0], table.layouts, begin, end, tally);
  });
}

}  // namespace

ElementwiseKernel cast_kernel(const Group& group) {
  if (group.path != Path::kCopy) {
    return formula_kernel<Cast>(group);
  }
  ElementwiseKernel kernel = nullptr;
  with_dtype(group.dtype, [&]<DType T>() { kernel = copy_kernel<T>; });
  return kernel;
}

void cast(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 0, cast_kernel).launch();
}

}  // namespace sinter::cuda

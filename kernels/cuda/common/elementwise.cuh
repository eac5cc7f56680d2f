// SPDX-License-Identifier: Apache-2.0
//
// Persistent kernels for a whole batch of tensors, around any formula.
//
// Bound by memory: what counts is bytes in flight (32 to 48 KiB per multiprocessor on Hopper). A
// thread has up to four vectors of 16 bytes on their way before it uses the first, and 1024 threads
// per multiprocessor make 64 KiB of that. Blocks take equal runs of neighbouring units.
//
// Entries are grouped by the kernel that suits them, one launch per group: vectors where all inputs
// are contiguous, aligned and of one dtype (which is most often the whole batch), element by element
// for any mix of dtypes, strides and alignments, and bytes as they are for copies. One kernel that
// held all of these would need the registers of the hungriest.
//
// A formula is constructed from (Descriptors, ElementwiseParams, k-th entry) and has
//   template <class Input, int N> void operator()(const Input& input, Compute (&out)[N]) const
// where input(i, x) fills x[N] with elements of input i, input.index(j) is the index in the tensor of
// those at j, and Input::kDType is their dtype, or kStored where it is known at run time only;
// input.weighing(i, power, x) fills x[N] with elements of an input that weighs the others (see
// Batch::weighing) times a power of 2, rounded once; and
//   static constexpr int kVectors: how many vectors of an input a thread takes at once.
#ifndef SINTER_KERNELS_CUDA_COMMON_ELEMENTWISE_CUH_
#define SINTER_KERNELS_CUDA_COMMON_ELEMENTWISE_CUH_

#include <algorithm>
#include <memory>

#include "cuda/common/device.cuh"

namespace sinter::cuda {

constexpr int kThreads = 256;
constexpr int64_t kUnit = 2048;  // elements; a multiple of every vector

// Constant over the grid.
struct ElementwiseParams {
  DType load;
  DType delta;
  Counts* counts;
  const void* formula;  // more for the formula, on the device
  Table table;
};

using ElementwiseKernel = void (*)(ElementwiseParams);

// ---- Inputs -------------------------------------------------------------------------------------

// kCount vectors of elements of dtype T, kThreads vectors apart.
template <DType T, int kVectors>
struct VectorInput {
  using Storage = typename Format<T>::Storage;
  static constexpr int kWidth = 16 / sizeof(Storage);
  // Sixteen float8 decode to as many registers as two vectors of anything else.
  static constexpr int kCount = kWidth < 16 ? kVectors : 1;
  static constexpr DType kDType = T;

  const Operand* inputs;
  int64_t at;    // the first vector's first element
  int64_t left;  // vectors from there on

  __device__ __forceinline__ int64_t index(int j) const {
    return at + int64_t{j / kWidth} * kThreads * kWidth + j % kWidth;
  }

  template <class Compute, int N>
  __device__ __forceinline__ void operator()(int i, Compute (&x)[N]) const {
    static_assert(N == kWidth * kCount);
    using Vector = Packet<Storage, kWidth>;
    const auto* const vectors = reinterpret_cast<const Vector*>(
        inputs[i].data + at * static_cast<int64_t>(sizeof(Storage)));
    Vector loaded[kCount];
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      loaded[c] = c * kThreads < left ? vectors[c * kThreads] : Vector{};
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      x[j] = Format<T>::decode(loaded[j / kWidth].values[j % kWidth]);
    }
  }

  // Contiguous and aligned like the others, but of the dtype that is computed in.
  template <class Compute, int N>
  __device__ __forceinline__ void weighing(int i, double power, Compute (&x)[N]) const {
    static_assert(N == kWidth * kCount);
    constexpr int kEach = 16 / static_cast<int>(sizeof(Compute));
    using Vector = Packet<Compute, kEach>;
    const auto* const vectors = reinterpret_cast<const Vector*>(
        inputs[i].data + at * static_cast<int64_t>(sizeof(Compute)));
    Vector loaded[N / kEach];
#pragma unroll
    for (int v = 0; v < N / kEach; ++v) {
      const int c = v * kEach / kWidth;
      loaded[v] =
          c * kThreads < left ? vectors[c * (kThreads - 1) * (kWidth / kEach) + v] : Vector{};
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      x[j] = loaded[j / kEach].values[j % kEach] * static_cast<Compute>(power);
    }
  }
};

// One of the elements behind the last whole vector.
template <DType T>
struct ElementInput {
  static constexpr DType kDType = T;

  const Operand* inputs;
  int64_t at;

  __device__ __forceinline__ int64_t index(int) const { return at; }

  template <class Compute>
  __device__ __forceinline__ void operator()(int i, Compute (&x)[1]) const {
    using Storage = typename Format<T>::Storage;
    x[0] = Format<T>::decode(reinterpret_cast<const Storage*>(inputs[i].data)[at]);
  }

  template <class Compute>
  __device__ __forceinline__ void weighing(int i, double power, Compute (&x)[1]) const {
    x[0] = reinterpret_cast<const Compute*>(inputs[i].data)[at] * static_cast<Compute>(power);
  }
};

// kCount elements of any dtype, kThreads apart.
struct AnyInput {
  static constexpr int kCount = 2;
  static constexpr DType kDType = DType::kStored;

  const Operand* inputs;
  const Layout* layouts;
  DType load;
  int64_t at;
  int64_t left;

  __device__ __forceinline__ int64_t index(int j) const { return at + int64_t{j} * kThreads; }

  template <class Compute, int N>
  __device__ __forceinline__ void operator()(int i, Compute (&x)[N]) const {
    static_assert(N == kCount);
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      x[c] = c * kThreads < left
                 ? load_element<Compute>(inputs[i], layouts, load, at + c * kThreads)
                 : Compute(0);
    }
  }

  template <class Compute, int N>
  __device__ __forceinline__ void weighing(int i, double power, Compute (&x)[N]) const {
    static_assert(N == kCount);
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      x[c] = c * kThreads < left
                 ? static_cast<Compute>(
                       load_element<double>(inputs[i], layouts, DType::kStored, at + c * kThreads) *
                       power)
                 : Compute(0);
    }
  }
};

// ---- Outputs ------------------------------------------------------------------------------------

// Encodes to dtype O and stores kCount vectors of kWidth elements, kThreads vectors apart.
template <DType O, int kWidth, int kCount, class Compute>
SINTER_DEVICE void store_vectors(unsigned char* data, int64_t at, int64_t left,
                                 const Compute (&x)[kWidth * kCount], Tally& tally) {
  using Storage = typename Format<O>::Storage;
  using Vector = Packet<Storage, kWidth>;
  auto* const vectors =
      reinterpret_cast<Vector*>(data + at * static_cast<int64_t>(sizeof(Storage)));
#pragma unroll
  for (int c = 0; c < kCount; ++c) {
    if (c * kThreads < left) {
      Vector vector;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        const Compute value = x[c * kWidth + j];
        vector.values[j] = Format<O>::encode(value);
        tally.nonfinite += Format<O>::nonfinite(vector.values[j]);
        tally.saturated += Format<O>::saturates(value);
      }
      vectors[c * kThreads] = vector;
    }
  }
}

// ---- The kernels' bodies ------------------------------------------------------------------------

// Adds a warp's tallies to an entry's counts; exact, since integers below 2^53 are doubles.
SINTER_DEVICE void add_counts(Counts& counts, Tally tally) {
  if (__ballot_sync(kAllLanes, (tally.nonfinite | tally.saturated) != 0) == 0) {
    return;
  }
#pragma unroll
  for (int half = kWarp / 2; half > 0; half /= 2) {
    tally.nonfinite += __shfl_down_sync(kAllLanes, tally.nonfinite, half);
    tally.saturated += __shfl_down_sync(kAllLanes, tally.saturated, half);
  }
  if (threadIdx.x % kWarp == 0) {
    atomicAdd(&counts.nonfinite, static_cast<double>(tally.nonfinite));
    atomicAdd(&counts.saturated, static_cast<double>(tally.saturated));
  }
}

// Calls run(table, k, operands, begin, end, tally) for the elements of each entry that are among
// this block's units; begin is a multiple of kUnit.
template <class Run>
SINTER_DEVICE void for_entries(const ElementwiseParams& params, const Run& run) {
  const Descriptors table = descriptors(params.table);
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  for (int64_t k = entry_of(table.first, params.table.count, unit); unit < stop; ++k) {
    const Entry entry = table.entries[k];
    const int64_t first = table.first[k];
    const int64_t next = table.first[k + 1];
    const int64_t past = next < stop ? next : stop;
    const int64_t begin = (unit - first) * kUnit;
    const int64_t end = past < next ? (past - first) * kUnit : entry.elements;
    Tally tally = {0, 0};
    run(table, k, table.operands + k * params.table.operands, begin, end, tally);
    if (params.counts != nullptr) {
      add_counts(params.counts[entry.index], tally);
    }
    unit = past;
  }
}

// The dtypes that vector_kernel writes; each costs code in every instance.
constexpr bool vector_output(DType input, DType output) {
  return output == input || output == DType::kF32 || output == DType::kF16 ||
         output == DType::kBF16;
}

// Formulas that say so (kHungry) need more registers than four blocks leave them.
template <class Formula>
concept Hungry = Formula::kHungry;

// Blocks per multiprocessor that registers are shared out for: three where sixteen elements of
// several models are decoded at once or the formula is hungry, which would spill otherwise.
template <template <class> class Formula, DType T>
constexpr int kBlocks = (Formula<typename Format<T>::Compute>::kVectors == 1 &&
                         sizeof(typename Format<T>::Storage) == 1) ||
                                Hungry<Formula<typename Format<T>::Compute>>
                            ? 3
                            : 4;

// Inputs that are contiguous, aligned to 16 bytes and of dtype T; the output too, see above.
template <template <class> class Formula, DType T>
__global__ void __launch_bounds__(kThreads, kBlocks<Formula, T>)
    vector_kernel(const __grid_constant__ ElementwiseParams params) {
  for_entries(params, [&](const Descriptors& table, int64_t k, const Operand* operands,
                          int64_t begin, int64_t end, Tally& tally) {
    using Compute = typename Format<T>::Compute;
    using Input = VectorInput<T, Formula<Compute>::kVectors>;
    constexpr int kWidth = Input::kWidth;
    constexpr int kCount = Input::kCount;
    const Formula<Compute> formula(table, params, k);
    const int64_t vectors = (end - begin) / kWidth;
    for (int64_t v = threadIdx.x; v < vectors; v += kThreads * kCount) {
      const Input input = {operands + 1, begin + v * kWidth, vectors - v};
      Compute out[kWidth * kCount] = {};
      formula(input, out);
      with_dtype(operands[0].dtype, [&]<DType O>() {
        if constexpr (vector_output(T, O)) {
          store_vectors<O, kWidth, kCount>(operands[0].data, input.at, input.left, out, tally);
        }
      });
    }
    const int64_t i = begin + vectors * kWidth + threadIdx.x;
    if (i < end) {
      Compute out[1] = {};
      formula(ElementInput<T>{operands + 1, i}, out);
      store_element(operands[0], table.layouts, i, out[0], tally);
    }
  });
}

// Anything, one element at a time.
template <template <class> class Formula, class Compute>
__global__ void __launch_bounds__(kThreads)
    any_kernel(const __grid_constant__ ElementwiseParams params) {
  for_entries(params, [&](const Descriptors& table, int64_t k, const Operand* operands,
                          int64_t begin, int64_t end, Tally& tally) {
    const Formula<Compute> formula(table, params, k);
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads * AnyInput::kCount) {
      const AnyInput input = {operands + 1, table.layouts, params.load, i, end - i};
      Compute out[AnyInput::kCount] = {};
      formula(input, out);
#pragma unroll
      for (int c = 0; c < AnyInput::kCount; ++c) {
        if (c * kThreads < input.left) {
          store_element(operands[0], table.layouts, i + c * kThreads, out[c], tally);
        }
      }
    }
  });
}

// ---- The host's side ----------------------------------------------------------------------------

// Which kernel suits an entry.
enum class Path { kVectors, kAny, kCopy };

struct Group {
  Path path;
  // kVectors, kCopy: the inputs' dtype; kAny: what is computed in, kF64 or kF32.
  DType dtype;
  // The output is one of the inputs, cast or copied: the entry has that input only.
  bool cast;

  bool operator==(const Group&) const = default;
};

Group group_of(const Batch& batch, const Item& item);

// The kernel of a group of casts or copies: see convert.cu.
ElementwiseKernel cast_kernel(const Group& group);

// The kernel of any other group.
template <template <class> class Formula>
ElementwiseKernel formula_kernel(const Group& group) {
  ElementwiseKernel kernel = nullptr;
  if (group.path == Path::kVectors) {
    with_dtype(group.dtype, [&]<DType T>() { kernel = vector_kernel<Formula, T>; });
  } else {
    kernel = group.dtype == DType::kF64 ? any_kernel<Formula, double> : any_kernel<Formula, float>;
  }
  return kernel;
}

// A batch on its way: all memory is there once this is constructed, so that what fails for want of
// it fails before anything is written.
class ElementwiseRun {
 public:
  // `weights` numbers per entry; `kernel_of` gives the kernels of groups that are not casts.
  ElementwiseRun(Queue& queue, const Batch& batch, int32_t weights,
                 ElementwiseKernel (*kernel_of)(const Group&));

  // Clears the counts and returns where they are, for kernels that add to them before launch(); null
  // where none are asked for.
  Counts* clear_counts();

  // `formula` is ElementwiseParams::formula. Clears the counts if that is still to do.
  void launch(const void* formula = nullptr);

 private:
  struct Part {
    Part(const Group& group, ElementwiseKernel kernel, int32_t operands, int32_t weights)
        : group(group), kernel(kernel), table(operands, weights) {}

    const Group group;
    const ElementwiseKernel kernel;
    TableBuilder table;
    ElementwiseParams params = {};
  };

  Queue& queue_;
  const Batch& batch_;
  const bool counts_aligned_;
  const Scratch counts_;
  bool counts_cleared_ = false;
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_ELEMENTWISE_CUH_

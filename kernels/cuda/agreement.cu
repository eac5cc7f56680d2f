// SPDX-License-Identifier: Apache-2.0
//
// ram, bound by memory: N + 2 elements moved per output. ramplus_tl: N + 1 more for its tallies, and
// one thread per tensor and model for the factors in between.
#include "formula/agreement.h"

#include <map>
#include <utility>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/launch.h"
#include "formula/task_vectors.h"

namespace sinter::cuda {
namespace {

template <class Compute>
constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

// x - base. Vectors come with delta = their dtype or none, so that no switch over dtypes stands in
// their loop.
template <class Input, class Compute>
SINTER_DEVICE Compute difference(Compute x, Compute base, DType delta) {
  if constexpr (Input::kDType == DType::kStored) {
    return task_delta(x, base, delta == kNative<Compute> ? DType::kStored : delta);
  } else {
    const Compute d = task_delta(x, base, DType::kStored);
    return delta == DType::kStored || delta == kNative<Compute> ? d
                                                                : round_through<Input::kDType>(d);
  }
}

// ---- ram ----

template <class Compute, bool kScaled>
struct Agreement {
  static constexpr int kVectors = 1;

  Compute epsilon;
  const double* factors;  // kScaled: per model
  int models;
  DType delta;

  __device__ __forceinline__ Agreement(const Descriptors& table, const ElementwiseParams& params,
                                       int64_t k)
      : epsilon(static_cast<Compute>(table.weights[k * params.table.weights])),
        factors(static_cast<const double*>(params.formula) +
                (kScaled ? table.entries[k].index * (params.table.operands - 2) : 0)),
        models(params.table.operands - 2),
        delta(params.delta) {}

  // Input 0 is the base, input 1 + k model k; two models at a time, so that their loads overlap.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute base[N];
    Changes<Compute> changes[N];
    input(0, base);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      changes[j] = {Compute(0), Compute(0), Compute(1)};
    }
    int k = 0;
    for (; k + 2 <= models; k += 2) {
      add<2>(input, k, base, changes);
    }
    if (k < models) {
      add<1>(input, k, base, changes);
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_changes(base[j], changes[j]);
    }
  }

 private:
  template <int M, class Input, int N>
  __device__ __forceinline__ void add(const Input& input, int k, const Compute (&base)[N],
                                      Changes<Compute> (&changes)[N]) const {
    Compute x[M][N];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      input(1 + k + m, x[m]);
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const auto factor = kScaled ? static_cast<Compute>(factors[k + m]) : Compute(1);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        add_change(changes[j], difference<Input>(x[m][j], base[j], delta), epsilon, factor);
      }
    }
  }
};

template <class Compute>
using Ram = Agreement<Compute, false>;
template <class Compute>
using RamPlus = Agreement<Compute, true>;

// ---- Tallies ----

// Operands of an entry are the base and the models, and its weights are kEpsilon and kWide.
constexpr int kEpsilon = 0;
constexpr int kWide = 1;  // 1: computed in float64
constexpr int kTallyWeights = 2;

// Constant over the grid.
struct TallyParams {
  DType load;
  DType delta;
  unsigned long long* tallies;  // [batch][models][2]: what a model changed, and what it alone did
  Table table;
};

// Models whose tallies a block collects before it adds them to the batch's.
constexpr int kCollected = 64;

struct Collected {
  unsigned values[2 * kCollected];
};

// Calls visit(input, valid) for groups of elements [begin, end) of which this thread has one: valid
// says which are there. All threads of a block make the same calls.
template <DType T, class Visit>
SINTER_DEVICE void for_groups(const Operand* operands, const Layout* layouts, DType load,
                              int64_t begin, int64_t end, const Visit& visit) {
  if constexpr (T == DType::kStored) {
    for (int64_t from = begin; from < end; from += kThreads * AnyInput::kCount) {
      const int64_t i = from + threadIdx.x;
      const AnyInput input = {operands, layouts, load, i, end - i};
      bool valid[AnyInput::kCount];
#pragma unroll
      for (int c = 0; c < AnyInput::kCount; ++c) {
        valid[c] = c * kThreads < input.left;
      }
      visit(input, valid);
    }
  } else {
    using Input = VectorInput<T, 1>;
    const int64_t vectors = (end - begin) / Input::kWidth;
    for (int64_t from = 0; from < vectors; from += kThreads) {
      const int64_t v = from + threadIdx.x;
      const Input input = {operands, begin + v * Input::kWidth, vectors - v};
      bool valid[Input::kWidth];
#pragma unroll
      for (int j = 0; j < Input::kWidth; ++j) {
        valid[j] = v < vectors;
      }
      visit(input, valid);
    }
    const int64_t rest = begin + vectors * Input::kWidth;
    if (rest < end) {
      const int64_t i = rest + threadIdx.x;
      const bool valid[1] = {i < end};
      visit(ElementInput<T>{operands, i < end ? i : rest}, valid);
    }
  }
}

SINTER_DEVICE unsigned warp_sum(unsigned value) {
#pragma unroll
  for (int half = kWarp / 2; half > 0; half /= 2) {
    value += __shfl_down_sync(kAllLanes, value, half);
  }
  return value;
}

// Adds to one tally what the warp's threads saw.
SINTER_DEVICE void add_tally(unsigned value, int64_t at, Collected& collected,
                             unsigned long long* tallies) {
  const unsigned sum = warp_sum(value);
  if (threadIdx.x % kWarp == 0 && sum > 0) {
    if (at < 2 * kCollected) {
      atomicAdd(&collected.values[at], sum);
    } else {
      atomicAdd(&tallies[at], static_cast<unsigned long long>(sum));
    }
  }
}

template <class Compute, class Input, int N>
SINTER_DEVICE void tally(const Input& input, const bool (&valid)[N], int models, Compute epsilon,
                         DType delta, Collected& collected, unsigned long long* tallies) {
  Compute base[N];
  int changed_by[N];  // models
  int last[N];
  input(0, base);
#pragma unroll
  for (int j = 0; j < N; ++j) {
    changed_by[j] = 0;
    last[j] = 0;
  }
  for (int k = 0; k < models; ++k) {
    Compute x[N];
    input(1 + k, x);
    unsigned changed = 0;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const bool on = valid[j] && active(difference<Input>(x[j], base[j], delta), epsilon);
      changed_by[j] += on ? 1 : 0;
      last[j] = on ? k : last[j];
      changed += on ? 1u : 0u;
    }
    add_tally(changed, 2 * k, collected, tallies);
  }
  for (int k = 0; k < models; ++k) {
    unsigned alone = 0;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      alone += changed_by[j] == 1 && last[j] == k ? 1u : 0u;
    }
    add_tally(alone, 2 * k + 1, collected, tallies);
  }
}

// T: all operands are contiguous, aligned to 16 bytes and of that dtype; kStored: anything.
template <DType T>
__global__ void __launch_bounds__(kThreads)
    tally_kernel(const __grid_constant__ TallyParams params) {
  SINTER_SHARED(Collected, collected);
  const Descriptors table = descriptors(params.table);
  const int models = params.table.operands - 1;
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  for (int64_t k = entry_of(table.first, params.table.count, unit); unit < stop; ++k) {
    const Entry entry = table.entries[k];
    const int64_t first = table.first[k];
    const int64_t past = table.first[k + 1] < stop ? table.first[k + 1] : stop;
    unsigned long long* const tallies = params.tallies + entry.index * models * 2;
    const double* const weights = table.weights + k * kTallyWeights;
    // A block's share of an entry, of less than 2^32 elements at a time.
    for (; unit < past; unit += 1 << 20) {
      for (int i = threadIdx.x; i < 2 * kCollected; i += kThreads) {
        collected.values[i] = 0;
      }
      __syncthreads();
      const int64_t until = past - unit < (1 << 20) ? past : unit + (1 << 20);
      const int64_t begin = (unit - first) * kUnit;
      const int64_t end =
          (until - first) * kUnit < entry.elements ? (until - first) * kUnit : entry.elements;
      for_groups<T>(table.operands + k * params.table.operands, table.layouts, params.load, begin,
                    end, [&](const auto& input, const auto& valid) {
                      if constexpr (T == DType::kStored) {
                        if (weights[kWide] == 0.0) {
                          tally(input, valid, models, static_cast<float>(weights[kEpsilon]),
                                params.delta, collected, tallies);
                        } else {
                          tally(input, valid, models, weights[kEpsilon], params.delta, collected,
                                tallies);
                        }
                      } else {
                        using Compute = typename Format<T>::Compute;
                        tally(input, valid, models, static_cast<Compute>(weights[kEpsilon]),
                              params.delta, collected, tallies);
                      }
                    });
      __syncthreads();
      for (int i = threadIdx.x; i < 2 * models && i < 2 * kCollected; i += kThreads) {
        if (collected.values[i] > 0) {
          atomicAdd(&tallies[i], static_cast<unsigned long long>(collected.values[i]));
        }
      }
      __syncthreads();
    }
    unit = past;
  }
}

// Constant over the grid.
struct FactorParams {
  const unsigned long long* tallies;  // [count][2]
  double* factors;                    // [count]
  int64_t count;
  double epsilon, r, alpha;
};

__global__ void __launch_bounds__(kThreads)
    factor_kernel(const __grid_constant__ FactorParams params) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < params.count) {
    params.factors[i] = change_factor(static_cast<double>(params.tallies[2 * i]),
                                      static_cast<double>(params.tallies[2 * i + 1]),
                                      params.epsilon, params.r, params.alpha);
  }
}

// The dtype whose kernel suits an entry that is not a copy; kStored: the one for anything.
DType kernel_dtype(const Batch& batch, const Item& item) {
  const DType dtype = item.inputs[0].dtype;
  bool vectors = (batch.load == DType::kStored || batch.load == dtype) &&
                 (batch.delta == DType::kStored || batch.delta == dtype ||
                  batch.delta == (item.wide ? DType::kF64 : DType::kF32));
  for (int32_t i = 0; i < batch.inputs; ++i) {
    vectors = vectors && item.inputs[i].dtype == dtype && aligned(item.inputs[i], 16);
  }
  return vectors ? dtype : DType::kStored;
}

void tally(Queue& queue, const Batch& batch, unsigned long long* tallies) {
  std::map<DType, TableBuilder> tables;
  std::vector<const View*> views(static_cast<size_t>(batch.inputs));
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    if (item.elements == 0) {
      continue;
    }
    for (int32_t i = 0; i < batch.inputs; ++i) {
      views[static_cast<size_t>(i)] = &item.inputs[i];
    }
    const double weights[] = {item.weights[0], item.wide ? 1.0 : 0.0};
    tables.try_emplace(kernel_dtype(batch, item), batch.inputs, kTallyWeights)
        .first->second.add({item.elements, k}, (item.elements + kUnit - 1) / kUnit, views.data(),
                           weights);
  }
  for (auto& [dtype, table] : tables) {
    TallyParams params = {batch.load, batch.delta, tallies, {}};
    table.finish(queue, params.table);
    void (*kernel)(TallyParams) = tally_kernel<DType::kStored>;
    with_dtype(dtype, [&]<DType T>() { kernel = tally_kernel<T>; });
    const int64_t resident = queue.resident_blocks(kernel, kThreads);
    launch(queue, kernel, std::min(table.units(), resident), kThreads, params);
  }
}

}  // namespace

void ram(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 1, formula_kernel<Ram>).launch();
}

void ramplus_tl(const Context& context, const Batch& batch) {
  Queue& queue = context.queue;
  const int64_t count = batch.count * (batch.inputs - 1);
  const int64_t bytes = count * 2 * static_cast<int64_t>(sizeof(unsigned long long));
  const Scratch tallies(queue, bytes);
  const Scratch factors(queue, count * static_cast<int64_t>(sizeof(double)));
  ElementwiseRun run(queue, batch, 1, formula_kernel<RamPlus>);
  if (count > 0) {
    auto* const numbers = tallies.as<unsigned long long>();
    check(cudaMemsetAsync(numbers, 0, static_cast<size_t>(bytes), queue.stream()),
          "clear the tallies");
    tally(queue, batch, numbers);
    const double* const weights = batch.items[0].weights;  // the same for all
    const FactorParams params = {numbers,    factors.as<double>(), count,
                                 weights[0], weights[1],           weights[2]};
    launch(queue, factor_kernel, (count + kThreads - 1) / kThreads, kThreads, params);
  }
  run.launch(factors.as<void>());
}

void sce(const Context&, const Batch&) {
  throw Failure(Status::kUnsupported, "sce is computed on the CPU so far");
}

}  // namespace sinter::cuda

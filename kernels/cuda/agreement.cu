// SPDX-License-Identifier: Apache-2.0
//
// ram and consensus_ta, bound by memory: N + 2 elements moved per output (consensus_ta reads more than
// three models twice, at once, from the caches). ramplus_tl: N + 1 more for its tallies, and one
// thread per tensor and model for the factors in between. sce: N + 1 more for its sums, and, where
// it selects, for the number of those that vary and for each digit of their keys.
#include "formula/agreement.h"

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/common/select.cuh"
#include "cuda/launch.h"
#include "cuda/reduce.cuh"
#include "formula/reduce.h"
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

// ---- consensus_ta ----

template <class Compute>
struct ConsensusTa {
  static constexpr int kVectors = 1;

  const double* weights;  // one per model, a lambda_t per model, lambda and the threshold
  int models;
  DType delta;

  __device__ __forceinline__ ConsensusTa(const Descriptors& table, const ElementwiseParams& params,
                                         int64_t k)
      : weights(table.weights + k * params.table.weights),
        models(params.table.operands - 2),
        delta(params.delta) {}

  // Input 0 is the base, input 1 + k model k.
  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute base[N];
    Compute votes[N];
    input(0, base);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = votes[j] = Compute(0);
    }
    // Models that registers hold until the sum is there.
    constexpr int kHeld = N < 16 ? 3 : 1;
    switch (models <= kHeld ? models : 0) {
      case 1:
        hold<1>(input, base, out, votes);
        break;
      case 2:
        hold<(kHeld < 2 ? kHeld : 2)>(input, base, out, votes);
        break;
      case 3:
        hold<kHeld>(input, base, out, votes);
        break;
      default:
        read_twice(input, base, out, votes);
    }
    const auto lambda = static_cast<Compute>(weights[2 * models]);
    const auto threshold = static_cast<Compute>(weights[2 * models + 1]);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_consensus(base[j], out[j], votes[j], threshold, lambda);
    }
  }

 private:
  template <int M, class Input, int N>
  __device__ __forceinline__ void hold(const Input& input, const Compute (&base)[N],
                                       Compute (&sums)[N], Compute (&votes)[N]) const {
    Compute own[M][N];
    load(input, 0, base, own);
    add(own, sums);
    vote(own, 0, sums, votes);
  }

  template <class Input, int N>
  __device__ __forceinline__ void read_twice(const Input& input, const Compute (&base)[N],
                                             Compute (&sums)[N], Compute (&votes)[N]) const {
    // Two at a time, so that their loads overlap.
    constexpr int kMost = N < 16 ? 2 : 1;
    Compute own[kMost][N];
    Compute last[1][N];
    int k = 0;
    for (; k + kMost <= models; k += kMost) {
      load(input, k, base, own);
      add(own, sums);
    }
    if (k < models) {
      load(input, k, base, last);
      add(last, sums);
    }
    for (k = 0; k + kMost <= models; k += kMost) {
      load(input, k, base, own);
      vote(own, k, sums, votes);
    }
    if (k < models) {
      load(input, k, base, last);
      vote(last, k, sums, votes);
    }
  }

  // The weighted differences of M models from `from` on.
  template <int M, class Input, int N>
  __device__ __forceinline__ void load(const Input& input, int from, const Compute (&base)[N],
                                       Compute (&own)[M][N]) const {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      input(1 + from + m, own[m]);
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const auto weight = static_cast<Compute>(weights[from + m]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        own[m][j] = weighted(weight, difference<Input>(own[m][j], base[j], delta));
      }
    }
  }

  template <int M, int N>
  __device__ __forceinline__ void add(const Compute (&own)[M][N], Compute (&sums)[N]) const {
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
      for (int j = 0; j < N; ++j) {
        sums[j] += own[m][j];
      }
    }
  }

  template <int M, int N>
  __device__ __forceinline__ void vote(const Compute (&own)[M][N], int from,
                                       const Compute (&sums)[N], Compute (&votes)[N]) const {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const auto lambda_t = static_cast<Compute>(weights[models + from + m]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        votes[j] += important(own[m][j], sums[j], lambda_t) ? Compute(1) : Compute(0);
      }
    }
  }
};

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

// ---- sce ----
// Element by element, of any dtype: what is read again by a kernel comes from the caches.

template <class T>
constexpr int64_t bytes = static_cast<int64_t>(sizeof(T));

// Of a tensor: the threshold and the cutoff of what is kept, then a weight per model.
constexpr int kStateWeights = 2;

// A tensor's fault: the first input that is not finite has the largest number; differences whose
// squares are not finite come last.
constexpr uint32_t kFirstInput = 0x7fffffff;
constexpr uint32_t kSquareFault = 1;

template <class Compute>
SINTER_DEVICE bool finite(Compute x) {
  return Format<kNative<Compute>>::nonfinite(x) == 0;
}

// The variance of element `index`; operands are the base and the models.
template <class Compute>
SINTER_DEVICE Compute variance_of(const Operand* operands, const Layout* layouts, DType load,
                                  DType delta, int models, int64_t index) {
  const auto base = load_element<Compute>(operands[0], layouts, load, index);
  Spread spread = {};
  for (int k = 0; k < models; ++k) {
    const auto x = load_element<Compute>(operands[1 + k], layouts, load, index);
    const auto d = static_cast<double>(
        task_delta(x, base, delta == kNative<Compute> ? DType::kStored : delta));
    if (k == 0) {
      spread = spread_of(d);
    } else {
      add_spread(spread, d);
    }
  }
  return variance<Compute>(spread, static_cast<double>(models));
}

template <class Compute>
SINTER_DEVICE bool is_kept(Compute variance, double threshold, int64_t cutoff, int64_t index) {
  const auto least = static_cast<Compute>(threshold);
  return (variance > least) | ((variance == least) & (index < cutoff));
}

// Numbers of an entry of a selection.
enum VarianceNumber { kModels, kTopk, kVarianceNumbers };

template <class KeyType>
struct VarianceSource {
  using Key = KeyType;
  using Compute = std::conditional_t<sizeof(Key) == 8, double, float>;
  static constexpr int kWidth = 2;

  const Operand* operands;
  const Layout* layouts;
  DType load, delta;
  int models;

  __device__ __forceinline__ VarianceSource(const Descriptors& table, const KeyParams& keys,
                                            int64_t k)
      : layouts(table.layouts), load(keys.load), delta(keys.delta) {
    models = static_cast<int>(table.weights[k * kVarianceNumbers + kModels]);
    operands = table.operands + k * (1 + models);
  }

  // What is not finite is found by the sums.
  __device__ __forceinline__ void operator()(int64_t at, int count, Key (&keys)[kWidth],
                                             uint32_t&) const {
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      keys[j] = 0;
      if (j < count) {
        keys[j] =
            magnitude_bits(variance_of<Compute>(operands, layouts, load, delta, models, at + j));
      }
    }
  }
};

// Constant over the grid.
struct VariedParams {
  KeyParams keys;
  unsigned long long* varied;  // [entries]
  Table table;
};

// Counts the elements of which models differ.
template <class Source>
__global__ void __launch_bounds__(kKeyThreads)
    varied_kernel(const __grid_constant__ VariedParams params) {
  const Descriptors table = descriptors(params.table);
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  for (int64_t k = entry_of(table.first, params.table.count, unit); unit < stop; ++k) {
    const int64_t first = table.first[k];
    const int64_t next = table.first[k + 1];
    const int64_t past = next < stop ? next : stop;
    const Source source(table, params.keys, k);
    uint32_t fault = 0;
    unsigned long long varied = 0;
    for_keys(source, (unit - first) * kKeyUnit,
             past < next ? (past - first) * kKeyUnit : table.entries[k].elements, fault,
             [&](typename Source::Key key, int64_t) { varied += key != 0 ? 1u : 0u; });
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      varied += __shfl_down_sync(kAllLanes, varied, half);
    }
    if (threadIdx.x % kWarp == 0 && varied > 0) {
      atomicAdd(&params.varied[k], varied);
    }
    unit = past;
  }
}

// Constant over the grid, a thread per entry.
struct RankParams {
  const unsigned long long* varied;  // [entries]
  KeyProgress* progress;             // [entries]
  const KeyOutcome* outcomes;        // [entries]
  double* state;                     // [batch][kStateWeights + models]
  DType key;
  int64_t models;
  Table table;
};

// How many are kept, of those that vary.
__global__ void __launch_bounds__(kThreads)
    kept_ranks_kernel(const __grid_constant__ RankParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k < params.table.count) {
    const double topk = table.weights[k * kVarianceNumbers + kTopk];
    params.progress[k] = {0, static_cast<int64_t>(static_cast<double>(params.varied[k]) * topk)};
  }
}

__global__ void __launch_bounds__(kThreads) kept_kernel(const __grid_constant__ RankParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k < params.table.count) {
    const KeyOutcome outcome = params.outcomes[k];
    double* const state = params.state + table.entries[k].index * (kStateWeights + params.models);
    state[0] = outcome.none != 0 ? __builtin_huge_val() : key_value(params.key, outcome.key);
    state[1] = outcome.none != 0 ? 0.0 : static_cast<double>(outcome.cutoff);
  }
}

// Fills the state of tensors of which not all is kept.
template <class Key>
void select_variances(Queue& queue, const Batch& batch, const std::vector<int64_t>& selecting,
                      double* state) {
  using Source = VarianceSource<Key>;
  TableBuilder keys(batch.inputs, kVarianceNumbers);
  TableBuilder same(batch.inputs, kVarianceNumbers);  // for the kernels here
  std::vector<const View*> views(static_cast<size_t>(batch.inputs));
  for (const int64_t k : selecting) {
    const Item& item = batch.items[k];
    for (int32_t i = 0; i < batch.inputs; ++i) {
      views[static_cast<size_t>(i)] = &item.inputs[i];
    }
    const double numbers[] = {static_cast<double>(batch.inputs - 1), item.weights[0]};
    for (TableBuilder* table : {&keys, &same}) {
      table->add({item.elements, k}, key_units(item.elements), views.data(), numbers);
    }
  }
  const auto entries = static_cast<int64_t>(selecting.size());
  const Scratch varied(queue, entries * bytes<unsigned long long>);
  const KeyParams params = {batch.load, batch.delta, sizeof(Key) == 8 ? DType::kF64 : DType::kF32,
                            nullptr};
  KeyRun<Source> run(queue, keys, params, false);
  VariedParams count = {params, varied.as<unsigned long long>(), {}};
  same.finish(queue, count.table);
  check(cudaMemsetAsync(count.varied, 0, static_cast<size_t>(entries) * 8, queue.stream()),
        "clear workspace");
  const auto kernel = varied_kernel<Source>;
  const int64_t resident = queue.resident_blocks(kernel, kKeyThreads);
  launch(queue, kernel, std::min(same.units(), resident), kKeyThreads, count);
  const RankParams rank = {count.varied, run.progress(),   run.outcomes(), state,
                           params.key,   batch.inputs - 1, count.table};
  const int64_t blocks = (entries + kThreads - 1) / kThreads;
  launch(queue, kept_ranks_kernel, blocks, kThreads, rank);
  run.launch();
  launch(queue, kept_kernel, blocks, kThreads, rank);
}

// Constant over the grid.
struct SquaresParams {
  DType load;
  DType delta;
  const double* state;  // [batch][kStateWeights + models]
  uint32_t* faults;     // [batch]
  Table table;          // operands: [models][chunks] of partial sums, the base, the models
};

// The chunks' sums of squared differences over what is kept, in the canonical order: a warp to a
// chunk, two neighbouring lanes of the order to a thread.
template <class Compute>
__global__ void __launch_bounds__(kThreads)
    squares_kernel(const __grid_constant__ SquaresParams params) {
  constexpr int kRows = kReduceChunk / kReduceLanes;
  const Descriptors table = descriptors(params.table);
  const int models = params.table.operands - 2;
  const int lane = threadIdx.x % kWarp;
  const DType delta = params.delta == kNative<Compute> ? DType::kStored : params.delta;
  const int64_t workers = int64_t{gridDim.x} * (kThreads / kWarp);
  const int64_t worker = int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
  int64_t unit = share(params.table.units, worker, workers);
  const int64_t stop = share(params.table.units, worker + 1, workers);
  if (unit == stop) {
    return;
  }
  int64_t k = entry_of(table.first, params.table.count, unit);
  for (; unit < stop; ++unit) {
    while (table.first[k + 1] <= unit) {
      ++k;
    }
    const Entry entry = table.entries[k];
    const Operand* const operands = table.operands + k * params.table.operands;
    const double* const state = params.state + entry.index * (kStateWeights + models);
    const int64_t chunk = unit - table.first[k];
    const int64_t chunks = table.first[k + 1] - table.first[k];
    const int64_t begin = chunk * kReduceChunk;
    uint32_t fault = 0;
    uint64_t kept[2] = {~uint64_t{0}, ~uint64_t{0}};  // a bit per row of the order
    if (state[0] >= 0.0) {
      const auto cutoff = static_cast<int64_t>(state[1]);
      kept[0] = kept[1] = 0;
      for (int row = 0; row < kRows; ++row) {
        for (int e = 0; e < 2; ++e) {
          const int64_t i = begin + row * kReduceLanes + 2 * lane + e;
          if (i < entry.elements) {
            const auto v = variance_of<Compute>(operands + 1, table.layouts, params.load,
                                                params.delta, models, i);
            kept[e] |= uint64_t{is_kept(v, state[0], cutoff, i) ? 1u : 0u} << row;
            fault = finite(v) ? fault : kSquareFault;
          }
        }
      }
    }
    for (int m = 0; m < models; ++m) {
      double sums[2] = {0.0, 0.0};
      for (int row = 0; row < kRows; ++row) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int64_t i = begin + row * kReduceLanes + 2 * lane + e;
          if (i < entry.elements) {
            const auto base = load_element<Compute>(operands[1], table.layouts, params.load, i);
            const auto x = load_element<Compute>(operands[2 + m], table.layouts, params.load, i);
            const auto d = static_cast<double>(task_delta(x, base, delta));
            sums[e] += ((kept[e] >> row) & 1u) != 0 ? d * d : 0.0;
            if (!finite(d)) {
              const uint32_t found = !finite(base) ? kFirstInput
                                     : !finite(x)  ? kFirstInput - 1 - static_cast<uint32_t>(m)
                                                   : kSquareFault;
              fault = found > fault ? found : fault;
            }
          }
        }
      }
#pragma unroll
      for (int half = kWarp / 2; half > 0; half /= 2) {
        sums[0] += __shfl_down_sync(kAllLanes, sums[0], half);
        sums[1] += __shfl_down_sync(kAllLanes, sums[1], half);
      }
      if (lane == 0) {
        reinterpret_cast<double*>(operands[0].data)[m * chunks + chunk] = sums[0] + sums[1];
      }
    }
    if (fault != 0) {
      atomicMax(&params.faults[entry.index], fault);
    }
  }
}

// sums[batch][models] of the chosen tensors.
void add_squares(Queue& queue, const Batch& batch, const std::vector<int64_t>& chosen, bool wide,
                 const double* state, uint32_t* faults, double* sums) {
  const int64_t models = batch.inputs - 1;
  int64_t numbers = 0;
  for (const int64_t k : chosen) {
    numbers += chunks_of(batch.items[k].elements) * models;
  }
  const Scratch partials(queue, numbers * bytes<double>);
  double* free = partials.as<double>();
  TableBuilder table(1 + batch.inputs, 0);
  std::vector<View> views;
  std::vector<const View*> places(static_cast<size_t>(batch.inputs) + 1);
  std::vector<Reduction> reductions;
  for (const int64_t k : chosen) {
    const Item& item = batch.items[k];
    const int64_t chunks = chunks_of(item.elements);
    View view = {};
    view.data = reinterpret_cast<unsigned char*>(free);
    view.dtype = DType::kF64;
    view.rank = 1;
    view.shape[0] = chunks * models;
    view.strides[0] = 1;
    places[0] = &view;
    for (int32_t i = 0; i < batch.inputs; ++i) {
      places[static_cast<size_t>(i) + 1] = &item.inputs[i];
    }
    table.add({item.elements, k}, chunks, places.data(), nullptr);
    reductions.push_back({{chunks * models, view, view, models}, sums + k * models});
    free += chunks * models;
  }
  SquaresParams params = {batch.load, batch.delta, state, faults, {}};
  table.finish(queue, params.table);
  const auto kernel = wide ? squares_kernel<double> : squares_kernel<float>;
  const int64_t resident = queue.resident_blocks(kernel, kThreads);
  const int64_t blocks = (table.units() * kWarp + kThreads - 1) / kThreads;
  launch(queue, kernel, std::min(blocks, resident), kThreads, params);
  reduce_sums(queue, reductions);
}

// Constant over the grid, a thread per tensor; an entry's numbers are its elements and floor.
struct WeightsParams {
  int64_t models;
  double* state;           // [batch][kStateWeights + models]
  const double* sums;      // [batch][models]
  const uint32_t* faults;  // [batch]
  unsigned long long* failure;
  unsigned long long operation;
  Table table;
};

__global__ void __launch_bounds__(kThreads)
    weights_kernel(const __grid_constant__ WeightsParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= params.table.count || table.weights[2 * k] == 0.0) {
    return;
  }
  const double* const sums = params.sums + k * params.models;
  uint32_t fault = params.faults[k];
  for (int64_t i = 0; i < params.models; ++i) {
    fault = fault == 0 && !finite(sums[i]) ? kSquareFault : fault;
  }
  if (fault != 0) {
    record_failure(params.failure, params.operation, k,
                   fault == kSquareFault ? kUndefined : int64_t{kFirstInput - fault});
  }
  sce_weights(sums, params.models, table.weights[2 * k], table.weights[2 * k + 1],
              params.state + k * (kStateWeights + params.models) + kStateWeights);
}

template <class Compute>
struct Elect {
  static constexpr int kVectors = 1;

  const double* state;
  int models;
  DType delta;

  __device__ __forceinline__ Elect(const Descriptors& table, const ElementwiseParams& params,
                                   int64_t k)
      : state(static_cast<const double*>(params.formula) +
              table.entries[k].index * (kStateWeights + params.table.operands - 2)),
        models(params.table.operands - 2),
        delta(params.delta) {}

  template <int N>
  __device__ __forceinline__ void operator()(const AnyInput& input, Compute (&out)[N]) const {
    Compute base[N];
    Votes<Compute> votes[N];
    Spread spread[N];
    input(0, base);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      votes[j] = {Compute(0), Compute(0), Compute(0), Compute(0), Compute(0)};
    }
    for (int k = 0; k < models; ++k) {
      Compute x[N];
      input(1 + k, x);
      const auto weight = static_cast<Compute>(state[kStateWeights + k]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const Compute d = difference<AnyInput>(x[j], base[j], delta);
        vote(votes[j], weight, d, true);
        if (k == 0) {
          spread[j] = spread_of(static_cast<double>(d));
        } else {
          add_spread(spread[j], static_cast<double>(d));
        }
      }
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const bool kept = state[0] < 0.0 ||
                        is_kept(variance<Compute>(spread[j], static_cast<double>(models)), state[0],
                                static_cast<int64_t>(state[1]), input.at + j * kThreads);
      out[j] = kept ? add_elected(base[j], votes[j]) : base[j];
    }
  }
};

// Vectors would need more registers than there are: one element at a time.
ElementwiseKernel elect_kernel(const Group& group) {
  return group.dtype == DType::kF64 ? any_kernel<Elect, double> : any_kernel<Elect, float>;
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

void consensus_ta(const Context& context, const Batch& batch) {
  ElementwiseRun(context.queue, batch, 2 * (batch.inputs - 1) + 2, formula_kernel<ConsensusTa>)
      .launch();
}

void sce(const Context& context, const Batch& batch) {
  Queue& queue = context.queue;
  if (batch.count == 0) {
    return;
  }
  const int64_t models = batch.inputs - 1;
  const int64_t state_bytes = batch.count * (kStateWeights + models) * bytes<double>;
  const Scratch state(queue, state_bytes);
  const Scratch sums(queue, batch.count * models * bytes<double>);
  const Scratch faults(queue, batch.count * bytes<uint32_t>);
  ElementwiseRun run(queue, batch, 2, elect_kernel);
  check(cudaMemsetAsync(sums.as<void>(), 0, static_cast<size_t>(batch.count * models) * 8,
                        queue.stream()),
        "clear workspace");
  check(cudaMemsetAsync(faults.as<void>(), 0, static_cast<size_t>(batch.count) * sizeof(uint32_t),
                        queue.stream()),
        "clear workspace");
  // Those that select nothing: all is kept.
  std::vector<double> all(static_cast<size_t>(batch.count * (kStateWeights + models)), -1.0);
  queue.upload(state.as<void>(), all.data(), state_bytes);

  const auto run_of = [&](bool wide) {
    std::vector<int64_t> chosen;
    std::vector<int64_t> selecting;
    for (int64_t k = 0; k < batch.count; ++k) {
      if (batch.items[k].wide == wide && batch.items[k].elements > 0) {
        chosen.push_back(k);
        if (batch.items[k].weights[0] < 1.0) {
          selecting.push_back(k);
        }
      }
    }
    if (!selecting.empty()) {
      if (wide) {
        select_variances<uint64_t>(queue, batch, selecting, state.as<double>());
      } else {
        select_variances<uint32_t>(queue, batch, selecting, state.as<double>());
      }
    }
    if (!chosen.empty()) {
      add_squares(queue, batch, chosen, wide, state.as<double>(), faults.as<uint32_t>(),
                  sums.as<double>());
    }
  };
  run_of(false);
  run_of(true);

  std::vector<std::string> names;
  TableBuilder table(0, 2);
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    names.emplace_back(item.name != nullptr ? item.name : "");
    const double numbers[] = {static_cast<double>(item.elements), item.weights[1]};
    table.add({item.elements, k}, 1, nullptr, numbers);
  }
  WeightsParams params = {models,
                          state.as<double>(),
                          sums.as<double>(),
                          faults.as<uint32_t>(),
                          queue.failure_place(),
                          queue.watch(kSceStatistic, std::move(names)),
                          {}};
  table.finish(queue, params.table);
  launch(queue, weights_kernel, (batch.count + kThreads - 1) / kThreads, kThreads, params);
  run.launch(state.as<void>());
}

}  // namespace sinter::cuda

// SPDX-License-Identifier: Apache-2.0
//
// Selection by magnitude, quantiles and ranks. Selection is bound by memory: the operands are read
// once for each digit of their keys (common/select.cuh); two digits where elements, or the
// differences' dtype, have 16 bits, three for float32.
#include "cuda/common/select.cuh"

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cuda/launch.h"
#include "failure.h"
#include "formula/task_vectors.h"

namespace sinter::cuda {
namespace {

// ---- Keys of elements and of differences --------------------------------------------------------

// An entry's numbers in the table.
enum DifferenceNumber { kHasBase, kWide, kDirect, kDifferenceNumbers };

template <class Compute>
SINTER_DEVICE bool not_finite(Compute x) {
  return sizeof(Compute) == 8 ? Format<DType::kF64>::nonfinite(static_cast<double>(x)) != 0
                              : Format<DType::kF32>::nonfinite(static_cast<float>(x)) != 0;
}

template <class KeyType, bool kSigned>
struct DifferenceSource {
  using Key = KeyType;
  static constexpr int kWidth = 8;

  const Operand* operands;  // in, base
  const Layout* layouts;
  KeyParams params;
  bool has_base, wide, direct;

  __device__ __forceinline__ DifferenceSource(const Descriptors& table, const KeyParams& keys,
                                              int64_t k)
      : operands(table.operands + 2 * k), layouts(table.layouts), params(keys) {
    const double* const numbers = table.weights + k * kDifferenceNumbers;
    has_base = numbers[kHasBase] != 0.0;
    wide = numbers[kWide] != 0.0;
    direct = numbers[kDirect] != 0.0;
  }

  __device__ __forceinline__ void operator()(int64_t at, int count, Key (&keys)[kWidth],
                                             uint32_t& fault) const {
    if (direct && count == kWidth) {
      with_dtype(operands[0].dtype, [&]<DType T>() {
        using Storage = typename Format<T>::Storage;
        using Compute = typename Format<T>::Compute;
        using Vector = Packet<Storage, kWidth>;
        const int64_t offset = at * static_cast<int64_t>(sizeof(Storage));
        const Vector x = *reinterpret_cast<const Vector*>(operands[0].data + offset);
        const Vector b = has_base ? *reinterpret_cast<const Vector*>(operands[1].data + offset) : x;
#pragma unroll
        for (int j = 0; j < kWidth; ++j) {
          const Compute d = difference<Compute>(Format<T>::decode(x.values[j]),
                                                Format<T>::decode(b.values[j]), fault);
          keys[j] = key_of(d, params.key);
        }
      });
    } else if (wide) {
      one_by_one<double>(at, count, keys, fault);
    } else {
      one_by_one<float>(at, count, keys, fault);
    }
  }

 private:
  template <class Compute>
  __device__ __forceinline__ void one_by_one(int64_t at, int count, Key (&keys)[kWidth],
                                             uint32_t& fault) const {
#pragma unroll 1
    for (int j = 0; j < count; ++j) {
      const auto x = load_element<Compute>(operands[0], layouts, params.load, at + j);
      const Compute b =
          has_base ? load_element<Compute>(operands[1], layouts, params.load, at + j) : x;
      keys[j] = key_of(difference(x, b, fault), params.key);
    }
  }

  template <class Compute>
  __device__ __forceinline__ Compute difference(Compute x, Compute b, uint32_t& fault) const {
    const Compute d = has_base ? task_delta(x, b, params.delta) : x;
    if (not_finite(d)) {
      const uint32_t found = has_base && not_finite(b) ? kBaseFault
                             : not_finite(x)           ? kInputFault
                                                       : kDifferenceFault;
      fault = found > fault ? found : fault;
    }
    return d;
  }

  template <class Compute>
  static __device__ __forceinline__ Key key_of(Compute d, DType format) {
    Key bits;
    if constexpr (sizeof(Key) == 2) {
      bits = format == DType::kBF16 ? key_bits<DType::kBF16>(d) : key_bits<DType::kF16>(d);
    } else if constexpr (sizeof(Key) == 4) {
      bits = key_bits<DType::kF32>(d);
    } else {
      bits = key_bits<DType::kF64>(d);
    }
    return kSigned ? signed_key(bits) : key_magnitude(bits);
  }
};

struct Job {
  const SelectItem* item;
  int64_t index;  // in the batch
  int64_t k;
  DType key;
  bool wide;
};

Job job_of(const SelectItem& item, int64_t index, DType load, DType delta) {
  const bool has_base = item.base != nullptr;
  const bool wide = load == DType::kF64 ||
                    (load == DType::kStored && (item.in.dtype == DType::kF64 ||
                                                (has_base && item.base->dtype == DType::kF64)));
  return {&item, index, item.k, key_format(item.in.dtype, load, has_base, delta, wide), wide};
}

void add(TableBuilder& table, const Job& job, DType load) {
  const SelectItem& item = *job.item;
  const View& base = item.base != nullptr ? *item.base : item.in;
  const uintptr_t alignment =
      std::min<uintptr_t>(16, 8 * static_cast<uintptr_t>(dtype_bytes(item.in.dtype)));
  const bool direct = base.dtype == item.in.dtype &&
                      (load == DType::kStored || load == item.in.dtype) &&
                      job.wide == (item.in.dtype == DType::kF64) && aligned(item.in, alignment) &&
                      aligned(base, alignment);
  const View* const views[] = {&item.in, &base};
  double numbers[kDifferenceNumbers];
  numbers[kHasBase] = item.base != nullptr ? 1.0 : 0.0;
  numbers[kWide] = job.wide ? 1.0 : 0.0;
  numbers[kDirect] = direct ? 1.0 : 0.0;
  table.add({item.elements, job.index}, key_units(item.elements), views, numbers);
}

// Histograms take 32 KiB for each selection, so those of many small tensors are made in turns.
constexpr size_t kTurn = 1024;

// ---- Selections ---------------------------------------------------------------------------------

struct SelectedParams {
  const KeyOutcome* outcomes;
  DType key;
  Selected* results;
  Table table;  // of an entry, `elements` is the number of its outcome
};

// The number of the outcome of a tensor without elements in a joint selection: it has the threshold
// of the others.
constexpr int64_t kNoOutcome = -1;

__global__ void __launch_bounds__(kKeyThreads)
    selected_kernel(const __grid_constant__ SelectedParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kKeyThreads + threadIdx.x;
  if (k >= params.table.count) {
    return;
  }
  const int64_t number = table.entries[k].elements;
  KeyOutcome outcome = params.outcomes[number == kNoOutcome ? 0 : number];
  if (number == kNoOutcome) {
    outcome.cutoff = 0;
    outcome.fault = kNoFault;
  }
  Selected selected = {};
  selected.threshold = key_value(params.key, outcome.key);
  selected.cutoff = outcome.cutoff;
  selected.finite = outcome.fault == kNoFault;
  selected.fault = static_cast<int32_t>(outcome.fault);
  params.results[table.entries[k].index] = selected;
}

template <class Source>
void run_select(Queue& queue, const std::vector<Job>& jobs, const SelectBatch& batch, DType key) {
  const size_t turn = batch.joint ? jobs.size() : kTurn;
  for (size_t from = 0; from < jobs.size(); from += turn) {
    TableBuilder table(2, kDifferenceNumbers);
    TableBuilder places(0, 0);
    std::vector<int64_t> ranks;
    for (size_t i = from; i < std::min(from + turn, jobs.size()); ++i) {
      add(table, jobs[i], batch.load);
      places.add({static_cast<int64_t>(i - from), jobs[i].index}, 1, nullptr, nullptr);
      ranks.push_back(jobs[i].k);
    }
    for (int64_t k = 0; batch.joint && k < batch.count; ++k) {
      if (batch.items[k].elements == 0) {
        places.add({kNoOutcome, k}, 1, nullptr, nullptr);
      }
    }
    KeyRun<Source> run(queue, table, {batch.load, batch.delta, key, nullptr}, batch.joint);
    run.start(ranks);
    run.launch();
    SelectedParams params = {run.outcomes(), key, batch.results, {}};
    places.finish(queue, params.table);
    launch(queue, selected_kernel, (places.units() + kKeyThreads - 1) / kKeyThreads, kKeyThreads,
           params);
  }
}

// ---- What callers of the ABI get ----------------------------------------------------------------

struct PairsParams {
  const Selected* results;
  unsigned char* out;
  int64_t count;
  unsigned long long* failure;
  unsigned long long operation;
  int64_t in;  // its number among the inputs
};

__global__ void __launch_bounds__(kKeyThreads)
    pairs_kernel(const __grid_constant__ PairsParams params) {
  const int64_t k = int64_t{blockIdx.x} * kKeyThreads + threadIdx.x;
  if (k >= params.count) {
    return;
  }
  const Selected selected = params.results[k];
  write<double>(params.out + 16 * k, selected.threshold);
  write<double>(params.out + 16 * k + 8, static_cast<double>(selected.cutoff));
  if (!selected.finite) {
    record_failure(params.failure, params.operation, k,
                   selected.fault == kBaseFault    ? 0
                   : selected.fault == kInputFault ? params.in
                                                   : kUndefined);
  }
}

struct QuantileParams {
  const KeyOutcome* outcomes;
  DType key;
  unsigned char* out;
  unsigned long long* failure;
  unsigned long long operation;
  int64_t quantiles;
  Table table;
};

__global__ void __launch_bounds__(kKeyThreads)
    quantile_kernel(const __grid_constant__ QuantileParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t k = int64_t{blockIdx.x} * kKeyThreads + threadIdx.x;
  if (k >= params.table.count) {
    return;
  }
  const KeyOutcome outcome = params.outcomes[k];
  const int64_t index = table.entries[k].index;
  write<double>(params.out + 8 * index, signed_key_value(params.key, outcome.key));
  if (outcome.fault != kNoFault) {
    record_failure(params.failure, params.operation, index / params.quantiles, 0);
  }
}

template <class Source>
void run_quantile(Queue& queue, const std::vector<Job>& jobs, const QuantileBatch& batch, DType key,
                  unsigned long long operation) {
  for (size_t from = 0; from < jobs.size(); from += kTurn) {
    TableBuilder table(2, kDifferenceNumbers);
    TableBuilder places(0, 0);
    std::vector<int64_t> ranks;
    for (size_t i = from; i < std::min(from + kTurn, jobs.size()); ++i) {
      add(table, jobs[i], batch.load);
      places.add({0, jobs[i].index}, 1, nullptr, nullptr);
      ranks.push_back(jobs[i].k);
    }
    KeyRun<Source> run(queue, table, {batch.load, DType::kStored, key, nullptr}, false);
    run.start(ranks);
    run.launch();
    QuantileParams params = {run.outcomes(),
                             key,
                             reinterpret_cast<unsigned char*>(batch.results),
                             queue.failure_place(),
                             operation,
                             batch.quantiles,
                             {}};
    places.finish(queue, params.table);
    launch(queue, quantile_kernel, (places.units() + kKeyThreads - 1) / kKeyThreads, kKeyThreads,
           params);
  }
}

std::string text(const char* name) { return name != nullptr ? name : ""; }

// ---- Ranks --------------------------------------------------------------------------------------
// A block sorts a row by (magnitude, index): stable radix passes of eight bits, the lowest first,
// without those in which all agree. A tile of elements, one for each thread, finds its places by the
// number of equal digits before: in the warp by ballots, then over the warps, then over the tiles.

constexpr int kRankThreads = 256;
constexpr int kRankWarps = kRankThreads / kWarp;
constexpr int kRankDigits = 256;

template <class Key>
struct RankPair {
  Key key;
  uint32_t index;
};

struct RankShared {
  uint32_t counts[kRankDigits];             // of the row
  uint32_t places[kRankDigits];             // where the next of a digit goes
  uint32_t warps[kRankWarps][kRankDigits];  // of the tile: counts, then the first place
};

struct RankParams {
  KeyParams keys;
  unsigned char* lists;  // [blocks][2][longest]
  int64_t longest;
  int64_t rows;
  unsigned long long* failure;
  unsigned long long operation;
  Table table;  // operands: in, base, out; units: rows
};

enum RankNumber { kRankRow = kDifferenceNumbers, kRankInput, kRankNumbers };

template <class Key>
__global__ void __launch_bounds__(kRankThreads)
    rank_kernel(const __grid_constant__ RankParams params) {
  SINTER_SHARED(RankShared, shared);
  using Pair = RankPair<Key>;
  const Descriptors table = descriptors(params.table);
  const unsigned thread = threadIdx.x;
  const unsigned warp = thread / kWarp;
  const unsigned lane = thread % kWarp;
  Pair* const lists =
      reinterpret_cast<Pair*>(params.lists) + int64_t{blockIdx.x} * 2 * params.longest;
  for (int64_t row = blockIdx.x; row < params.table.units; row += gridDim.x) {
    const int64_t k = entry_of(table.first, params.table.count, row);
    const double* const numbers = table.weights + k * kRankNumbers;
    const Operand* const operands = table.operands + 3 * k;
    const int64_t n = static_cast<int64_t>(numbers[kRankRow]);
    const int64_t begin = (row - table.first[k]) * n;
    const bool has_base = numbers[kHasBase] != 0.0;
    using Compute = std::conditional_t<sizeof(Key) == 8, double, float>;
    Pair* from = lists;
    Pair* to = lists + params.longest;
    uint32_t fault = kNoFault;
    for (int64_t i = thread; i < n; i += kRankThreads) {
      const auto x = load_element<Compute>(operands[0], table.layouts, params.keys.load, begin + i);
      Compute d = x;
      if (has_base) {
        const auto b =
            load_element<Compute>(operands[1], table.layouts, params.keys.load, begin + i);
        d = task_delta(x, b, params.keys.delta);
        if (not_finite(b)) {
          fault = kBaseFault;
        }
      }
      if (fault == kNoFault && not_finite(d)) {
        fault = not_finite(x) ? kInputFault : kDifferenceFault;
      }
      from[i] = {magnitude_bits(d), static_cast<uint32_t>(i)};
    }
    if (fault != kNoFault) {
      record_failure(params.failure, params.operation, table.entries[k].index,
                     fault == kBaseFault    ? 0
                     : fault == kInputFault ? static_cast<int64_t>(numbers[kRankInput])
                                            : kUndefined);
    }
    __syncthreads();
    for (int shift = 0; shift < static_cast<int>(sizeof(Key)) * 8; shift += 8) {
      shared.counts[thread] = 0;
      __syncthreads();
      for (int64_t i = thread; i < n; i += kRankThreads) {
        atomicAdd(&shared.counts[(from[i].key >> shift) & 255u], 1u);
      }
      __syncthreads();
      const uint32_t all = shared.counts[(from[0].key >> shift) & 255u];
      if (all == static_cast<uint32_t>(n)) {
        __syncthreads();
        continue;
      }
      uint32_t place = 0;
      for (unsigned d = 0; d < thread; ++d) {
        place += shared.counts[d];
      }
      shared.places[thread] = place;
      for (int64_t tile = 0; tile < n; tile += kRankThreads) {
        for (int w = 0; w < kRankWarps; ++w) {
          shared.warps[w][thread] = 0;
        }
        __syncthreads();
        const int64_t i = tile + thread;
        const bool here = i < n;
        Pair pair = {};
        if (here) {
          pair = from[i];
        }
        const unsigned digit = static_cast<unsigned>((pair.key >> shift) & 255u);
        unsigned peers = __ballot_sync(kAllLanes, here);
        for (int bit = 0; bit < 8; ++bit) {
          const unsigned set = __ballot_sync(kAllLanes, (digit >> bit) & 1u);
          peers &= (digit >> bit) & 1u ? set : ~set;
        }
        unsigned before = 0;
        unsigned equal = 0;
        for (unsigned l = 0; l < kWarp; ++l) {
          const unsigned is = (peers >> l) & 1u;
          before += l < lane ? is : 0;
          equal += is;
        }
        if (here && before == 0) {
          shared.warps[warp][digit] = equal;
        }
        __syncthreads();
        uint32_t next = shared.places[thread];
        for (int w = 0; w < kRankWarps; ++w) {
          const uint32_t count = shared.warps[w][thread];
          shared.warps[w][thread] = next;
          next += count;
        }
        shared.places[thread] = next;
        __syncthreads();
        if (here) {
          to[shared.warps[warp][digit] + before] = pair;
        }
        __syncthreads();
      }
      Pair* const swap = from;
      from = to;
      to = swap;
    }
    Tally tally = {0, 0};
    for (int64_t i = thread; i < n; i += kRankThreads) {
      store_element<double>(operands[2], table.layouts, begin + from[i].index,
                            static_cast<double>(i), tally);
    }
    __syncthreads();
  }
}

template <class Key>
void run_rank(Queue& queue, const std::vector<const RankItem*>& items, const RankBatch& batch,
              unsigned long long operation) {
  TableBuilder table(3, kRankNumbers);
  int64_t longest = 0;
  for (const RankItem* item : items) {
    const View* const views[] = {&item->in, item->base != nullptr ? item->base : &item->in,
                                 &item->out};
    double numbers[kRankNumbers] = {};
    numbers[kHasBase] = item->base != nullptr ? 1.0 : 0.0;
    numbers[kRankRow] = static_cast<double>(item->row);
    numbers[kRankInput] = static_cast<double>(item->input);
    table.add({item->elements, item->tensor}, item->elements / item->row, views, numbers);
    longest = std::max(longest, item->row);
  }
  const auto kernel = rank_kernel<Key>;
  const int64_t blocks =
      std::min<int64_t>(table.units(), queue.resident_blocks(kernel, kRankThreads));
  const Scratch lists(queue, blocks * 2 * longest * static_cast<int64_t>(sizeof(RankPair<Key>)));
  RankParams params = {{batch.load, batch.delta, DType::kStored, nullptr},
                       lists.as<unsigned char>(),
                       longest,
                       table.units(),
                       queue.failure_place(),
                       operation,
                       {}};
  table.finish(queue, params.table);
  launch(queue, kernel, blocks, kRankThreads, params);
}

}  // namespace

void select(const Context& context, const SelectBatch& batch) {
  Queue& queue = context.queue;
  std::vector<Selected> none(static_cast<size_t>(batch.count),
                             {std::numeric_limits<double>::infinity(), 0, true});
  if (batch.count == 0) {
    return;
  }
  queue.upload(batch.results, none.data(), batch.count * static_cast<int64_t>(sizeof(Selected)));
  std::map<DType, std::vector<Job>> groups;
  std::vector<Job> jobs;
  DType common = DType::kStored;
  for (int64_t k = 0; k < batch.count; ++k) {
    const SelectItem& item = batch.items[k];
    const Job job = job_of(item, k, batch.load, batch.delta);
    if (common == DType::kStored || common == job.key) {
      common = job.key;
    } else {
      common = common == DType::kF64 || job.key == DType::kF64 ? DType::kF64 : DType::kF32;
    }
    if (item.elements > 0 && (item.k > 0 || batch.joint)) {
      groups[job.key].push_back(job);
      jobs.push_back(job);
    }
  }
  if (batch.joint) {
    if (jobs.empty() || batch.items[0].k == 0) {
      return;
    }
    for (Job& job : jobs) {
      job.k = batch.items[0].k;
    }
    groups.clear();
    groups[common] = jobs;
  }
  for (const auto& [key, group] : groups) {
    switch (dtype_bytes(key)) {
      case 2:
        run_select<DifferenceSource<uint16_t, false>>(queue, group, batch, key);
        break;
      case 4:
        run_select<DifferenceSource<uint32_t, false>>(queue, group, batch, key);
        break;
      default:
        run_select<DifferenceSource<uint64_t, false>>(queue, group, batch, key);
    }
  }
}

void write_selections(const Context& context, const SelectCall& call) {
  Queue& queue = context.queue;
  SelectBatch batch = call.batch;
  const Scratch results(queue, batch.count * static_cast<int64_t>(sizeof(Selected)));
  batch.results = results.as<Selected>();
  std::vector<std::string> names;
  for (int64_t k = 0; k < batch.count; ++k) {
    names.push_back(text(call.names[k]));
  }
  select(context, batch);
  const int has_base = batch.items[0].base != nullptr ? 1 : 0;
  const PairsParams params = {batch.results,
                              reinterpret_cast<unsigned char*>(call.out),
                              batch.count,
                              queue.failure_place(),
                              queue.watch(kSelectStatistic[has_base], std::move(names)),
                              has_base};
  launch(queue, pairs_kernel, (batch.count + kKeyThreads - 1) / kKeyThreads, kKeyThreads, params);
}

// Several quantiles of one tensor are selections of their own: each reads it.
void quantile(const Context& context, const QuantileBatch& batch) {
  Queue& queue = context.queue;
  std::vector<SelectItem> items;
  std::vector<std::string> names;
  items.reserve(static_cast<size_t>(batch.count));
  std::map<DType, std::vector<Job>> groups;
  const double nan = canonical(std::numeric_limits<double>::quiet_NaN());
  const std::vector<double> none(static_cast<size_t>(batch.count * batch.quantiles), nan);
  queue.upload(batch.results, none.data(),
               batch.count * batch.quantiles * static_cast<int64_t>(sizeof(double)));
  for (int64_t k = 0; k < batch.count; ++k) {
    const QuantileItem& item = batch.items[k];
    names.push_back(text(batch.names[k]));
    items.push_back({item.elements, nullptr, item.in, 0});
    for (int32_t j = 0; item.elements > 0 && j < batch.quantiles; ++j) {
      Job job = job_of(items.back(), k * batch.quantiles + j, batch.load, DType::kStored);
      job.k = quantile_rank(batch.q[j], item.elements);
      groups[job.key].push_back(job);
    }
  }
  if (groups.empty()) {
    return;
  }
  const unsigned long long operation = queue.watch(kQuantileStatistic, std::move(names));
  for (const auto& [key, group] : groups) {
    switch (dtype_bytes(key)) {
      case 2:
        run_quantile<DifferenceSource<uint16_t, true>>(queue, group, batch, key, operation);
        break;
      case 4:
        run_quantile<DifferenceSource<uint32_t, true>>(queue, group, batch, key, operation);
        break;
      default:
        run_quantile<DifferenceSource<uint64_t, true>>(queue, group, batch, key, operation);
    }
  }
}

void rank(const Context& context, const RankBatch& batch) {
  Queue& queue = context.queue;
  std::vector<const RankItem*> narrow, wide;
  std::vector<std::string> names;
  for (int64_t k = 0; k < batch.count; ++k) {
    const RankItem& item = batch.items[k];
    if (names.size() <= static_cast<size_t>(item.tensor)) {
      names.resize(static_cast<size_t>(item.tensor) + 1);
    }
    names[static_cast<size_t>(item.tensor)] = text(item.name);
    if (item.elements > 0) {
      const bool is_wide =
          job_of({item.elements, item.base, item.in, 0}, k, batch.load, batch.delta).wide;
      (is_wide ? wide : narrow).push_back(&item);
    }
  }
  if (narrow.empty() && wide.empty()) {
    return;
  }
  queue.failure_place();
  const unsigned long long operation = queue.watch(*batch.statistic, std::move(names));
  if (!narrow.empty()) {
    run_rank<uint32_t>(queue, narrow, batch, operation);
  }
  if (!wide.empty()) {
    run_rank<uint64_t>(queue, wide, batch, operation);
  }
}

}  // namespace sinter::cuda

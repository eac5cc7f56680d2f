// SPDX-License-Identifier: Apache-2.0
//
// Canonical reductions, bound by memory: each input is read once.
//
// A warp reduces a chunk of 4096 elements at a time; each of its threads keeps two neighbouring
// lanes of the 64, so that loads of a warp are neighbours and the order is formula/reduce.h's by
// construction. The chunks' results are reduced by further launches, 4096 to one at each level. Rows
// are reduced side by side, a warp to a chunk of one.
#include "formula/reduce.h"

#include <algorithm>
#include <map>

#include "cuda/common/device.cuh"
#include "cuda/launch.h"
#include "cuda/reduce.cuh"
#include "formula/interpolate.h"

namespace sinter::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

static_assert(kReduceLanes == 2 * kWarp);

// Constant over the grid. Results of entry k, term by term, each of all chunks of all its rows, stand
// at its operand 0; those of entries with one chunk per row are final. An entry's weights are kRow and
// kParameter.
constexpr int kRow = 0;        // elements of a row
constexpr int kParameter = 1;  // ReduceItem::parameter
constexpr int kWeights = 2;

struct ReduceParams {
  DType load;
  bool root;  // final results are square roots
  Table table;
};

// The terms of one reduction.
template <Term... Terms>
struct Sums;

template <Term T>
struct Sums<T> {
  static constexpr int kTerms = 1;
  static constexpr int kInputs = T == Term::kProduct || T == Term::kMasked ? 2 : 1;
  static __device__ __forceinline__ void add(double (&sums)[1], double a, double b, double) {
    sums[0] = accumulate<T>(sums[0], a, b);
  }
  static __device__ __forceinline__ double join(double x, double y) { return combine<T>(x, y); }
};

template <>
struct Sums<Term::kSquare, Term::kProduct, Term::kSquare> {
  static constexpr int kTerms = 3;
  static constexpr int kInputs = 2;
  static __device__ __forceinline__ void add(double (&sums)[3], double a, double b, double) {
    sums[0] = accumulate<Term::kSquare>(sums[0], a, a);
    sums[1] = accumulate<Term::kProduct>(sums[1], a, b);
    sums[2] = accumulate<Term::kSquare>(sums[2], b, b);
  }
  static __device__ __forceinline__ double join(double x, double y) { return x + y; }
};

// Several sums of one operand's terms; the item's parameter is their second operand.
template <Term First, Term Second, Term Third, Term Fourth>
struct Sums<First, Second, Third, Fourth> {
  static constexpr int kTerms = 4;
  static constexpr int kInputs = 1;
  static __device__ __forceinline__ void add(double (&sums)[4], double a, double,
                                             double parameter) {
    sums[0] = accumulate<First>(sums[0], a, parameter);
    sums[1] = accumulate<Second>(sums[1], a, parameter);
    sums[2] = accumulate<Third>(sums[2], a, parameter);
    sums[3] = accumulate<Fourth>(sums[3], a, parameter);
  }
  static __device__ __forceinline__ double join(double x, double y) { return x + y; }
};

// Adds elements [0, count) of a chunk from contiguous inputs of dtype T; lanes 2 * thread and + 1.
template <DType T, class S>
SINTER_DEVICE void add_pairs(const unsigned char* a, const unsigned char* b, int count,
                             double parameter, double (&even)[S::kTerms],
                             double (&odd)[S::kTerms]) {
  using Storage = typename Format<T>::Storage;
  using Pair = Packet<Storage, 2>;
  const int lane = threadIdx.x % kWarp;
  const auto* const first = reinterpret_cast<const Pair*>(a) + lane;
  const auto* const second = reinterpret_cast<const Pair*>(b) + lane;
  // Pairs in flight: 64 bytes per thread, or 32 where two inputs share them.
  constexpr int kCount = sizeof(Storage) > 4 ? 4 : 8;
  const int rows = count / kReduceLanes;
  int row = 0;
  for (; row + kCount <= rows; row += kCount) {
    Pair x[kCount], y[kCount];
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      x[c] = first[(row + c) * kWarp];
      y[c] = S::kInputs == 2 ? second[(row + c) * kWarp] : x[c];
    }
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      S::add(even, static_cast<double>(Format<T>::decode(x[c].values[0])),
             static_cast<double>(Format<T>::decode(y[c].values[0])), parameter);
      S::add(odd, static_cast<double>(Format<T>::decode(x[c].values[1])),
             static_cast<double>(Format<T>::decode(y[c].values[1])), parameter);
    }
  }
  // The last rows, of which the very last may be short.
  const auto* const from = reinterpret_cast<const Storage*>(a);
  const auto* const other = reinterpret_cast<const Storage*>(b);
  for (int i = row * kReduceLanes + 2 * lane; i < count; i += kReduceLanes) {
    S::add(even, static_cast<double>(Format<T>::decode(from[i])),
           static_cast<double>(Format<T>::decode(other[i])), parameter);
    if (i + 1 < count) {
      S::add(odd, static_cast<double>(Format<T>::decode(from[i + 1])),
             static_cast<double>(Format<T>::decode(other[i + 1])), parameter);
    }
  }
}

template <class S>
SINTER_DEVICE void add_any(const Operand& a, const Operand& b, const Layout* layouts, DType load,
                           int64_t begin, int count, double parameter, double (&even)[S::kTerms],
                           double (&odd)[S::kTerms]) {
  for (int i = 2 * (threadIdx.x % kWarp); i < count; i += kReduceLanes) {
    const double x = load_element<double>(a, layouts, load, begin + i);
    S::add(even, x, S::kInputs == 2 ? load_element<double>(b, layouts, load, begin + i) : x,
           parameter);
    if (i + 1 < count) {
      const double next = load_element<double>(a, layouts, load, begin + i + 1);
      S::add(odd, next,
             S::kInputs == 2 ? load_element<double>(b, layouts, load, begin + i + 1) : next,
             parameter);
    }
  }
}

// T: both inputs are contiguous, their rows aligned to pairs, and of that dtype; kStored: anything.
template <class S, DType T>
__global__ void __launch_bounds__(kThreads, 4)
    reduce_kernel(const __grid_constant__ ReduceParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t worker = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t workers = int64_t{gridDim.x} * kWarps;
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
    const Operand* const operands = table.operands + 3 * k;
    const auto row = static_cast<int64_t>(table.weights[kWeights * k + kRow]);
    const double parameter = table.weights[kWeights * k + kParameter];
    const int64_t chunks = table.first[k + 1] - table.first[k];
    const int64_t chunk = unit - table.first[k];
    const int64_t chunks_of_row = chunks_of(row);
    const int64_t place = chunk % chunks_of_row * kReduceChunk;
    const int64_t begin = chunk / chunks_of_row * row + place;
    const int64_t left = row - place;
    const int count = static_cast<int>(left < kReduceChunk ? left : kReduceChunk);
    double even[S::kTerms] = {};
    double odd[S::kTerms] = {};
    if constexpr (T == DType::kStored) {
      add_any<S>(operands[1], operands[2], table.layouts, params.load, begin, count, parameter,
                 even, odd);
    } else {
      const int64_t offset = begin * static_cast<int64_t>(sizeof(typename Format<T>::Storage));
      add_pairs<T, S>(operands[1].data + offset, operands[2].data + offset, count, parameter, even,
                      odd);
    }
    for (int term = 0; term < S::kTerms; ++term) {
      // Lane l takes lane l + half; lanes 2 t and 2 t + 1 are this thread's.
      double x = even[term];
      double y = odd[term];
#pragma unroll
      for (int half = kWarp / 2; half > 0; half /= 2) {
        x = S::join(x, __shfl_down_sync(kAllLanes, x, half));
        y = S::join(y, __shfl_down_sync(kAllLanes, y, half));
      }
      if (threadIdx.x % kWarp == 0) {
        double value = S::join(x, y);
        if (chunks_of_row == 1) {
          value = canonical(params.root ? square_root(value) : value);
        }
        reinterpret_cast<double*>(operands[0].data)[term * chunks + chunk] = value;
      }
    }
  }
}

// A lane's share of a chunk's statistics.
template <class Compute>
struct Look {
  Range<Compute> range;
  double squares[2] = {};
  double differences[2] = {};
  int32_t changed = 0;
};

template <DType T, class Compute, bool kBased>
SINTER_DEVICE void look(Look<Compute>& seen, int odd, typename Format<T>::Storage stored,
                        typename Format<T>::Storage base, Compute y) {
  using Word = typename Format<T>::Word;
  const auto x = static_cast<Compute>(Format<T>::decode(stored));
  see(seen.range, x);
  seen.squares[odd] = accumulate<Term::kSquare>(seen.squares[odd], static_cast<double>(x), 0.0);
  if (kBased) {
    const auto difference = static_cast<double>(x - y);
    seen.differences[odd] =
        accumulate<Term::kSquare>(seen.differences[odd], difference, difference);
    Word a, b;
    memcpy(&a, &stored, sizeof a);
    memcpy(&b, &base, sizeof b);
    seen.changed += a != b ? 1 : 0;
  }
}

// The statistics of chunks, a warp to each; lanes 2 t and 2 t + 1 are thread t's, as above.
template <DType T, class Compute, bool kBased>
__global__ void __launch_bounds__(kThreads, 4)
    statistics_kernel(const __grid_constant__ ReduceParams params) {
  using Storage = typename Format<T>::Storage;
  constexpr int64_t kWidth = static_cast<int64_t>(sizeof(Storage));
  const Descriptors table = descriptors(params.table);
  const int64_t worker = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t workers = int64_t{gridDim.x} * kWarps;
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
    const Operand* const operands = table.operands + 3 * k;
    const int64_t chunk = unit - table.first[k];
    const int64_t begin = chunk * kReduceChunk;
    const int64_t left = table.entries[k].elements - begin;
    const int count = static_cast<int>(left < kReduceChunk ? left : kReduceChunk);
    const bool same = operands[2].dtype == T;
    Look<Compute> seen;
    for (int i = 2 * (threadIdx.x % kWarp); i < count; i += kReduceLanes) {
#pragma unroll
      for (int odd = 0; odd < 2; ++odd) {
        if (i + odd < count) {
          const int64_t index = begin + i + odd;
          const auto stored = read<Storage>(operands[1].data +
                                            place_of(operands[1], table.layouts, index) * kWidth);
          Storage base = {};
          Compute y = 0;
          if (kBased && same) {
            base = read<Storage>(operands[2].data +
                                 place_of(operands[2], table.layouts, index) * kWidth);
            y = static_cast<Compute>(Format<T>::decode(base));
          } else if (kBased) {
            y = load_element<Compute>(operands[2], table.layouts, DType::kStored, index);
            base = Format<T>::encode(y);
          }
          look<T, Compute, kBased>(seen, odd, stored, base, y);
        }
      }
    }
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      const auto low = __shfl_down_sync(kAllLanes, seen.range.least, half);
      const auto high = __shfl_down_sync(kAllLanes, seen.range.greatest, half);
      seen.range.least = low < seen.range.least ? low : seen.range.least;
      seen.range.greatest = high > seen.range.greatest ? high : seen.range.greatest;
      seen.range.nonfinite += __shfl_down_sync(kAllLanes, seen.range.nonfinite, half);
      seen.changed += __shfl_down_sync(kAllLanes, seen.changed, half);
#pragma unroll
      for (int odd = 0; odd < 2; ++odd) {
        seen.squares[odd] += __shfl_down_sync(kAllLanes, seen.squares[odd], half);
        seen.differences[odd] += __shfl_down_sync(kAllLanes, seen.differences[odd], half);
      }
    }
    if (threadIdx.x % kWarp == 0) {
      double* const results = reinterpret_cast<double*>(operands[0].data) +
                              chunk * (kBased ? kBasedStatistics : kStatistics);
      results[0] = number_of(seen.range.least);
      results[1] = number_of(seen.range.greatest);
      results[2] = canonical(seen.squares[0] + seen.squares[1]);
      results[3] = static_cast<double>(seen.range.nonfinite);
      if (kBased) {
        results[4] = canonical(seen.differences[0] + seen.differences[1]);
        results[5] = static_cast<double>(seen.changed);
      }
    }
  }
}

template <bool kBased>
void (*statistics_kernel_of(DType dtype, bool wide))(ReduceParams) {
  void (*kernel)(ReduceParams) = nullptr;
  with_dtype(dtype, [&]<DType T>() {
    if constexpr (T == DType::kF64) {
      kernel = statistics_kernel<T, double, kBased>;
    } else {
      kernel = wide ? statistics_kernel<T, double, kBased> : statistics_kernel<T, float, kBased>;
    }
  });
  return kernel;
}

View contiguous_view(double* data, int64_t elements) {
  View view = {};
  view.data = reinterpret_cast<unsigned char*>(data);
  view.dtype = DType::kF64;
  view.rank = 1;
  view.shape[0] = elements;
  view.strides[0] = 1;
  return view;
}

// The dtype whose kernel suits the reduction; kStored: the one for anything.
DType kernel_dtype(const ReduceItem& item, DType load) {
  const DType dtype = item.a.dtype;
  const auto pair = static_cast<uintptr_t>(2 * dtype_bytes(dtype));
  const bool pairs = (item.rows == 1 || item.row() % 2 == 0) && item.b.dtype == dtype &&
                     (load == DType::kStored || load == dtype) && aligned(item.a, pair) &&
                     aligned(item.b, pair);
  return pairs ? dtype : DType::kStored;
}

template <class S>
void (*kernel_of(DType dtype))(ReduceParams) {
  void (*kernel)(ReduceParams) = reduce_kernel<S, DType::kStored>;
  with_dtype(dtype, [&]<DType T>() { kernel = reduce_kernel<S, T>; });
  return kernel;
}

// One level, and those above it. S: this level's terms; Above: what chunks' results are reduced by.
template <class S, class Above>
void reduce(Queue& queue, const std::vector<Reduction>& reductions, DType load, bool root) {
  int64_t partials = 0;
  for (const Reduction& each : reductions) {
    const int64_t chunks = chunks_of(each.item.row());
    partials += chunks > 1 ? each.item.rows * chunks * S::kTerms : 0;
  }
  const Scratch memory(queue, partials * static_cast<int64_t>(sizeof(double)));
  double* free = memory.as<double>();
  std::vector<Reduction> above;
  std::map<DType, TableBuilder> tables;
  for (const Reduction& each : reductions) {
    const ReduceItem& item = each.item;
    if (item.rows == 0) {
      continue;
    }
    const int64_t chunks = item.rows * chunks_of(item.row());
    const bool last = chunks == item.rows;
    const View output = contiguous_view(last ? each.result : free, chunks * S::kTerms);
    for (int term = 0; !last && term < S::kTerms; ++term) {
      const View view = contiguous_view(free, chunks);
      above.push_back({{chunks, view, view, item.rows}, each.result + term * item.rows});
      free += chunks;
    }
    const View* const views[] = {&output, &item.a, &item.b};
    const double weights[] = {static_cast<double>(item.row()), item.parameter};
    tables.try_emplace(kernel_dtype(item, load), 3, kWeights)
        .first->second.add({item.elements, 0}, chunks, views, weights);
  }
  for (auto& [dtype, table] : tables) {
    ReduceParams params = {load, root, {}};
    table.finish(queue, params.table);
    const auto kernel = kernel_of<S>(dtype);
    const int64_t blocks = (table.units() + kWarps - 1) / kWarps;
    const int64_t resident = queue.resident_blocks(kernel, kThreads);
    launch(queue, kernel, std::min(blocks, resident), kThreads, params);
  }
  if (!above.empty()) {
    reduce<Above, Above>(queue, above, DType::kStored, root);
  }
}

template <class S, class Above>
void run(const Context& context, const ReduceBatch& batch, bool root) {
  Queue& queue = context.queue;
  // Results at an address that a double cannot have are made elsewhere and copied.
  struct Results {
    double* to;
    int64_t numbers;
    bool direct;
  };
  std::vector<Results> results;
  int64_t moved = 0;
  const auto add_results = [&](double* to, int64_t numbers) {
    const bool direct = reinterpret_cast<uintptr_t>(to) % alignof(double) == 0;
    results.push_back({to, numbers, direct});
    moved += direct ? 0 : numbers;
  };
  if (batch.results != nullptr) {
    add_results(batch.results, batch.count * S::kTerms);
  } else {
    for (int64_t k = 0; k < batch.count; ++k) {
      add_results(batch.items[k].results, batch.items[k].rows);
    }
  }
  const Scratch elsewhere(queue, moved * static_cast<int64_t>(sizeof(double)));
  double* free = elsewhere.as<double>();
  std::vector<double*> made;
  for (const Results& each : results) {
    made.push_back(each.direct ? each.to : free);
    free += each.direct ? 0 : each.numbers;
  }
  std::vector<Reduction> reductions;
  for (int64_t k = 0; k < batch.count; ++k) {
    reductions.push_back({batch.items[k], batch.results != nullptr ? made[0] + k * S::kTerms
                                                                   : made[static_cast<size_t>(k)]});
  }
  reduce<S, Above>(queue, reductions, batch.load, root);
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].direct && results[i].numbers > 0) {
      check(cudaMemcpyAsync(results[i].to, made[i],
                            static_cast<size_t>(results[i].numbers) * sizeof(double),
                            cudaMemcpyDeviceToDevice, queue.stream()),
            "copy the results");
    }
  }
}

using Values = Sums<Term::kValue>;
using Largest = Sums<Term::kLargest>;
using Dots = Sums<Term::kSquare, Term::kProduct, Term::kSquare>;

}  // namespace

void reduce_dots(Queue& queue, const std::vector<Reduction>& reductions, DType load) {
  reduce<Dots, Values>(queue, reductions, load, false);
}

void reduce_sums(Queue& queue, const std::vector<Reduction>& reductions) {
  reduce<Values, Values>(queue, reductions, DType::kStored, false);
}

void sum(const Context& context, const ReduceBatch& batch) {
  run<Values, Values>(context, batch, false);
}

void norm_l1(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kMagnitude>, Values>(context, batch, false);
}

void norm_l2(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kSquare>, Values>(context, batch, true);
}

void norm_max(const Context& context, const ReduceBatch& batch) {
  run<Largest, Largest>(context, batch, false);
}

void dot(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kProduct>, Values>(context, batch, false);
}

void dots(const Context& context, const ReduceBatch& batch) {
  run<Dots, Values>(context, batch, false);
}

void moments(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kValue, Term::kSquare, Term::kCube, Term::kFourthPower>, Values>(context, batch,
                                                                                  false);
}

void count(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kFinite, Term::kInfinite, Term::kNan, Term::kAbove>, Values>(context, batch,
                                                                              false);
}

void fisher_statistics(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kValue, Term::kSquare, Term::kNegative, Term::kNonfinite>, Values>(context, batch,
                                                                                    false);
}

void masked_sum(const Context& context, const ReduceBatch& batch) {
  run<Sums<Term::kMasked>, Values>(context, batch, false);
}

void chunk_statistics(const Context& context, const StatisticsBatch& batch) {
  Queue& queue = context.queue;
  const int64_t numbers = batch.based ? kBasedStatistics : kStatistics;
  // Results at an address that a double cannot have are made elsewhere and copied.
  const auto astray = [](const ReduceItem& item) {
    return reinterpret_cast<uintptr_t>(item.results) % alignof(double) != 0;
  };
  const auto size = [&](const ReduceItem& item) {
    return item.elements > 0 ? chunks_of(item.elements) * numbers : 0;
  };
  int64_t moved = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    moved += astray(batch.items[k]) ? size(batch.items[k]) : 0;
  }
  const Scratch elsewhere(queue, moved * static_cast<int64_t>(sizeof(double)));
  double* free = elsewhere.as<double>();
  std::vector<std::pair<const ReduceItem*, double*>> made;
  std::map<std::pair<DType, bool>, TableBuilder> tables;
  for (int64_t k = 0; k < batch.count; ++k) {
    const ReduceItem& item = batch.items[k];
    if (item.elements == 0) {
      continue;
    }
    double* results = item.results;
    if (astray(item)) {
      results = free;
      made.emplace_back(&item, results);
      free += size(item);
    }
    const View output = contiguous_view(results, size(item));
    const View* const views[] = {&output, &item.a, &item.b};
    const bool wide = item.a.dtype == DType::kF64 || (batch.based && item.b.dtype == DType::kF64);
    tables.try_emplace({item.a.dtype, wide}, 3, 0)
        .first->second.add({item.elements, k}, chunks_of(item.elements), views, nullptr);
  }
  for (auto& [key, table] : tables) {
    ReduceParams params = {DType::kStored, false, {}};
    table.finish(queue, params.table);
    const auto kernel = batch.based ? statistics_kernel_of<true>(key.first, key.second)
                                    : statistics_kernel_of<false>(key.first, key.second);
    const int64_t blocks = (table.units() + kWarps - 1) / kWarps;
    const int64_t resident = queue.resident_blocks(kernel, kThreads);
    launch(queue, kernel, std::min(blocks, resident), kThreads, params);
  }
  for (const auto& [item, results] : made) {
    check(cudaMemcpyAsync(item->results, results, static_cast<size_t>(size(*item)) * sizeof(double),
                          cudaMemcpyDeviceToDevice, queue.stream()),
          "copy the results");
  }
}

}  // namespace sinter::cuda

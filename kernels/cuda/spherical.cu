// SPDX-License-Identifier: Apache-2.0
//
// Averages on the sphere: Gram matrices in one pass, one thread per vector for its coefficients, and
// weighted sums; bound by memory: twice the inputs and the output.
//
// A warp reduces a chunk of 4096 elements of one vector; each of its threads keeps two neighbouring
// lanes of the 64 for each pair of models, as in reduce.cu. Many models are cut into groups of four
// and their pairs into tiles of two groups; a chunk's tiles are neighbouring units, so that all but
// the first find it in the caches.
#include "formula/spherical.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/interpolate.cuh"
#include "cuda/launch.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"
#include "spherical_batch.h"

namespace sinter::cuda {
namespace {

constexpr int kWarps = kThreads / kWarp;

static_assert(kReduceLanes == 2 * kWarp);

// ---- Gram matrices: the first level --------------------------------------------------------------

// Constant over the grid. Entries' elements are a vector's length; operand 0 is where pair p of
// vector v puts the result of chunk c: [v][p][c].
struct GramParams {
  DType load;
  DType delta;
  int32_t models;
  int32_t tiles;  // of each chunk
  bool base;
  // Where a base that is not finite is recorded; null: nowhere.
  unsigned long long* failure;
  unsigned long long operation;
  Table table;
};

using GramKernel = void (*)(GramParams);

// The pairs of one tile: of a group with itself (the upper triangle), or of two groups.
template <int kModels, bool kSquare>
struct Tile {
  static constexpr int kPairs = kSquare ? kModels * kModels : kModels * (kModels + 1) / 2;

  double even[kPairs];
  double odd[kPairs];

  // Elements (2 t, 2 t + 1) of the rows' and of the columns' models.
  __device__ __forceinline__ void add(const double (&x)[kModels][2],
                                      const double (&y)[kModels][2]) {
    int p = 0;
#pragma unroll
    for (int i = 0; i < kModels; ++i) {
#pragma unroll
      for (int j = kSquare ? 0 : i; j < kModels; ++j, ++p) {
        even[p] = accumulate<Term::kProduct>(even[p], x[i][0], y[j][0]);
        odd[p] = accumulate<Term::kProduct>(odd[p], x[i][1], y[j][1]);
      }
    }
  }
};

// The numbers of a group's models; past the last they are that one again.
template <int kModels>
struct ModelGroup {
  int at[kModels];

  __device__ __forceinline__ ModelGroup(int group, int models) {
#pragma unroll
    for (int i = 0; i < kModels; ++i) {
      const int k = group * kModels + i;
      at[i] = k < models ? k : models - 1;
    }
  }
};

// Adds elements [begin, begin + count) from contiguous operands of dtype T whose pairs are aligned.
template <DType T, int kModels, bool kSquare>
SINTER_DEVICE void add_pairs(const GramParams& params, const Operand* operands,
                             const ModelGroup<kModels>& rows, const ModelGroup<kModels>& columns,
                             int64_t begin, int count, Tile<kModels, kSquare>& tile) {
  using Storage = typename Format<T>::Storage;
  using Pair = Packet<Storage, 2>;
  // Pairs of each operand in flight.
  constexpr int kCount = (kModels <= 2 ? 8
                          : kSquare    ? 2
                                       : 4) /
                         (sizeof(Storage) > 2 && kModels > 2 ? 2 : 1);
  const int lane = threadIdx.x % kWarp;
  const Operand* const models = operands + (params.base ? 1 : 0);
  const bool same = !kSquare || rows.at[0] == columns.at[0];
  const bool rounded = params.delta == T;
  const auto of = [&](const Operand& operand) {
    return reinterpret_cast<const Pair*>(operand.data) + begin / 2 + lane;
  };
  const auto value = [&](Storage x, Storage base) {
    const float decoded = Format<T>::decode(x);
    if (!params.base) {
      return static_cast<double>(decoded);
    }
    const float d = task_delta<float>(decoded, Format<T>::decode(base), DType::kStored);
    return static_cast<double>(rounded ? round_through<T>(d) : d);
  };
  const auto add = [&](const Pair(&x)[kModels], const Pair(&y)[kModels], const Pair& base) {
    double a[kModels][2], b[kModels][2];
#pragma unroll
    for (int i = 0; i < kModels; ++i) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        b[i][e] = value(y[i].values[e], base.values[e]);
        a[i][e] = kSquare && !same ? value(x[i].values[e], base.values[e]) : b[i][e];
      }
    }
    tile.add(a, b);
  };
  const int whole = count / kReduceLanes;
  int row = 0;
  for (; row + kCount <= whole; row += kCount) {
    Pair x[kCount][kModels] = {}, y[kCount][kModels], base[kCount] = {};
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      const int at = (row + c) * kWarp;
      if (params.base) {
        base[c] = of(operands[0])[at];
      }
#pragma unroll
      for (int i = 0; i < kModels; ++i) {
        y[c][i] = of(models[columns.at[i]])[at];
        if (kSquare && !same) {
          x[c][i] = of(models[rows.at[i]])[at];
        }
      }
    }
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      add(x[c], y[c], base[c]);
    }
  }
  // The last rows, of which the very last may be short: what is past it is zero, and adds none.
  for (int i = row * kReduceLanes + 2 * lane; i < count; i += kReduceLanes) {
    const auto last = [&](const Operand& operand) {
      const auto* const from = reinterpret_cast<const Storage*>(operand.data) + begin + i;
      Pair pair = {};
      pair.values[0] = from[0];
      if (i + 1 < count) {
        pair.values[1] = from[1];
      }
      return pair;
    };
    Pair x[kModels] = {}, y[kModels], base = {};
    if (params.base) {
      base = last(operands[0]);
    }
#pragma unroll
    for (int k = 0; k < kModels; ++k) {
      y[k] = last(models[columns.at[k]]);
      if (kSquare && !same) {
        x[k] = last(models[rows.at[k]]);
      }
    }
    add(x, y, base);
  }
}

// Element `index` of a model, or its difference from the base.
template <class Compute>
static __device__ double any_element(const GramParams& params, const Operand& model,
                                     const Layout* layouts, Compute base, int64_t index) {
  const Compute x = load_element<Compute>(model, layouts, params.load, index);
  return static_cast<double>(params.base ? task_delta<Compute>(x, base, params.delta) : x);
}

template <class Compute, int kModels, bool kSquare>
SINTER_DEVICE void add_any(const GramParams& params, const Operand* operands, const Layout* layouts,
                           const ModelGroup<kModels>& rows, const ModelGroup<kModels>& columns,
                           int64_t begin, int count, Tile<kModels, kSquare>& tile) {
  const Operand* const models = operands + (params.base ? 1 : 0);
  const bool same = !kSquare || rows.at[0] == columns.at[0];
  for (int i = 2 * (threadIdx.x % kWarp); i < count; i += kReduceLanes) {
    double x[kModels][2], y[kModels][2];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const bool there = i + e < count;
      const int64_t index = begin + i + e;
      const Compute base = params.base && there
                               ? load_element<Compute>(operands[0], layouts, params.load, index)
                               : Compute(0);
#pragma unroll
      for (int k = 0; k < kModels; ++k) {
        y[k][e] = there ? any_element(params, models[columns.at[k]], layouts, base, index) : 0.0;
        x[k][e] = same    ? y[k][e]
                  : there ? any_element(params, models[rows.at[k]], layouts, base, index)
                          : 0.0;
      }
    }
    tile.add(x, y);
  }
}

// The whole warp: whether one of its elements of the base is not finite.
SINTER_DEVICE bool base_nonfinite(const GramParams& params, const Operand& base,
                                  const Layout* layouts, int64_t begin, int count) {
  bool found = false;
  for (int i = threadIdx.x % kWarp; i < count; i += kWarp) {
    found |= Format<DType::kF64>::nonfinite(
                 load_element<double>(base, layouts, params.load, begin + i)) != 0;
  }
  return __ballot_sync(kAllLanes, found) != 0;
}

// Blocks per multiprocessor that registers are shared out for.
template <int kModels, bool kSquare>
constexpr int kGramBlocks = kModels <= 2 ? 3 : 2;

// T: all operands are contiguous, aligned to pairs, and of that dtype; kStored: anything.
template <DType T, int kModels, bool kSquare, class Compute>
__global__ void __launch_bounds__(kThreads, kGramBlocks<kModels, kSquare>)
    gram_kernel(const __grid_constant__ GramParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t worker = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t workers = int64_t{gridDim.x} * kWarps;
  int64_t unit = share(params.table.units, worker, workers);
  const int64_t stop = share(params.table.units, worker + 1, workers);
  if (unit == stop) {
    return;
  }
  const int groups = (params.models + kModels - 1) / kModels;
  const int64_t pairs = gram_pairs(params.models);
  int64_t k = entry_of(table.first, params.table.count, unit);
  for (; unit < stop; ++unit) {
    while (table.first[k + 1] <= unit) {
      ++k;
    }
    const Entry entry = table.entries[k];
    const Operand* const operands = table.operands + k * params.table.operands;
    const int64_t chunks = gram_chunks(entry.elements, kReduceChunk);
    const int64_t within = unit - table.first[k];
    const int64_t chunk_of_all = within / params.tiles;
    int column = static_cast<int>(within - chunk_of_all * params.tiles);
    int row = 0;
    for (; column >= groups - row; ++row) {
      column -= groups - row;
    }
    column += row;
    const int64_t vector = chunk_of_all / chunks;
    const int64_t chunk = chunk_of_all - vector * chunks;
    const int64_t left = entry.elements - chunk * kReduceChunk;
    const int count = static_cast<int>(left < kReduceChunk ? left : kReduceChunk);
    const int64_t begin = vector * entry.elements + chunk * kReduceChunk;
    const ModelGroup<kModels> rows(row, params.models);
    const ModelGroup<kModels> columns(column, params.models);
    Tile<kModels, kSquare> tile = {};
    if constexpr (T == DType::kStored) {
      add_any<Compute>(params, operands + 1, table.layouts, rows, columns, begin, count, tile);
    } else {
      add_pairs<T>(params, operands + 1, rows, columns, begin, count, tile);
    }
    double* const results = reinterpret_cast<double*>(operands[0].data) + vector * pairs * chunks;
    int nonfinite = 0;
    int p = 0;
#pragma unroll
    for (int i = 0; i < kModels; ++i) {
#pragma unroll
      for (int j = kSquare ? 0 : i; j < kModels; ++j, ++p) {
        // Lane l takes lane l + half; lanes 2 t and 2 t + 1 are this thread's.
        double x = tile.even[p];
        double y = tile.odd[p];
#pragma unroll
        for (int half = kWarp / 2; half > 0; half /= 2) {
          x = combine<Term::kProduct>(x, __shfl_down_sync(kAllLanes, x, half));
          y = combine<Term::kProduct>(y, __shfl_down_sync(kAllLanes, y, half));
        }
        const int a = row * kModels + i;
        const int b = column * kModels + j;
        if (threadIdx.x % kWarp == 0 && a <= b && b < params.models) {
          double value = combine<Term::kProduct>(x, y);
          nonfinite |= a == b ? static_cast<int>(Format<DType::kF64>::nonfinite(value)) : 0;
          if (chunks == 1) {
            value = canonical(value);
          }
          results[gram_pair(a, b, params.models) * chunks + chunk] = value;
        }
      }
    }
    if (params.failure != nullptr && params.base && __shfl_sync(kAllLanes, nonfinite, 0) != 0 &&
        base_nonfinite(params, operands[1], table.layouts, begin, count) &&
        threadIdx.x % kWarp == 0) {
      record_failure(params.failure, params.operation, entry.index, 0);
    }
  }
}

// ---- Gram matrices: the levels above -------------------------------------------------------------

// Entries' elements are how many values become one; operand 0 takes the results, operand 1 holds the
// values: [products][values].
__global__ void __launch_bounds__(kThreads) fold_kernel(const __grid_constant__ Table argument) {
  const Descriptors table = descriptors(argument);
  const int64_t worker = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t workers = int64_t{gridDim.x} * kWarps;
  int64_t unit = share(argument.units, worker, workers);
  const int64_t stop = share(argument.units, worker + 1, workers);
  if (unit == stop) {
    return;
  }
  int64_t k = entry_of(table.first, argument.count, unit);
  for (; unit < stop; ++unit) {
    while (table.first[k + 1] <= unit) {
      ++k;
    }
    const int64_t values = table.entries[k].elements;
    const int64_t chunks = gram_chunks(values, kReduceChunk);
    const int64_t product = (unit - table.first[k]) / chunks;
    const int64_t chunk = unit - table.first[k] - product * chunks;
    const int64_t left = values - chunk * kReduceChunk;
    const int count = static_cast<int>(left < kReduceChunk ? left : kReduceChunk);
    const double* const from = reinterpret_cast<const double*>(table.operands[2 * k + 1].data) +
                               product * values + chunk * kReduceChunk;
    double x = 0.0;
    double y = 0.0;
    for (int i = 2 * (threadIdx.x % kWarp); i < count; i += kReduceLanes) {
      x += from[i];
      if (i + 1 < count) {
        y += from[i + 1];
      }
    }
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      x += __shfl_down_sync(kAllLanes, x, half);
      y += __shfl_down_sync(kAllLanes, y, half);
    }
    if (threadIdx.x % kWarp == 0) {
      reinterpret_cast<double*>(table.operands[2 * k].data)[product * chunks + chunk] =
          chunks == 1 ? canonical(x + y) : x + y;
    }
  }
}

// Whole matrices from their upper triangles; operand 0 takes them, operand 1 holds the triangles; a
// unit is an element.
__global__ void __launch_bounds__(kThreads)
    expand_kernel(const __grid_constant__ Table argument, int32_t models) {
  const Descriptors table = descriptors(argument);
  const int64_t unit = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (unit >= argument.units) {
    return;
  }
  const int64_t k = entry_of(table.first, argument.count, unit);
  const int64_t at = unit - table.first[k];
  const int64_t square = int64_t{models} * models;
  const int64_t vector = at / square;
  const int64_t i = (at - vector * square) / models;
  const int64_t j = at % models;
  const auto* const triangles = reinterpret_cast<const double*>(table.operands[2 * k + 1].data);
  write(table.operands[2 * k].data + at * static_cast<int64_t>(sizeof(double)),
        triangles[vector * gram_pairs(models) + gram_pair(i, j, models)]);
}

// ---- Coefficients --------------------------------------------------------------------------------

// Entries' elements, and their units, are vectors; operand 0 takes coefficients, operand 1 holds the
// Gram matrices' upper triangles.
struct CoefficientParams {
  SphericalOptions options;
  int32_t models;
  bool base;
  bool columns;
  double* rooms;   // karcher: kKarcherRoom * models for each batch entry
  Counts* counts;  // of the batch, or null
  unsigned long long* failure;
  unsigned long long operation;
  Table table;
};

__global__ void __launch_bounds__(kThreads)
    coefficients_kernel(const __grid_constant__ CoefficientParams params) {
  const Descriptors table = descriptors(params.table);
  const int64_t unit = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (unit >= params.table.units) {
    return;
  }
  const int64_t k = entry_of(table.first, params.table.count, unit);
  const Entry entry = table.entries[k];
  const int64_t vector = unit - table.first[k];
  const int64_t models = params.models;
  const Gram gram = {
      reinterpret_cast<const double*>(table.operands[2 * k + 1].data) + vector * gram_pairs(models),
      params.models};
  const int32_t nonfinite = first_nonfinite(gram);
  if (nonfinite >= 0) {
    record_failure(params.failure, params.operation, entry.index,
                   nonfinite + (params.base ? 1 : 0));
    return;
  }
  double* const mine = reinterpret_cast<double*>(table.operands[2 * k].data);
  const CoefficientsOut out = params.columns ? CoefficientsOut{mine + vector, entry.elements}
                                             : CoefficientsOut{mine + vector * models, 1};
  double* const room =
      params.rooms == nullptr ? nullptr : params.rooms + entry.index * kKarcherRoom * models;
  const Outcome outcome =
      coefficients(params.options, gram, table.weights + k * params.table.weights, room, out);
  if (outcome == Outcome::kUndefined) {
    record_failure(params.failure, params.operation, entry.index, kUndefined);
  } else if (outcome == Outcome::kFallback && params.counts != nullptr) {
    atomicAdd(&params.counts[entry.index].fallbacks, 1.0);
  }
}

// ---- Weighted sums with coefficients per vector --------------------------------------------------

// Of one batch entry, as ElementwiseParams::formula has them.
struct VectorSums {
  const double* coefficients;
  int64_t vectors;
  int64_t length;
  bool columns;
};

// Elements one by one, whatever their layout: a vector may start anywhere.
template <class Compute, bool kBase>
struct VectorSum {
  VectorSums sums;
  int models;
  DType delta;

  __device__ __forceinline__ VectorSum(const Descriptors& table, const ElementwiseParams& params,
                                       int64_t k)
      : sums(static_cast<const VectorSums*>(params.formula)[table.entries[k].index]),
        models(params.table.operands - (kBase ? 2 : 1)),
        delta(params.delta) {}

  template <int N>
  __device__ __forceinline__ void operator()(const AnyInput& input, Compute (&out)[N]) const {
    const double* weights[N];
#pragma unroll
    for (int c = 0; c < N; ++c) {
      const int64_t index = input.at + c * kThreads;
      const bool there = c * kThreads < input.left;
      weights[c] = sums.coefficients + (!there         ? 0
                                        : sums.columns ? index % sums.vectors
                                                       : index / sums.length * models);
    }
    const int64_t step = sums.columns ? sums.vectors : 1;
    Compute base[N] = {};
    if constexpr (kBase) {
      input(0, base);
    }
    for (int k = 0; k < models; ++k) {
      Compute x[N];
      input(k + (kBase ? 1 : 0), x);
#pragma unroll
      for (int c = 0; c < N; ++c) {
        const auto w = static_cast<Compute>(weights[c][k * step]);
        const Compute d = kBase ? task_delta<Compute>(x[c], base[c], delta) : x[c];
        out[c] = k == 0 ? weighted(w, d) : add_weighted(w, d, out[c]);
      }
    }
#pragma unroll
    for (int c = 0; c < N; ++c) {
      out[c] = kBase ? add_to_base(base[c], out[c]) : out[c];
    }
  }
};

template <class Compute>
using VectorLinear = VectorSum<Compute, false>;
template <class Compute>
using VectorTask = VectorSum<Compute, true>;

template <template <class> class Formula>
ElementwiseKernel vector_sum_kernel(const Group& group) {
  return group.dtype == DType::kF64 ? any_kernel<Formula, double> : any_kernel<Formula, float>;
}

// ---- The host's side -----------------------------------------------------------------------------

View doubles(double* data, int64_t count) {
  View view = {};
  view.data = reinterpret_cast<unsigned char*>(data);
  view.dtype = DType::kF64;
  view.rank = 1;
  view.shape[0] = count;
  view.strides[0] = 1;
  return view;
}

int64_t blocks_of(int64_t units) { return (units + kThreads - 1) / kThreads; }

// The dtype whose kernel suits an entry; kStored: the one for anything.
DType kernel_dtype(const GramBatch& batch, const GramItem& item) {
  const DType dtype = item.operands[0].dtype;
  const bool rounded = batch.base && batch.delta != DType::kStored && batch.delta != DType::kF32 &&
                       batch.delta != dtype;
  bool pairs = (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) &&
               (batch.load == DType::kStored || batch.load == dtype) && !rounded &&
               (item.vectors == 1 || item.length % 2 == 0);
  const auto bytes = static_cast<uintptr_t>(2 * dtype_bytes(dtype));
  for (int32_t i = 0; i < batch.models + (batch.base ? 1 : 0); ++i) {
    pairs = pairs && item.operands[i].dtype == dtype && aligned(item.operands[i], bytes);
  }
  return pairs ? dtype : DType::kStored;
}

// Models in a tile's groups, as kernel_of's kernels have them.
int group_of_models(DType dtype, int32_t models) {
  return models <= 2 ? 2 : models == 3 && dtype != DType::kStored ? 3 : 4;
}

GramKernel kernel_of(DType dtype, bool wide, int32_t models) {
  if (dtype == DType::kStored) {
    if (models <= 2) {
      return wide ? gram_kernel<DType::kStored, 2, false, double>
                  : gram_kernel<DType::kStored, 2, false, float>;
    }
    return wide ? gram_kernel<DType::kStored, 4, true, double>
                : gram_kernel<DType::kStored, 4, true, float>;
  }
  const auto pick = [&]<DType T>() -> GramKernel {
    switch (models) {
      case 1:
      case 2:
        return gram_kernel<T, 2, false, float>;
      case 3:
        return gram_kernel<T, 3, false, float>;
      case 4:
        return gram_kernel<T, 4, false, float>;
      default:
        return gram_kernel<T, 4, true, float>;
    }
  };
  return dtype == DType::kF32   ? pick.template operator()<DType::kF32>()
         : dtype == DType::kF16 ? pick.template operator()<DType::kF16>()
                                : pick.template operator()<DType::kBF16>();
}

// Gram matrices of a batch, on their way; the memory lives as long as this.
class Grams {
 public:
  Grams(Queue& queue, const GramBatch& batch)
      : queue_(queue), batch_(batch), pairs_(gram_pairs(batch.models)), memory_(queue, bytes()) {}

  // The upper triangles of entry k's vectors, side by side.
  double* triangles(int64_t k) const { return memory_.as<double>() + at_[static_cast<size_t>(k)]; }

  // failure null: what is not finite is nobody's fault.
  void reduce(unsigned long long* failure, unsigned long long operation) {
    // What is left to reduce: one number of each product's, and where they are.
    struct Level {
      int64_t k;
      double* values;
    };
    std::vector<int64_t> lengths;
    int64_t partials = 0;
    for (int64_t k = 0; k < batch_.count; ++k) {
      const GramItem& item = batch_.items[k];
      lengths.push_back(gram_chunks(item.length, kReduceChunk));
      partials += lengths.back() > 1 ? item.vectors * pairs_ * lengths.back() : 0;
    }
    // Two levels' values at a time.
    const Scratch first(queue_, partials * static_cast<int64_t>(sizeof(double)));
    double* free = first.as<double>();
    std::vector<Level> levels;
    std::map<std::pair<DType, bool>, TableBuilder> tables;
    const int32_t operands = 2 + (batch_.base ? 1 : 0) + batch_.models - 1;
    for (int64_t k = 0; k < batch_.count; ++k) {
      const GramItem& item = batch_.items[k];
      if (item.vectors == 0) {
        continue;
      }
      const int64_t chunks = lengths[static_cast<size_t>(k)];
      double* const values = chunks == 1 ? triangles(k) : free;
      if (chunks > 1) {
        levels.push_back({k, values});
        free += item.vectors * pairs_ * chunks;
      }
      const DType dtype = kernel_dtype(batch_, item);
      const View output = doubles(values, item.vectors * pairs_ * chunks);
      std::vector<const View*> views = {&output};
      for (int32_t i = 0; i < operands - 1; ++i) {
        views.push_back(&item.operands[i]);
      }
      tables.try_emplace({dtype, dtype == DType::kStored && item.wide}, operands, 0)
          .first->second.add({item.length, k}, item.vectors * chunks * tiles(dtype), views.data(),
                             nullptr);
    }
    for (auto& [kind, table] : tables) {
      GramParams params = {
          batch_.load, batch_.delta, batch_.models, static_cast<int32_t>(tiles(kind.first)),
          batch_.base, failure,      operation,     {}};
      table.finish(queue_, params.table);
      const GramKernel kernel = kernel_of(kind.first, kind.second, batch_.models);
      launch(queue_, kernel,
             std::min<int64_t>((table.units() + kWarps - 1) / kWarps,
                               queue_.resident_blocks(kernel, kThreads)),
             kThreads, params);
    }
    std::vector<std::unique_ptr<Scratch>> above;
    while (!levels.empty()) {
      int64_t next = 0;
      for (const Level& level : levels) {
        const int64_t chunks = gram_chunks(lengths[static_cast<size_t>(level.k)], kReduceChunk);
        next += chunks > 1 ? batch_.items[level.k].vectors * pairs_ * chunks : 0;
      }
      above.push_back(
          std::make_unique<Scratch>(queue_, next * static_cast<int64_t>(sizeof(double))));
      free = above.back()->as<double>();
      TableBuilder table(2, 0);
      std::vector<Level> left;
      for (const Level& level : levels) {
        int64_t& length = lengths[static_cast<size_t>(level.k)];
        const int64_t products = batch_.items[level.k].vectors * pairs_;
        const int64_t chunks = gram_chunks(length, kReduceChunk);
        double* const values = chunks == 1 ? triangles(level.k) : free;
        if (chunks > 1) {
          left.push_back({level.k, values});
          free += products * chunks;
        }
        const View to = doubles(values, products * chunks);
        const View from = doubles(level.values, products * length);
        const View* const views[] = {&to, &from};
        table.add({length, level.k}, products * chunks, views, nullptr);
        length = chunks;
      }
      Table argument = {};
      table.finish(queue_, argument);
      launch(queue_, fold_kernel,
             std::min<int64_t>((table.units() + kWarps - 1) / kWarps,
                               queue_.resident_blocks(fold_kernel, kThreads)),
             kThreads, argument);
      levels = std::move(left);
    }
  }

 private:
  int64_t tiles(DType dtype) const {
    const int64_t size = group_of_models(dtype, batch_.models);
    return gram_pairs((batch_.models + size - 1) / size);
  }

  int64_t bytes() {
    at_.push_back(0);
    for (int64_t k = 0; k < batch_.count; ++k) {
      at_.push_back(at_.back() + batch_.items[k].vectors * pairs_);
    }
    return at_.back() * static_cast<int64_t>(sizeof(double));
  }

  Queue& queue_;
  const GramBatch& batch_;
  const int64_t pairs_;
  std::vector<int64_t> at_;
  const Scratch memory_;
};

}  // namespace

void gram(const Context& context, const GramBatch& batch) {
  Queue& queue = context.queue;
  Grams grams(queue, batch);
  grams.reduce(nullptr, 0);
  TableBuilder table(2, 0);
  const int64_t square = int64_t{batch.models} * batch.models;
  for (int64_t k = 0; k < batch.count; ++k) {
    const GramItem& item = batch.items[k];
    if (item.vectors > 0) {
      const View to = doubles(item.result, item.vectors * square);
      const View from = doubles(grams.triangles(k), item.vectors * gram_pairs(batch.models));
      const View* const views[] = {&to, &from};
      table.add({item.vectors, k}, item.vectors * square, views, nullptr);
    }
  }
  if (table.units() > 0) {
    Table argument = {};
    table.finish(queue, argument);
    launch(queue, expand_kernel, blocks_of(table.units()), kThreads, argument, batch.models);
  }
}

void spherical(const Context& context, const SphericalBatch& batch) {
  Queue& queue = context.queue;
  const Batch& sums = batch.sums;
  const int64_t models = batch.gram.models;
  const bool base = batch.gram.base;
  const bool whole = batch.vectors == Vectors::kWhole;
  const bool karcher = batch.options.method == SphericalMethod::kKarcher;
  Grams grams(queue, batch.gram);
  // Coefficients of whole tensors stand at the tensor's index in the batch.
  std::vector<int64_t> at{0};
  for (int64_t k = 0; k < sums.count; ++k) {
    at.push_back(at.back() + (whole ? 1 : batch.gram.items[k].vectors) * models);
  }
  constexpr auto kDouble = static_cast<int64_t>(sizeof(double));
  const Scratch coefficients(queue, at.back() * kDouble);
  const Scratch rooms(queue, karcher ? sums.count * kKarcherRoom * models * kDouble : 0);
  const Scratch formulas(queue, whole ? 0 : sums.count * static_cast<int64_t>(sizeof(VectorSums)));
  ElementwiseRun run(queue, sums, 0,
                     whole  ? (base ? task_arithmetic_kernel : linear_kernel)
                     : base ? vector_sum_kernel<VectorTask>
                            : vector_sum_kernel<VectorLinear>);

  TableBuilder table(2, batch.options.method == SphericalMethod::kNuslerp      ? 1
                        : batch.options.method == SphericalMethod::kMultislerp ? batch.gram.models
                                                                               : 0);
  std::vector<std::string> names;
  std::vector<VectorSums> descriptions;
  for (int64_t k = 0; k < sums.count; ++k) {
    const GramItem& item = batch.gram.items[k];
    double* const mine = coefficients.as<double>() + at[static_cast<size_t>(k)];
    names.emplace_back(sums.items[k].name != nullptr ? sums.items[k].name : "");
    descriptions.push_back({mine, item.vectors, item.length, batch.vectors == Vectors::kColumns});
    if (item.vectors > 0) {
      const View to = doubles(mine, item.vectors * models);
      const View from = doubles(grams.triangles(k), item.vectors * gram_pairs(models));
      const View* const views[] = {&to, &from};
      table.add({item.vectors, k}, item.vectors, views, sums.items[k].weights);
    }
  }
  if (table.units() > 0) {
    if (!whole) {
      queue.upload(formulas.as<void>(), descriptions.data(),
                   sums.count * static_cast<int64_t>(sizeof(VectorSums)));
    }
    unsigned long long* const failure = queue.failure_place();
    const unsigned long long operation = queue.watch(*batch.statistic, std::move(names));
    grams.reduce(failure, operation);
    CoefficientParams params = {batch.options,
                                batch.gram.models,
                                base,
                                batch.vectors == Vectors::kColumns,
                                karcher ? rooms.as<double>() : nullptr,
                                run.clear_counts(),
                                failure,
                                operation,
                                {}};
    table.finish(queue, params.table);
    launch(queue, coefficients_kernel, blocks_of(table.units()), kThreads, params);
  }
  run.launch(whole ? coefficients.as<const void>() : formulas.as<const void>());
}

}  // namespace sinter::cuda

// SPDX-License-Identifier: Apache-2.0
//
// Mixtures of thinned-out task vectors, bound by memory once it is known what is kept: N + 2 elements
// moved per output. Whatever has to be known of whole tensors first (selections, norms, ranks) stays
// on the device: small kernels, a thread for each tensor and model, turn it into descriptors.
#include "formula/sparse.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cuda/launch.h"
#include "cuda/random.cuh"
#include "failure.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"

namespace sinter::cuda {
namespace {

// What stands at ElementwiseParams::formula, the thinnings [count][models] behind it.
struct alignas(16) SparseHeader {
  bool plain_election;
  bool normalize;
  bool factors;  // lists are of factors, not of bits
};

SINTER_DEVICE const Thinning* thinnings_of(const SparseHeader* header) {
  return reinterpret_cast<const Thinning*>(header + 1);
}

// Whether an element is kept. Where what is kept has factors of its own, d is multiplied.
template <class Compute>
SINTER_DEVICE bool kept(const Thinning& thinning, bool factors, int64_t index, uint32_t word,
                        Compute& d) {
  switch (thinning.keep) {
    case Keep::kMagnitude: {
      const auto bits = static_cast<int64_t>(magnitude_bits(d));
      return above(thinning.inside, bits, index) & !above(thinning.outside, bits, index);
    }
    case Keep::kRandom:
      return word < thinning.words;
    case Keep::kListed:
      if (factors) {
        const Compute factor = static_cast<const Compute*>(thinning.list)[index];
        d = factor != Compute(0) ? d * factor : d;
        return factor != Compute(0);
      }
      return (static_cast<const uint32_t*>(thinning.list)[index / 32] >> index % 32 & 1u) != 0;
    default:
      return true;
  }
}

// The mixtures' common part: model after model, d[N] and the bits of those that are kept.
template <class Compute>
struct Sparse {
  static constexpr int kVectors = 1;
  static constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

  const SparseHeader* header;
  const Thinning* thinnings;
  const double* weights;
  int models;
  DType delta;

  __device__ __forceinline__ Sparse(const Descriptors& table, const ElementwiseParams& params,
                                    int64_t k)
      : header(static_cast<const SparseHeader*>(params.formula)),
        weights(table.weights + k * params.table.weights),
        models(params.table.weights - 1),
        delta(params.delta == kNative ? DType::kStored : params.delta) {
    thinnings = thinnings_of(header) + table.entries[k].index * models;
  }

  template <class Input, int N>
  __device__ __forceinline__ uint32_t thin(const Input& input, int m, const Compute (&base)[N],
                                           Compute (&d)[N]) const {
    const Thinning& thinning = thinnings[m];
    input(1 + m, d);
    uint32_t words[N] = {};
    if (thinning.keep == Keep::kRandom) {
      random_words(thinning.key, input, words);
    }
    const auto factor = static_cast<Compute>(thinning.factor);
    uint32_t mask = 0;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      d[j] = difference<Input>(d[j], base[j]);
      // Elements behind the last one are not in a list.
      const bool keep = inside<Input>(input, j) &&
                        kept(thinning, header->factors, input.index(j), words[j], d[j]);
      d[j] = thinned(keep, d[j], factor);
      mask |= static_cast<uint32_t>(keep) << j;
    }
    return mask;
  }

 private:
  template <class Input>
  static __device__ __forceinline__ bool inside(const Input& input, int j) {
    if constexpr (requires { Input::kWidth; }) {
      return int64_t{j / Input::kWidth} * kThreads < input.left;
    } else if constexpr (requires { input.left; }) {
      return int64_t{j} * kThreads < input.left;
    } else {
      return true;
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

template <class Compute>
struct SparseSum : Sparse<Compute> {
  using Sparse<Compute>::Sparse;

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute base[N];
    input(0, base);
    Mixed<Compute> mixed[N] = {};
    for (int m = 0; m < this->models; ++m) {
      Compute d[N];
      const uint32_t mask = this->thin(input, m, base, d);
      const auto w = static_cast<Compute>(this->weights[m]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        mix(mixed[j], w, d[j], (mask >> j & 1u) != 0);
      }
    }
    const auto lambda = static_cast<Compute>(this->weights[this->models]);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_mixture(base[j], lambda, mixed[j], this->header->normalize);
    }
  }
};

template <class Compute>
struct SparseVotes : Sparse<Compute> {
  using Sparse<Compute>::Sparse;

  template <class Input, int N>
  __device__ __forceinline__ void operator()(const Input& input, Compute (&out)[N]) const {
    Compute base[N];
    input(0, base);
    Votes<Compute> votes[N] = {};
    for (int m = 0; m < this->models; ++m) {
      Compute d[N];
      this->thin(input, m, base, d);
      const auto w = static_cast<Compute>(this->weights[m]);
      const bool plain = this->header->plain_election;
#pragma unroll
      for (int j = 0; j < N; ++j) {
        vote(votes[j], w, d[j], plain);
      }
    }
    const auto lambda = static_cast<Compute>(this->weights[this->models]);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      out[j] = add_mixture(base[j], lambda, winners(votes[j]), this->header->normalize);
    }
  }
};

}  // namespace

// Five numbers for each of up to sixteen elements: fewer blocks, or registers would spill.
template <DType T>
constexpr int kBlocks<SparseVotes, T> = sizeof(typename Format<T>::Storage) == 1 ? 1 : 2;
template <DType T>
constexpr int kBlocks<SparseSum, T> = sizeof(typename Format<T>::Storage) == 1 ? 2 : 3;

namespace {

// ---- What is known of whole tensors -------------------------------------------------------------

// Constant over a grid of a thread for each tensor and model.
struct PrepareParams {
  SparseHeader* header;
  int64_t count;  // tensors times models
  int32_t models;
  const int32_t* wide;  // [tensors]
  unsigned long long* failure;
  unsigned long long operation;
};

SINTER_DEVICE Thinning* thinning_at(const PrepareParams& params, int64_t place) {
  return const_cast<Thinning*>(thinnings_of(params.header)) + place;
}

// The caller's selections, at any address: [count][2].
__global__ void __launch_bounds__(kThreads)
    selections_kernel(const __grid_constant__ PrepareParams params,
                      const unsigned char* selections) {
  const int64_t place = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (place < params.count) {
    const double threshold = read<double>(selections + place * 16);
    const double cutoff = read<double>(selections + place * 16 + 8);
    thinning_at(params, place)->inside =
        bound_of(threshold, cutoff, params.wide[place / params.models] != 0);
  }
}

// Selection s is of the tensor and model at[s] / 2, and says what is inside or (odd) outside.
__global__ void __launch_bounds__(kThreads)
    selected_kernel(const __grid_constant__ PrepareParams params, const Selected* selected,
                    const int64_t* at, int64_t selections, bool wide) {
  const int64_t s = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (s < selections) {
    const int64_t place = at[s] / 2;
    const Selected& each = selected[s];
    if (!each.finite) {
      const int64_t model = 1 + place % params.models;
      record_failure(params.failure, params.operation, place / params.models,
                     each.fault == 3   ? 0
                     : each.fault == 2 ? model
                                       : kUndefined);
    }
    const MagnitudeBound bound = bound_of(each.threshold, static_cast<double>(each.cutoff), wide);
    Thinning* const thinning = thinning_at(params, place);
    (at[s] % 2 != 0 ? thinning->outside : thinning->inside) = bound;
  }
}

// all[count][2]: the l1 norms of all differences and of the kept ones.
__global__ void __launch_bounds__(kThreads)
    norms_kernel(const __grid_constant__ PrepareParams params, const double* norms, bool rescale) {
  const int64_t place = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (place < params.count) {
    const double all = norms[place * 2];
    if (Format<DType::kF64>::nonfinite(all) != 0) {
      // Of finite differences; others have been found by the partial norms, and come first.
      record_failure(params.failure, params.operation, place / params.models, kUndefined);
    } else if (rescale) {
      thinning_at(params, place)->factor = l1_factor(all, norms[place * 2 + 1]);
    }
  }
}

// Constant over the grid. Entry k's operand is the ranks of one model's differences, its index their
// tensor and model.
struct ListParams {
  const SparseHeader* header;
  int32_t models;
  const int32_t* wide;  // [tensors]
  Table table;
};

enum ListNumber { kListDensity, kListEpsilon, kListRow, kListNumbers };

// Lists what ranks keep.
__global__ void __launch_bounds__(kThreads) list_kernel(const __grid_constant__ ListParams params) {
  const Descriptors table = descriptors(params.table);
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  if (unit == stop) {
    return;
  }
  int64_t k = entry_of(table.first, params.table.count, unit);
  for (; unit < stop; ++unit) {
    while (table.first[k + 1] <= unit) {
      ++k;
    }
    const Entry entry = table.entries[k];
    const double* const numbers = table.weights + k * kListNumbers;
    const Thinning& thinning = thinnings_of(params.header)[entry.index];
    const bool wide = params.wide[entry.index / params.models] != 0;
    void* const list = const_cast<void*>(thinning.list);
    const int64_t begin = (unit - table.first[k]) * kUnit;
    const int64_t end = begin + kUnit < entry.elements ? begin + kUnit : entry.elements;
    for (int64_t from = begin; from < end; from += kThreads) {
      const int64_t i = from + threadIdx.x;
      bool keep = false;
      double p = 0.0;
      if (i < end) {
        const double rank =
            load_element<double>(table.operands[k], table.layouts, DType::kStored, i);
        p = probability_of(numbers[kListDensity], numbers[kListEpsilon], static_cast<int64_t>(rank),
                           static_cast<int64_t>(numbers[kListRow]));
        keep = random_word(thinning.key, i) < word_bound(p);
      }
      if (!params.header->factors) {
        // kUnit is a multiple of a word's bits, so a warp's elements share one.
        const unsigned bits = __ballot_sync(kAllLanes, keep);
        if (threadIdx.x % kWarp == 0 && i < end) {
          static_cast<uint32_t*>(list)[i / 32] = bits;
        }
      } else if (i < end) {
        const double factor = keep ? density_factor(p) : 0.0;
        if (wide) {
          static_cast<double*>(list)[i] = factor;
        } else {
          static_cast<float*>(list)[i] = static_cast<float>(factor);
        }
      }
    }
  }
}

// Tensors for which one difference was kept though none was asked for; counts at any address.
__global__ void __launch_bounds__(kThreads)
    fallbacks_kernel(Counts* counts, const double* fallbacks, int64_t count) {
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k < count) {
    write(reinterpret_cast<unsigned char*>(counts) + k * static_cast<int64_t>(sizeof(Counts)) + 16,
          fallbacks[k]);
  }
}
static_assert(offsetof(Counts, fallbacks) == 16);

// ---- Norms --------------------------------------------------------------------------------------

constexpr int kWarps = kThreads / kWarp;

static_assert(kReduceLanes == 2 * kWarp);

// Constant over the grid. Entry k's operands: the partial sums [models][2][chunks], the base, and the
// models.
struct NormParams {
  DType load;
  DType delta;
  const SparseHeader* header;
  const int32_t* wide;  // [tensors]
  unsigned long long* failure;
  unsigned long long operation;
  Table table;
};

// One chunk of one model: two neighbouring lanes of the 64 are a thread's, as in reduce.cu.
template <class Compute>
SINTER_DEVICE void norms_of_chunk(const NormParams& params, const Descriptors& table,
                                  const Operand* operands, int64_t tensor, int32_t m,
                                  const Thinning& thinning, int64_t begin, int count, int64_t chunk,
                                  int64_t chunks) {
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  double all[2] = {};
  double kept_ones[2] = {};
  for (int i = 2 * (threadIdx.x % kWarp); i < count; i += kReduceLanes) {
    uint32_t words[2] = {};
    if (thinning.keep == Keep::kRandom) {
      const int64_t index = begin + i;
      const PhiloxBlock block =
          philox(static_cast<uint64_t>(index) / kWordsPerCounter, 0, thinning.key);
      const bool second = index % kWordsPerCounter != 0;
      words[0] = second ? block.words[2] : block.words[0];
      words[1] = second ? block.words[3] : block.words[1];
    }
    for (int lane = 0; lane < 2 && i + lane < count; ++lane) {
      const int64_t index = begin + i + lane;
      const auto base = load_element<Compute>(operands[1], table.layouts, params.load, index);
      const auto x = load_element<Compute>(operands[2 + m], table.layouts, params.load, index);
      Compute d = task_delta(x, base, params.delta);
      if (Format<kNative>::nonfinite(d) != 0) {
        record_failure(params.failure, params.operation, tensor,
                       Format<kNative>::nonfinite(base) != 0 ? 0
                       : Format<kNative>::nonfinite(x) != 0  ? 1 + m
                                                             : kUndefined);
      }
      const double magnitude = static_cast<double>(d);
      all[lane] = accumulate<Term::kMagnitude>(all[lane], magnitude, magnitude);
      if (kept(thinning, false, index, words[lane], d)) {
        kept_ones[lane] = accumulate<Term::kMagnitude>(kept_ones[lane], magnitude, magnitude);
      }
    }
  }
#pragma unroll
  for (int term = 0; term < 2; ++term) {
    double x = term == 0 ? all[0] : kept_ones[0];
    double y = term == 0 ? all[1] : kept_ones[1];
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      x = combine<Term::kMagnitude>(x, __shfl_down_sync(kAllLanes, x, half));
      y = combine<Term::kMagnitude>(y, __shfl_down_sync(kAllLanes, y, half));
    }
    if (threadIdx.x % kWarp == 0) {
      reinterpret_cast<double*>(operands[0].data)[(m * 2 + term) * chunks + chunk] =
          combine<Term::kMagnitude>(x, y);
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    partial_norms_kernel(const __grid_constant__ NormParams params) {
  const Descriptors table = descriptors(params.table);
  const int32_t models = params.table.operands - 2;
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
    const Entry entry = table.entries[k];
    const Operand* const operands = table.operands + k * params.table.operands;
    const int64_t chunks = table.first[k + 1] - table.first[k];
    const int64_t chunk = unit - table.first[k];
    const int64_t begin = chunk * kReduceChunk;
    const int64_t left = entry.elements - begin;
    const int count = static_cast<int>(left < kReduceChunk ? left : kReduceChunk);
    const Thinning* const thinnings = thinnings_of(params.header) + entry.index * models;
    for (int32_t m = 0; m < models; ++m) {
      if (params.wide[entry.index] != 0) {
        norms_of_chunk<double>(params, table, operands, entry.index, m, thinnings[m], begin, count,
                               chunk, chunks);
      } else {
        norms_of_chunk<float>(params, table, operands, entry.index, m, thinnings[m], begin, count,
                              chunk, chunks);
      }
    }
  }
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

// ---- The host's side ----------------------------------------------------------------------------

// One call of sparse_mixture.
class SparseRun {
 public:
  SparseRun(const Context& context, const SparseBatch& sparse)
      : context_(context),
        queue_(context.queue),
        sparse_(sparse),
        batch_(sparse.batch),
        models_(sparse.batch.inputs - 1),
        places_(batch_.count * models_),
        thinnings_(static_cast<size_t>(places_)),
        fallbacks_(static_cast<size_t>(batch_.count), 0.0) {}

  void run() {
    const Scratch header(queue_, static_cast<int64_t>(sizeof(SparseHeader)) +
                                     places_ * static_cast<int64_t>(sizeof(Thinning)));
    const Scratch wide(queue_, batch_.count * static_cast<int64_t>(sizeof(int32_t)));
    ElementwiseRun mixture(
        queue_, batch_, models_ + 1,
        sparse_.consensus ? formula_kernel<SparseVotes> : formula_kernel<SparseSum>);
    draw();
    const Scratch lists(queue_, list_all());
    for (Thinning& each : thinnings_) {
      if (each.keep == Keep::kListed) {
        each.list = lists.as<unsigned char>() + reinterpret_cast<uintptr_t>(each.list);
      }
    }
    upload(header, wide);
    std::vector<std::string> names;
    for (int64_t k = 0; k < batch_.count; ++k) {
      names.emplace_back(batch_.items[k].name != nullptr ? batch_.items[k].name : "");
    }
    prepare_ = {
        header.as<SparseHeader>(),
        places_,
        models_,
        wide.as<int32_t>(),
        queue_.failure_place(),
        queue_.watch({sparse_.method, {"base", nullptr, nullptr}, kOverflow}, std::move(names))};
    if (sparse_.sparsifier == Sparsifier::kSelected) {
      over_places(selections_kernel, reinterpret_cast<const unsigned char*>(sparse_.selections));
    }
    if (sparse_.sparsifier == Sparsifier::kMagnitude) {
      select_magnitudes(false);
      select_magnitudes(true);
    }
    rank_rows(false);
    rank_rows(true);
    if (norms_needed()) {
      take_norms();
    }
    mixture.launch(header.as<void>());
    count_fallbacks();
  }

 private:
  void draw() {
    for (int64_t place = 0; place < places_; ++place) {
      Thinning& each = thinnings_[static_cast<size_t>(place)];
      if (sparse_.sparsifier == Sparsifier::kSelected ||
          sparse_.sparsifier == Sparsifier::kMagnitude) {
        each = thinned_by_magnitude(above_all(), above_all());
        continue;
      }
      const double density = sparse_.densities[place];
      each = thinned_at_random(density, sparse_.keys[place]);
      if (sparse_.sparsifier == Sparsifier::kRandom && sparse_.rescale == Rescale::kDensity) {
        each.factor = density_factor(density);
      }
    }
  }

  // What ranks will keep is listed: where, as offsets, and in how many bytes.
  int64_t list_all() {
    int64_t bytes = 0;
    for (int64_t place = 0; place < places_; ++place) {
      Thinning& each = thinnings_[static_cast<size_t>(place)];
      if (sparse_.sparsifier != Sparsifier::kRanked || each.keep != Keep::kRandom) {
        continue;
      }
      const Item& item = batch_.items[place / models_];
      each.keep = Keep::kListed;
      each.list = reinterpret_cast<const void*>(static_cast<uintptr_t>(bytes));
      const int64_t list = sparse_.rescale == Rescale::kDensity
                               ? item.elements * (item.wide ? 8 : 4)
                               : (item.elements + 31) / 32 * 4;
      bytes += (list + 63) / 64 * 64;
    }
    return bytes;
  }

  // All methods that take a statistic find what is not finite; with ranks, where none is taken too.
  bool norms_needed() const {
    bool needed = sparse_.rescale == Rescale::kL1;
    for (const Thinning& each : thinnings_) {
      needed = needed || (sparse_.sparsifier == Sparsifier::kRanked && each.keep == Keep::kAll);
    }
    return needed;
  }

  // Ranks the differences of tensors that are computed in float64, or not, and lists what is kept.
  void rank_rows(bool wide) {
    std::vector<RankItem> items;
    std::vector<int64_t> at;
    int64_t bytes = 0;
    for (int64_t place = 0; place < places_; ++place) {
      const int64_t k = place / models_;
      const Item& item = batch_.items[k];
      if (thinnings_[static_cast<size_t>(place)].keep != Keep::kListed || item.wide != wide ||
          item.elements == 0) {
        continue;
      }
      const RowShape& rows = sparse_.rows[k];
      const View* const turned = sparse_.turned + k * (1 + models_);
      // float32 holds all ranks of all but the longest rows.
      View ranks = {};
      ranks.dtype = rows.length <= int64_t{1} << 24 ? DType::kF32 : DType::kF64;
      ranks.data = reinterpret_cast<unsigned char*>(static_cast<uintptr_t>(bytes));
      if (rows.inner > 1) {
        ranks.rank = 3;
        const int64_t shape[] = {rows.outer, rows.inner, rows.length};
        const int64_t strides[] = {rows.length * rows.inner, 1, rows.inner};
        std::copy(shape, shape + 3, ranks.shape);
        std::copy(strides, strides + 3, ranks.strides);
      } else {
        ranks.rank = 1;
        ranks.shape[0] = item.elements;
        ranks.strides[0] = 1;
      }
      const int64_t model = 1 + place % models_;
      items.push_back(
          {item.elements, rows.length, &turned[0], turned[model], ranks, k, item.name, model});
      at.push_back(place);
      bytes += (item.elements * dtype_bytes(ranks.dtype) + 63) / 64 * 64;
    }
    if (items.empty()) {
      return;
    }
    const Scratch memory(queue_, bytes);
    ListParams params = {prepare_.header, models_, prepare_.wide, {}};
    TableBuilder table(1, kListNumbers);
    for (size_t i = 0; i < items.size(); ++i) {
      RankItem& item = items[i];
      const auto place = static_cast<size_t>(at[i]);
      item.out.data = memory.as<unsigned char>() + reinterpret_cast<uintptr_t>(item.out.data);
      View ranks = item.out;  // in the elements' own order
      ranks.rank = 1;
      ranks.shape[0] = item.elements;
      ranks.strides[0] = 1;
      const View* const views[] = {&ranks};
      double numbers[kListNumbers];
      numbers[kListDensity] = sparse_.densities[place];
      numbers[kListEpsilon] = sparse_.epsilons[place];
      numbers[kListRow] = static_cast<double>(item.row);
      table.add({item.elements, at[i]}, (item.elements + kUnit - 1) / kUnit, views, numbers);
    }
    const Statistic statistic = {sparse_.method, {"base", nullptr, nullptr}, kOverflow};
    // Elements of a wide item are computed in float64 even where an input alone would not be.
    rank(context_, {items.data(), static_cast<int64_t>(items.size()),
                    wide ? DType::kF64 : batch_.load, batch_.delta, &statistic});
    table.finish(queue_, params.table);
    const int64_t resident = queue_.resident_blocks(list_kernel, kThreads);
    launch(queue_, list_kernel, std::min(table.units(), resident), kThreads, params);
  }

  void upload(const Scratch& header, const Scratch& wide) {
    std::vector<unsigned char> bytes(sizeof(SparseHeader) + thinnings_.size() * sizeof(Thinning));
    const SparseHeader head = {sparse_.plain_election, sparse_.normalize,
                               sparse_.rescale == Rescale::kDensity};
    std::memcpy(bytes.data(), &head, sizeof head);
    std::memcpy(bytes.data() + sizeof head, thinnings_.data(),
                thinnings_.size() * sizeof(Thinning));
    queue_.upload(header.as<void>(), bytes.data(), static_cast<int64_t>(bytes.size()));
    std::vector<int32_t> flags;
    for (int64_t k = 0; k < batch_.count; ++k) {
      flags.push_back(batch_.items[k].wide ? 1 : 0);
    }
    queue_.upload(wide.as<void>(), flags.data(),
                  static_cast<int64_t>(flags.size() * sizeof(int32_t)));
  }

  // A thread for each tensor and model.
  template <class... Parameters, class... Arguments>
  void over_places(void (*kernel)(PrepareParams, Parameters...), Arguments... arguments) {
    launch(queue_, kernel, (places_ + kThreads - 1) / kThreads, kThreads, prepare_, arguments...);
  }

  // Two selections for each model: what is kept or dropped for its size, and of that what is dropped.
  // Of tensors that are computed in float64, or not.
  void select_magnitudes(bool wide) {
    std::vector<SelectItem> items;
    std::vector<int64_t> at;
    for (int64_t k = 0; k < batch_.count; ++k) {
      const Item& item = batch_.items[k];
      for (int32_t m = 0; item.wide == wide && item.elements > 0 && m < models_; ++m) {
        const int64_t place = k * models_ + m;
        const Ranks ranks = ranks_of(item.elements, sparse_.densities[place],
                                     sparse_.gammas != nullptr ? sparse_.gammas[place] : 0.0);
        fallbacks_[static_cast<size_t>(k)] += ranks.fell_back ? 1.0 : 0.0;
        items.push_back(
            {item.elements, &item.inputs[0], item.inputs[1 + m], ranks.dropped + ranks.kept});
        at.push_back(place * 2);
        if (ranks.dropped > 0) {
          items.push_back({item.elements, &item.inputs[0], item.inputs[1 + m], ranks.dropped});
          at.push_back(place * 2 + 1);
        }
      }
    }
    if (items.empty()) {
      return;
    }
    const auto count = static_cast<int64_t>(items.size());
    const Scratch selected(queue_, count * static_cast<int64_t>(sizeof(Selected)));
    const Scratch places(queue_, count * 8);
    queue_.upload(places.as<void>(), at.data(), count * 8);
    // Elements of a wide item are computed in float64 even where an input alone would not be.
    select(context_, {items.data(), count, wide ? DType::kF64 : batch_.load, batch_.delta, false,
                      selected.as<Selected>()});
    launch(queue_, selected_kernel, (count + kThreads - 1) / kThreads, kThreads, prepare_,
           selected.as<Selected>(), places.as<int64_t>(), count, wide);
  }

  void take_norms() {
    const auto chunks_of = [](const Item& item) {
      return (item.elements + kReduceChunk - 1) / kReduceChunk;
    };
    int64_t values = 0;
    for (int64_t k = 0; k < batch_.count; ++k) {
      values += chunks_of(batch_.items[k]) * models_ * 2;
    }
    const Scratch partials(queue_, std::max<int64_t>(values, 1) * 8);
    const Scratch norms(queue_, places_ * 16);
    NormParams params = {batch_.load,
                         batch_.delta,
                         prepare_.header,
                         prepare_.wide,
                         prepare_.failure,
                         prepare_.operation,
                         {}};
    TableBuilder table(2 + models_, 0);
    std::vector<ReduceItem> sums;
    double* free = partials.as<double>();
    std::vector<const View*> views(static_cast<size_t>(models_) + 2);
    for (int64_t k = 0; k < batch_.count; ++k) {
      const Item& item = batch_.items[k];
      const int64_t chunks = chunks_of(item);
      const View output = contiguous_view(free, chunks * models_ * 2);
      for (int32_t each = 0; each < 2 * models_; ++each) {
        const View view = contiguous_view(free, chunks);
        sums.push_back({chunks, view, view});
        free += chunks;
      }
      if (chunks > 0) {
        views[0] = &output;
        for (int32_t i = 0; i <= models_; ++i) {
          views[static_cast<size_t>(i) + 1] = &item.inputs[i];
        }
        table.add({item.elements, k}, chunks, views.data(), nullptr);
      }
    }
    if (table.units() > 0) {
      table.finish(queue_, params.table);
      const int64_t resident = queue_.resident_blocks(partial_norms_kernel, kThreads);
      launch(queue_, partial_norms_kernel,
             std::min((table.units() + kWarps - 1) / kWarps, resident), kThreads, params);
    }
    // Chunks' results are reduced as the elements of any tensor are.
    sum(context_,
        {sums.data(), static_cast<int64_t>(sums.size()), DType::kStored, norms.as<double>()});
    over_places(norms_kernel, norms.as<double>(), sparse_.rescale == Rescale::kL1);
  }

  void count_fallbacks() {
    bool any = false;
    for (const double each : fallbacks_) {
      any = any || each > 0.0;
    }
    if (batch_.counts == nullptr || !any) {
      return;
    }
    const Scratch numbers(queue_, batch_.count * 8);
    queue_.upload(numbers.as<void>(), fallbacks_.data(), batch_.count * 8);
    launch(queue_, fallbacks_kernel, (batch_.count + kThreads - 1) / kThreads, kThreads,
           batch_.counts, numbers.as<double>(), batch_.count);
  }

  const Context& context_;
  Queue& queue_;
  const SparseBatch& sparse_;
  const Batch& batch_;
  const int32_t models_;
  const int64_t places_;
  std::vector<Thinning> thinnings_;
  std::vector<double> fallbacks_;
  PrepareParams prepare_ = {};
};

}  // namespace

void sparse_mixture(const Context& context, const SparseBatch& sparse) {
  if (sparse.batch.count == 0) {
    return;
  }
  SparseRun(context, sparse).run();
}

}  // namespace sinter::cuda

// SPDX-License-Identifier: Apache-2.0
//
// ram, ramplus_tl, consensus_ta and sce, bound by memory: N + 2 elements moved per output; ramplus_tl
// N + 1 more for its tallies; sce N + 1 more for its sums, and at least twice as many where it selects.
#include "cpu/agreement.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/select.h"
#include "cpu/kernels_of_tier.h"
#include "formula/agreement.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Compute>
constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;

// Out of line: rounding costs more than the call, and loops of its own in each formula would be most
// of this file's code.
template <class Compute>
static __attribute__((noinline)) void round_differences(DType delta, Compute* d, int count) {
  if (delta != DType::kStored && delta != kNative<Compute>) {
    with_dtype(
        delta, [&]<DType D>() __attribute__((always_inline)) { round_block<D>(d, count); });
  }
}

// ---- ram ----

template <class Compute, bool kScaled>
class Agreement {
 public:
  SINTER_CONSTRUCTOR Agreement(const Item& item, const Batch& batch)
      : epsilon_(static_cast<Compute>(item.weights[0])),
        factors_(item.weights + 1),
        models_(batch.inputs - 1),
        delta_(batch.delta) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* sums,
                                                 Sink& sink) const {
    const auto base = elements<T>(input(0));
    alignas(64) Compute numbers[kBlock];
    alignas(64) Compute factors[kBlock];
    for (int j = 0; j < count; ++j) {
      sums[j] = numbers[j] = 0;
      factors[j] = 1;
    }
    const bool rounded = delta_ != DType::kStored && delta_ != kNative<Compute>;
    for (int32_t k = 1; k <= models_; ++k) {
      const auto x = elements<T>(input(k));
      const Compute factor = kScaled ? static_cast<Compute>(factors_[k - 1]) : Compute(1);
      if (rounded) {
        alignas(64) Compute d[kBlock];
        for (int j = 0; j < count; ++j) {
          d[j] = task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]),
                                     DType::kStored);
        }
        round_differences(delta_, d, count);
        for (int j = 0; j < count; ++j) {
          add(j, d[j], factor, sums, numbers, factors);
        }
      } else {
        for (int j = 0; j < count; ++j) {
          add(j,
              task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]),
                                  DType::kStored),
              factor, sums, numbers, factors);
        }
      }
    }
    for (int j = 0; j < count; ++j) {
      sink(j, add_changes<Compute>(Format<T>::decode(base[j]),
                                   {sums[j], numbers[j], kScaled ? factors[j] : Compute(1)}));
    }
  }

 private:
  inline __attribute__((always_inline)) void add(int j, Compute d, Compute factor, Compute* sums,
                                                 Compute* numbers, Compute* factors) const {
    Changes<Compute> changes = {sums[j], numbers[j], factors[j]};
    add_change(changes, d, epsilon_, factor);
    sums[j] = changes.sum;
    numbers[j] = changes.count;
    if (kScaled) {
      factors[j] = changes.factor;
    }
  }

  const Compute epsilon_;
  const double* const factors_;
  const int32_t models_;
  const DType delta_;
};

template <class Compute>
using Ram = Agreement<Compute, false>;
template <class Compute>
using RamPlus = Agreement<Compute, true>;

// ---- consensus_ta ----

template <class Compute>
class ConsensusTa {
 public:
  SINTER_CONSTRUCTOR ConsensusTa(const Item& item, const Batch& batch)
      : weights_(item.weights), models_(batch.inputs - 1), delta_(batch.delta) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute* sums,
                                                 Sink& sink) const {
    const auto base = elements<T>(input(0));
    const bool rounded = delta_ != DType::kStored && delta_ != kNative<Compute>;
    if (models_ == 2 && !rounded) {
      hold<T, 2>(base, input, count, sink);
    } else if (models_ == 3 && !rounded) {
      hold<T, 3>(base, input, count, sink);
    } else {
      sweep<T>(base, input, count, sums, sink);
    }
  }

 private:
  // N models in registers.
  template <DType T, int N, class Input, class Sink>
  inline __attribute__((always_inline)) void hold(Elements<T> base, Input input, int count,
                                                  Sink& sink) const {
    Elements<T> x[N];
    Compute weight[N], lambda_t[N];
    for (int k = 0; k < N; ++k) {
      x[k] = elements<T>(input(1 + k));
      weight[k] = static_cast<Compute>(weights_[k]);
      lambda_t[k] = static_cast<Compute>(weights_[N + k]);
    }
    const auto lambda = static_cast<Compute>(weights_[2 * N]);
    const auto threshold = static_cast<Compute>(weights_[2 * N + 1]);
    for (int j = 0; j < count; ++j) {
      const Compute from = Format<T>::decode(base[j]);
      Compute own[N];
      Compute sum = 0;
#pragma GCC unroll 4
      for (int k = 0; k < N; ++k) {
        own[k] = weighted(weight[k],
                          task_delta<Compute>(Format<T>::decode(x[k][j]), from, DType::kStored));
        sum += own[k];
      }
      Compute votes = 0;
#pragma GCC unroll 4
      for (int k = 0; k < N; ++k) {
        votes += important(own[k], sum, lambda_t[k]) ? Compute(1) : Compute(0);
      }
      sink(j, add_consensus(from, sum, votes, threshold, lambda));
    }
  }

  // Any number, in two sweeps over a block: their sum, and which of them it serves.
  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void sweep(Elements<T> base, Input input, int count,
                                                   Compute* sums, Sink& sink) const {
    alignas(64) Compute own[kKept + 1][kBlock];
    alignas(64) Compute votes[kBlock];
    for (int j = 0; j < count; ++j) {
      sums[j] = votes[j] = 0;
    }
    for (int32_t k = 0; k < models_; ++k) {
      Compute* const t = own[k < kKept ? k : kKept];
      weigh<T>(base, elements<T>(input(1 + k)), k, count, t);
      for (int j = 0; j < count; ++j) {
        sums[j] += t[j];
      }
    }
    for (int32_t k = 0; k < models_; ++k) {
      Compute* const t = own[k < kKept ? k : kKept];
      if (k >= kKept) {
        weigh<T>(base, elements<T>(input(1 + k)), k, count, t);
      }
      const auto lambda_t = static_cast<Compute>(weights_[models_ + k]);
      for (int j = 0; j < count; ++j) {
        votes[j] += important(t[j], sums[j], lambda_t) ? Compute(1) : Compute(0);
      }
    }
    const auto lambda = static_cast<Compute>(weights_[2 * models_]);
    const auto threshold = static_cast<Compute>(weights_[2 * models_ + 1]);
    for (int j = 0; j < count; ++j) {
      sink(j, add_consensus<Compute>(Format<T>::decode(base[j]), sums[j], votes[j], threshold,
                                     lambda));
    }
  }

  // Models whose differences wait for the second sweep; those of others are computed again.
  static constexpr int32_t kKept = 8;

  template <DType T>
  inline __attribute__((always_inline)) void weigh(Elements<T> base, Elements<T> x, int32_t k,
                                                   int count, Compute* t) const {
    const auto weight = static_cast<Compute>(weights_[k]);
    for (int j = 0; j < count; ++j) {
      t[j] =
          task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]), DType::kStored);
    }
    round_differences(delta_, t, count);
    for (int j = 0; j < count; ++j) {
      t[j] = weighted(weight, t[j]);
    }
  }

  const double* const weights_;
  const int32_t models_;
  const DType delta_;
};

// ---- Differences in blocks ----

// The base's elements of a block, and what models differ from them by.
template <class Compute>
class ModelBlock {
 public:
  SINTER_CONSTRUCTOR ModelBlock(const Item& item, const Batch& batch)
      : item_(item), batch_(batch) {}

  inline __attribute__((always_inline)) int32_t models() const { return batch_.inputs - 1; }

  inline __attribute__((always_inline)) void move_to(int64_t begin, int count) {
    begin_ = begin;
    count_ = count;
    loaded_ = 0;
    load_block(item_.inputs[0], batch_.load, begin, count, base_);
  }

  inline __attribute__((always_inline)) const Compute* base() const { return base_; }

  // Model `model`, counted from 0; valid until the next call. The first ones are kept for a second
  // sweep over the block.
  inline __attribute__((always_inline)) const Compute* differences(int32_t model) {
    const bool kept = model < kKept;
    Compute* const d = d_[kept ? model : kKept];
    if (!kept || model >= loaded_) {
      load(model, d);
      loaded_ = kept ? model + 1 : loaded_;
    }
    return d;
  }

 private:
  static constexpr int32_t kKept = 4;

  __attribute__((noinline)) void load(int32_t model, Compute* d) const {
    const View& view = item_.inputs[1 + model];
    const bool direct =
        view.contiguous() && (batch_.load == DType::kStored || batch_.load == view.dtype);
    const unsigned char* const data = view.data + begin_ * dtype_bytes(view.dtype);
    bool done = false;
    if (direct) {
      with_dtype(
          view.dtype, [&]<DType T>() __attribute__((always_inline)) {
            if constexpr (kDirect<T, Compute>) {
              const auto x = elements<T>(data);
              for (int j = 0; j < count_; ++j) {
                d[j] = task_delta<Compute>(Format<T>::decode(x[j]), base_[j], DType::kStored);
              }
              done = true;
            }
          });
    }
    if (!done) {
      load_block(view, batch_.load, begin_, count_, d);
      for (int j = 0; j < count_; ++j) {
        d[j] = task_delta<Compute>(d[j], base_[j], DType::kStored);
      }
    }
    round_differences(batch_.delta, d, count_);
  }

  const Item& item_;
  const Batch& batch_;
  int64_t begin_ = 0;
  int count_ = 0;
  int32_t loaded_ = 0;
  alignas(64) Compute base_[kBlock];
  alignas(64) Compute d_[kKept + 1][kBlock];
};

// ---- ramplus_tl ----

template <class Compute>
SINTER_FN void tally(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                     double* tallies) {
  const auto epsilon = static_cast<Compute>(item.weights[0]);
  const int32_t models = batch.inputs - 1;
  ModelBlock<Compute> block(item, batch);
  for (int64_t i = begin; i < end; i += kBlock) {
    const int count = end - i < kBlock ? static_cast<int>(end - i) : kBlock;
    block.move_to(i, count);
    // The one model that has changed an element, or how many have: none, several.
    constexpr int32_t kNone = -1, kSeveral = -2;
    int32_t by[kBlock];
    for (int j = 0; j < count; ++j) {
      by[j] = kNone;
    }
    for (int32_t k = 0; k < models; ++k) {
      const Compute* const d = block.differences(k);
      int32_t changed = 0;
      for (int j = 0; j < count; ++j) {
        const bool on = active(d[j], epsilon);
        const int32_t now = by[j] == kNone ? k : kSeveral;
        by[j] = on ? now : by[j];
        changed += on ? 1 : 0;
      }
      tallies[2 * k] += changed;
    }
    for (int32_t k = 0; k < models; ++k) {
      int32_t alone = 0;
      for (int j = 0; j < count; ++j) {
        alone += by[j] == k ? 1 : 0;
      }
      tallies[2 * k + 1] += alone;
    }
  }
}

// ---- sce ----

// A mask of the compute type's width: no bits, or all.
template <class Compute>
using Mask = typename Bits<Compute>::type;

// Calls f.template operator()<N>() for that many models, 1 <= N <= 4, and <0>() for more.
template <class F>
SINTER_FN void with_models(int32_t models, F f) {
  switch (models) {
    case 1:
      f.template operator()<1>();
      break;
    case 2:
      f.template operator()<2>();
      break;
    case 3:
      f.template operator()<3>();
      break;
    case 4:
      f.template operator()<4>();
      break;
    default:
      f.template operator()<0>();
  }
}

// The variances of a block's elements over N models: in registers, and a division by 2 or 4 is known
// to be exact.
template <int N, class Compute>
SINTER_FN void variances_of(ModelBlock<Compute>& block, int count, Compute* out) {
  const Compute* d[N];
  for (int k = 0; k < N; ++k) {
    d[k] = block.differences(k);
  }
  for (int j = 0; j < count; ++j) {
    Spread spread = spread_of(static_cast<double>(d[0][j]));
#pragma GCC unroll 4
    for (int k = 1; k < N; ++k) {
      add_spread(spread, static_cast<double>(d[k][j]));
    }
    out[j] = variance<Compute>(spread, static_cast<double>(N));
  }
}

// As above, of any number.
template <class Compute>
static void variances_of_many(ModelBlock<Compute>& block, int count, Compute* out) {
  alignas(64) double first[kBlock], sums[kBlock], squares[kBlock];
  const int32_t models = block.models();
  const Compute* const of_first = block.differences(0);
  for (int j = 0; j < count; ++j) {
    const Spread spread = spread_of(static_cast<double>(of_first[j]));
    first[j] = spread.first;
    sums[j] = spread.sum;
    squares[j] = spread.squares;
  }
  for (int32_t k = 1; k < models; ++k) {
    const Compute* const d = block.differences(k);
    for (int j = 0; j < count; ++j) {
      Spread spread = {first[j], sums[j], squares[j]};
      add_spread(spread, static_cast<double>(d[j]));
      sums[j] = spread.sum;
      squares[j] = spread.squares;
    }
  }
  for (int j = 0; j < count; ++j) {
    out[j] = variance<Compute>({first[j], sums[j], squares[j]}, static_cast<double>(models));
  }
}

template <class Compute>
__attribute__((noinline)) void variances(ModelBlock<Compute>& block, int count, Compute* out) {
  with_models(
      block.models(), [&]<int N>() __attribute__((always_inline)) {
        if constexpr (N > 0) {
          variances_of<N>(block, count, out);
        } else {
          variances_of_many(block, count, out);
        }
      });
}

template <class Compute>
struct VarianceKeys {
  using Key = typename Bits<Compute>::type;

  __attribute__((noinline)) static bool block(const void* job, int64_t begin, int count,
                                              Key* keys) {
    const Variances& source = *static_cast<const Variances*>(job);
    ModelBlock<Compute> block(*source.item, *source.batch);
    Key peak = 0;
    for (int from = 0; from < count; from += kBlock) {
      const int some = count - from < kBlock ? count - from : kBlock;
      alignas(64) Compute values[kBlock];
      block.move_to(begin + from, some);
      variances(block, some, values);
      for (int j = 0; j < some; ++j) {
        const Key key = magnitude_bits(values[j]);
        peak = key > peak ? key : peak;
        keys[from + j] = key;
      }
    }
    return peak < Format<kNative<Compute>>::kNonfinite;
  }
};

// Masks which elements of a block are kept. None has a variance below 0, a threshold that keeps all.
template <class Compute>
SINTER_FN void kept_elements(ModelBlock<Compute>& block, double threshold, int64_t cutoff,
                             int64_t begin, int count, Mask<Compute>* kept) {
  if (threshold < 0.0) {
    for (int j = 0; j < count; ++j) {
      kept[j] = ~Mask<Compute>{0};
    }
    return;
  }
  alignas(64) Compute values[kBlock];
  variances(block, count, values);
  const auto least = static_cast<Compute>(threshold);
  const int64_t before = cutoff < begin ? 0 : cutoff - begin;
  const int equals = before < count ? static_cast<int>(before) : count;
  for (int j = 0; j < equals; ++j) {
    kept[j] = values[j] >= least ? ~Mask<Compute>{0} : Mask<Compute>{0};
  }
  for (int j = equals; j < count; ++j) {
    kept[j] = values[j] > least ? ~Mask<Compute>{0} : Mask<Compute>{0};
  }
}

SINTER_FN float masked(float x, uint32_t mask) { return bits_float(float_bits(x) & mask); }
SINTER_FN double masked(double x, uint64_t mask) { return bits_double(double_bits(x) & mask); }

// Adds kept elements' squares, and 0 for others, to the lanes; the block starts at a multiple of them.
template <class Compute>
SINTER_FN void add_squares(const Compute* d, const Mask<Compute>* kept, int count, double* lanes) {
  const int whole = count - count % kReduceLanes;
  for (int j = 0; j < whole; j += kReduceLanes) {
    for (int l = 0; l < kReduceLanes; ++l) {
      const auto x = static_cast<double>(masked(d[j + l], kept[j + l]));
      lanes[l] = accumulate<Term::kSquare>(lanes[l], x, x);
    }
  }
  for (int j = whole; j < count; ++j) {
    const auto x = static_cast<double>(masked(d[j], kept[j]));
    lanes[j - whole] = accumulate<Term::kSquare>(lanes[j - whole], x, x);
  }
}

// Models whose sums are taken in one sweep over a chunk.
constexpr int32_t kSummed = 8;

template <class Compute>
SINTER_FN void squares(const Item& item, const Batch& batch, const Selected& selected,
                       int64_t begin, int64_t end, double* partials) {
  ModelBlock<Compute> block(item, batch);
  const int32_t models = batch.inputs - 1;
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    double* const sums = partials + (chunk - begin) * models;
    const int64_t from = chunk * kReduceChunk;
    const int64_t to = item.elements - from < kReduceChunk ? item.elements : from + kReduceChunk;
    for (int32_t m = 0; m < models; m += kSummed) {
      const int32_t n = models - m < kSummed ? models - m : kSummed;
      alignas(64) double lanes[kSummed][kReduceLanes] = {};
      for (int64_t i = from; i < to; i += kBlock) {
        const int count = to - i < kBlock ? static_cast<int>(to - i) : kBlock;
        alignas(64) Mask<Compute> kept[kBlock];
        block.move_to(i, count);
        kept_elements(block, selected.threshold, selected.cutoff, i, count, kept);
        for (int32_t k = 0; k < n; ++k) {
          add_squares(block.differences(m + k), kept, count, lanes[k]);
        }
      }
      for (int32_t k = 0; k < n; ++k) {
        for (int half = kReduceLanes / 2; half > 0; half /= 2) {
          for (int l = 0; l < half; ++l) {
            lanes[k][l] = combine<Term::kSquare>(lanes[k][l], lanes[k][l + half]);
          }
        }
        sums[m + k] = lanes[k][0];
      }
    }
  }
}

// The mean differences of the models that take part, added to the base where kept.
template <int N, class Compute>
SINTER_FN void elect_of(ModelBlock<Compute>& block, const double* weights,
                        const Mask<Compute>* kept, int count, Compute* results) {
  Compute w[N];
  const Compute* from[N];
  for (int k = 0; k < N; ++k) {
    w[k] = static_cast<Compute>(weights[k]);
    from[k] = block.differences(k);
  }
  const Compute* const base = block.base();
  for (int j = 0; j < count; ++j) {
    Compute d[N];
#pragma GCC unroll 4
    for (int k = 0; k < N; ++k) {
      d[k] = from[k][j];
    }
    const Compute result = add_elected<Compute>(base[j], elected<N, Compute>(w, d, true));
    results[j] = kept[j] != 0 ? result : base[j];
  }
}

// As above, of any number.
template <class Compute>
static void elect_of_many(ModelBlock<Compute>& block, const double* weights,
                          const Mask<Compute>* kept, int count, Compute* results) {
  alignas(64) Compute elected[kBlock], up[kBlock], up_weight[kBlock], down[kBlock],
      down_weight[kBlock];
  for (int j = 0; j < count; ++j) {
    elected[j] = up[j] = up_weight[j] = down[j] = down_weight[j] = 0;
  }
  for (int32_t k = 0; k < block.models(); ++k) {
    const Compute* const d = block.differences(k);
    const auto weight = static_cast<Compute>(weights[k]);
    for (int j = 0; j < count; ++j) {
      Votes<Compute> votes = {elected[j], up[j], up_weight[j], down[j], down_weight[j]};
      vote(votes, weight, d[j], true);
      elected[j] = votes.elected;
      up[j] = votes.positive;
      up_weight[j] = votes.positive_weight;
      down[j] = votes.negative;
      down_weight[j] = votes.negative_weight;
    }
  }
  const Compute* const base = block.base();
  for (int j = 0; j < count; ++j) {
    const Compute result =
        add_elected<Compute>(base[j], {elected[j], up[j], up_weight[j], down[j], down_weight[j]});
    results[j] = kept[j] != 0 ? result : base[j];
  }
}

template <class Compute>
static void elect(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                  PartCounts& counts) {
  ModelBlock<Compute> block(item, batch);
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    alignas(64) Mask<Compute> kept[kBlock];
    alignas(64) Compute results[kBlock];
    block.move_to(i, count);
    kept_elements(block, item.weights[0], static_cast<int64_t>(item.weights[1]), i, count, kept);
    with_models(
        block.models(), [&]<int N>() __attribute__((always_inline)) {
          if constexpr (N > 0) {
            elect_of<N>(block, item.weights + 2, kept, count, results);
          } else {
            elect_of_many(block, item.weights + 2, kept, count, results);
          }
        });
    store_block(item.output, i, count, results, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

void ram_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                PartCounts& counts) {
  elementwise<Ram>(item, batch, begin, end, streamed, counts);
}

void ramplus_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                    PartCounts& counts) {
  elementwise<RamPlus>(item, batch, begin, end, streamed, counts);
}

void consensus_ta_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                         bool streamed, PartCounts& counts) {
  elementwise<ConsensusTa>(item, batch, begin, end, streamed, counts);
}

void tally_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                  double* tallies) {
  if (item.wide) {
    tally<double>(item, batch, begin, end, tallies);
  } else {
    tally<float>(item, batch, begin, end, tallies);
  }
}

void elect_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                  PartCounts& counts) {
  if (item.wide) {
    elect<double>(item, batch, begin, end, streamed, counts);
  } else {
    elect<float>(item, batch, begin, end, streamed, counts);
  }
}

void squares_kernel(const Item& item, const Batch& batch, const Selected& kept, int64_t begin,
                    int64_t end, double* partials) {
  if (item.wide) {
    squares<double>(item, batch, kept, begin, end, partials);
  } else {
    squares<float>(item, batch, kept, begin, end, partials);
  }
}

}  // namespace

extern const AgreementKernels agreement_kernels = {
    ram_kernel,
    ramplus_kernel,
    tally_kernel,
    consensus_ta_kernel,
    elect_kernel,
    squares_kernel,
    key_kernels<VarianceKeys<float>>(),
    key_kernels<VarianceKeys<double>>(),
};

}  // namespace sinter::cpu::SINTER_TIER

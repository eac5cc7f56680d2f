// SPDX-License-Identifier: Apache-2.0
//
// Counts of flips: a warp for a row of logits, a thread for an example whose predictions are known.
// Bound by memory: every logit is read once. The loss has a warp for a row, too, and is bound by its
// exponentials; a resample of flips is a thread's, one of scores a warp's.
#include "formula/compatibility.h"

#include <algorithm>
#include <string>

#include "compatibility_batch.h"
#include "cuda/common/device.cuh"
#include "cuda/common/elementwise.cuh"
#include "cuda/common/row_sums.cuh"
#include "cuda/launch.h"
#include "cuda/reduce.cuh"

namespace sinter::cuda {
namespace {

constexpr int kRowWarps = kThreads / kWarp;

// A view as a kernel's argument.
struct Source {
  Operand operand;
  Layout layout;
};

Source source_of(const View& view) {
  Source source = {};
  source.operand = {view.data, view.dtype, view.contiguous() ? -1 : 0};
  source.layout.rank = view.rank;
  std::copy(view.shape, view.shape + view.rank, source.layout.shape);
  std::copy(view.strides, view.strides + view.rank, source.layout.strides);
  return source;
}

SINTER_DEVICE double element(const Source& source, int64_t index) {
  return load_element<double>(source.operand, &source.layout, DType::kStored, index);
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

// What a block's threads have counted.
struct Totals {
  unsigned long long counts[kOutcomes];
};

// ---- Faults -------------------------------------------------------------------------------------

SINTER_DEVICE void note_fault(unsigned long long* place, uint64_t fault) {
  atomicMin(place, static_cast<unsigned long long>(fault));
}

// By the kind of fault: arrays of numbers, or elements.
struct FaultParams {
  const int32_t* numbers[4];
  Source sources[5];
  int32_t columns;  // of logits
  unsigned long long* fault;
};

// Adds to a fault the number that is at fault.
__global__ void __launch_bounds__(kThreads)
    fault_kernel(const __grid_constant__ FaultParams params) {
  if (threadIdx.x != 0 || *params.fault == kNoExampleFault) {
    return;
  }
  const uint64_t fault = *params.fault;
  const auto kind = static_cast<int32_t>(fault_kind(fault));
  const int64_t row = fault_row(fault);
  double value;
  if (kind < static_cast<int32_t>(ExampleFault::kOldLogit)) {
    value = params.numbers[kind][row];
  } else {
    const Source& source = params.sources[kind - static_cast<int32_t>(ExampleFault::kOldLogit)];
    const bool is_score = kind >= static_cast<int32_t>(ExampleFault::kOldScore);
    value = element(source, is_score ? row : row * params.columns + fault_column(fault));
  }
  params.fault[1] = double_bits(value);
}

// Where an operation's kernels note faults.
unsigned long long* fault_place(Queue& queue, const FaultContext& of) {
  return queue.report([of](const unsigned long long* words) {
    return example_failure(words[0], bits_double(words[1]), of);
  });
}

// ---- Predictions of logits ----------------------------------------------------------------------

constexpr int32_t kNowhere = 0x7fffffff;

// The largest of what a thread has seen, and the first column it was in.
template <class Compute>
struct Largest {
  Compute most = -static_cast<Compute>(__builtin_huge_val());
  int32_t at = kNowhere;
  int32_t nan = kNowhere;  // the first column that holds one

  __device__ __forceinline__ void add(Compute x, int32_t column) {
    if (x != x) {
      nan = column < nan ? column : nan;
    } else if (x > most || (x == most && column < at)) {
      most = x;
      at = column;
    }
  }
};

template <class Compute>
SINTER_DEVICE Largest<Compute> largest_of_warp(Largest<Compute> mine) {
#pragma unroll
  for (int half = kWarp / 2; half > 0; half /= 2) {
    const Compute most = __shfl_xor_sync(kAllLanes, mine.most, half);
    const int32_t at = __shfl_xor_sync(kAllLanes, mine.at, half);
    const int32_t nan = __shfl_xor_sync(kAllLanes, mine.nan, half);
    if (most > mine.most || (most == mine.most && at < mine.at)) {
      mine.most = most;
      mine.at = at;
    }
    mine.nan = nan < mine.nan ? nan : mine.nan;
  }
  return mine;
}

// The prediction of a row, by a warp; all lanes return it. *nan is the first column that holds NaN, or
// kNowhere.
template <DType T>
SINTER_DEVICE int32_t row_prediction(const Source& logits, int64_t row, int32_t classes,
                                     int32_t* nan) {
  using Storage = typename Format<T>::Storage;
  constexpr int kWidth = 16 / sizeof(Storage);
  constexpr int kFlying = 4;  // vectors
  const auto lane = static_cast<int32_t>(threadIdx.x % kWarp);
  Largest<typename Format<T>::Compute> largest;
  const int64_t begin = row * classes;
  const unsigned char* const data = logits.operand.data;
  if (logits.operand.layout < 0) {
    const unsigned char* const at = data + begin * static_cast<int64_t>(sizeof(Storage));
    int32_t c = 0;
    if (reinterpret_cast<uintptr_t>(at) % 16 == 0) {
      using Vector = Packet<Storage, kWidth>;
      const auto* const vectors = reinterpret_cast<const Vector*>(at);
      const int32_t count = classes / kWidth;
      for (int32_t v = lane; v < count; v += kFlying * kWarp) {
        Vector loaded[kFlying];
#pragma unroll
        for (int f = 0; f < kFlying; ++f) {
          loaded[f] = v + f * kWarp < count ? vectors[v + f * kWarp] : vectors[v];
        }
#pragma unroll
        for (int f = 0; f < kFlying; ++f) {
          if (v + f * kWarp < count) {
#pragma unroll
            for (int j = 0; j < kWidth; ++j) {
              largest.add(Format<T>::decode(loaded[f].values[j]), (v + f * kWarp) * kWidth + j);
            }
          }
        }
      }
      c = count * kWidth;
    }
    for (c += lane; c < classes; c += kWarp) {
      largest.add(
          Format<T>::decode(read<Storage>(at + int64_t{c} * static_cast<int64_t>(sizeof(Storage)))),
          c);
    }
  } else {
    for (int32_t c = lane; c < classes; c += kWarp) {
      const int64_t place = offset_of(logits.layout, begin + c);
      largest.add(
          Format<T>::decode(read<Storage>(data + place * static_cast<int64_t>(sizeof(Storage)))),
          c);
    }
  }
  largest = largest_of_warp(largest);
  *nan = largest.nan;
  return largest.at;
}

// ---- Counts -------------------------------------------------------------------------------------

struct FlipParams {
  int64_t examples;
  int32_t classes;
  int32_t groups;
  const int32_t* labels;
  const int32_t* group_of;
  const int32_t* predictions[2];
  Source logits[2];
  unsigned long long* totals;
  unsigned long long* by_class;
  unsigned long long* by_group;
  unsigned long long* old_to_new;
  unsigned long long* label_to[2];
  int32_t* predicted[2];
  uint8_t* outcomes;
  unsigned long long* fault;  // the smallest, and the value there
};

SINTER_DEVICE void add_one(unsigned long long* counts, int64_t at) {
  if (counts != nullptr) {
    atomicAdd(counts + at, 1ull);
  }
}

// Counts an example; `own` are this thread's totals. False where a number is out of range.
SINTER_DEVICE void count_example(const FlipParams& params, int64_t row, int32_t old_prediction,
                                 int32_t new_prediction, unsigned (&own)[kOutcomes]) {
  const int32_t label = params.labels[row];
  const int32_t group = params.group_of != nullptr ? params.group_of[row] : 0;
  if (!in_range(label, params.classes)) {
    note_fault(params.fault, fault_of(row, ExampleFault::kLabel, 0));
    return;
  }
  if (params.group_of != nullptr && !in_range(group, params.groups)) {
    note_fault(params.fault, fault_of(row, ExampleFault::kGroup, 0));
    return;
  }
  if (!in_range(old_prediction, params.classes)) {
    note_fault(params.fault, fault_of(row, ExampleFault::kOldPrediction, 0));
    return;
  }
  if (!in_range(new_prediction, params.classes)) {
    note_fault(params.fault, fault_of(row, ExampleFault::kNewPrediction, 0));
    return;
  }
  const int32_t outcome = outcome_of(label, old_prediction, new_prediction);
#pragma unroll
  for (int k = 0; k < kOutcomes; ++k) {
    own[k] += outcome == k ? 1u : 0u;
  }
  const int64_t classes = params.classes;
  add_one(params.by_class, int64_t{label} * kOutcomes + outcome);
  add_one(params.by_group, int64_t{group} * kOutcomes + outcome);
  add_one(params.old_to_new, old_prediction * classes + new_prediction);
  add_one(params.label_to[0], label * classes + old_prediction);
  add_one(params.label_to[1], label * classes + new_prediction);
  if (params.outcomes != nullptr) {
    params.outcomes[row] = static_cast<uint8_t>(outcome);
  }
  if (params.predicted[0] != nullptr) {
    params.predicted[0][row] = old_prediction;
  }
  if (params.predicted[1] != nullptr) {
    params.predicted[1][row] = new_prediction;
  }
}

// Adds the threads' totals to the grid's.
SINTER_DEVICE void add_totals(const FlipParams& params, const unsigned (&own)[kOutcomes]) {
  SINTER_SHARED(Totals, shared);
  unsigned long long* const totals = shared.counts;
  if (threadIdx.x < kOutcomes) {
    totals[threadIdx.x] = 0;
  }
  __syncthreads();
  for (int k = 0; k < kOutcomes; ++k) {
    if (own[k] != 0) {
      atomicAdd(totals + k, static_cast<unsigned long long>(own[k]));
    }
  }
  __syncthreads();
  if (threadIdx.x < kOutcomes && params.totals != nullptr && totals[threadIdx.x] != 0) {
    atomicAdd(params.totals + threadIdx.x, totals[threadIdx.x]);
  }
}

__global__ void __launch_bounds__(kThreads)
    flips_kernel(const __grid_constant__ FlipParams params) {
  unsigned own[kOutcomes] = {};
  const int64_t threads = int64_t{gridDim.x} * kThreads;
  for (int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x; row < params.examples;
       row += threads) {
    count_example(params, row, params.predictions[0][row], params.predictions[1][row], own);
  }
  add_totals(params, own);
}

__global__ void __launch_bounds__(kThreads)
    logit_flips_kernel(const __grid_constant__ FlipParams params) {
  unsigned own[kOutcomes] = {};
  const int64_t warps = int64_t{gridDim.x} * kRowWarps;
  for (int64_t row = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / kWarp; row < params.examples;
       row += warps) {
    int32_t predictions[2];
    int32_t nan[2];
#pragma unroll
    for (int model = 0; model < 2; ++model) {
      with_dtype(params.logits[model].operand.dtype, [&]<DType T>() {
        predictions[model] =
            row_prediction<T>(params.logits[model], row, params.classes, &nan[model]);
      });
    }
    if (threadIdx.x % kWarp == 0) {
      for (int model = 0; model < 2; ++model) {
        if (nan[model] != kNowhere) {
          const ExampleFault kind = model == 0 ? ExampleFault::kOldLogit : ExampleFault::kNewLogit;
          note_fault(params.fault, fault_of(row, kind, nan[model]));
          predictions[model] = 0;
        }
      }
      count_example(params, row, predictions[0], predictions[1], own);
    }
  }
  add_totals(params, own);
}

// ---- The loss -----------------------------------------------------------------------------------

struct LossParams {
  int64_t rows;
  int32_t classes;
  Source logits[3];
  const int32_t* labels;
  double scale;  // 1 / T
  double cross_entropy;
  bool likelihood;
  bool plain;
  bool has_gradient;
  Source gradient;
  unsigned long long* included;
  unsigned long long* masked;
  unsigned long long* label_fault;  // goes before any fault of logits
  double* divergence;               // [rows]
  double* entropy;                  // [rows]
  double* sums;                     // of these
  double* loss;                     // [5]
  unsigned long long* fault;
};

// Counts the rows that are not left out.
__global__ void __launch_bounds__(kThreads)
    included_kernel(const __grid_constant__ LossParams params) {
  SINTER_SHARED(Totals, shared);
  unsigned long long& total = shared.counts[0];
  if (threadIdx.x == 0) {
    total = 0;
  }
  __syncthreads();
  unsigned long long own = 0;
  const int64_t threads = int64_t{gridDim.x} * kThreads;
  for (int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x; row < params.rows;
       row += threads) {
    const int32_t label = params.labels[row];
    if (label != kLeftOut && !in_range(label, params.classes)) {
      note_fault(params.label_fault, fault_of(row, ExampleFault::kLabel, 0));
    }
    own += label != kLeftOut ? 1 : 0;
  }
  if (own != 0) {
    atomicAdd(&total, own);
  }
  __syncthreads();
  if (threadIdx.x == 0 && total != 0) {
    atomicAdd(params.included, total);
  }
}

// The largest element of a row and its column; `fault` is the first that is NaN or infinity.
SINTER_DEVICE Largest<double> peak_of(const Source& logits, int64_t begin, int32_t classes) {
  Largest<double> peak;
  for (auto c = static_cast<int32_t>(threadIdx.x % kWarp); c < classes; c += kWarp) {
    const double x = element(logits, begin + c);
    peak.add(x < __builtin_huge_val() ? x : bits_double(0x7ff8000000000000ull), c);
  }
  peak = largest_of_warp(peak);
  if (peak.nan == kNowhere && peak.most == -__builtin_huge_val()) {
    peak.nan = 0;
  }
  return peak;
}

SINTER_DEVICE Softmax softmax_of(const Source& logits, int64_t begin, int32_t classes,
                                 double largest, double scale) {
  const double sum = row_sum(
      classes, [&](int64_t c) { return loss_term(element(logits, begin + c), largest, scale); });
  return {largest, scale, sum, logarithm(sum)};
}

// log softmax(z)[column].
SINTER_DEVICE double log_likelihood(const Source& logits, int64_t at, const Softmax& plain) {
  return scaled_logit(element(logits, at), plain) - plain.log_sum;
}

// A row, by a warp; what it has faults in is left as it is.
SINTER_DEVICE void loss_row(const LossParams& params, int64_t row, double n) {
  const auto lane = static_cast<int>(threadIdx.x % kWarp);
  const int32_t classes = params.classes;
  const int64_t begin = row * classes;
  const int32_t label = params.labels[row];
  Tally unused = {0, 0};
  if (lane == 0) {
    params.divergence[row] = 0.0;
    params.entropy[row] = 0.0;
  }
  if (label == kLeftOut) {
    for (int32_t c = lane; params.has_gradient && c < classes; c += kWarp) {
      store_element(params.gradient.operand, &params.gradient.layout, begin + c, 0.0, unused);
    }
    return;
  }
  const auto unsound = [&](int model, const Largest<double>& peak) {
    if (peak.nan != kNowhere && lane == 0) {
      const int kind = static_cast<int>(ExampleFault::kOldLogit) + model;
      note_fault(params.fault, fault_of(row, static_cast<ExampleFault>(kind), peak.nan));
    }
    return peak.nan != kNowhere;
  };
  const Source& trained = params.logits[2];
  const Largest<double> peak = peak_of(trained, begin, classes);
  if (unsound(2, peak)) {
    return;
  }
  const Softmax p = softmax_of(trained, begin, classes, peak.most, params.scale);
  const Softmax p_plain = params.plain ? softmax_of(trained, begin, classes, peak.most, 1.0) : p;
  bool held = peak.at != label;
  if (params.likelihood) {
    const Largest<double> old_peak = peak_of(params.logits[0], begin, classes);
    if (unsound(0, old_peak)) {
      return;
    }
    const Softmax old_plain = softmax_of(params.logits[0], begin, classes, old_peak.most, 1.0);
    held = log_likelihood(trained, begin + label, p_plain) <
           log_likelihood(params.logits[0], begin + label, old_plain);
  }
  const int model = held ? 0 : 1;
  const Source& teaching = params.logits[model];
  const Largest<double> teacher = peak_of(teaching, begin, classes);
  if (unsound(model, teacher)) {
    return;
  }
  const Softmax q = softmax_of(teaching, begin, classes, teacher.most, params.scale);
  const double divergence = row_sum(classes, [&](int64_t c) {
    const double p_logit = element(trained, begin + c);
    const double q_logit = element(teaching, begin + c);
    const double p_term = loss_term(p_logit, p.largest, params.scale);
    const double q_term = loss_term(q_logit, q.largest, params.scale);
    if (params.has_gradient) {
      const double plain_term = params.plain ? loss_term(p_logit, p.largest, 1.0) : p_term;
      Tally tally = {0, 0};
      store_element(params.gradient.operand, &params.gradient.layout, begin + c,
                    loss_gradient(p_term / p.sum, q_term / q.sum, plain_term / p_plain.sum,
                                  c == label ? 1.0 : 0.0, params.scale, params.cross_entropy, n),
                    tally);
    }
    return divergence_share(q_term, q_logit, q, p_logit, p);
  });
  if (lane == 0) {
    params.divergence[row] = divergence;
    if (params.cross_entropy > 0.0) {
      params.entropy[row] = -log_likelihood(trained, begin + label, p_plain);
    }
    if (held) {
      atomicAdd(params.masked, 1ull);
    }
  }
}

__global__ void __launch_bounds__(kThreads) loss_kernel(const __grid_constant__ LossParams params) {
  if (*params.label_fault != kNoExampleFault) {
    if (threadIdx.x == 0) {
      note_fault(params.fault, *params.label_fault);
    }
    return;
  }
  const auto n = static_cast<double>(static_cast<int64_t>(*params.included));
  const int64_t warps = int64_t{gridDim.x} * kRowWarps;
  for (int64_t row = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / kWarp; row < params.rows;
       row += warps) {
    loss_row(params, row, n);
  }
}

__global__ void __launch_bounds__(kThreads)
    loss_numbers_kernel(const __grid_constant__ LossParams params) {
  if (threadIdx.x != 0) {
    return;
  }
  double numbers[kLossNumbers];
  loss_numbers(params.sums[0], params.sums[1], static_cast<int64_t>(*params.masked),
               static_cast<int64_t>(*params.included), params.cross_entropy, numbers);
  for (int j = 0; j < kLossNumbers; ++j) {
    params.loss[j] = numbers[j];
  }
}

// ---- Graded answers -----------------------------------------------------------------------------

// Where changes go: the fields of the CPU's ScoreRows.
struct ScorePlaces {
  double* gain;
  double* loss;
  int64_t* fixed;
  int32_t bits;
  unsigned long long* counts;  // of gains and of regressions
};

struct ScoreParams {
  int64_t examples;
  Source scores[2];
  ScorePlaces places;
  unsigned long long* fault;
};

__global__ void __launch_bounds__(kThreads)
    scores_kernel(const __grid_constant__ ScoreParams params) {
  const ScorePlaces& places = params.places;
  SINTER_SHARED(Totals, shared);
  unsigned long long* const totals = shared.counts;
  if (threadIdx.x < 2) {
    totals[threadIdx.x] = 0;
  }
  __syncthreads();
  unsigned long long gains = 0;
  unsigned long long regressions = 0;
  const int64_t threads = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < params.examples;
       i += threads) {
    const double before = element(params.scores[0], i);
    const double after = element(params.scores[1], i);
    if (!is_score(before) || !is_score(after)) {
      note_fault(
          params.fault,
          fault_of(i, is_score(before) ? ExampleFault::kNewScore : ExampleFault::kOldScore, 0));
    }
    const double change = after - before;
    gains += change > 0.0 ? 1 : 0;
    regressions += change < 0.0 ? 1 : 0;
    if (places.fixed != nullptr) {
      const bool sound = is_score(before) && is_score(after);
      places.fixed[i] = sound ? fixed_change(change, places.bits) : 0;
    } else {
      places.gain[i] = change > 0.0 ? change : 0.0;
      places.loss[i] = change < 0.0 ? -change : 0.0;
    }
  }
  if (places.counts == nullptr) {
    return;
  }
  if (gains != 0) {
    atomicAdd(totals, gains);
  }
  if (regressions != 0) {
    atomicAdd(totals + 1, regressions);
  }
  __syncthreads();
  if (threadIdx.x < 2 && totals[threadIdx.x] != 0) {
    atomicAdd(places.counts + threadIdx.x, totals[threadIdx.x]);
  }
}

struct ScoreNumbers {
  const unsigned long long* counts;
  const double* sums;
  double* out;
};

__global__ void __launch_bounds__(kThreads) score_numbers_kernel(ScoreNumbers numbers) {
  if (threadIdx.x < 2) {
    numbers.out[threadIdx.x] =
        static_cast<double>(static_cast<int64_t>(numbers.counts[threadIdx.x]));
    numbers.out[2 + threadIdx.x] = numbers.sums[threadIdx.x];
  }
}

// ---- The bootstrap ------------------------------------------------------------------------------

__global__ void __launch_bounds__(kThreads)
    flip_bootstrap_kernel(const __grid_constant__ FlipBootstrap bootstrap) {
  const int64_t threads = int64_t{gridDim.x} * kThreads;
  for (int64_t r = int64_t{blockIdx.x} * kThreads + threadIdx.x; r < bootstrap.resamples;
       r += threads) {
    Draws draws = {bootstrap.key, static_cast<uint64_t>(r), 0};
    int64_t drawn[kOutcomes];
    resample_outcomes(draws, bootstrap.counts, drawn);
    for (int32_t j = 0; j < bootstrap.count; ++j) {
      bootstrap.out[j * bootstrap.resamples + r] =
          measure_of(static_cast<Measure>(bootstrap.measures[j]), drawn);
    }
  }
}

SINTER_DEVICE int64_t sum_of_warp(int64_t x) {
#pragma unroll
  for (int half = kWarp / 2; half > 0; half /= 2) {
    x += __shfl_xor_sync(kAllLanes, x, half);
  }
  return x;
}

__global__ void __launch_bounds__(kThreads)
    score_bootstrap_kernel(const __grid_constant__ ScoreBootstrap bootstrap, const int64_t* fixed) {
  const auto n = static_cast<uint32_t>(bootstrap.examples);
  const uint32_t again = drawn_again(n);
  const int32_t bits = change_bits(bootstrap.examples);
  const auto lane = static_cast<int64_t>(threadIdx.x % kWarp);
  const int64_t warps = int64_t{gridDim.x} * kRowWarps;
  for (int64_t r = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / kWarp; r < bootstrap.resamples;
       r += warps) {
    const uint64_t key = resample_key(bootstrap.key, r);
    int64_t gains = 0;
    int64_t regressions = 0;
    int64_t gained = 0;
    int64_t lost = 0;
    for (int64_t first = kWordsPerCounter * lane; first < bootstrap.examples;
         first += kWordsPerCounter * kWarp) {
      const PhiloxBlock block = philox(static_cast<uint64_t>(first) / kWordsPerCounter, 0, key);
#pragma unroll
      for (int j = 0; j < kWordsPerCounter; ++j) {
        if (first + j < bootstrap.examples) {
          const int64_t change = fixed[drawn_example(key, first + j, block.words[j], n, again)];
          gains += change > 0 ? 1 : 0;
          regressions += change < 0 ? 1 : 0;
          gained += change > 0 ? change : 0;
          lost += change < 0 ? -change : 0;
        }
      }
    }
    gains = sum_of_warp(gains);
    regressions = sum_of_warp(regressions);
    gained = sum_of_warp(gained);
    lost = sum_of_warp(lost);
    if (lane == 0) {
      const ScoreChanges changes = {gains, regressions, unfixed(gained, bits), unfixed(lost, bits)};
      for (int32_t j = 0; j < bootstrap.count; ++j) {
        bootstrap.out[j * bootstrap.resamples + r] = score_measure_of(
            static_cast<ScoreMeasure>(bootstrap.measures[j]), changes, bootstrap.examples);
      }
    }
  }
}

// ---- Launching ----------------------------------------------------------------------------------

// Blocks for `count` rows or examples, of which a block takes `each` at a time.
template <class Kernel>
int64_t grid(Queue& queue, Kernel kernel, int64_t count, int64_t each) {
  return std::min<int64_t>((count + each - 1) / each, queue.resident_blocks(kernel, kThreads));
}

unsigned long long* clear_two(Queue& queue, const Scratch& counts) {
  check(cudaMemsetAsync(counts.as<void>(), 0, 2 * sizeof(unsigned long long), queue.stream()),
        "clear the counts");
  return counts.as<unsigned long long>();
}

// Checks scores and fills `places`.
void launch_scores(Queue& queue, const View (&scores)[2], const char* const (&names)[2],
                   int64_t examples, const ScorePlaces& places) {
  ScoreParams params = {examples, {source_of(scores[0]), source_of(scores[1])}, places, nullptr};
  params.fault = fault_place(queue, {0, 0, false, {name_of(names[0]), name_of(names[1]), ""}});
  launch(queue, scores_kernel, grid(queue, scores_kernel, examples, kThreads), kThreads, params);
  const FaultParams found = {{}, {{}, {}, {}, params.scores[0], params.scores[1]}, 0, params.fault};
  launch(queue, fault_kernel, 1, kWarp, found);
}

unsigned long long* cleared(Queue& queue, int64_t* counts, int64_t size) {
  if (counts != nullptr) {
    check(cudaMemsetAsync(counts, 0, static_cast<size_t>(size) * sizeof *counts, queue.stream()),
          "clear the counts");
  }
  return reinterpret_cast<unsigned long long*>(counts);
}

}  // namespace

void flips(const Context& context, const FlipBatch& batch) {
  Queue& queue = context.queue;
  const int64_t classes = batch.classes;
  FlipParams params = {};
  params.examples = batch.examples;
  params.classes = batch.classes;
  params.groups = batch.groups;
  params.labels = batch.labels;
  params.group_of = batch.group_of;
  params.totals = cleared(queue, batch.totals, kOutcomes);
  params.by_class = cleared(queue, batch.by_class, classes * kOutcomes);
  params.by_group = cleared(queue, batch.by_group, int64_t{batch.groups} * kOutcomes);
  params.old_to_new = cleared(queue, batch.old_to_new, classes * classes);
  params.outcomes = batch.outcomes;
  for (int model = 0; model < 2; ++model) {
    params.predictions[model] = batch.predictions[model];
    params.label_to[model] = cleared(queue, batch.label_to[model], classes * classes);
    params.predicted[model] = batch.predicted[model];
    if (batch.of_logits) {
      params.logits[model] = source_of(batch.logits[model]);
    }
  }
  params.fault = fault_place(
      queue,
      {batch.classes, batch.groups, false, {name_of(batch.names[0]), name_of(batch.names[1]), ""}});
  FaultParams found = {{batch.labels, batch.group_of, batch.predictions[0], batch.predictions[1]},
                       {params.logits[0], params.logits[1], {}, {}, {}},
                       batch.classes,
                       params.fault};
  if (batch.of_logits) {
    launch(queue, logit_flips_kernel, grid(queue, logit_flips_kernel, batch.examples, kRowWarps),
           kThreads, params);
  } else {
    launch(queue, flips_kernel, grid(queue, flips_kernel, batch.examples, kThreads), kThreads,
           params);
  }
  launch(queue, fault_kernel, 1, kWarp, found);
}

void score_changes(const Context& context, const ScoreBatch& batch) {
  Queue& queue = context.queue;
  const int64_t n = batch.examples;
  const Scratch changes(queue, (2 * n + 2) * static_cast<int64_t>(sizeof(double)));
  const Scratch counts(queue, 2 * sizeof(unsigned long long));
  double* const gain = changes.as<double>();
  double* const loss = gain + n;
  double* const sums = loss + n;
  launch_scores(queue, batch.scores, batch.names, n,
                {gain, loss, nullptr, 0, clear_two(queue, counts)});
  const View gains = contiguous_view(gain, n);
  const View losses = contiguous_view(loss, n);
  reduce_sums(queue, {{{n, gains, gains}, sums}, {{n, losses, losses}, sums + 1}});
  launch(queue, score_numbers_kernel, 1, kWarp,
         ScoreNumbers{counts.as<unsigned long long>(), sums, batch.out});
}

void compatibility_loss(const Context& context, const LossBatch& batch) {
  Queue& queue = context.queue;
  const int64_t rows = batch.rows;
  const Scratch losses(queue, (2 * rows + 2) * static_cast<int64_t>(sizeof(double)));
  const Scratch counts(queue, 2 * sizeof(unsigned long long));
  const Scratch label_fault(queue, sizeof(unsigned long long));
  LossParams params = {};
  params.rows = rows;
  params.classes = batch.classes;
  for (int model = 0; model < 3; ++model) {
    params.logits[model] = source_of(batch.logits[model]);
  }
  params.labels = batch.labels;
  params.scale = 1.0 / batch.temperature;
  params.cross_entropy = batch.cross_entropy;
  params.likelihood = batch.mask == LossMask::kLikelihood;
  params.plain = batch.plain();
  params.has_gradient = batch.has_gradient;
  if (batch.has_gradient) {
    params.gradient = source_of(batch.gradient);
  }
  params.included = clear_two(queue, counts);
  params.masked = params.included + 1;
  params.label_fault = label_fault.as<unsigned long long>();
  check(cudaMemsetAsync(params.label_fault, 0xff, sizeof *params.label_fault, queue.stream()),
        "clear device memory");
  params.divergence = losses.as<double>();
  params.entropy = params.divergence + rows;
  params.sums = params.entropy + rows;
  params.loss = batch.loss;
  params.fault = fault_place(
      queue, {batch.classes,
              0,
              true,
              {name_of(batch.names[0]), name_of(batch.names[1]), name_of(batch.names[2])}});
  launch(queue, included_kernel, grid(queue, included_kernel, rows, kThreads), kThreads, params);
  launch(queue, loss_kernel, grid(queue, loss_kernel, rows, kRowWarps), kThreads, params);
  const View divergences = contiguous_view(params.divergence, rows);
  const View entropies = contiguous_view(params.entropy, rows);
  reduce_sums(queue, {{{rows, divergences, divergences}, params.sums},
                      {{rows, entropies, entropies}, params.sums + 1}});
  launch(queue, loss_numbers_kernel, 1, kWarp, params);
  const FaultParams found = {{batch.labels, nullptr, nullptr, nullptr},
                             {params.logits[0], params.logits[1], params.logits[2], {}, {}},
                             batch.classes,
                             params.fault};
  launch(queue, fault_kernel, 1, kWarp, found);
}

void flip_bootstrap(const Context& context, const FlipBootstrap& bootstrap) {
  Queue& queue = context.queue;
  launch(queue, flip_bootstrap_kernel,
         grid(queue, flip_bootstrap_kernel, bootstrap.resamples, kThreads), kThreads, bootstrap);
}

void score_bootstrap(const Context& context, const ScoreBootstrap& bootstrap) {
  Queue& queue = context.queue;
  const Scratch fixed(queue, bootstrap.examples * static_cast<int64_t>(sizeof(int64_t)));
  launch_scores(queue, bootstrap.scores, bootstrap.names, bootstrap.examples,
                {nullptr, nullptr, fixed.as<int64_t>(), change_bits(bootstrap.examples), nullptr});
  launch(queue, score_bootstrap_kernel,
         grid(queue, score_bootstrap_kernel, bootstrap.resamples, kRowWarps), kThreads, bootstrap,
         static_cast<const int64_t*>(fixed.as<int64_t>()));
}

}  // namespace sinter::cuda

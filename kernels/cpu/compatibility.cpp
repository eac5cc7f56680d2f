// SPDX-License-Identifier: Apache-2.0
//
// Counts of flips. Bound by memory: a row of logits is read once, its largest element found a block at
// a time, and the index looked for only in blocks that raise it. The loss is bound by its exponentials:
// two for each element. A bootstrap is bound by its draws.
#include "cpu/compatibility.h"

#include "compatibility_batch.h"
#include "cpu/common/block.h"
#include "cpu/common/philox.h"
#include "cpu/common/row_sums.h"
#include "cpu/kernels_of_tier.h"
#include "formula/compatibility.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

// ---- Predictions of logits ----

// As many elements as a register holds.
template <class T>
constexpr int kWidth =
#if defined(__AVX512F__)
    64 / sizeof(T);
#elif defined(__AVX2__)
    32 / sizeof(T);
#else
    16 / sizeof(T);
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(sizeof(T) * kWidth<T>)));
  typedef T loose __attribute__((vector_size(sizeof(T) * kWidth<T>), aligned(1), may_alias));
};

// Elements of a block of a row that is read in place: few enough that looking for the index finds them
// in the first-level cache.
constexpr int kInPlace = 1024;

// The largest of `count` elements, NaN where one is.
template <class T>
SINTER_FN T largest_of(const T* x, int count) {
  using Vector = typename VectorOf<T>::type;
  using Loose = typename VectorOf<T>::loose;
  constexpr int kSets = 4;
  constexpr int kStep = kSets * kWidth<T>;
  T largest = -static_cast<T>(__builtin_huge_val());
  bool sound = true;
  int j = 0;
  if (count >= kStep) {
    Vector most[kSets];
#pragma GCC unroll 4
    for (int s = 0; s < kSets; ++s) {
      most[s] = Vector{} + largest;
    }
    auto odd = most[0] != most[0];
    for (; j + kStep <= count; j += kStep) {
#pragma GCC unroll 4
      for (int s = 0; s < kSets; ++s) {
        const Vector v = *reinterpret_cast<const Loose*>(x + j + s * kWidth<T>);
        odd |= v != v;
        most[s] = v > most[s] ? v : most[s];
      }
    }
#pragma GCC unroll 4
    for (int s = 1; s < kSets; ++s) {
      most[0] = most[s] > most[0] ? most[s] : most[0];
    }
    for (int l = 0; l < kWidth<T>; ++l) {
      largest = most[0][l] > largest ? most[0][l] : largest;
      sound &= odd[l] == 0;
    }
  }
  using Packed = typename Unaligned<T>::type;
  const Packed* const rest = reinterpret_cast<const Packed*>(x);
  for (; j < count; ++j) {
    sound &= rest[j] == rest[j];
    largest = rest[j] > largest ? rest[j] : largest;
  }
  return sound ? largest : static_cast<T>(__builtin_nan(""));
}

// The first of `count` elements for which test(element) holds; count where none does.
template <class T, class Test>
SINTER_FN int first_of(const T* x, int count, Test test) {
  using Packed = typename Unaligned<T>::type;
  const Packed* const all = reinterpret_cast<const Packed*>(x);
  constexpr int kTogether = 64;
  int j = 0;
  for (; j + kTogether <= count; j += kTogether) {
    int found = 0;
    for (int l = 0; l < kTogether; ++l) {
      found |= test(all[j + l]) ? 1 : 0;
    }
    if (found != 0) {
      break;
    }
  }
  while (j < count && !test(all[j])) {
    ++j;
  }
  return j;
}

// A row as its blocks go by.
template <class T>
class Argmax {
 public:
  // Elements at `column` and after; false where one is NaN.
  inline __attribute__((always_inline)) bool add(const T* x, int64_t column, int count) {
    const T largest = largest_of(x, count);
    if (largest != largest) {
      nan_ = column + first_of(
                          x, count, [](T v) __attribute__((always_inline)) { return v != v; });
      return false;
    }
    if (column == 0 || largest > most_) {
      most_ = largest;
      at_ = column +
            first_of(
                x, count, [largest](T v) __attribute__((always_inline)) { return v == largest; });
    }
    return true;
  }
  int64_t at() const { return at_; }
  int64_t nan() const { return nan_; }

 private:
  T most_ = 0;
  int64_t at_ = 0;
  int64_t nan_ = -1;
};

// The prediction of the row of elements [begin, begin + classes); *nan is the first column that holds
// NaN, or -1.
template <class T>
SINTER_FN int32_t row_prediction(const View& logits, int64_t begin, int64_t classes, bool in_place,
                                 int64_t* nan) {
  Argmax<T> argmax;
  const int step = in_place ? kInPlace : kBlock;
  for (int64_t c = 0; c < classes; c += step) {
    const int count = classes - c < step ? static_cast<int>(classes - c) : step;
    bool sound;
    if (in_place) {
      const T* const x =
          reinterpret_cast<const T*>(logits.data + (begin + c) * static_cast<int64_t>(sizeof(T)));
      expect(x, count, 4096);
      sound = argmax.add(x, c, count);
    } else {
      alignas(64) T x[kBlock];
      load_block(logits, DType::kStored, begin + c, count, x);
      sound = argmax.add(x, c, count);
    }
    if (!sound) {
      break;
    }
  }
  *nan = argmax.nan();
  return static_cast<int32_t>(argmax.at());
}

uint64_t predict(const FlipBatch& batch, int model, int64_t begin, int count,
                 int32_t* predictions) {
  const View& logits = batch.logits[model];
  const ExampleFault kind = model == 0 ? ExampleFault::kOldLogit : ExampleFault::kNewLogit;
  const bool wide = logits.dtype == DType::kF64;
  const bool in_place = logits.contiguous() && (wide || logits.dtype == DType::kF32);
  uint64_t fault = kNoExampleFault;
  for (int r = 0; r < count; ++r) {
    const int64_t row = begin + r;
    int64_t nan = -1;
    predictions[r] =
        wide ? row_prediction<double>(logits, row * batch.classes, batch.classes, in_place, &nan)
             : row_prediction<float>(logits, row * batch.classes, batch.classes, in_place, &nan);
    if (nan >= 0) {
      const uint64_t found = fault_of(row, kind, nan);
      fault = found < fault ? found : fault;
    }
  }
  return fault;
}

// ---- Counts ----

// Counts of one kind. Those that are few are collected on the stack, when there are enough examples
// for that to pay, and added to the others' at the end.
class Tally {
 public:
  static constexpr int64_t kMost = 2048;

  SINTER_CONSTRUCTOR Tally(int64_t* counts, int64_t size, int64_t examples)
      : counts_(counts), size_(size), own_(size <= kMost && size <= examples) {
    for (int64_t i = 0; own_ && i < size; ++i) {
      few_[i] = 0;
    }
  }
  inline __attribute__((always_inline)) void add(int64_t i) {
    if (own_) {
      ++few_[i];
    } else {
      __atomic_fetch_add(counts_ + i, int64_t{1}, __ATOMIC_RELAXED);
    }
  }
  inline __attribute__((always_inline)) void finish() {
    for (int64_t i = 0; own_ && i < size_; ++i) {
      if (few_[i] != 0) {
        __atomic_fetch_add(counts_ + i, static_cast<int64_t>(few_[i]), __ATOMIC_RELAXED);
      }
    }
  }

 private:
  int64_t* const counts_;
  const int64_t size_;
  const bool own_;
  uint32_t few_[kMost];
};

constexpr int kExamples = 256;  // that are looked at together

// The first fault of an example's numbers.
SINTER_FN uint64_t fault_at(const FlipBatch& batch, int64_t row, int32_t old_prediction,
                            int32_t new_prediction) {
  if (!in_range(batch.labels[row], batch.classes)) {
    return fault_of(row, ExampleFault::kLabel, 0);
  }
  if (batch.group_of != nullptr && !in_range(batch.group_of[row], batch.groups)) {
    return fault_of(row, ExampleFault::kGroup, 0);
  }
  if (!in_range(old_prediction, batch.classes)) {
    return fault_of(row, ExampleFault::kOldPrediction, 0);
  }
  if (!in_range(new_prediction, batch.classes)) {
    return fault_of(row, ExampleFault::kNewPrediction, 0);
  }
  return kNoExampleFault;
}

// Calls count(tally, j) for examples of a chunk: one kind of counts at a time.
template <class Place>
void count_kind(int64_t* counts, int64_t size, int64_t examples, Place place) {
  if (counts == nullptr) {
    return;
  }
  Tally tally(counts, size, examples);
  for (int64_t i = 0; i < examples; ++i) {
    tally.add(place(i));
  }
  tally.finish();
}

// Examples whose predictions are known at once; a multiple of kExamples.
constexpr int kChunk = 16 * kExamples;

uint64_t count_chunk(const FlipBatch& batch, int64_t begin, int count,
                     const int32_t* old_predictions, const int32_t* new_predictions) {
  const int32_t* const labels = batch.labels + begin;
  const int32_t* const groups = batch.group_of != nullptr ? batch.group_of + begin : nullptr;
  int32_t unsound = 0;
  for (int j = 0; j < count; ++j) {
    unsound |= !in_range(labels[j], batch.classes) | !in_range(old_predictions[j], batch.classes) |
               !in_range(new_predictions[j], batch.classes);
  }
  for (int j = 0; groups != nullptr && j < count; ++j) {
    unsound |= !in_range(groups[j], batch.groups);
  }
  if (unsound != 0) {
    for (int j = 0; j < count; ++j) {
      const uint64_t fault = fault_at(batch, begin + j, old_predictions[j], new_predictions[j]);
      if (fault != kNoExampleFault) {
        return fault;
      }
    }
  }
  uint8_t outcomes[kChunk];
  for (int j = 0; j < count; ++j) {
    outcomes[j] =
        static_cast<uint8_t>(outcome_of(labels[j], old_predictions[j], new_predictions[j]));
  }
  if (batch.totals != nullptr) {
    for (int k = 0; k < kOutcomes; ++k) {
      int32_t of_kind = 0;
      for (int j = 0; j < count; ++j) {
        of_kind += outcomes[j] == k ? 1 : 0;
      }
      __atomic_fetch_add(batch.totals + k, static_cast<int64_t>(of_kind), __ATOMIC_RELAXED);
    }
  }
  const int64_t classes = batch.classes;
  count_kind(batch.by_class, classes * kOutcomes, count,
             [&](int64_t j) { return int64_t{labels[j]} * kOutcomes + outcomes[j]; });
  count_kind(batch.by_group, int64_t{batch.groups} * kOutcomes, count,
             [&](int64_t j) { return int64_t{groups[j]} * kOutcomes + outcomes[j]; });
  count_kind(batch.old_to_new, classes * classes, count,
             [&](int64_t j) { return old_predictions[j] * classes + new_predictions[j]; });
  count_kind(batch.label_to[0], classes * classes, count,
             [&](int64_t j) { return labels[j] * classes + old_predictions[j]; });
  count_kind(batch.label_to[1], classes * classes, count,
             [&](int64_t j) { return labels[j] * classes + new_predictions[j]; });
  if (batch.outcomes != nullptr) {
    __builtin_memcpy(batch.outcomes + begin, outcomes, static_cast<size_t>(count));
  }
  const int32_t* const predictions[2] = {old_predictions, new_predictions};
  for (int model = 0; model < 2; ++model) {
    if (batch.predicted[model] != nullptr) {
      __builtin_memmove(batch.predicted[model] + begin, predictions[model],
                        static_cast<size_t>(count) * sizeof(int32_t));
    }
  }
  return kNoExampleFault;
}

uint64_t flips_kernel(const FlipBatch& batch, int64_t begin, int64_t end) {
  uint64_t fault = kNoExampleFault;
  const int64_t step = batch.of_logits ? kExamples : kChunk;
  for (int64_t i = begin; i < end; i += step) {
    const int count = static_cast<int>(end - i < step ? end - i : step);
    uint64_t found = kNoExampleFault;
    if (batch.of_logits) {
      int32_t predictions[2][kExamples];
      for (int model = 0; model < 2; ++model) {
        const uint64_t nan = predict(batch, model, i, count, predictions[model]);
        found = nan < found ? nan : found;
      }
      if (found == kNoExampleFault) {
        found = count_chunk(batch, i, count, predictions[0], predictions[1]);
      }
      for (int j = 0; found != kNoExampleFault && j < count; ++j) {
        const uint64_t other = fault_at(batch, i + j, predictions[0][j], predictions[1][j]);
        found = other < found ? other : found;
      }
    } else {
      found = count_chunk(batch, i, count, batch.predictions[0] + i, batch.predictions[1] + i);
    }
    fault = found < fault ? found : fault;
  }
  return fault;
}

// ---- The loss ----

// The largest element of a row and its column, and what is wrong with the row, if something is.
struct Peak {
  double largest;
  int64_t at;
  int64_t fault;  // a column, or -1
};

Peak peak_of(const View& logits, int64_t begin, int64_t classes) {
  Peak peak = {-__builtin_huge_val(), 0, -1};
  for (int64_t c = 0; c < classes; c += kBlock) {
    const int count = classes - c < kBlock ? static_cast<int>(classes - c) : kBlock;
    alignas(64) double x[kBlock];
    load_block(logits, DType::kStored, begin + c, count, x);
    const double largest = largest_of(x, count);
    if (!(largest < __builtin_huge_val())) {
      const auto unsound = [](double v) __attribute__((always_inline)) {
        return !(v < __builtin_huge_val());
      };
      peak.fault = c + first_of(x, count, unsound);
      return peak;
    }
    if (largest > peak.largest) {
      peak.largest = largest;
      peak.at = c + first_of(
                        x, count, [largest](double v) __attribute__((always_inline)) {
                          return v == largest;
                        });
    }
  }
  if (peak.largest == -__builtin_huge_val()) {
    peak.fault = 0;
  }
  return peak;
}

// Terms at a row's start that are kept: exponentials are most of the work.
constexpr int64_t kKeptTerms = 4096;
static_assert(kKeptTerms % kBlock == 0);

// A block of logits, and the terms of their softmax.
SINTER_FN void load_terms(const View& logits, int64_t begin, int64_t column, int count,
                          double largest, double scale, double* x, double* terms) {
  load_block(logits, DType::kStored, begin + column, count, x);
  for (int j = 0; j < count; ++j) {
    terms[j] = loss_term(x[j], largest, scale);
  }
}

Softmax softmax_of(const View& logits, int64_t begin, int64_t classes, double largest, double scale,
                   double* kept) {
  RowSums sums;
  for (int64_t c = 0; c < classes; c += kBlock) {
    const int count = classes - c < kBlock ? static_cast<int>(classes - c) : kBlock;
    alignas(64) double x[kBlock];
    alignas(64) double room[kBlock];
    double* const terms = kept != nullptr && c < kKeptTerms ? kept + c : room;
    load_terms(logits, begin, c, count, largest, scale, x, terms);
    sums.add(terms, count);
  }
  const double sum = sums.result();
  return {largest, scale, sum, logarithm(sum)};
}

// log softmax(z)[column].
double log_likelihood(const View& logits, int64_t at, const Softmax& plain) {
  double z;
  load_block(logits, DType::kStored, at, 1, &z);
  return scaled_logit(z, plain) - plain.log_sum;
}

uint64_t loss_row(const LossBatch& batch, const LossRows& rows, int64_t row) {
  const int64_t classes = batch.classes;
  const int64_t begin = row * classes;
  const int32_t label = batch.labels[row];
  PartCounts unused = {0, 0};
  rows.divergence[row] = 0.0;
  rows.entropy[row] = 0.0;
  if (label == kLeftOut) {
    for (int64_t c = 0; batch.has_gradient && c < classes; c += kBlock) {
      const int count = classes - c < kBlock ? static_cast<int>(classes - c) : kBlock;
      alignas(64) const double zeros[kBlock] = {};
      store_block(batch.gradient, begin + c, count, zeros, false, unused);
    }
    return kNoExampleFault;
  }
  const View& trained = batch.logits[2];
  const double scale = 1.0 / batch.temperature;
  const bool plain = batch.plain();
  const auto fault_in = [&](int model, int64_t column) {
    return fault_of(
        row, static_cast<ExampleFault>(static_cast<int>(ExampleFault::kOldLogit) + model), column);
  };
  const Peak peak = peak_of(trained, begin, classes);
  if (peak.fault >= 0) {
    return fault_in(2, peak.fault);
  }
  alignas(64) double p_kept[kKeptTerms];
  alignas(64) double q_kept[kKeptTerms];
  alignas(64) double plain_kept[kKeptTerms];
  const Softmax p = softmax_of(trained, begin, classes, peak.largest, scale, p_kept);
  const Softmax p_plain =
      plain ? softmax_of(trained, begin, classes, peak.largest, 1.0, plain_kept) : p;
  bool held = peak.at != label;
  Peak teacher = {};
  if (batch.mask == LossMask::kLikelihood) {
    teacher = peak_of(batch.logits[0], begin, classes);
    if (teacher.fault >= 0) {
      return fault_in(0, teacher.fault);
    }
    const Softmax old_plain =
        softmax_of(batch.logits[0], begin, classes, teacher.largest, 1.0, nullptr);
    held = log_likelihood(trained, begin + label, p_plain) <
           log_likelihood(batch.logits[0], begin + label, old_plain);
  }
  const int model = held ? 0 : 1;
  if (batch.mask != LossMask::kLikelihood || !held) {
    teacher = peak_of(batch.logits[model], begin, classes);
    if (teacher.fault >= 0) {
      return fault_in(model, teacher.fault);
    }
  }
  const View& teaching = batch.logits[model];
  const Softmax q = softmax_of(teaching, begin, classes, teacher.largest, scale, q_kept);
  const double n = static_cast<double>(rows.included);
  RowSums divergence;
  for (int64_t c = 0; c < classes; c += kBlock) {
    const int count = classes - c < kBlock ? static_cast<int>(classes - c) : kBlock;
    alignas(64) double p_logits[kBlock];
    alignas(64) double q_logits[kBlock];
    alignas(64) double room[3][kBlock];
    const double* p_terms = room[0];
    const double* q_terms = room[1];
    const double* plain_terms = plain ? room[2] : room[0];
    if (c < kKeptTerms) {
      load_block(trained, DType::kStored, begin + c, count, p_logits);
      load_block(teaching, DType::kStored, begin + c, count, q_logits);
      p_terms = p_kept + c;
      q_terms = q_kept + c;
      plain_terms = plain ? plain_kept + c : p_terms;
    } else {
      load_terms(trained, begin, c, count, p.largest, scale, p_logits, room[0]);
      load_terms(teaching, begin, c, count, q.largest, scale, q_logits, room[1]);
      if (plain) {
        load_terms(trained, begin, c, count, p.largest, 1.0, p_logits, room[2]);
      }
    }
    alignas(64) double shares[kBlock];
    for (int j = 0; j < count; ++j) {
      shares[j] = divergence_share(q_terms[j], q_logits[j], q, p_logits[j], p);
    }
    divergence.add(shares, count);
    if (batch.has_gradient) {
      alignas(64) double gradient[kBlock];
      for (int j = 0; j < count; ++j) {
        gradient[j] =
            loss_gradient(p_terms[j] / p.sum, q_terms[j] / q.sum, plain_terms[j] / p_plain.sum,
                          c + j == label ? 1.0 : 0.0, scale, batch.cross_entropy, n);
      }
      store_block(batch.gradient, begin + c, count, gradient, false, unused);
    }
  }
  rows.divergence[row] = divergence.result();
  if (batch.cross_entropy > 0.0) {
    rows.entropy[row] = -log_likelihood(trained, begin + label, p_plain);
  }
  if (held) {
    __atomic_fetch_add(rows.masked, int64_t{1}, __ATOMIC_RELAXED);
  }
  return kNoExampleFault;
}

uint64_t loss_kernel(const LossBatch& batch, const LossRows& rows, int64_t begin, int64_t end) {
  uint64_t fault = kNoExampleFault;
  for (int64_t row = begin; row < end; ++row) {
    const uint64_t found = loss_row(batch, rows, row);
    fault = found < fault ? found : fault;
  }
  return fault;
}

// ---- Graded answers ----

uint64_t scores_kernel(const View (&scores)[2], const ScoreRows& rows, int64_t begin, int64_t end) {
  int64_t gains = 0;
  int64_t regressions = 0;
  for (int64_t i = begin; i < end; i += kBlock) {
    const int count = end - i < kBlock ? static_cast<int>(end - i) : kBlock;
    alignas(64) double before[kBlock];
    alignas(64) double after[kBlock];
    load_block(scores[0], DType::kStored, i, count, before);
    load_block(scores[1], DType::kStored, i, count, after);
    for (int j = 0; j < count; ++j) {
      if (!is_score(before[j]) || !is_score(after[j])) {
        return fault_of(i + j,
                        is_score(before[j]) ? ExampleFault::kNewScore : ExampleFault::kOldScore, 0);
      }
    }
    for (int j = 0; j < count; ++j) {
      const double change = after[j] - before[j];
      gains += change > 0.0 ? 1 : 0;
      regressions += change < 0.0 ? 1 : 0;
      if (rows.fixed != nullptr) {
        rows.fixed[i + j] = fixed_change(change, rows.bits);
      } else {
        rows.gain[i + j] = change > 0.0 ? change : 0.0;
        rows.loss[i + j] = change < 0.0 ? -change : 0.0;
      }
    }
  }
  if (rows.fixed == nullptr) {
    __atomic_fetch_add(rows.gains, gains, __ATOMIC_RELAXED);
    __atomic_fetch_add(rows.regressions, regressions, __ATOMIC_RELAXED);
  }
  return kNoExampleFault;
}

// ---- The bootstrap ----

void flip_bootstrap_kernel(const FlipBootstrap& bootstrap, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    Draws draws = {bootstrap.key, static_cast<uint64_t>(r), 0};
    int64_t drawn[kOutcomes];
    resample_outcomes(draws, bootstrap.counts, drawn);
    for (int32_t j = 0; j < bootstrap.count; ++j) {
      bootstrap.out[j * bootstrap.resamples + r] =
          measure_of(static_cast<Measure>(bootstrap.measures[j]), drawn);
    }
  }
}

void score_bootstrap_kernel(const ScoreBootstrap& bootstrap, const int64_t* fixed, int64_t begin,
                            int64_t end) {
  const auto n = static_cast<uint32_t>(bootstrap.examples);
  const uint32_t again = drawn_again(n);
  const int32_t bits = change_bits(bootstrap.examples);
  Words room = {};
  for (int64_t r = begin; r < end; ++r) {
    const uint64_t key = resample_key(bootstrap.key, r);
    int64_t gains = 0;
    int64_t regressions = 0;
    int64_t gained = 0;
    int64_t lost = 0;
    for (int64_t i = 0; i < bootstrap.examples; i += kBlock) {
      const int64_t left = bootstrap.examples - i;
      const int count = left < kBlock ? static_cast<int>(left) : kBlock;
      const uint32_t* const words = fill_words(key, i, count, room);
      for (int j = 0; j < count; ++j) {
        const int64_t change = fixed[drawn_example(key, i + j, words[j], n, again)];
        gains += change > 0 ? 1 : 0;
        regressions += change < 0 ? 1 : 0;
        gained += change > 0 ? change : 0;
        lost += change < 0 ? -change : 0;
      }
    }
    const ScoreChanges changes = {gains, regressions, unfixed(gained, bits), unfixed(lost, bits)};
    for (int32_t j = 0; j < bootstrap.count; ++j) {
      bootstrap.out[j * bootstrap.resamples + r] = score_measure_of(
          static_cast<ScoreMeasure>(bootstrap.measures[j]), changes, bootstrap.examples);
    }
  }
}

}  // namespace

extern const CompatibilityKernels compatibility_kernels = {
    flips_kernel, loss_kernel, scores_kernel, flip_bootstrap_kernel, score_bootstrap_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

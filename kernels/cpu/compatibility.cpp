// SPDX-License-Identifier: Apache-2.0
//
// Counts of flips. Bound by memory: a row of logits is read once, its largest element found a block at
// a time, and the index looked for only in blocks that raise it.
#include "cpu/compatibility.h"

#include "cpu/common/block.h"
#include "cpu/kernels_of_tier.h"
#include "flips.h"
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
  // Sums of what is NaN or 0: x - x is NaN for infinities too, so compare.
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
  const FlipFault kind = model == 0 ? FlipFault::kOldLogit : FlipFault::kNewLogit;
  const bool wide = logits.dtype == DType::kF64;
  const bool in_place = logits.contiguous() && (wide || logits.dtype == DType::kF32);
  uint64_t fault = kNoFlipFault;
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
    return fault_of(row, FlipFault::kLabel, 0);
  }
  if (batch.group_of != nullptr && !in_range(batch.group_of[row], batch.groups)) {
    return fault_of(row, FlipFault::kGroup, 0);
  }
  if (!in_range(old_prediction, batch.classes)) {
    return fault_of(row, FlipFault::kOldPrediction, 0);
  }
  if (!in_range(new_prediction, batch.classes)) {
    return fault_of(row, FlipFault::kNewPrediction, 0);
  }
  return kNoFlipFault;
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
      if (fault != kNoFlipFault) {
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
  return kNoFlipFault;
}

uint64_t flips_kernel(const FlipBatch& batch, int64_t begin, int64_t end) {
  uint64_t fault = kNoFlipFault;
  const int64_t step = batch.of_logits ? kExamples : kChunk;
  for (int64_t i = begin; i < end; i += step) {
    const int count = static_cast<int>(end - i < step ? end - i : step);
    uint64_t found = kNoFlipFault;
    if (batch.of_logits) {
      int32_t predictions[2][kExamples];
      for (int model = 0; model < 2; ++model) {
        const uint64_t nan = predict(batch, model, i, count, predictions[model]);
        found = nan < found ? nan : found;
      }
      if (found == kNoFlipFault) {
        found = count_chunk(batch, i, count, predictions[0], predictions[1]);
      }
      for (int j = 0; found != kNoFlipFault && j < count; ++j) {
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

}  // namespace

extern const CompatibilityKernels compatibility_kernels = {
    flips_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

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

// What the elements of a row are compared as: numbers where they are computed in, and for dtypes of two
// bytes whole numbers in the same order, -0 and NaN apart.
template <DType D>
struct Compared {
  using Number = typename Format<D>::Storage;
  static constexpr bool kKeys = false;
};
template <>
struct Compared<DType::kF16> {
  using Number = int16_t;
  static constexpr bool kKeys = true;
};
template <>
struct Compared<DType::kBF16> {
  using Number = int16_t;
  static constexpr bool kKeys = true;
};

constexpr int kVectorBytes =
#if defined(__AVX512F__)
    64;
#elif defined(__AVX2__)
    32;
#else
    16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
  typedef T loose __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));
};

// A row's elements from x on, as vectors of what they are compared as.
template <DType D>
struct Lanes {
  using Number = typename Compared<D>::Number;
  using Vector = typename VectorOf<Number>::type;
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(Number));

  SINTER_MEMBER_FN Number one(const void* x, int64_t j) {
    using Packed = typename Unaligned<Number>::type;
    const Number v = static_cast<const Packed*>(x)[j];
    if constexpr (Compared<D>::kKeys) {
      return static_cast<Number>(v ^ ((v >> 15) & 0x7fff));
    } else {
      return v;
    }
  }
  SINTER_MEMBER_FN Vector load(const void* x, int64_t j) {
    const Vector v = *reinterpret_cast<const typename VectorOf<Number>::loose*>(
        static_cast<const Number*>(x) + j);
    if constexpr (Compared<D>::kKeys) {
      return v ^ ((v >> 15) & 0x7fff);
    } else {
      return v;
    }
  }
};

// Bits for the lanes of v that are at least `bound`, or, without one, not ordered with those of w; the
// same number of bits for each lane.
#if defined(__AVX512F__)
SINTER_FN uint64_t at_least(VectorOf<float>::type v, float bound) {
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(v), _mm512_set1_ps(bound), _CMP_GE_OQ);
}
SINTER_FN uint64_t at_least(VectorOf<double>::type v, double bound) {
  return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(v), _mm512_set1_pd(bound), _CMP_GE_OQ);
}
SINTER_FN uint64_t at_least(VectorOf<int16_t>::type v, int16_t bound) {
  return _mm512_cmpge_epi16_mask(reinterpret_cast<__m512i>(v), _mm512_set1_epi16(bound));
}
SINTER_FN uint64_t unordered(VectorOf<float>::type v, VectorOf<float>::type w) {
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(v), reinterpret_cast<__m512>(w), _CMP_UNORD_Q);
}
SINTER_FN uint64_t unordered(VectorOf<double>::type v, VectorOf<double>::type w) {
  return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(v), reinterpret_cast<__m512d>(w),
                            _CMP_UNORD_Q);
}
constexpr int kBitsOfKey = 1;
#elif defined(__AVX2__)
SINTER_FN uint64_t at_least(VectorOf<float>::type v, float bound) {
  return static_cast<uint32_t>(_mm256_movemask_ps(
      _mm256_cmp_ps(reinterpret_cast<__m256>(v), _mm256_set1_ps(bound), _CMP_GE_OQ)));
}
SINTER_FN uint64_t at_least(VectorOf<double>::type v, double bound) {
  return static_cast<uint32_t>(_mm256_movemask_pd(
      _mm256_cmp_pd(reinterpret_cast<__m256d>(v), _mm256_set1_pd(bound), _CMP_GE_OQ)));
}
SINTER_FN uint64_t at_least(VectorOf<int16_t>::type v, int16_t bound) {
  // Bounds are keys of numbers, so never the lowest.
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi16(
      reinterpret_cast<__m256i>(v), _mm256_set1_epi16(static_cast<int16_t>(bound - 1)))));
}
SINTER_FN uint64_t unordered(VectorOf<float>::type v, VectorOf<float>::type w) {
  return static_cast<uint32_t>(_mm256_movemask_ps(
      _mm256_cmp_ps(reinterpret_cast<__m256>(v), reinterpret_cast<__m256>(w), _CMP_UNORD_Q)));
}
SINTER_FN uint64_t unordered(VectorOf<double>::type v, VectorOf<double>::type w) {
  return static_cast<uint32_t>(_mm256_movemask_pd(
      _mm256_cmp_pd(reinterpret_cast<__m256d>(v), reinterpret_cast<__m256d>(w), _CMP_UNORD_Q)));
}
constexpr int kBitsOfKey = 2;
#elif defined(__x86_64__)
SINTER_FN uint64_t at_least(VectorOf<float>::type v, float bound) {
  return static_cast<uint32_t>(
      _mm_movemask_ps(_mm_cmpge_ps(reinterpret_cast<__m128>(v), _mm_set1_ps(bound))));
}
SINTER_FN uint64_t at_least(VectorOf<double>::type v, double bound) {
  return static_cast<uint32_t>(
      _mm_movemask_pd(_mm_cmpge_pd(reinterpret_cast<__m128d>(v), _mm_set1_pd(bound))));
}
SINTER_FN uint64_t at_least(VectorOf<int16_t>::type v, int16_t bound) {
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpgt_epi16(
      reinterpret_cast<__m128i>(v), _mm_set1_epi16(static_cast<int16_t>(bound - 1)))));
}
SINTER_FN uint64_t unordered(VectorOf<float>::type v, VectorOf<float>::type w) {
  return static_cast<uint32_t>(
      _mm_movemask_ps(_mm_cmpunord_ps(reinterpret_cast<__m128>(v), reinterpret_cast<__m128>(w))));
}
SINTER_FN uint64_t unordered(VectorOf<double>::type v, VectorOf<double>::type w) {
  return static_cast<uint32_t>(
      _mm_movemask_pd(_mm_cmpunord_pd(reinterpret_cast<__m128d>(v), reinterpret_cast<__m128d>(w))));
}
constexpr int kBitsOfKey = 2;
#else
template <class Vector, class T>
SINTER_FN uint64_t at_least(Vector v, T bound) {
  uint64_t lanes = 0;
  for (int l = 0; l < kVectorBytes / static_cast<int>(sizeof(T)); ++l) {
    lanes |= static_cast<uint64_t>(v[l] >= bound ? 1 : 0) << l;
  }
  return lanes;
}
template <class Vector>
SINTER_FN uint64_t unordered(Vector v, Vector w) {
  bool found = false;
  for (int l = 0; l < static_cast<int>(sizeof(Vector) / sizeof(v[0])); ++l) {
    found |= v[l] != v[l] || w[l] != w[l];
  }
  return found ? 1 : 0;
}
constexpr int kBitsOfKey = 1;
#endif

template <class Number, class Vector>
SINTER_FN Number largest_lane(Vector v) {
  constexpr int kWidth = static_cast<int>(sizeof(Vector) / sizeof(Number));
  alignas(64) Number lanes[kWidth];
  __builtin_memcpy(lanes, &v, sizeof v);
#pragma GCC unroll 6
  for (int half = kWidth / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      lanes[l] = lanes[l + half] > lanes[l] ? lanes[l + half] : lanes[l];
    }
  }
  return lanes[0];
}

// The largest of `count` >= 1 elements; *sound is false where one is NaN, and then that says nothing.
template <DType D>
SINTER_FN typename Lanes<D>::Number largest_of(const void* x, int count, bool* sound) {
  using L = Lanes<D>;
  using Number = typename L::Number;
  using Vector = typename L::Vector;
  constexpr int kSets = 4;
  constexpr int kStep = kSets * L::kWidth;
  if (count < kStep) {
    Number most = L::one(x, 0);
    Number least = most;
    for (int j = 1; j < count && most == most; ++j) {
      const Number v = L::one(x, j);
      most = v > most || v != v ? v : most;
      least = v < least ? v : least;
    }
    if constexpr (Compared<D>::kKeys) {
      *sound = most <= Format<D>::kNonfinite && least >= -1 - Format<D>::kNonfinite;
    } else {
      *sound = most == most;
    }
    return most;
  }
  Vector most[kSets], least[kSets];
#pragma GCC unroll 4
  for (int s = 0; s < kSets; ++s) {
    most[s] = L::load(x, s * L::kWidth);
    least[s] = most[s];
  }
  uint64_t odd = 0;
  // The last step overlaps the one before it.
  for (int64_t j = 0; j < count; j += kStep) {
    const int64_t at = j + kStep <= count ? j : count - kStep;
    Vector v[kSets];
#pragma GCC unroll 4
    for (int s = 0; s < kSets; ++s) {
      v[s] = L::load(x, at + s * L::kWidth);
      __builtin_prefetch(static_cast<const Number*>(x) + at + s * L::kWidth +
                         4096 / sizeof(Number));
    }
#pragma GCC unroll 4
    for (int s = 0; s < kSets; ++s) {
      most[s] = v[s] > most[s] ? v[s] : most[s];
      if constexpr (Compared<D>::kKeys) {
        least[s] = v[s] < least[s] ? v[s] : least[s];
      }
    }
    if constexpr (!Compared<D>::kKeys) {
      odd |= unordered(v[0], v[1]) | unordered(v[2], v[3]);
    }
  }
#pragma GCC unroll 4
  for (int s = 1; s < kSets; ++s) {
    most[0] = most[s] > most[0] ? most[s] : most[0];
    least[0] = least[s] < least[0] ? least[s] : least[0];
  }
  const Number largest = largest_lane<Number>(most[0]);
  if constexpr (Compared<D>::kKeys) {
    // ~key mirrors keys, so the largest of these is the smallest's.
    const Number smallest = static_cast<Number>(~largest_lane<Number>(~least[0]));
    *sound = largest <= Format<D>::kNonfinite && smallest >= -1 - Format<D>::kNonfinite;
  } else {
    *sound = odd == 0;
  }
  return largest;
}

// The first of `count` elements that is at least `bound`; there is one.
template <DType D>
SINTER_FN int first_at_least(const void* x, int count, typename Lanes<D>::Number bound) {
  using L = Lanes<D>;
  constexpr int kBits = Compared<D>::kKeys ? kBitsOfKey : 1;
  int j = 0;
  for (; j + L::kWidth <= count; j += L::kWidth) {
    const uint64_t lanes = at_least(L::load(x, j), bound);
    if (lanes != 0) {
      return j + __builtin_ctzll(lanes) / kBits;
    }
  }
  while (!(L::one(x, j) >= bound)) {
    ++j;
  }
  return j;
}

// Elements of a block of a row that is read in place: few enough that looking for the index finds them
// in the caches next to the processor.
constexpr int kInPlace = 4096;

// A row as its blocks go by.
template <DType D>
class Argmax {
 public:
  // Elements at `column` and after; false where one is NaN.
  inline __attribute__((always_inline)) bool add(const void* x, int64_t column, int count) {
    bool sound;
    const Number largest = largest_of<D>(x, count, &sound);
    if (!sound) {
      using Storage = typename Unaligned<typename Format<D>::Storage>::type;
      const auto* const all = static_cast<const Storage*>(x);
      int j = 0;
      while (Format<D>::decode(all[j]) == Format<D>::decode(all[j])) {
        ++j;
      }
      nan_ = column + j;
      return false;
    }
    if (column == 0 || largest > most_) {
      // The key of -0 is that of 0 less 1, and no prediction depends on which it is.
      const bool zero = Compared<D>::kKeys && (largest == Number(0) || largest == Number(-1));
      most_ = zero ? Number(0) : largest;
      at_ = column + first_at_least<D>(x, count, zero ? static_cast<Number>(-1) : largest);
    }
    return true;
  }
  int64_t at() const { return at_; }
  int64_t nan() const { return nan_; }

 private:
  using Number = typename Lanes<D>::Number;
  Number most_ = 0;
  int64_t at_ = 0;
  int64_t nan_ = -1;
};

// The prediction of the row of elements [begin, begin + classes) of contiguous logits; *nan is the first
// column that holds NaN, or -1.
template <DType D>
SINTER_FN int32_t straight_prediction(const View& logits, int64_t begin, int64_t classes,
                                      int64_t* nan) {
  using Storage = typename Format<D>::Storage;
  Argmax<D> argmax;
  const unsigned char* const row = logits.data + begin * static_cast<int64_t>(sizeof(Storage));
  for (int64_t c = 0; c < classes; c += kInPlace) {
    const int count = classes - c < kInPlace ? static_cast<int>(classes - c) : kInPlace;
    if (!argmax.add(row + c * static_cast<int64_t>(sizeof(Storage)), c, count)) {
      break;
    }
  }
  *nan = argmax.nan();
  return static_cast<int32_t>(argmax.at());
}

// The same of any logits, decoded to D.
template <DType D>
SINTER_FN int32_t decoded_prediction(const View& logits, int64_t begin, int64_t classes,
                                     int64_t* nan) {
  Argmax<D> argmax;
  alignas(64) typename Format<D>::Storage x[kBlock] = {};
  for (int64_t c = 0; c < classes; c += kBlock) {
    const int count = classes - c < kBlock ? static_cast<int>(classes - c) : kBlock;
    load_block(logits, DType::kStored, begin + c, count, x);
    if (!argmax.add(x, c, count)) {
      break;
    }
  }
  *nan = argmax.nan();
  return static_cast<int32_t>(argmax.at());
}

template <class Row>
SINTER_FN uint64_t predict_rows(int model, int64_t begin, int count, int32_t* predictions,
                                Row row) {
  const ExampleFault kind = model == 0 ? ExampleFault::kOldLogit : ExampleFault::kNewLogit;
  uint64_t fault = kNoExampleFault;
  for (int r = 0; r < count; ++r) {
    int64_t nan = -1;
    predictions[r] = row(begin + r, &nan);
    if (nan >= 0) {
      const uint64_t found = fault_of(begin + r, kind, nan);
      fault = found < fault ? found : fault;
    }
  }
  return fault;
}

template <DType D>
uint64_t predict_straight(const View& logits, int model, int64_t classes, int64_t begin, int count,
                          int32_t* predictions) {
  return predict_rows(
      model, begin, count,
      predictions, [&](int64_t row, int64_t * nan) __attribute__((always_inline)) {
        return straight_prediction<D>(logits, row * classes, classes, nan);
      });
}

template <DType D>
uint64_t predict_decoded(const View& logits, int model, int64_t classes, int64_t begin, int count,
                         int32_t* predictions) {
  return predict_rows(
      model, begin, count,
      predictions, [&](int64_t row, int64_t * nan) __attribute__((always_inline)) {
        return decoded_prediction<D>(logits, row * classes, classes, nan);
      });
}

uint64_t predict(const FlipBatch& batch, int model, int64_t begin, int count,
                 int32_t* predictions) {
  const View& logits = batch.logits[model];
  const int64_t classes = batch.classes;
  const bool straight = logits.contiguous();
  switch (logits.dtype) {
    case DType::kF64:
      return straight
                 ? predict_straight<DType::kF64>(logits, model, classes, begin, count, predictions)
                 : predict_decoded<DType::kF64>(logits, model, classes, begin, count, predictions);
    case DType::kF32:
      if (straight) {
        return predict_straight<DType::kF32>(logits, model, classes, begin, count, predictions);
      }
      break;
    case DType::kF16:
      if (straight) {
        return predict_straight<DType::kF16>(logits, model, classes, begin, count, predictions);
      }
      break;
    case DType::kBF16:
      if (straight) {
        return predict_straight<DType::kBF16>(logits, model, classes, begin, count, predictions);
      }
      break;
    default:
      break;
  }
  return predict_decoded<DType::kF32>(logits, model, classes, begin, count, predictions);
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
    bool sound;
    const double largest = largest_of<DType::kF64>(x, count, &sound);
    if (!sound || largest == __builtin_huge_val()) {
      int j = 0;
      while (x[j] < __builtin_huge_val()) {
        ++j;
      }
      peak.fault = c + j;
      return peak;
    }
    if (largest > peak.largest) {
      peak.largest = largest;
      peak.at = c + first_at_least<DType::kF64>(x, count, largest);
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
    uint64_t gains = 0;
    uint64_t regressions = 0;
    uint64_t total = 0;
    uint64_t magnitudes = 0;
    for (int64_t i = 0; i < bootstrap.examples; i += kBlock) {
      const int64_t left = bootstrap.examples - i;
      const int count = left < kBlock ? static_cast<int>(left) : kBlock;
      const uint32_t* const words = fill_words(key, i, count, room);
      // In loops of one kind each, which vectorise.
      uint32_t drawn[kBlock];
      uint32_t unfair = 0;
      for (int j = 0; j < count; ++j) {
        const uint64_t product = uint64_t{words[j]} * n;
        drawn[j] = static_cast<uint32_t>(product >> 32);
        unfair |= static_cast<uint32_t>(product) < again ? 1 : 0;
      }
      for (int j = 0; unfair != 0 && j < count; ++j) {
        drawn[j] = drawn_example(key, i + j, words[j], n, again);
      }
      int64_t changes_of[kBlock];
      for (int j = 0; j < count; ++j) {
        changes_of[j] = fixed[drawn[j]];
      }
      // By sign bits: SSE2 does not compare numbers of 64 bits.
      for (int j = 0; j < count; ++j) {
        const auto change = static_cast<uint64_t>(changes_of[j]);
        const uint64_t falls = change >> 63;
        const uint64_t rises = (uint64_t{0} - change) >> 63;
        const uint64_t all = uint64_t{0} - falls;
        regressions += falls;
        gains += rises;
        total += change;
        magnitudes += (change ^ all) - all;
      }
    }
    const auto gained = static_cast<int64_t>((magnitudes + total) / 2);
    const auto lost = static_cast<int64_t>((magnitudes - total) / 2);
    const ScoreChanges changes = {static_cast<int64_t>(gains), static_cast<int64_t>(regressions),
                                  unfixed(gained, bits), unfixed(lost, bits)};
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

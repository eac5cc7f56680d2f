// SPDX-License-Identifier: Apache-2.0
//
// The first level of the canonical reductions: chunks of 4096 elements, 64 lanes of float64 each.
// The order is formula/reduce.h's.
#include "formula/reduce.h"

#include "cpu/common/lanes.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

static_assert(kReduceChunk % kBlock == 0 && kBlock % kReduceLanes == 0);

// `count` elements were added; lanes that took none are +0, and adding those changes nothing.
template <Term T>
SINTER_FN double combine_lanes(double* lanes, int64_t count) {
  int half = kReduceLanes / 2;
  while (half > 1 && half >= count) {
    half /= 2;
  }
  for (; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      lanes[l] = combine<T>(lanes[l], lanes[l + half]);
    }
  }
  return lanes[0];
}

SINTER_FN Strip strip_magnitudes(Strip x) {
  return reinterpret_cast<Strip>(reinterpret_cast<StripBits>(x) & 0x7fffffffffffffffull);
}

// kExact: the elements are float32 at most.
template <Term T, bool kExact>
SINTER_FN Strip accumulate_strip(Strip sum, Strip a, Strip b) {
  switch (T) {
    case Term::kValue:
      return sum + a;
    case Term::kMagnitude:
      return sum + strip_magnitudes(a);
    case Term::kSquare:
      return add_product<kExact>(sum, a, a);
    case Term::kProduct:
      return add_product<kExact>(sum, a, b);
    case Term::kCube:
      return sum + (a * a) * a;
    case Term::kFourthPower:
      return sum + (a * a) * (a * a);
    case Term::kMasked:
      return b != 0.0 ? sum + a : sum;
    case Term::kFinite:
      return strip_magnitudes(a) < __builtin_huge_val() ? sum + 1.0 : sum;
    case Term::kInfinite:
      return strip_magnitudes(a) == __builtin_huge_val() ? sum + 1.0 : sum;
    case Term::kNan:
      return a != a ? sum + 1.0 : sum;
    case Term::kAbove:
      return strip_magnitudes(a) > b ? sum + 1.0 : sum;
    case Term::kNegative:
      return a < 0.0 ? sum + 1.0 : sum;
    case Term::kNonfinite:
      return strip_magnitudes(a) < __builtin_huge_val() ? sum : sum + 1.0;
    default:
      for (int l = 0; l < kStrip; ++l) {
        sum[l] = accumulate<T>(sum[l], a[l], b[l]);
      }
      return sum;
  }
}

// The terms of a pair (a, b) and the item's parameter; what a term reads of them.
template <Term T, bool kOfB = false>
struct Of {
  template <bool kExact>
  SINTER_MEMBER_FN Strip add_strip(Strip sum, Strip a, Strip b, double parameter) {
    return accumulate_strip<T, kExact>(sum, kOfB ? b : a,
                                       T == Term::kAbove ? Strip{} + parameter : b);
  }
  SINTER_MEMBER_FN double add(double sum, double a, double b, double parameter) {
    return accumulate<T>(sum, kOfB ? b : a, T == Term::kAbove ? parameter : b);
  }
  static constexpr Term kTerm = T;
};

// Lanes, a power of 2, whose sums of so many terms stay in registers.
constexpr int lanes_at_once(int terms) {
  int lanes = kStrip;
  while (lanes < kReduceLanes && 2 * lanes * terms <= kStrips * kStrip) {
    lanes *= 2;
  }
  return lanes;
}

// Adds elements to the lanes; they start at a multiple of the lanes. As many lanes at a time as keep
// their sums in registers go over all of them.
template <DType D, class... Terms>
SINTER_FN void add_block(const typename Format<D>::Storage* a, const typename Format<D>::Storage* b,
                         int count, double parameter, double (*lanes)[kReduceLanes]) {
  constexpr int kTerms = sizeof...(Terms);
  constexpr int kHeld = lanes_at_once(kTerms) / kStrip;
  const int whole = count - count % kReduceLanes;
  for (int s = 0; s < kReduceLanes; s += kStrip * kHeld) {
    Strip sums[kTerms][kHeld];
#pragma GCC unroll 4
    for (int k = 0; k < kTerms; ++k) {
#pragma GCC unroll 16
      for (int v = 0; v < kHeld; ++v) {
        sums[k][v] = load_strip(&lanes[k][s + kStrip * v]);
      }
    }
    for (int j = s; j < whole; j += kReduceLanes) {
      if (kHeld * kStrip == kReduceLanes) {
        expect(a + j, kReduceLanes);
        if (a != b) {
          expect(b + j, kReduceLanes);
        }
      }
#pragma GCC unroll 16
      for (int v = 0; v < kHeld; ++v) {
        const Strip x = strip<D>(a + j + kStrip * v);
        const Strip y = strip<D>(b + j + kStrip * v);
        int k = 0;
        ((sums[k][v] = Terms::template add_strip<D != DType::kF64>(sums[k][v], x, y, parameter),
          ++k),
         ...);
      }
    }
#pragma GCC unroll 4
    for (int k = 0; k < kTerms; ++k) {
#pragma GCC unroll 16
      for (int v = 0; v < kHeld; ++v) {
        store_strip(&lanes[k][s + kStrip * v], sums[k][v]);
      }
    }
  }
  using Packed = typename Unaligned<typename Format<D>::Storage>::type;
  const Packed* const left_a = reinterpret_cast<const Packed*>(a);
  const Packed* const left_b = reinterpret_cast<const Packed*>(b);
  for (int j = whole; j < count; ++j) {
    const double x = static_cast<double>(Format<D>::decode(left_a[j]));
    const double y = static_cast<double>(Format<D>::decode(left_b[j]));
    int k = 0;
    ((lanes[k][j - whole] = Terms::add(lanes[k][j - whole], x, y, parameter), ++k), ...);
  }
}

// As above, of contiguous elements in memory; `room` is for two blocks.
template <DType D, class... Terms>
SINTER_FN void add_stored(const unsigned char* a, const unsigned char* b, int count,
                          double parameter, double (*lanes)[kReduceLanes], double (*room)[kBlock]) {
  if constexpr (kLaneDtype<D>) {
    using Storage = typename Format<D>::Storage;
    add_block<D, Terms...>(reinterpret_cast<const Storage*>(a), reinterpret_cast<const Storage*>(b),
                           count, parameter, lanes);
  } else {
    float* const x = reinterpret_cast<float*>(room[0]);
    float* const y = a == b ? x : reinterpret_cast<float*>(room[1]);
    decode<D>(a, 1, count, x);
    if (a != b) {
      decode<D>(b, 1, count, y);
    }
    add_block<DType::kF32, Terms...>(x, y, count, parameter, lanes);
  }
}

// Chunks [begin, end), counted through the rows, of terms that read one operand, or (kPair) two; the
// terms' values of a chunk stand side by side.
template <bool kPair, class... Terms>
SINTER_FN void reduce(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                      double* partials) {
  constexpr int kTerms = sizeof...(Terms);
  const bool direct = item.a.contiguous() && item.b.contiguous() && item.a.dtype == item.b.dtype &&
                      (load == DType::kStored || load == item.a.dtype);
  const int64_t width = dtype_bytes(item.a.dtype);
  const bool straight = direct && (item.a.dtype == DType::kBF16 || item.a.dtype == DType::kF32 ||
                                   item.a.dtype == DType::kF64);
  const int64_t row = item.row();
  const int64_t chunks = chunks_of(row);
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    alignas(64) double lanes[kTerms][kReduceLanes] = {};
    const int64_t start = chunk / chunks * row;
    const int64_t from = start + chunk % chunks * kReduceChunk;
    const int64_t to = start + row - from < kReduceChunk ? start + row : from + kReduceChunk;
    // Where all lanes are held, nothing is gained by stopping; else blocks stay in the first-level
    // cache until all lanes have gone over them.
    const int64_t step = lanes_at_once(kTerms) == kReduceLanes && straight ? kReduceChunk : kBlock;
    for (int64_t i = from; i < to; i += step) {
      const int count = static_cast<int>(to - i < step ? to - i : step);
      alignas(64) double room[2][kBlock];
      if (direct) {
        const unsigned char* const a = item.a.data + i * width;
        const unsigned char* const b = kPair ? item.b.data + i * width : a;
        with_dtype(
            item.a.dtype, [&]<DType D>() __attribute__((always_inline)) {
              add_stored<D, Terms...>(a, b, count, item.parameter, lanes, room);
            });
      } else {
        load_block(item.a, load, i, count, room[0]);
        if (kPair) {
          load_block(item.b, load, i, count, room[1]);
        }
        add_block<DType::kF64, Terms...>(room[0], room[kPair ? 1 : 0], count, item.parameter,
                                         lanes);
      }
    }
    int k = 0;
    ((partials[(chunk - begin) * kTerms + k] = combine_lanes<Terms::kTerm>(lanes[k], to - from),
      ++k),
     ...);
  }
}

// The stored elements of a block: where they are, or, of a strided view, in `room`.
template <DType T>
SINTER_FN const unsigned char* stored_block(const View& view, int64_t begin, int count,
                                            unsigned char* room) {
  constexpr int64_t kWidth = static_cast<int64_t>(sizeof(typename Format<T>::Storage));
  if (view.contiguous()) {
    return view.data + begin * kWidth;
  }
  for_runs(
      view, begin,
      count, [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
        for (int k = 0; k < run; ++k) {
          __builtin_memcpy(room + (j + k) * kWidth, view.data + (offset + k * stride) * kWidth,
                           kWidth);
        }
      });
  return room;
}

// The bits of stored elements.
template <DType T>
struct WordOf {
  using type = typename Unaligned<typename Format<T>::Word>::type;
};

template <DType T>
SINTER_FN int differing(const unsigned char* x, const unsigned char* y, int count) {
  const auto* const a = reinterpret_cast<const typename WordOf<T>::type*>(x);
  const auto* const b = reinterpret_cast<const typename WordOf<T>::type*>(y);
  int changed = 0;
  for (int j = 0; j < count; ++j) {
    changed += a[j] != b[j] ? 1 : 0;
  }
  return changed;
}

// Chunks [begin, end): what sinter_chunk_statistics says, in float32 or, where a tensor is float64,
// in that.
template <DType T, class Compute, bool kBased>
SINTER_FN void statistics(const ReduceItem& item, int64_t begin, int64_t end, double* out) {
  constexpr DType kCompute = sizeof(Compute) == 4 ? DType::kF32 : DType::kF64;
  constexpr int64_t kWidth = static_cast<int64_t>(sizeof(typename Format<T>::Storage));
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    alignas(64) double squares[1][kReduceLanes] = {};
    alignas(64) double differences[1][kReduceLanes] = {};
    Range<Compute> range;
    int64_t changed = 0;
    const int64_t from = chunk * kReduceChunk;
    const int64_t to = item.elements - from < kReduceChunk ? item.elements : from + kReduceChunk;
    for (int64_t i = from; i < to; i += kBlock) {
      const int count = static_cast<int>(to - i < kBlock ? to - i : kBlock);
      alignas(64) unsigned char room[kBlock * kWidth];
      alignas(64) Compute x[kBlock];
      const unsigned char* const stored = stored_block<T>(item.a, i, count, room);
      decode<T>(stored, 1, count, x);
      for (int j = 0; j < count; ++j) {
        see(range, x[j]);
      }
      add_block<kCompute, Of<Term::kSquare>>(x, x, count, 0.0, squares);
      if (kBased) {
        alignas(64) unsigned char other[kBlock * kWidth];
        alignas(64) Compute y[kBlock];
        if (item.b.dtype == T) {
          const unsigned char* const base = stored_block<T>(item.b, i, count, other);
          decode<T>(base, 1, count, y);
          changed += differing<T>(stored, base, count);
        } else {
          load_block(item.b, DType::kStored, i, count, y);
          for (int j = 0; j < count; ++j) {
            const auto cast = Format<T>::encode(y[j]);
            __builtin_memcpy(other + j * kWidth, &cast, kWidth);
          }
          changed += differing<T>(stored, other, count);
        }
        for (int j = 0; j < count; ++j) {
          x[j] = x[j] - y[j];
        }
        add_block<kCompute, Of<Term::kSquare>>(x, x, count, 0.0, differences);
      }
    }
    double* const results = out + (chunk - begin) * (kBased ? kBasedStatistics : kStatistics);
    results[0] = number_of(range.least);
    results[1] = number_of(range.greatest);
    results[2] = canonical(combine_lanes<Term::kSquare>(squares[0], to - from));
    results[3] = static_cast<double>(range.nonfinite);
    if (kBased) {
      results[4] = canonical(combine_lanes<Term::kSquare>(differences[0], to - from));
      results[5] = static_cast<double>(changed);
    }
  }
}

template <bool kBased>
static void statistics_of_any(const ReduceItem& item, int64_t begin, int64_t end, double* out) {
  with_dtype(
      item.a.dtype, [&]<DType T>() __attribute__((always_inline)) {
        if (T == DType::kF64 || (kBased && item.b.dtype == DType::kF64)) {
          statistics<T, double, kBased>(item, begin, end, out);
        } else if constexpr (T != DType::kF64) {
          statistics<T, float, kBased>(item, begin, end, out);
        }
      });
}

}  // namespace

void statistics_kernel(const ReduceItem& item, DType, int64_t begin, int64_t end, double* out) {
  statistics_of_any<false>(item, begin, end, out);
}

void based_statistics_kernel(const ReduceItem& item, DType, int64_t begin, int64_t end,
                             double* out) {
  statistics_of_any<true>(item, begin, end, out);
}

void sum_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  reduce<false, Of<Term::kValue>>(item, load, begin, end, partials);
}

void norm_l1_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                    double* partials) {
  reduce<false, Of<Term::kMagnitude>>(item, load, begin, end, partials);
}

void sum_of_squares_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                           double* partials) {
  reduce<false, Of<Term::kSquare>>(item, load, begin, end, partials);
}

void norm_max_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                     double* partials) {
  reduce<false, Of<Term::kLargest>>(item, load, begin, end, partials);
}

void dot_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  reduce<true, Of<Term::kProduct>>(item, load, begin, end, partials);
}

void dots_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  reduce<true, Of<Term::kSquare>, Of<Term::kProduct>, Of<Term::kSquare, true>>(item, load, begin,
                                                                               end, partials);
}

void moments_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                    double* partials) {
  reduce<false, Of<Term::kValue>, Of<Term::kSquare>, Of<Term::kCube>, Of<Term::kFourthPower>>(
      item, load, begin, end, partials);
}

void count_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                  double* partials) {
  reduce<false, Of<Term::kFinite>, Of<Term::kInfinite>, Of<Term::kNan>, Of<Term::kAbove>>(
      item, load, begin, end, partials);
}

void fisher_statistics_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                              double* partials) {
  reduce<false, Of<Term::kValue>, Of<Term::kSquare>, Of<Term::kNegative>, Of<Term::kNonfinite>>(
      item, load, begin, end, partials);
}

void masked_sum_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                       double* partials) {
  reduce<true, Of<Term::kMasked>>(item, load, begin, end, partials);
}

}  // namespace sinter::cpu::SINTER_TIER

// SPDX-License-Identifier: Apache-2.0
//
// The first level of the canonical reductions: chunks of 4096 elements, 64 lanes of float64 each.
// The order is formula/reduce.h's.
#include "formula/reduce.h"

#include "cpu/common/block.h"
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

// Eight lanes, and the eight elements they take. Compilers split them where registers are shorter.
typedef double Lanes __attribute__((vector_size(64)));
typedef uint64_t LaneBits __attribute__((vector_size(64)));
template <class T>
struct Eight;
template <>
struct Eight<float> {
  typedef float type __attribute__((vector_size(32), aligned(1), may_alias));
};
template <>
struct Eight<double> {
  typedef double type __attribute__((vector_size(64), aligned(1), may_alias));
};

template <class T>
SINTER_FN Lanes eight(const T* x) {
  return __builtin_convertvector(*reinterpret_cast<const typename Eight<T>::type*>(x), Lanes);
}

SINTER_FN Lanes lane_magnitudes(Lanes x) {
  return reinterpret_cast<Lanes>(reinterpret_cast<LaneBits>(x) & 0x7fffffffffffffffull);
}

template <Term T>
SINTER_FN Lanes accumulate_eight(Lanes sum, Lanes a, Lanes b) {
  switch (T) {
    case Term::kValue:
      return sum + a;
    case Term::kSquare:
      return sum + a * a;
    case Term::kProduct:
      return sum + a * b;
    case Term::kCube:
      return sum + (a * a) * a;
    case Term::kFourthPower:
      return sum + (a * a) * (a * a);
    case Term::kMasked:
      return b != 0.0 ? sum + a : sum;
    case Term::kFinite:
      return lane_magnitudes(a) < __builtin_huge_val() ? sum + 1.0 : sum;
    case Term::kInfinite:
      return lane_magnitudes(a) == __builtin_huge_val() ? sum + 1.0 : sum;
    case Term::kNan:
      return a != a ? sum + 1.0 : sum;
    case Term::kAbove:
      return lane_magnitudes(a) > b ? sum + 1.0 : sum;
    default:
      for (int l = 0; l < 8; ++l) {
        sum[l] = accumulate<T>(sum[l], a[l], b[l]);
      }
      return sum;
  }
}

// The terms of a pair (a, b) and the item's parameter; what a term reads of them.
template <Term T, bool kOfB = false>
struct Of {
  SINTER_MEMBER_FN Lanes add_eight(Lanes sum, Lanes a, Lanes b, double parameter) {
    return accumulate_eight<T>(sum, kOfB ? b : a, T == Term::kAbove ? Lanes{} + parameter : b);
  }
  SINTER_MEMBER_FN double add(double sum, double a, double b, double parameter) {
    return accumulate<T>(sum, kOfB ? b : a, T == Term::kAbove ? parameter : b);
  }
  static constexpr Term kTerm = T;
};

// Adds a block's elements to the lanes; the block starts at a multiple of the lanes. As many lanes
// at a time as keep their sums in registers go over the whole block.
template <class... Terms, class T>
SINTER_FN void add_block(const T* a, const T* b, int count, double parameter,
                         double (*lanes)[kReduceLanes]) {
  constexpr int kTerms = sizeof...(Terms);
  constexpr int kVectors = kTerms == 1 ? 4 : 2;
  const int whole = count - count % kReduceLanes;
  for (int s = 0; s < kReduceLanes; s += 8 * kVectors) {
    Lanes sums[kTerms][kVectors];
#pragma GCC unroll 4
    for (int k = 0; k < kTerms; ++k) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sums[k][v] = eight(&lanes[k][s + 8 * v]);
      }
    }
    for (int j = s; j < whole; j += kReduceLanes) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Lanes x = eight(a + j + 8 * v);
        const Lanes y = eight(b + j + 8 * v);
        int k = 0;
        ((sums[k][v] = Terms::add_eight(sums[k][v], x, y, parameter), ++k), ...);
      }
    }
#pragma GCC unroll 4
    for (int k = 0; k < kTerms; ++k) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        *reinterpret_cast<Eight<double>::type*>(&lanes[k][s + 8 * v]) = sums[k][v];
      }
    }
  }
  using Packed = typename Unaligned<T>::type;  // by name: auto would drop the alignment
  const Packed* const left_a = reinterpret_cast<const Packed*>(a);
  const Packed* const left_b = reinterpret_cast<const Packed*>(b);
  for (int j = whole; j < count; ++j) {
    const double x = static_cast<double>(left_a[j]);
    const double y = static_cast<double>(left_b[j]);
    int k = 0;
    ((lanes[k][j - whole] = Terms::add(lanes[k][j - whole], x, y, parameter), ++k), ...);
  }
}

// A contiguous operand's block as its compute type: in place, or decoded into `room`.
template <DType D>
SINTER_FN const typename Format<D>::Compute* decoded(const unsigned char* data, int count,
                                                     typename Format<D>::Compute* room) {
  if constexpr (D == DType::kF32 || D == DType::kF64) {
    return reinterpret_cast<const typename Format<D>::Compute*>(data);
  } else {
    decode<D>(data, 1, count, room);
    return room;
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
  const int64_t row = item.row();
  const int64_t chunks = chunks_of(row);
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    alignas(64) double lanes[kTerms][kReduceLanes] = {};
    const int64_t start = chunk / chunks * row;
    const int64_t from = start + chunk % chunks * kReduceChunk;
    const int64_t to = start + row - from < kReduceChunk ? start + row : from + kReduceChunk;
    for (int64_t i = from; i < to; i += kBlock) {
      const int count = to - i < kBlock ? static_cast<int>(to - i) : kBlock;
      alignas(64) double room[2][kBlock];
      if (direct) {
        with_dtype(
            item.a.dtype, [&]<DType D>() __attribute__((always_inline)) {
              using Compute = typename Format<D>::Compute;
              const Compute* a =
                  decoded<D>(item.a.data + i * width, count, reinterpret_cast<Compute*>(room[0]));
              const Compute* b = kPair ? decoded<D>(item.b.data + i * width, count,
                                                    reinterpret_cast<Compute*>(room[1]))
                                       : a;
              add_block<Terms...>(a, b, count, item.parameter, lanes);
            });
      } else {
        load_block(item.a, load, i, count, room[0]);
        if (kPair) {
          load_block(item.b, load, i, count, room[1]);
        }
        add_block<Terms...>(room[0], room[kPair ? 1 : 0], count, item.parameter, lanes);
      }
    }
    int k = 0;
    ((partials[(chunk - begin) * kTerms + k] = combine_lanes<Terms::kTerm>(lanes[k], to - from),
      ++k),
     ...);
  }
}

}  // namespace

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

void masked_sum_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                       double* partials) {
  reduce<true, Of<Term::kMasked>>(item, load, begin, end, partials);
}

}  // namespace sinter::cpu::SINTER_TIER

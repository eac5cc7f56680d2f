// SPDX-License-Identifier: Apache-2.0
//
// Canonical reductions: one order for every backend, fixed by the element's index.
//
// Element i belongs to lane i mod kLanes of chunk i div kChunk. A lane starts at +0 and takes its
// elements in order; lanes are then combined pairwise, l with l + kLanes/2, and so on by halves;
// the chunks' results are an array reduced in the same way, until one value is left. A row of a
// tensor is reduced as a tensor of its own.
#ifndef SINTER_KERNELS_FORMULA_REDUCE_H_
#define SINTER_KERNELS_FORMULA_REDUCE_H_

#include "formula/common.h"

namespace sinter {

constexpr int64_t kReduceChunk = 4096;
constexpr int kReduceLanes = 64;

// What an element adds. Operands are float64; a product is rounded once. Those that count add 1; they
// and kAbove, whose second operand is the threshold, are exact in any order.
enum class Term : int32_t {
  kValue,
  kMagnitude,
  kSquare,
  kProduct,
  kLargest,
  kCube,
  kFourthPower,
  kMasked,  // the first operand where the second is not 0
  kFinite,
  kInfinite,
  kNan,
  kAbove,
  kNegative,
  kNonfinite
};

SINTER_FN double magnitude(double x) { return bits_double(double_bits(x) & 0x7fffffffffffffffull); }

// The larger of two magnitudes; NaN if there is one.
SINTER_FN double larger(double x, double y) { return (x > y) | (x != x) ? x : y; }

template <Term T>
SINTER_FN double accumulate(double sum, double a, double b) {
  constexpr double infinity = __builtin_huge_val();
  switch (T) {
    case Term::kValue:
      return sum + a;
    case Term::kMagnitude:
      return sum + magnitude(a);
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
      return sum + (magnitude(a) < infinity ? 1.0 : 0.0);
    case Term::kInfinite:
      return sum + (magnitude(a) == infinity ? 1.0 : 0.0);
    case Term::kNan:
      return sum + (a != a ? 1.0 : 0.0);
    case Term::kAbove:
      return sum + (magnitude(a) > b ? 1.0 : 0.0);
    case Term::kNegative:
      return sum + (a < 0.0 ? 1.0 : 0.0);
    case Term::kNonfinite:
      return sum + (magnitude(a) < infinity ? 0.0 : 1.0);
    default:
      return larger(sum, magnitude(a));
  }
}

// Two lanes, or the values of two chunks.
template <Term T>
SINTER_FN double combine(double x, double y) {
  return T == Term::kLargest ? larger(x, y) : x + y;
}

// The term by which chunks' results are reduced further.
SINTER_FN Term further(Term term) { return term == Term::kLargest ? term : Term::kValue; }

// Numbers of a chunk's statistics: least, greatest, squares, non-finite; with a base squares of the
// differences and changed elements too.
constexpr int kStatistics = 4;
constexpr int kBasedStatistics = 6;

// Integers in the order of the numbers they stand for, -0 before +0; and back.
SINTER_FN int32_t ordered(float x) {
  const auto bits = static_cast<int32_t>(float_bits(x));
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
SINTER_FN int64_t ordered(double x) {
  const auto bits = static_cast<int64_t>(double_bits(x));
  return bits ^ ((bits >> 63) & 0x7fffffffffffffffll);
}
SINTER_FN double number_of(int32_t order) {
  const int32_t bits = order ^ ((order >> 31) & 0x7fffffff);
  return static_cast<double>(bits_float(static_cast<uint32_t>(bits)));
}
SINTER_FN double number_of(int64_t order) {
  return bits_double(static_cast<uint64_t>(order ^ ((order >> 63) & 0x7fffffffffffffffll)));
}

// The least, the greatest and the number of non-finite ones of elements as they come.
template <class Compute>
struct Range {
  using Order = decltype(ordered(Compute{}));
  static constexpr Order kInfinity = sizeof(Compute) == 4
                                         ? static_cast<Order>(0x7f800000)
                                         : static_cast<Order>(0x7ff0000000000000ll);

  Order least = kInfinity;
  Order greatest = ~kInfinity;
  Order nonfinite = 0;
};

template <class Compute>
SINTER_FN void see(Range<Compute>& range, Compute x) {
  using Order = typename Range<Compute>::Order;
  constexpr Order kInfinity = Range<Compute>::kInfinity;
  const Order order = ordered(x);
  const bool finite = (order < kInfinity) & (order > ~kInfinity);
  const Order low = finite ? order : kInfinity;
  const Order high = finite ? order : ~kInfinity;
  range.least = low < range.least ? low : range.least;
  range.greatest = high > range.greatest ? high : range.greatest;
  range.nonfinite += finite ? 0 : 1;
}

// Chunks of a tensor or row; one without elements has one too, which is 0.
SINTER_FN int64_t chunks_of(int64_t elements) {
  return elements > kReduceChunk ? (elements - 1) / kReduceChunk + 1 : 1;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_REDUCE_H_

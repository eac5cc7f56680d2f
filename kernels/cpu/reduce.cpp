// SPDX-License-Identifier: Apache-2.0
//
// The first level of the canonical reductions: chunks of 4096 elements, 64 lanes of float64 each.
// The lanes are one array that compilers keep in registers; the order is formula/reduce.h's.
#include "formula/reduce.h"

#include "cpu/common/block.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

static_assert(kReduceChunk % kBlock == 0 && kBlock % kReduceLanes == 0);

template <Term T>
SINTER_FN double combine_lanes(double* lanes) {
  for (int half = kReduceLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      lanes[l] = combine<T>(lanes[l], lanes[l + half]);
    }
  }
  return lanes[0];
}

// Adds a block's elements to the lanes; the block starts at a multiple of the lanes.
template <Term T, DType D>
SINTER_FN void add_block(const unsigned char* a, const unsigned char* b, int count, double* lanes) {
  using Storage = typename Unaligned<typename Format<D>::Storage>::type;
  const Storage* x = reinterpret_cast<const Storage*>(a);
  const Storage* y = reinterpret_cast<const Storage*>(b);
  const int whole = count - count % kReduceLanes;
  // Eight lanes at a time stay in registers over the whole block.
  constexpr int kStripe = 16;
  for (int s = 0; s < kReduceLanes; s += kStripe) {
    double sums[kStripe];
    for (int l = 0; l < kStripe; ++l) {
      sums[l] = lanes[s + l];
    }
    for (int j = s; j < whole; j += kReduceLanes) {
#pragma GCC unroll 16
      for (int l = 0; l < kStripe; ++l) {
        sums[l] = accumulate<T>(sums[l], static_cast<double>(Format<D>::decode(x[j + l])),
                                static_cast<double>(Format<D>::decode(y[j + l])));
      }
    }
    for (int l = 0; l < kStripe; ++l) {
      lanes[s + l] = sums[l];
    }
  }
  for (int j = whole; j < count; ++j) {
    lanes[j - whole] = accumulate<T>(lanes[j - whole], static_cast<double>(Format<D>::decode(x[j])),
                                     static_cast<double>(Format<D>::decode(y[j])));
  }
}

template <DType D, Term... Terms>
SINTER_FN void add_terms(const unsigned char* a, const unsigned char* b, int count,
                         double (*lanes)[kReduceLanes], const bool* second_is_a,
                         const bool* first_is_b) {
  int k = 0;
  ((add_block<Terms, D>(first_is_b[k] ? b : a, second_is_a[k] ? a : b, count, lanes[k]), ++k), ...);
}

// Chunks [begin, end); the terms' values of a chunk stand side by side.
template <Term... Terms>
SINTER_FN void reduce(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                      double* partials, const bool* first_is_b, const bool* second_is_a) {
  constexpr int kTerms = sizeof...(Terms);
  const bool direct = item.a.contiguous() && item.b.contiguous() && item.a.dtype == item.b.dtype &&
                      (load == DType::kStored || load == item.a.dtype);
  const bool one = item.a.data == item.b.data;
  const int64_t width = dtype_bytes(item.a.dtype);
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    alignas(64) double lanes[kTerms][kReduceLanes] = {};
    const int64_t from = chunk * kReduceChunk;
    const int64_t to = item.elements - from < kReduceChunk ? item.elements : from + kReduceChunk;
    for (int64_t i = from; i < to; i += kBlock) {
      const int count = to - i < kBlock ? static_cast<int>(to - i) : kBlock;
      if (direct) {
        with_dtype(item.a.dtype, [&]<DType D>() __attribute__((always_inline)) {
          add_terms<D, Terms...>(item.a.data + i * width, item.b.data + i * width, count, lanes,
                                 second_is_a, first_is_b);
        });
      } else {
        alignas(64) double x[kBlock];
        alignas(64) double y[kBlock];
        load_block(item.a, load, i, count, x);
        if (!one || kTerms > 1) {
          load_block(item.b, load, i, count, y);
        }
        const unsigned char* const a = reinterpret_cast<const unsigned char*>(x);
        const unsigned char* const b =
            !one || kTerms > 1 ? reinterpret_cast<const unsigned char*>(y) : a;
        add_terms<DType::kF64, Terms...>(a, b, count, lanes, second_is_a, first_is_b);
      }
    }
    int k = 0;
    ((partials[(chunk - begin) * kTerms + k] = combine_lanes<Terms>(lanes[k]), ++k), ...);
  }
}

constexpr bool kA[] = {false};

}  // namespace

void sum_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  reduce<Term::kValue>(item, load, begin, end, partials, kA, kA);
}

void norm_l1_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                    double* partials) {
  reduce<Term::kMagnitude>(item, load, begin, end, partials, kA, kA);
}

void sum_of_squares_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                           double* partials) {
  reduce<Term::kSquare>(item, load, begin, end, partials, kA, kA);
}

void norm_max_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                     double* partials) {
  reduce<Term::kLargest>(item, load, begin, end, partials, kA, kA);
}

void dot_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  reduce<Term::kProduct>(item, load, begin, end, partials, kA, kA);
}

void dots_kernel(const ReduceItem& item, DType load, int64_t begin, int64_t end, double* partials) {
  constexpr bool kFirstIsB[] = {false, false, true};
  constexpr bool kSecondIsA[] = {true, false, false};
  reduce<Term::kSquare, Term::kProduct, Term::kSquare>(item, load, begin, end, partials, kFirstIsB,
                                                       kSecondIsA);
}

}  // namespace sinter::cpu::SINTER_TIER

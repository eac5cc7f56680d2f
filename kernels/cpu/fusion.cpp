// SPDX-License-Identifier: Apache-2.0
//
// Arcee fusion. Bound by arithmetic: two exponentials, three divisions and a logarithm of float64 for
// each element.
#include "cpu/fusion.h"

#include "cpu/common/differences.h"
#include "cpu/common/elementwise.h"
#include "cpu/common/row_sums.h"
#include "cpu/common/select.h"
#include "cpu/kernels_of_tier.h"
#include "formula/fusion.h"
#include "formula/reduce.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

// Calls f(x, base, count, at) for the row's blocks from element `from` of it on, decoded.
template <class F>
SINTER_FN void for_row(const FusionJob& job, int64_t begin, int64_t from, F f) {
  for (int64_t i = from; i < job.row; i += kBlock) {
    const int count = job.row - i < kBlock ? static_cast<int>(job.row - i) : kBlock;
    alignas(64) double x[kBlock];
    alignas(64) double base[kBlock];
    load_block(job.of.in, job.of.load, begin + i, count, x);
    load_block(job.of.base, job.of.load, begin + i, count, base);
    f(x, base, count, i);
  }
}

SINTER_FN double largest_of(const double* x, int count, double largest) {
  for (int j = 0; j < count; ++j) {
    largest = x[j] > largest ? x[j] : largest;
  }
  return largest;
}

// Elements at a row's start whose terms are kept: exponentials are most of the work.
constexpr int64_t kKeptTerms = 4096;
static_assert(kKeptTerms % kBlock == 0);

int32_t divergence(const FusionJob& job, int64_t row, double* result) {
  const int64_t begin = row * job.row;
  const double lowest = -1.7976931348623157e308;
  double x_largest = lowest;
  double base_largest = lowest;
  bool x_finite = true;
  bool base_finite = true;
  for_row(job, begin, 0, [&](const double* x, const double* base, int count, int64_t) {
    x_finite &= !any_nonfinite<DType::kF64>(x, count);
    base_finite &= !any_nonfinite<DType::kF64>(base, count);
    x_largest = largest_of(x, count, x_largest);
    base_largest = largest_of(base, count, base_largest);
  });
  if (!x_finite || !base_finite) {
    return base_finite ? 2 : 3;
  }
  alignas(64) double x_kept[kKeptTerms];
  alignas(64) double base_kept[kKeptTerms];
  RowSums x_sums, base_sums, sums;
  for_row(job, begin, 0, [&](const double* x, const double* base, int count, int64_t at) {
    alignas(64) double room[2][kBlock];
    double* const x_terms = at < kKeptTerms ? x_kept + at : room[0];
    double* const base_terms = at < kKeptTerms ? base_kept + at : room[1];
    for (int j = 0; j < count; ++j) {
      x_terms[j] = softmax_term(x[j], x_largest);
    }
    x_sums.add(x_terms, count);
    for (int j = 0; j < count; ++j) {
      base_terms[j] = softmax_term(base[j], base_largest);
    }
    base_sums.add(base_terms, count);
  });
  const double x_sum = x_sums.result();
  const double base_sum = base_sums.result();
  alignas(64) double terms[kBlock];
  for (int64_t i = 0; i < kKeptTerms && i < job.row; i += kBlock) {
    const int count = job.row - i < kBlock ? static_cast<int>(job.row - i) : kBlock;
    for (int j = 0; j < count; ++j) {
      terms[j] = divergence_of_terms(x_kept[i + j], x_sum, base_kept[i + j], base_sum);
    }
    sums.add(terms, count);
  }
  for_row(job, begin, kKeptTerms, [&](const double* x, const double* base, int count, int64_t) {
    for (int j = 0; j < count; ++j) {
      terms[j] = divergence_term(x[j], x_largest, x_sum, base[j], base_largest, base_sum);
    }
    sums.add(terms, count);
  });
  *result = sums.result();
  return 0;
}

int32_t divergences_kernel(const FusionJob& job, int64_t begin, int64_t end) {
  int32_t fault = 0;
  for (int64_t row = begin; row < end; ++row) {
    const int32_t found = divergence(job, row, job.divergences + row);
    fault = found > fault ? found : fault;
  }
  return fault;
}

// The divergences of the rows of elements [begin, begin + count).
template <class Compute>
SINTER_FN void spread(const double* divergences, int64_t row, int64_t begin, int count,
                      Compute* out) {
  int64_t r = begin / row;
  int64_t left = (r + 1) * row - begin;
  for (int j = 0; j < count;) {
    const int run = left < count - j ? static_cast<int>(left) : count - j;
    const Compute value = static_cast<Compute>(divergences[r]);
    for (int i = 0; i < run; ++i) {
      out[j + i] = value;
    }
    j += run;
    ++r;
    left = row;
  }
}

template <class KeyType, class Compute, DType kFormat>
struct ImportanceKeys {
  using Key = KeyType;

  __attribute__((noinline)) static bool block(const void* source, int64_t begin, int count,
                                              Key* keys) {
    const FusionJob& job = *static_cast<const FusionJob*>(source);
    bool finite = true;
    for (int j = 0; j < count; j += kBlock) {
      const int some = count - j < kBlock ? count - j : kBlock;
      alignas(64) Compute values[kBlock];
      alignas(64) Compute factors[kBlock];
      difference_values(job.of, begin + j, some, values);
      spread(job.divergences, job.row, begin + j, some, factors);
      for (int i = 0; i < some; ++i) {
        values[i] = importance(values[i], factors[i]);
      }
      finite &= encode_keys<kFormat, Key, true>(values, some, keys + j);
    }
    return finite;
  }
};

template <class Compute>
void fuse_elements(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                   PartCounts& counts) {
  const double threshold = item.weights[0];
  const int64_t row = static_cast<int64_t>(item.weights[1]);
  const double* const divergences = item.weights + 2;
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    alignas(64) Compute base[kBlock];
    alignas(64) Compute x[kBlock];
    alignas(64) Compute factors[kBlock];
    load_block(item.inputs[0], batch.load, i, count, base);
    load_block(item.inputs[1], batch.load, i, count, x);
    spread(divergences, row, i, count, factors);
    for (int j = 0; j < count; ++j) {
      x[j] = task_delta(x[j], base[j], DType::kStored);
    }
    if (batch.delta != DType::kStored) {
      with_dtype(
          batch.delta, [&]<DType T>() __attribute__((always_inline)) { round_block<T>(x, count); });
    }
    for (int j = 0; j < count; ++j) {
      x[j] = fuse(base[j], x[j], factors[j], threshold);
    }
    store_block(item.output, i, count, x, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

void fuse_kernel(const Item& item, const Batch& batch, int64_t begin, int64_t end, bool streamed,
                 PartCounts& counts) {
  if (item.wide) {
    fuse_elements<double>(item, batch, begin, end, streamed, counts);
  } else {
    fuse_elements<float>(item, batch, begin, end, streamed, counts);
  }
}

}  // namespace

extern const FusionKernels fusion_kernels = {
    divergences_kernel,
    key_kernels<ImportanceKeys<uint32_t, float, DType::kF32>>(),
    key_kernels<ImportanceKeys<uint64_t, double, DType::kF64>>(),
    fuse_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

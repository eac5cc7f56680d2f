// SPDX-License-Identifier: Apache-2.0
//
// Exact selection over any keys (see formula/select.h), by radix: histograms of the keys' digits,
// highest first, of those keys that agree with what is known so far. Nothing is sorted, and nothing
// comes back to the host.
//
// A launch counts a digit for all entries of a batch, a small one picks the digit that holds rank k.
// The last digit's counts are kept for each unit of elements, so that the last of the equal keys is
// found without another pass.
//
// A source of keys is constructed from (Descriptors, KeyParams, k-th entry) and has
//   using Key = uint16_t, uint32_t or uint64_t;
//   static constexpr int kWidth;
//   void operator()(int64_t at, int count, Key (&keys)[kWidth], uint32_t& fault) const;
// which gives the keys of elements at .. at + count - 1 (at is a multiple of kWidth, count <= kWidth)
// and raises `fault` to a Fault where they are not finite.
#ifndef SINTER_KERNELS_CUDA_COMMON_SELECT_CUH_
#define SINTER_KERNELS_CUDA_COMMON_SELECT_CUH_

#include <algorithm>
#include <vector>

#include "cuda/common/device.cuh"
#include "formula/select.h"

namespace sinter::cuda {

// What is not finite, the first operand's fault the largest.
enum Fault : uint32_t { kNoFault = 0, kDifferenceFault = 1, kInputFault = 2, kBaseFault = 3 };

constexpr int kKeyThreads = 256;
constexpr int64_t kKeyUnit = 16 * 1024;  // elements; so a unit's counts fit 16 bits
constexpr int kKeyBins = 4096;

// Constant over the grid, and the source's own.
struct KeyParams {
  DType load;
  DType delta;
  DType key;
  const void* formula;  // more for the source, on the device
};

// Of one sequence of entries.
struct KeyProgress {
  uint64_t key;  // its digits so far, the others 0
  int64_t need;  // the rank, from 1, among the keys that agree; 0: nothing is selected
};

// Of one entry.
struct KeyOutcome {
  uint64_t key;
  int64_t cutoff;  // as in Selected
  uint32_t fault;
  uint32_t none;  // 1: k is 0
};

struct KeyPassParams {
  KeyParams keys;
  KeyProgress* progress;           // [sequences]
  unsigned long long* histograms;  // [sequences][kKeyBins]
  uint16_t* unit_counts;           // [units][bins of the last digit]
  KeyOutcome* outcomes;            // [entries]
  int32_t shift;
  int32_t bits;
  int32_t joint;  // all entries are one sequence
  int32_t first;
  int32_t last;
  Table table;
};

struct KeyDigits {
  int count;
  int bits[6];  // the highest first
};

template <class Key>
constexpr KeyDigits key_digits() {
  if constexpr (sizeof(Key) == 2) {
    return {2, {12, 4}};
  } else if constexpr (sizeof(Key) == 4) {
    return {3, {12, 12, 8}};
  } else {
    return {6, {12, 12, 12, 12, 8, 8}};
  }
}

struct KeyBins {
  uint32_t counts[kKeyBins];
};

// Calls f(key, element) for the calling thread's share of elements [begin, end).
template <class Source, class F>
SINTER_DEVICE void for_keys(const Source& source, int64_t begin, int64_t end, uint32_t& fault,
                            const F& f) {
  using Key = typename Source::Key;
  constexpr int kWidth = Source::kWidth;
  for (int64_t i = begin + static_cast<int64_t>(threadIdx.x) * kWidth; i < end;
       i += kKeyThreads * kWidth) {
    Key keys[kWidth];
    const int count = end - i < kWidth ? static_cast<int>(end - i) : kWidth;
    source(i, count, keys, fault);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      if (j < count) {
        f(keys[j], i + j);
      }
    }
  }
}

template <class Source>
__global__ void __launch_bounds__(kKeyThreads)
    key_histogram_kernel(const __grid_constant__ KeyPassParams params) {
  SINTER_SHARED(KeyBins, bins);
  const Descriptors table = descriptors(params.table);
  const int count = 1 << params.bits;
  int64_t unit = share(params.table.units, blockIdx.x, gridDim.x);
  const int64_t stop = share(params.table.units, int64_t{blockIdx.x} + 1, gridDim.x);
  if (unit == stop) {
    return;
  }
  for (int b = threadIdx.x; b < count; b += kKeyThreads) {
    bins.counts[b] = 0;
  }
  __syncthreads();
  int64_t k = entry_of(table.first, params.table.count, unit);
  while (unit < stop) {
    while (table.first[k + 1] <= unit) {
      ++k;
    }
    const int64_t first = table.first[k];
    const int64_t next = table.first[k + 1];
    // The entry's units that are this block's, or, at last, one of them.
    const int64_t past = params.last != 0 ? unit + 1 : (next < stop ? next : stop);
    const int64_t elements = table.entries[k].elements;
    const int64_t begin = (unit - first) * kKeyUnit;
    const int64_t end = past < next ? (past - first) * kKeyUnit : elements;
    const int64_t sequence = params.joint != 0 ? 0 : k;
    const uint64_t known = params.progress[sequence].key;
    const Source source(table, params.keys, k);
    uint32_t fault = kNoFault;
    for_keys(source, begin, end, fault, [&](typename Source::Key key, int64_t) {
      const uint64_t wide = key;
      if ((wide ^ known) >> params.shift >> params.bits == 0) {
        atomicAdd(&bins.counts[(wide >> params.shift) & static_cast<uint64_t>(count - 1)], 1u);
      }
    });
    if (params.first != 0 && fault != kNoFault) {
      atomicMax(&params.outcomes[k].fault, fault);
    }
    __syncthreads();
    unsigned long long* const histogram = params.histograms + sequence * kKeyBins;
    for (int b = threadIdx.x; b < count; b += kKeyThreads) {
      const uint32_t here = bins.counts[b];
      if (here != 0) {
        atomicAdd(&histogram[b], static_cast<unsigned long long>(here));
        bins.counts[b] = 0;
      }
      if (params.last != 0) {
        params.unit_counts[unit * count + b] = static_cast<uint16_t>(here);
      }
    }
    __syncthreads();
    unit = past;
  }
}

struct KeySums {
  unsigned long long sums[kKeyThreads];
};

// A block per sequence: the digit that holds the rank; the histogram is cleared for the next one.
static __global__ void __launch_bounds__(kKeyThreads)
    key_pick_kernel(const __grid_constant__ KeyPassParams params) {
  SINTER_SHARED(KeySums, shared);
  KeyProgress& progress = params.progress[blockIdx.x];
  unsigned long long* const histogram = params.histograms + int64_t{blockIdx.x} * kKeyBins;
  const int count = 1 << params.bits;
  const int each = (count + kKeyThreads - 1) / kKeyThreads;
  const int from = static_cast<int>(threadIdx.x) * each;
  unsigned long long sum = 0;
  for (int b = from; b < from + each && b < count; ++b) {
    sum += histogram[b];
  }
  shared.sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0 && progress.need > 0) {
    auto need = static_cast<unsigned long long>(progress.need);
    int t = kKeyThreads - 1;
    while (t > 0 && shared.sums[t] < need) {
      need -= shared.sums[t];
      --t;
    }
    int bin = (t + 1) * each - 1;
    bin = bin < count ? bin : count - 1;
    while (bin > t * each && histogram[bin] < need) {
      need -= histogram[bin];
      --bin;
    }
    progress.key |= static_cast<uint64_t>(bin) << params.shift;
    progress.need = static_cast<int64_t>(need);
  }
  __syncthreads();
  for (int b = from; b < from + each && b < count; ++b) {
    histogram[b] = 0;
  }
}

// A block per entry: the last of the keys that are kept of those that equal the one found.
template <class Source>
__global__ void __launch_bounds__(kKeyThreads)
    key_finish_kernel(const __grid_constant__ KeyPassParams params) {
  SINTER_SHARED(KeySums, shared);
  SINTER_SHARED(int64_t, found_unit);
  SINTER_SHARED(int64_t, found_need);
  const Descriptors table = descriptors(params.table);
  const int64_t k = blockIdx.x;
  const KeyProgress progress = params.progress[params.joint != 0 ? 0 : k];
  KeyOutcome& outcome = params.outcomes[k];
  if (progress.need <= 0) {
    if (threadIdx.x == 0) {
      outcome.key = 0;
      outcome.cutoff = 0;
      outcome.none = 1;
    }
    return;
  }
  const int count = 1 << params.bits;
  const auto bin = static_cast<int64_t>(progress.key & static_cast<uint64_t>(count - 1));
  const int64_t first = table.first[k];
  const int64_t next = table.first[k + 1];
  const int64_t low = params.joint != 0 ? 0 : first;
  const int64_t high = params.joint != 0 ? params.table.units : next;
  // The unit, then the element: each thread counts a run of neighbours, and one looks for the run.
  const int64_t each = (high - low + kKeyThreads - 1) / kKeyThreads;
  const int64_t from = low + static_cast<int64_t>(threadIdx.x) * each;
  unsigned long long sum = 0;
  for (int64_t u = from; u < from + each && u < high; ++u) {
    sum += params.unit_counts[u * count + bin];
  }
  shared.sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    auto need = static_cast<unsigned long long>(progress.need);
    int t = 0;
    while (t < kKeyThreads - 1 && shared.sums[t] < need) {
      need -= shared.sums[t];
      ++t;
    }
    int64_t u = low + t * each;
    while (u < high - 1 && params.unit_counts[u * count + bin] < need) {
      need -= params.unit_counts[u * count + bin];
      ++u;
    }
    found_unit = u;
    found_need = static_cast<int64_t>(need);
  }
  __syncthreads();
  const int64_t unit = found_unit;
  if (unit < first || unit >= next) {
    if (threadIdx.x == 0) {
      outcome.key = progress.key;
      outcome.cutoff = unit < first ? 0 : table.entries[k].elements;
    }
    return;
  }
  using Key = typename Source::Key;
  constexpr int kWidth = Source::kWidth;
  constexpr int64_t kRun = kKeyUnit / kKeyThreads;
  static_assert(kRun % kWidth == 0);
  const Source source(table, params.keys, k);
  const int64_t elements = table.entries[k].elements;
  const int64_t begin = (unit - first) * kKeyUnit + static_cast<int64_t>(threadIdx.x) * kRun;
  const int64_t end = begin + kRun < elements ? begin + kRun : elements;
  const auto in_run = [&](const auto& f) {
    for (int64_t i = begin; i < end; i += kWidth) {
      Key keys[kWidth];
      uint32_t fault = kNoFault;
      const int some = end - i < kWidth ? static_cast<int>(end - i) : kWidth;
      source(i, some, keys, fault);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        if (j < some && keys[j] == static_cast<Key>(progress.key)) {
          f(i + j);
        }
      }
    }
  };
  unsigned long long equal = 0;
  in_run([&](int64_t) { ++equal; });
  shared.sums[threadIdx.x] = equal;
  __syncthreads();
  unsigned long long before = 0;
  for (unsigned t = 0; t < threadIdx.x; ++t) {
    before += shared.sums[t];
  }
  const auto need = static_cast<unsigned long long>(found_need);
  if (before < need && need <= before + equal) {
    unsigned long long at = before;
    in_run([&](int64_t i) {
      if (++at == need) {
        outcome.cutoff = i + 1;
      }
    });
    outcome.key = progress.key;
  }
}

// Units of an entry in the table of a selection.
inline int64_t key_units(int64_t elements) { return (elements + kKeyUnit - 1) / kKeyUnit; }

// A selection on its way. All memory is there once this is constructed.
template <class Source>
class KeyRun {
 public:
  // `table` has an entry of key_units units for each tensor; sequences is their number, or 1: joint.
  KeyRun(Queue& queue, TableBuilder& table, const KeyParams& keys, bool joint)
      : queue_(queue),
        sequences_(joint ? 1 : entries_of(table)),
        progress_(queue, sequences_ * bytes<KeyProgress>),
        histograms_(queue, sequences_ * kKeyBins * bytes<unsigned long long>),
        unit_counts_(queue, table.units() * bytes<uint16_t> << last_bits()),
        outcomes_(queue, entries_of(table) * bytes<KeyOutcome>) {
    params_.keys = keys;
    params_.progress = progress_.template as<KeyProgress>();
    params_.histograms = histograms_.template as<unsigned long long>();
    params_.unit_counts = unit_counts_.template as<uint16_t>();
    params_.outcomes = outcomes_.template as<KeyOutcome>();
    params_.joint = joint ? 1 : 0;
    table.finish(queue, params_.table);
  }

  // Where the ranks go: {0, k} of each sequence; see start().
  KeyProgress* progress() const { return params_.progress; }
  const KeyOutcome* outcomes() const { return params_.outcomes; }

  // The ranks, from the host.
  void start(const std::vector<int64_t>& ranks) {
    std::vector<KeyProgress> progress;
    for (const int64_t k : ranks) {
      progress.push_back({0, k});
    }
    queue_.upload(params_.progress, progress.data(), sequences_ * bytes<KeyProgress>);
  }

  void launch() {
    constexpr KeyDigits kDigits = key_digits<typename Source::Key>();
    clear(histograms_, sequences_ * kKeyBins * bytes<unsigned long long>);
    clear(outcomes_, params_.table.count * bytes<KeyOutcome>);
    const auto kernel = key_histogram_kernel<Source>;
    const int64_t resident = queue_.resident_blocks(kernel, kKeyThreads);
    params_.shift = static_cast<int>(sizeof(typename Source::Key)) * 8;
    for (int digit = 0; digit < kDigits.count; ++digit) {
      params_.bits = kDigits.bits[digit];
      params_.shift -= params_.bits;
      params_.first = digit == 0 ? 1 : 0;
      params_.last = digit == kDigits.count - 1 ? 1 : 0;
      sinter::cuda::launch(queue_, kernel, std::min(params_.table.units, resident), kKeyThreads,
                           params_);
      sinter::cuda::launch(queue_, key_pick_kernel, sequences_, kKeyThreads, params_);
    }
    sinter::cuda::launch(queue_, key_finish_kernel<Source>, params_.table.count, kKeyThreads,
                         params_);
  }

 private:
  template <class T>
  static constexpr int64_t bytes = static_cast<int64_t>(sizeof(T));

  static constexpr int last_bits() {
    constexpr KeyDigits kDigits = key_digits<typename Source::Key>();
    return kDigits.bits[kDigits.count - 1];
  }
  static int64_t entries_of(const TableBuilder& table) { return table.entries(); }

  void clear(const Scratch& memory, int64_t size) {
    check(cudaMemsetAsync(memory.as<void>(), 0, static_cast<size_t>(size), queue_.stream()),
          "clear workspace");
  }

  Queue& queue_;
  const int64_t sequences_;
  const Scratch progress_;
  const Scratch histograms_;
  const Scratch unit_counts_;
  const Scratch outcomes_;
  KeyPassParams params_ = {};
};

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_SELECT_CUH_

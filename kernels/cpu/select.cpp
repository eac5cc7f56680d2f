// SPDX-License-Identifier: Apache-2.0
//
// Keys of elements and of differences, and ranks of rows. Selection reads memory once and writes
// nothing: the loops below turn blocks into keys that stay in the first-level cache, where
// common/select.h counts them.
#include "cpu/select.h"

#include "cpu/common/differences.h"
#include "cpu/common/elementwise.h"
#include "cpu/common/rank.h"
#include "cpu/common/select.h"
#include "cpu/kernels_of_tier.h"
#include "formula/task_vectors.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

template <class Key, bool kSigned, class Compute>
SINTER_FN bool any_keys(const Differences& source, int64_t begin, int count, Key* keys) {
  bool finite = true;
  for (int j = 0; j < count; j += kBlock) {
    Compute values[kBlock];
    const int some = count - j < kBlock ? count - j : kBlock;
    difference_values(source, begin + j, some, values);
    if constexpr (sizeof(Key) == 2) {
      finite &= source.key == DType::kBF16
                    ? encode_keys<DType::kBF16, Key, kSigned>(values, some, keys + j)
                    : encode_keys<DType::kF16, Key, kSigned>(values, some, keys + j);
    } else if constexpr (sizeof(Key) == 4) {
      finite &= encode_keys<DType::kF32, Key, kSigned>(values, some, keys + j);
    } else {
      finite &= encode_keys<DType::kF64, Key, kSigned>(values, some, keys + j);
    }
  }
  return finite;
}

// Elements of dtype T from memory, rounded to nothing but their differences to K.
template <DType T, DType K, class Key, bool kSigned>
SINTER_FN bool direct_keys(const Differences& source, int64_t begin, int count, Key* keys) {
  using Storage = typename Format<T>::Storage;
  using Compute = typename Format<T>::Compute;
  using Packed = typename Unaligned<Storage>::type;
  const Packed* const x = reinterpret_cast<const Packed*>(source.in.data) + begin;
  // When a capture asks again, it is for these.
  constexpr int64_t kNext = kCaptured * static_cast<int64_t>(sizeof(Storage));
  expect(x, count, kNext);
  Key peak = 0;
  if (source.has_base) {
    const Packed* const base = reinterpret_cast<const Packed*>(source.base.data) + begin;
    expect(base, count, kNext);
    for (int j = 0; j < count; ++j) {
      const Compute d =
          task_delta<Compute>(Format<T>::decode(x[j]), Format<T>::decode(base[j]), DType::kStored);
      const Key bits = static_cast<Key>(key_bits<K>(d));
      const Key magnitude = key_magnitude(bits);
      peak = magnitude > peak ? magnitude : peak;
      keys[j] = kSigned ? signed_key(bits) : magnitude;
    }
  } else {
    for (int j = 0; j < count; ++j) {
      Key bits;
      if constexpr (T == K) {
        const Storage stored = x[j];
        __builtin_memcpy(&bits, &stored, sizeof bits);
      } else {
        bits = static_cast<Key>(key_bits<K>(Format<T>::decode(x[j])));
      }
      const Key magnitude = key_magnitude(bits);
      peak = magnitude > peak ? magnitude : peak;
      keys[j] = kSigned ? signed_key(bits) : magnitude;
    }
  }
  return peak < Format<K>::kNonfinite;
}

// Whether elements come straight from memory.
SINTER_FN bool direct(const Differences& source) {
  return source.in.contiguous() && source.base.contiguous() &&
         source.in.dtype == source.base.dtype &&
         (source.load == DType::kStored || source.load == source.in.dtype) &&
         source.wide == (source.in.dtype == DType::kF64);
}

#if defined(__AVX512F__)

// Captures from differences of bfloat16, the most that ties and its kin ask for: elements are the
// halves of words, so that a shift and a mask decode them, and keys go from there to their room
// without a block between. Whole groups of 32 only; returns how many elements those were. They are
// captured out of order, which nobody sees.
static int64_t capture_halves(const Differences& source, int64_t begin, int64_t end, uint32_t low,
                              uint32_t high, uint32_t* room, Captured& captured) {
  const uint16_t* const x = reinterpret_cast<const uint16_t*>(source.in.data) + begin;
  const uint16_t* const base = reinterpret_cast<const uint16_t*>(source.base.data) + begin;
  const int64_t count = (end - begin) / 32 * 32;
  // Vectors of the compiler's own, whose shifts and maxima warn of nothing.
  typedef uint32_t Lanes __attribute__((vector_size(64), may_alias));
  const Lanes from = Lanes{} + low;
  const Lanes width = Lanes{} + (high - low);
  const Lanes top = Lanes{} + high;
  Lanes above = {};
  Lanes peak = {};
  int64_t inside = captured.inside;
  const auto take = [&](Lanes a, Lanes b) __attribute__((always_inline)) {
    const __m512 d = _mm512_sub_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b));
    const Lanes key = reinterpret_cast<Lanes>(d) & 0x7fffffffu;
    peak = key > peak ? key : peak;
    above -= reinterpret_cast<Lanes>(key > top);
    const __mmask16 in = _mm512_cmple_epu32_mask(reinterpret_cast<__m512i>(key - from),
                                                 reinterpret_cast<__m512i>(width));
    _mm512_storeu_si512(room + inside,
                        _mm512_maskz_compress_epi32(in, reinterpret_cast<__m512i>(key)));
    inside += __builtin_popcount(in);
  };
  for (int64_t i = 0; i < count; i += 32) {
    // When a capture asks again, it is for these.
    __builtin_prefetch(x + i + kCaptured);
    __builtin_prefetch(base + i + kCaptured);
    const Lanes a = reinterpret_cast<Lanes>(_mm512_loadu_si512(x + i));
    const Lanes b = reinterpret_cast<Lanes>(_mm512_loadu_si512(base + i));
    take(a << 16, b << 16);
    take(a & 0xffff0000u, b & 0xffff0000u);
  }
  captured.inside = inside;
  for (int l = 0; l < 16; ++l) {
    captured.above += above[l];
    captured.finite &= peak[l] < Format<DType::kF32>::kNonfinite;
  }
  return count;
}

#endif

template <class KeyType, bool kSigned>
struct DifferenceKeys {
  using Key = KeyType;

  // Captures some of the range's first elements, or none, and says how many.
  static int64_t capture([[maybe_unused]] const void* job, [[maybe_unused]] int64_t begin,
                         [[maybe_unused]] int64_t end, [[maybe_unused]] Key low,
                         [[maybe_unused]] Key high, [[maybe_unused]] Key* room,
                         [[maybe_unused]] Captured& captured) {
#if defined(__AVX512F__)
    if constexpr (sizeof(Key) == 4 && !kSigned) {
      const Differences& source = *static_cast<const Differences*>(job);
      if (direct(source) && source.in.dtype == DType::kBF16 && source.has_base &&
          (source.delta == DType::kStored || source.delta == DType::kF32)) {
        return capture_halves(source, begin, end, low, high, room, captured);
      }
    }
#endif
    return 0;
  }

  __attribute__((noinline)) static bool block(const void* job, int64_t begin, int count,
                                              Key* keys) {
    const Differences& source = *static_cast<const Differences*>(job);
    if (direct(source)) {
      const DType in = source.in.dtype;
      if constexpr (sizeof(Key) == 2) {
        if (in == DType::kBF16 && source.key == DType::kBF16) {
          return direct_keys<DType::kBF16, DType::kBF16, Key, kSigned>(source, begin, count, keys);
        }
        // Differences rounded to float8 have keys of this format too.
        const bool rounded = source.has_base && source.delta != DType::kF16;
        if (in == DType::kF16 && source.key == DType::kF16 && !rounded) {
          return direct_keys<DType::kF16, DType::kF16, Key, kSigned>(source, begin, count, keys);
        }
      } else if constexpr (sizeof(Key) == 4) {
        // With a base, the difference is not rounded: its key is a float32.
        const bool rounded =
            source.has_base && source.delta != DType::kStored && source.delta != DType::kF32;
        if (in == DType::kF32 && !rounded) {
          return direct_keys<DType::kF32, DType::kF32, Key, kSigned>(source, begin, count, keys);
        }
        if (!kSigned && in == DType::kBF16 && !rounded) {
          return direct_keys<DType::kBF16, DType::kF32, Key, kSigned>(source, begin, count, keys);
        }
        if (!kSigned && in == DType::kF16 && !rounded) {
          return direct_keys<DType::kF16, DType::kF32, Key, kSigned>(source, begin, count, keys);
        }
      } else {
        const bool rounded =
            source.has_base && source.delta != DType::kStored && source.delta != DType::kF64;
        if (in == DType::kF64 && !rounded) {
          return direct_keys<DType::kF64, DType::kF64, Key, kSigned>(source, begin, count, keys);
        }
      }
    }
    return source.wide ? any_keys<Key, kSigned, double>(source, begin, count, keys)
                       : any_keys<Key, kSigned, float>(source, begin, count, keys);
  }
};

// ---- Ranks ----

template <class Compute>
SINTER_FN bool nonfinite_values(const Compute* values, int count) {
  return any_nonfinite < sizeof(Compute) == 8 ? DType::kF64 : DType::kF32 > (values, count);
}

template <class Compute, class Out>
SINTER_FN void put_ranks(const RankJob& job, int64_t begin, const uint32_t* ranks) {
  PartCounts counts = {0, 0};
  for (int64_t i = 0; i < job.row; i += kBlock) {
    const int some = job.row - i < kBlock ? static_cast<int>(job.row - i) : kBlock;
    Out block[kBlock];
    for (int j = 0; j < some; ++j) {
      block[j] = static_cast<Out>(ranks[i + j]);
    }
    store_block(job.out, begin + i, some, block, false, counts);
  }
}

template <class Compute>
bool rank_of(const RankJob& job, int64_t index, void* room) {
  const int64_t begin = index * job.row;
  // Magnitudes, ranks, then the lists.
  Compute* const magnitudes = static_cast<Compute*>(room);
  uint32_t* const ranks = reinterpret_cast<uint32_t*>(magnitudes + job.row);
  unsigned char* const lists = static_cast<unsigned char*>(room) + (job.row * 12 + 8) / 8 * 8;
  const RankScratch scratch = {reinterpret_cast<RankPair*>(lists),
                               reinterpret_cast<RankPair*>(lists) + job.row};
  bool finite = true;
  for (int64_t i = 0; i < job.row; i += kBlock) {
    const int some = job.row - i < kBlock ? static_cast<int>(job.row - i) : kBlock;
    difference_values(job.of, begin + i, some, magnitudes + i);
    finite &= !nonfinite_values(magnitudes + i, some);
  }
  if (!finite) {
    return false;
  }
  rank_row(magnitudes, job.row, ranks, scratch);
  if (job.out.dtype == DType::kF64) {
    put_ranks<Compute, double>(job, begin, ranks);
  } else {
    put_ranks<Compute, float>(job, begin, ranks);
  }
  return true;
}

bool rank_kernel(const RankJob& job, int64_t index, void* room) {
  return job.of.wide ? rank_of<double>(job, index, room) : rank_of<float>(job, index, room);
}

template <class Compute>
bool finite_elements(const Differences& of, int64_t begin, int64_t end) {
  Compute block[kBlock];
  for (int64_t i = begin; i < end; i += kBlock) {
    const int some = end - i < kBlock ? static_cast<int>(end - i) : kBlock;
    difference_values(of, i, some, block);
    if (nonfinite_values(block, some)) {
      return false;
    }
  }
  return true;
}

bool finite_kernel(const View& in, DType load, bool wide, int64_t begin, int64_t end) {
  const Differences of = {in, in, false, wide, false, load, DType::kStored, DType::kStored};
  return wide ? finite_elements<double>(of, begin, end) : finite_elements<float>(of, begin, end);
}

bool finite_differences_kernel(const Differences& of, int64_t begin, int64_t end) {
  return of.wide ? finite_elements<double>(of, begin, end) : finite_elements<float>(of, begin, end);
}

}  // namespace

extern const SelectKernels select_kernels = {
    key_kernels<DifferenceKeys<uint16_t, false>>(),
    key_kernels<DifferenceKeys<uint32_t, false>>(),
    key_kernels<DifferenceKeys<uint64_t, false>>(),
    key_kernels<DifferenceKeys<uint16_t, true>>(),
    key_kernels<DifferenceKeys<uint32_t, true>>(),
    key_kernels<DifferenceKeys<uint64_t, true>>(),
    rank_kernel,
    finite_kernel,
    finite_differences_kernel,
};

}  // namespace sinter::cpu::SINTER_TIER

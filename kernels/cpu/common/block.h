// SPDX-License-Identifier: Apache-2.0
//
// Elements in blocks that stay in the first-level cache: loaded and decoded, computed on, encoded
// and stored. Included by the kernels, compiled once per instruction set, so everything here is
// forced inline or static: no symbol may be shared between sets.
#ifndef SINTER_KERNELS_CPU_COMMON_BLOCK_H_
#define SINTER_KERNELS_CPU_COMMON_BLOCK_H_

#include <cstddef>

#include "batch.h"
#include "cpu/common/kernels.h"
#include "formula/dtype.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinter::cpu::SINTER_TIER {

// Elements per block. Few, so that reads and the stores past the caches take turns quickly: against
// blocks of 1024 this moved lerp from .91 to .95 of its traffic twin, and reductions by a third.
constexpr int kBlock = 256;

template <class T>
struct Unaligned {
  typedef T type __attribute__((aligned(1), may_alias));
};

// ---- Layout ----

// The byte offset, in elements, of element `index` of a view.
SINTER_FN int64_t offset_of(const View& view, int64_t index) {
  int64_t offset = 0;
  for (int d = view.rank - 1; d >= 0; --d) {
    const int64_t rest = index / view.shape[d];
    offset += (index - rest * view.shape[d]) * view.strides[d];
    index = rest;
  }
  return offset;
}

// Calls f(j, count, offset, stride) for each run of block elements j .. j + count - 1 that lie at
// `offset` and every `stride` elements from there.
template <class F>
SINTER_FN void for_runs(const View& view, int64_t begin, int count, F f) {
  const bool contiguous = view.contiguous();
  const int last = view.rank - 1;
  for (int j = 0; j < count;) {
    int run = count - j;
    int64_t offset = last < 0 ? 0 : begin + j;
    int64_t stride = 1;
    if (!contiguous) {
      const int64_t width = view.shape[last];
      const int64_t left = width - (begin + j) % width;
      run = left < run ? static_cast<int>(left) : run;
      offset = offset_of(view, begin + j);
      stride = view.strides[last];
    }
    f(j, run, offset, stride);
    j += run;
  }
}

// ---- Load ----

// Asks for the elements that stand `ahead` bytes behind these. Addresses past an end do no harm.
template <class Storage>
SINTER_FN void expect(const Storage* x, int count, int64_t ahead = 2048) {
  const char* const at = reinterpret_cast<const char*>(x) + ahead;
  for (int line = 0; line < count * static_cast<int>(sizeof(Storage)); line += 64) {
    __builtin_prefetch(at + line);
  }
}

template <DType T, class Compute>
SINTER_FN void decode(const unsigned char* data, int64_t stride, int count, Compute* out) {
  using Storage = typename Unaligned<typename Format<T>::Storage>::type;
  const Storage* in = reinterpret_cast<const Storage*>(data);
  if (stride == 1) {
    for (int j = 0; j < count; ++j) {
      out[j] = static_cast<Compute>(Format<T>::decode(in[j]));
    }
  } else {
    for (int j = 0; j < count; ++j) {
      out[j] = static_cast<Compute>(Format<T>::decode(in[j * stride]));
    }
  }
}

template <DType T, class Compute>
SINTER_FN void round_block(Compute* block, int count) {
  for (int j = 0; j < count; ++j) {
    block[j] = round_through<T>(block[j]);
  }
}

// Decodes any view into a block, rounding through `load` where that is another dtype. A float64
// input of a float32 computation is rounded once, from its own value.
template <class Compute>
static void load_block(const View& view, DType load, int64_t begin, int count, Compute* out);

template <class Compute>
static void load_block(const View& view, DType load, int64_t begin, int count, Compute* out) {
  if constexpr (sizeof(Compute) == 4) {
    if (view.dtype == DType::kF64) {
      double wide[kBlock];
      load_block<double>(view, load, begin, count, wide);
      for (int j = 0; j < count; ++j) {
        out[j] = static_cast<Compute>(wide[j]);
      }
      return;
    }
  }
  with_dtype(
      view.dtype, [&]<DType T>() __attribute__((always_inline)) {
        for_runs(
            view, begin, count,
            [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
              decode<T>(view.data + offset * dtype_bytes(T), stride, run, out + j);
            });
      });
  if (load != DType::kStored && load != view.dtype) {
    with_dtype(
        load, [&]<DType T>() __attribute__((always_inline)) { round_block<T>(out, count); });
  }
}

// ---- Store ----

// Copies whole cache lines past the caches; `to` is aligned to 64, `from` need not be.
SINTER_FN void stream_lines(unsigned char* to, const unsigned char* from, int64_t bytes) {
#if defined(__AVX512F__)
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  }
#elif defined(__AVX2__)
  for (int64_t i = 0; i < bytes; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
#elif defined(__x86_64__)
  for (int64_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
#else
  __builtin_memcpy(to, from, static_cast<uint64_t>(bytes));
#endif
}

// Makes streamed lines visible to whoever learns that the part is done.
SINTER_FN void end_streaming() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// The integer type as wide as the compute type.
template <class Compute>
struct Bits;
template <>
struct Bits<float> {
  using type = uint32_t;
};
template <>
struct Bits<double> {
  using type = uint64_t;
};

// The bound of Format<T>::kAlarm in the compute type's bits: a double's exponent is wider.
template <DType T, class Compute>
SINTER_FN typename Bits<Compute>::type alarm() {
  if constexpr (sizeof(Compute) == 8 && T != DType::kF64) {
    // A double just below the bound may round to it as a float: start one float below.
    return double_bits(
        static_cast<double>(bits_float(static_cast<uint32_t>(Format<T>::kAlarm) - 1)));
  } else {
    return static_cast<typename Bits<Compute>::type>(Format<T>::kAlarm);
  }
}

// Encodes results one by one and keeps the largest magnitude; what loops end in. Where that raises
// the alarm, what was encoded is void.
template <DType T, class Compute>
class Encoder {
 public:
  using Storage = typename Format<T>::Storage;

  inline __attribute__((always_inline)) explicit Encoder(Storage* staged) : staged_(staged) {}

  inline __attribute__((always_inline)) void operator()(int j, Compute result) {
    staged_[j] = Format<T>::encode_finite(result);
    const typename Bits<Compute>::type bits = magnitude_bits(result);
    peak_ = bits > peak_ ? bits : peak_;
  }

  // Elements 2 i and 2 i + 1 of a dtype of two bytes.
  inline __attribute__((always_inline)) void pair(int i, Compute low, Compute high) {
    static_assert(sizeof(Storage) == 2);
    using Word = typename Unaligned<uint32_t>::type;
    reinterpret_cast<Word*>(staged_)[i] = static_cast<uint32_t>(Format<T>::encode_finite(low)) |
                                          static_cast<uint32_t>(Format<T>::encode_finite(high))
                                              << 16;
    const typename Bits<Compute>::type l = magnitude_bits(low);
    const typename Bits<Compute>::type h = magnitude_bits(high);
    peak_ = l > peak_ ? l : peak_;
    peak_ = h > peak_ ? h : peak_;
  }

  // Whether a result of the block may not be finite or may saturate.
  inline __attribute__((always_inline)) bool alarmed() const {
    return peak_ >= alarm<T, Compute>();
  }

 private:
  Storage* const staged_;
  typename Bits<Compute>::type peak_ = 0;
};

// Keeps results as computed.
template <class Compute>
class Keeper {
 public:
  inline __attribute__((always_inline)) explicit Keeper(Compute* out) : out_(out) {}
  inline __attribute__((always_inline)) void operator()(int j, Compute result) { out_[j] = result; }
  inline __attribute__((always_inline)) void pair(int i, Compute low, Compute high) {
    out_[2 * i] = low;
    out_[2 * i + 1] = high;
  }

 private:
  Compute* const out_;
};

// Encodes any results, and counts those that are not finite or saturate.
template <DType T, class Compute>
SINTER_FN void encode_counted(const Compute* results, int count,
                              typename Format<T>::Storage* staged, PartCounts& counts) {
  for (int j = 0; j < count; ++j) {
    staged[j] = Format<T>::encode(results[j]);
    counts.nonfinite += Format<T>::nonfinite(staged[j]);
    counts.saturated += Format<T>::saturates(results[j]);
  }
}

// Moves encoded elements, aligned to 64, to their contiguous place.
SINTER_FN void put(unsigned char* to, const void* staged, int64_t bytes, bool streamed) {
  if (streamed && bytes % 64 == 0 && reinterpret_cast<uintptr_t>(to) % 64 == 0) {
    stream_lines(to, static_cast<const unsigned char*>(staged), bytes);
  } else {
    __builtin_memcpy(to, staged, static_cast<uint64_t>(bytes));
  }
}

// Moves encoded elements to their places in any view.
template <class Storage>
SINTER_FN void put_block(const View& view, int64_t begin, int count, const Storage* staged,
                         bool streamed) {
  if (view.contiguous()) {
    put(view.data + begin * static_cast<int64_t>(sizeof(Storage)), staged,
        count * static_cast<int64_t>(sizeof(Storage)), streamed);
    return;
  }
  using Packed = typename Unaligned<Storage>::type;
  for_runs(
      view, begin,
      count, [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
        Packed* out = reinterpret_cast<Packed*>(view.data) + offset;
        for (int k = 0; k < run; ++k) {
          out[k * stride] = staged[j + k];
        }
      });
}

// Encodes a block of results into any view.
template <class Compute>
static void store_block(const View& view, int64_t begin, int count, const Compute* results,
                        bool streamed, PartCounts& counts) {
  with_dtype(
      view.dtype, [&]<DType T>() __attribute__((always_inline)) {
        alignas(64) typename Format<T>::Storage staged[kBlock];
        Encoder<T, Compute> encode(staged);
        for (int j = 0; j < count; ++j) {
          encode(j, results[j]);
        }
        if (encode.alarmed()) {
          encode_counted<T>(results, count, staged, counts);
        }
        put_block(view, begin, count, staged, streamed);
      });
}

// The block at which a range of an output starts is shortened so that later ones are aligned.
SINTER_FN int first_block(const View& output, int64_t begin) {
  const int64_t bytes = dtype_bytes(output.dtype);
  const uintptr_t at =
      reinterpret_cast<uintptr_t>(output.data) + static_cast<uintptr_t>(begin * bytes);
  const uintptr_t past = at % 64;
  return past == 0 || past % static_cast<uintptr_t>(bytes) != 0
             ? kBlock
             : static_cast<int>((64 - past) / static_cast<uintptr_t>(bytes));
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_BLOCK_H_

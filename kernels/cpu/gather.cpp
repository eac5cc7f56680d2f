// SPDX-License-Identifier: Apache-2.0
//
// Gathers along any axes, bound by memory: two elements moved per output, three with lerp.
//
// A few thousand elements of the output at a time are picked, in their order, into room in the first-
// level cache, and go on from there as any other input does: copied, cast, or interpolated from the
// reference. Picking is what differs: runs of neighbours are copied, an indexed last axis is gathered
// from a row that has been asked for while the row before it was worked on.
#include "cpu/gather.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/lerp.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

// Bytes picked at a time.
constexpr int64_t kPicked = 8192;

// Runs up to this many bytes are copied as this many where what follows may be read and overwritten.
constexpr int64_t kShortRun = 64;

template <class Storage>
using Packed = typename Unaligned<Storage>::type;

// ---- An indexed run: to[j] = from[index[j]] ----

template <class Storage>
SINTER_FN void pick_plainly(const Packed<Storage>* from, const int32_t* index, int64_t every,
                            int64_t stride, int64_t count, Storage* to) {
  for (int64_t j = 0; j < count; ++j) {
    to[j] = from[index[j * every] * stride];
  }
}

#if defined(__AVX512F__)
constexpr int kGathered = 16;

SINTER_FN __m512i gather_words(__m512i at, const void* from) {
  return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xffff, at, from, 4);
}

SINTER_FN void pick_many(const Packed<uint32_t>* from, const int32_t* index, uint32_t* to) {
  _mm512_storeu_si512(to, gather_words(_mm512_loadu_si512(index), from));
}

SINTER_FN void pick_many(const Packed<uint64_t>* from, const int32_t* index, uint64_t* to) {
  for (int half = 0; half < 2; ++half) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + 8 * half));
    _mm512_storeu_si512(to + 8 * half,
                        _mm512_mask_i32gather_epi64(_mm512_setzero_si512(), 0xff, at, from, 8));
  }
}

// Small elements are cut from aligned words, which lie in a page of the element's own. `first` is the
// number of the first element in its word.
SINTER_FN __m512i pick_small(const void* words, int first, const int32_t* index, int log2_each) {
  const int each = 1 << log2_each;
  const __m512i at = _mm512_add_epi32(_mm512_loadu_si512(index), _mm512_set1_epi32(first));
  const __m512i word =
      gather_words(_mm512_maskz_srl_epi32(0xffff, at, _mm_cvtsi32_si128(log2_each)), words);
  const __m512i place = _mm512_and_si512(at, _mm512_set1_epi32(each - 1));
  return _mm512_maskz_srlv_epi32(
      0xffff, word, _mm512_maskz_sll_epi32(0xffff, place, _mm_cvtsi32_si128(5 - log2_each)));
}

SINTER_FN void pick_many(const void* words, int first, const int32_t* index, uint16_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_maskz_cvtepi32_epi16(0xffff, pick_small(words, first, index, 1)));
}

SINTER_FN void pick_many(const void* words, int first, const int32_t* index, uint8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm512_maskz_cvtepi32_epi8(0xffff, pick_small(words, first, index, 2)));
}
#endif

template <class Storage>
SINTER_FN void pick_indexed(const unsigned char* data, const int32_t* index, int64_t every,
                            int64_t stride, int64_t count, Storage* to) {
  using Element = Packed<Storage>;  // by name: auto would drop the alignment
  const Element* const from = reinterpret_cast<const Element*>(data);
  int64_t j = 0;
#if defined(__AVX512F__)
  if (every == 1 && stride == 1) {
    if constexpr (sizeof(Storage) >= 4) {
      for (; j + kGathered <= count; j += kGathered) {
        pick_many(from, index + j, to + j);
      }
    } else {
      const uintptr_t past = reinterpret_cast<uintptr_t>(data) % 4;
      if (past % sizeof(Storage) == 0) {
        const int first = static_cast<int>(past / sizeof(Storage));
        for (; j + kGathered <= count; j += kGathered) {
          pick_many(static_cast<const void*>(data - past), first, index + j, to + j);
        }
      }
    }
  }
#endif
  pick_plainly(from, index + j * every, every, stride, count - j, to + j);
}

// ---- The walk over the output ----

// How far an axis leads into the input.
SINTER_FN int64_t place_on(const GatherPlaces& places, int d, int64_t i) {
  const int32_t* const index = places.index[d];
  return (index == nullptr ? i : int64_t{index[i * places.every[d]]}) * places.strides[d];
}

// How far the axes before `axes` lead, of row `row` of them.
SINTER_FN int64_t place_of_row(const GatherPlaces& places, int axes, int64_t row) {
  int64_t place = 0;
  for (int d = axes - 1; d >= 0; --d) {
    const int64_t rest = row / places.shape[d];
    place += place_on(places, d, row - rest * places.shape[d]);
    row = rest;
  }
  return place;
}

// Elements [begin, end) of the output, in their order, to `to`; kShortRun bytes behind them may be
// overwritten.
template <class Storage>
static void pick(const GatherItem& gather, const unsigned char* data, int64_t begin, int64_t end,
                 Storage* to) {
  constexpr int64_t kWidth = sizeof(Storage);
  using Element = Packed<Storage>;
  const GatherPlaces& places = gather.places;
  if (places.rank == 0) {
    *to = *reinterpret_cast<const Element*>(data);
    return;
  }
  const int last = places.rank - 1;
  const int64_t width = places.shape[last];
  const int64_t stride = places.strides[last];
  const int32_t* const index = places.index[last];
  const int64_t every = places.every[last];
  // Rows are counted on the axis before the last, and those before it looked up once per turn of it.
  const int64_t rows = last > 0 ? places.shape[last - 1] : 1;
  int64_t row = begin / width;
  int64_t column = begin - row * width;
  int64_t turn = row / rows;
  row -= turn * rows;
  int64_t base = place_of_row(places, last - 1, turn);
  while (begin < end) {
    const int64_t left = width - column;
    const int64_t count = left < end - begin ? left : end - begin;
    const unsigned char* const at =
        data + (base + (last > 0 ? place_on(places, last - 1, row) : 0)) * kWidth;
    const bool more = last > 0 && row + 1 < rows;
    if (index == nullptr && stride == 1) {
      const unsigned char* const from = at + column * kWidth;
      const int64_t bytes = count * kWidth;
      if (bytes <= kShortRun && gather.end - from >= kShortRun) {
        __builtin_memcpy(to, from, kShortRun);
      } else {
        __builtin_memcpy(to, from, static_cast<uint64_t>(bytes));
      }
      if (more) {
        const unsigned char* const next =
            data + (base + place_on(places, last - 1, row + 1) + column) * kWidth;
        expect(next, static_cast<int>(bytes < 1024 ? bytes : 1024), 0);
      }
    } else {
      if (index != nullptr) {
        pick_indexed(at, index + column * every, every, stride, count, to);
      } else {
        const Element* const from = reinterpret_cast<const Element*>(at) + column * stride;
        for (int64_t j = 0; j < count; ++j) {
          to[j] = from[j * stride];
        }
      }
      if (more && stride == 1) {
        // As much of the next row as was done of this one: by its turn it is here.
        const unsigned char* const next =
            data + (base + place_on(places, last - 1, row + 1) + column) * kWidth;
        expect(next, static_cast<int>(count * kWidth), 0);
      }
    }
    to += count;
    begin += count;
    column = 0;
    if (++row == rows && begin < end) {
      row = 0;
      base = place_of_row(places, last - 1, ++turn);
    }
  }
}

static void pick_any(const GatherItem& gather, const View& in, int64_t begin, int64_t end,
                     unsigned char* to) {
  switch (dtype_bytes(in.dtype)) {
    case 8:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint64_t*>(to));
    case 4:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint32_t*>(to));
    case 2:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint16_t*>(to));
    default:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint8_t*>(to));
  }
}

}  // namespace

void gather_kernel(const Item& item, const GatherItem& gather, const Batch& batch, int64_t begin,
                   int64_t end, bool streamed, PartCounts& counts) {
  alignas(64) unsigned char room[kPicked + kShortRun];
  const int32_t last = batch.inputs - 1;
  View inputs[2];
  Item part = item;
  part.inputs = inputs;
  inputs[0] = item.inputs[0];
  const View& in = item.inputs[last];
  const int64_t width = dtype_bytes(in.dtype);
  View& picked = inputs[last];
  picked = in;
  picked.rank = 1;
  picked.shape[0] = item.elements;
  picked.strides[0] = 1;
  int64_t count = kPicked / width;
  // The first piece is shortened by what aligns the others in the output.
  const int64_t lead = first_block(item.output, begin) % kBlock;
  for (int64_t i = begin; i < end; i += count, count = kPicked / width) {
    count = i == begin && lead != 0 ? count - kBlock + lead : count;
    count = end - i < count ? end - i : count;
    if (item.copy_of != 0 || last == 0) {
      pick_any(gather, in, i, i + count, room);
    }
    // Element i of the input stands at the room's beginning.
    picked.data = room - i * width;
    if (item.copy_of >= 0) {
      copy_or_cast(part, batch, i, i + count, streamed, counts);
    } else if (item.wide) {
      run_formula<Lerp, double>(part, batch, i, i + count, streamed, counts);
    } else {
      run_formula<Lerp, float>(part, batch, i, i + count, streamed, counts);
    }
  }
  if (streamed) {
    end_streaming();
  }
}

}  // namespace sinter::cpu::SINTER_TIER

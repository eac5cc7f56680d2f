// SPDX-License-Identifier: Apache-2.0
//
// What every elementwise kernel does around its formula: walk a range in blocks, take inputs of one
// dtype straight from memory and all others through a loader, copy where the item says so.
#ifndef SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_
#define SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_

#include "cpu/common/block.h"

namespace sinter::cpu::SINTER_TIER {

// Dtypes that formulas' own loops decode and encode. float8 goes through the loader: it moves so few
// bytes that arithmetic bounds it either way, and loops of its own would be most of the library.
template <DType T, class Compute>
constexpr bool kDirect = sizeof(Compute) == 8
                             ? T == DType::kF64
                             : T == DType::kF32 || T == DType::kF16 || T == DType::kBF16;

// Dtypes whose elements for_elements takes in pairs.
template <DType T, class Compute>
constexpr bool kPaired = T == DType::kBF16 && sizeof(Compute) == 4;

// All operands of an item are of one dtype and contiguous, and nothing is rounded on load.
SINTER_FN bool uniform(const Item& item, const Batch& batch) {
  const DType dtype = item.output.dtype;
  bool same = (batch.load == DType::kStored || batch.load == dtype) && item.output.contiguous();
  for (int32_t i = 0; i < batch.inputs; ++i) {
    same = same && item.inputs[i].dtype == dtype && item.inputs[i].contiguous();
  }
  return same;
}

SINTER_FN bool copies_bytes(const View& in, const View& out, DType load) {
  return in.dtype == out.dtype && (load == DType::kStored || load == in.dtype);
}

template <DType T>
SINTER_FN bool any_nonfinite(const void* block, int count) {
  using Word = typename Format<T>::Word;
  using Packed = typename Unaligned<Word>::type;  // by name: auto would drop the alignment
  const Packed* const words = static_cast<const Packed*>(block);
  constexpr Word kUnsigned = static_cast<Word>(static_cast<Word>(~Word{0}) >> 1);
  Word peak = 0;
  for (int j = 0; j < count; ++j) {
    const Word word = static_cast<Word>(words[j] & kUnsigned);
    peak = word > peak ? word : peak;
  }
  return peak >= Format<T>::kNonfinite;
}

// Bytes of one dtype, moved as they are; what is not finite is counted all the same.
template <DType T>
SINTER_FN void copy_elements(const View& in, const View& out, int64_t begin, int64_t end,
                             bool streamed, PartCounts& counts) {
  using Storage = typename Format<T>::Storage;
  using Packed = typename Unaligned<Storage>::type;
  alignas(64) Storage room[kBlock];
  int count = first_block(out, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    const Packed* block = room;
    if (in.contiguous()) {
      block = reinterpret_cast<const Packed*>(in.data) + i;
    } else {
      for_runs(
          in, i, count,
          [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
            const Packed* from = reinterpret_cast<const Packed*>(in.data) + offset;
            for (int k = 0; k < run; ++k) {
              room[j + k] = from[k * stride];
            }
          });
    }
    if (any_nonfinite<T>(block, count)) {
      for (int j = 0; j < count; ++j) {
        counts.nonfinite += Format<T>::nonfinite(block[j]);
      }
    }
    if (in.contiguous() && out.contiguous()) {
      unsigned char* const to = out.data + i * static_cast<int64_t>(sizeof(Storage));
      if (to != reinterpret_cast<const unsigned char*>(block)) {
        put(to, block, count * static_cast<int64_t>(sizeof(Storage)), streamed);
      }
    } else {
      if (in.contiguous()) {
        __builtin_memcpy(room, block, static_cast<uint64_t>(count) * sizeof(Storage));
      }
      put_block(out, i, count, room, streamed);
    }
  }
}

template <class Compute>
static void cast_elements(const View& in, DType load, const View& out, int64_t begin, int64_t end,
                          bool streamed, PartCounts& counts) {
  alignas(64) Compute block[kBlock];
  int count = first_block(out, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    load_block(in, load, i, count, block);
    store_block(out, i, count, block, streamed, counts);
  }
}

// The output is input item.copy_of.
static void copy_or_cast(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                         bool streamed, PartCounts& counts) {
  const View& in = item.inputs[item.copy_of];
  if (copies_bytes(in, item.output, batch.load)) {
    with_dtype(
        in.dtype, [&]<DType T>() __attribute__((always_inline)) {
          copy_elements<T>(in, item.output, begin, end, streamed, counts);
        });
  } else if (item.wide) {
    cast_elements<double>(in, batch.load, item.output, begin, end, streamed, counts);
  } else {
    cast_elements<float>(in, batch.load, item.output, begin, end, streamed, counts);
  }
}

// Bytes of each operand that are taken at a time straight from memory: as few as do not show the
// cost of starting over. The fewer, the quicker reads and stores past the caches take turns.
constexpr int kDirectBytes = 512;

// Inputs whose lines are asked for ahead. More of them fill the queue of misses by themselves: asked
// for ahead, linear of 8 fell from .80 to .70 of its twin.
constexpr int32_t kAskedFor = 5;

// Inputs that a formula's loop reads side by side, after input 0.
constexpr int kGroup = 4;

// One block, through loaders that take any dtype and layout, and results that are counted.
template <class Compute, class Formula>
static void run_loaded(const Formula& formula, const Item& item, const Batch& batch, int64_t i,
                       int count, bool streamed, PartCounts& counts) {
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  alignas(64) Compute sums[kBlock];
  alignas(64) Compute loaded[1 + kGroup][kBlock];
  alignas(64) Compute results[kBlock];
  Keeper<Compute> keep(results);
  formula.template run<kNative>(
      [&](int32_t k) __attribute__((always_inline)) {
        // Input 0 keeps its place (it may be the base); the others share theirs in turn.
        Compute* place = loaded[k == 0 ? 0 : 1 + (k - 1) % kGroup];
        load_block(item.inputs[k], batch.load, i, count, place);
        return reinterpret_cast<const unsigned char*>(place);
      },
      count, sums, keep);
  store_block(item.output, i, count, results, streamed, counts);
}

// Straight from memory, and to it: every operand is contiguous and of dtype T.
template <DType T, class Compute, class Formula>
static void run_direct(const Formula& formula, const Item& item, const Batch& batch, int64_t begin,
                       int64_t end, bool streamed, PartCounts& counts) {
  using Storage = typename Format<T>::Storage;
  constexpr int64_t kWidth = sizeof(Storage);
  constexpr int kStep = kDirectBytes / static_cast<int>(kWidth);
  alignas(64) Storage staged[kStep];
  alignas(64) Compute sums[kStep];
  const bool ahead = batch.inputs <= kAskedFor;
  int count = first_block(item.output, begin);
  count = count < kStep ? count : kStep;
  for (int64_t i = begin; i < end; i += count, count = kStep) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    Encoder<T, Compute> encode(staged);
    formula.template run<T>(
        [&](int32_t k) __attribute__((always_inline)) {
          const auto* const at =
              static_cast<const unsigned char*>(item.inputs[k].data + i * kWidth);
          if (ahead) {
            expect(reinterpret_cast<const Storage*>(at), count);
          }
          return at;
        },
        count, sums, encode);
    if (!encode.alarmed()) {
      put(item.output.data + i * kWidth, staged, count * kWidth, streamed);
    } else {
      run_loaded<Compute>(formula, item, batch, i, count, streamed, counts);
    }
  }
}

// Runs Formula over a range. Formula is constructed from (item, batch) and has
//   template <DType T, class Input, class Sink>
//   void run(Input input, int count, Compute* sums, Sink& sink)
// where input(k) is the address of contiguous elements of T of input k, sums is room for a block,
// and sink(j, result) is called once for each element, in a loop that vectorises. It asks for inputs
// in order, and is done with all but input 0 and the last kGroup.
template <template <class> class Formula, class Compute>
static void run_formula(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                        bool streamed, PartCounts& counts) {
  const Formula<Compute> formula(item, batch);
  bool direct = false;
  if (uniform(item, batch)) {
    with_dtype(
        item.output.dtype, [&]<DType T>() __attribute__((always_inline)) {
          if constexpr (kDirect<T, Compute>) {
            direct = true;
            run_direct<T, Compute>(formula, item, batch, begin, end, streamed, counts);
          }
        });
  }
  if (direct) {
    return;
  }
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    run_loaded<Compute>(formula, item, batch, i, count, streamed, counts);
  }
}

template <template <class> class Formula>
SINTER_FN void elementwise(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                           bool streamed, PartCounts& counts) {
  if (item.copy_of >= 0) {
    copy_or_cast(item, batch, begin, end, streamed, counts);
  } else if (item.wide) {
    run_formula<Formula, double>(item, batch, begin, end, streamed, counts);
  } else {
    run_formula<Formula, float>(item, batch, begin, end, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

// An input's elements, as the formulas' loops read them.
template <DType T>
using Elements = const typename Unaligned<typename Format<T>::Storage>::type*;

template <DType T>
SINTER_FN Elements<T> elements(const unsigned char* data) {
  return reinterpret_cast<Elements<T>>(data);
}

// An element of a run: element j, one of pair i = j / 2 of it, the second one where `high`.
struct Element {
  int j;
  int i;
  bool high;
};

// Ends a formula: calls sink(j, f(element, x)) for each element j, x[k] being the decoded elements of
// from[k].
//
// bfloat16 is taken two elements at a time, as the halves of a word: a shift and a mask decode them
// and put them together again, where widening and narrowing would cost twice as much.
template <DType T, class Compute, int N, class Sink, class F>
SINTER_FN void for_elements(const Elements<T> (&from)[N], int count, Sink& sink, F f) {
  int j = 0;
  if constexpr (kPaired<T, Compute>) {
    using Word = typename Unaligned<uint32_t>::type;
    const Word* words[N];
    for (int k = 0; k < N; ++k) {
      words[k] = reinterpret_cast<const Word*>(from[k]);
    }
    const int pairs = count / 2;
    for (int i = 0; i < pairs; ++i) {
      Compute low[N];
      Compute high[N];
#pragma GCC unroll 9
      for (int k = 0; k < N; ++k) {
        low[k] = bits_float(words[k][i] << 16);
        high[k] = bits_float(words[k][i] & 0xffff0000u);
      }
      sink.pair(i, f(Element{2 * i, i, false}, low), f(Element{2 * i + 1, i, true}, high));
    }
    j = 2 * pairs;
  }
  for (; j < count; ++j) {
    Compute x[N];
#pragma GCC unroll 9
    for (int k = 0; k < N; ++k) {
      x[k] = Format<T>::decode(from[k][j]);
    }
    sink(j, f(Element{j, j / 2, j % 2 != 0}, x));
  }
}

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_

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

// Inputs that a formula's loop reads side by side, after input 0.
constexpr int kGroup = 3;

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
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  const bool direct = uniform(item, batch);
  const DType dtype = item.output.dtype;
  const int64_t width = dtype_bytes(dtype);
  alignas(64) Compute sums[kBlock];
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    bool stored = false;
    if (direct) {
      with_dtype(
          dtype, [&]<DType T>() __attribute__((always_inline)) {
            if constexpr (kDirect<T, Compute>) {
              alignas(64) typename Format<T>::Storage staged[kBlock];
              Encoder<T, Compute> encode(staged);
              formula.template run<T>(
                  [&](int32_t k) __attribute__((always_inline)) {
                    return static_cast<const unsigned char*>(item.inputs[k].data + i * width);
                  },
                  count, sums, encode);
              // A block with something to count is done again, below: that is rare.
              if (!encode.alarmed()) {
                put(item.output.data + i * width, staged, count * width, streamed);
                stored = true;
              }
            }
          });
    }
    if (!stored) {
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

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_

// SPDX-License-Identifier: Apache-2.0
//
// What every elementwise kernel does around its formula: walk a range in blocks, take inputs of one
// dtype straight from memory and all others through a loader, copy where the item says so.
#ifndef SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_
#define SINTER_KERNELS_CPU_COMMON_ELEMENTWISE_H_

#include "cpu/common/block.h"

namespace sinter::cpu::SINTER_TIER {

// Bytes ahead of a block that are fetched while it is computed, per input.
constexpr int kPrefetchBlocks = 2;

SINTER_FN void prefetch(const unsigned char* data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) {
    __builtin_prefetch(data + i, 0, 3);
  }
}

// The inputs of one item can be decoded by the formula's own loop: contiguous, of one dtype, not
// rounded on load.
SINTER_FN bool uniform(const Item& item, const Batch& batch) {
  const DType dtype = item.inputs[0].dtype;
  bool same = batch.load == DType::kStored || batch.load == dtype;
  for (int32_t i = 0; i < batch.inputs; ++i) {
    same = same && item.inputs[i].dtype == dtype && item.inputs[i].contiguous();
  }
  return same;
}

SINTER_FN bool copies_bytes(const View& in, const View& out, DType load) {
  return in.dtype == out.dtype && (load == DType::kStored || load == in.dtype);
}

// Bytes of one dtype, moved as they are; what is not finite is counted all the same.
template <DType T>
SINTER_FN void copy_elements(const View& in, const View& out, int64_t begin, int64_t end,
                             bool streamed, PartCounts& counts) {
  using Storage = typename Format<T>::Storage;
  using Packed = typename Unaligned<Storage>::type;
  alignas(64) Storage block[kBlock];
  int count = first_block(out, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    for_runs(in, i, count,
             [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
               const Packed* from = reinterpret_cast<const Packed*>(in.data) + offset;
               for (int k = 0; k < run; ++k) {
                 block[j + k] = from[k * stride];
               }
             });
    uint32_t nonfinite = 0;
    for (int j = 0; j < count; ++j) {
      nonfinite += Format<T>::nonfinite(block[j]);
    }
    counts.nonfinite += nonfinite;
    const int64_t bytes = static_cast<int64_t>(count) * static_cast<int64_t>(sizeof(Storage));
    unsigned char* to = out.data + i * static_cast<int64_t>(sizeof(Storage));
    if (streamed && out.contiguous() && bytes % 64 == 0 &&
        reinterpret_cast<uintptr_t>(to) % 64 == 0) {
      stream_lines(to, reinterpret_cast<const unsigned char*>(block), bytes);
    } else {
      for_runs(out, i, count,
               [&](int j, int run, int64_t offset, int64_t stride) __attribute__((always_inline)) {
                 Packed* place = reinterpret_cast<Packed*>(out.data) + offset;
                 for (int k = 0; k < run; ++k) {
                   place[k * stride] = block[j + k];
                 }
               });
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
    with_dtype(in.dtype, [&]<DType T>() __attribute__((always_inline)) {
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
//   template <DType T, class Input> void run(Input input, int count, Compute* out)
// where input(k) is the address of contiguous elements of T of input k; out is aligned. It asks for
// inputs in order, and is done with all but input 0 and the last kGroup.
template <template <class> class Formula, class Compute>
static void run_formula(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                        bool streamed, PartCounts& counts) {
  const Formula<Compute> formula(item, batch);
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  constexpr int kFew = 8;
  const bool direct = uniform(item, batch);
  const DType dtype = item.inputs[0].dtype;
  const int64_t width = dtype_bytes(dtype);
  alignas(64) Compute result[kBlock];
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    if (direct) {
      const int64_t ahead = i + kPrefetchBlocks * kBlock;
      const int64_t fetch = end - ahead < count ? end - ahead : count;
      for (int32_t k = 0; k < batch.inputs && k < kFew; ++k) {
        prefetch(item.inputs[k].data + ahead * width, fetch * width);
      }
      with_dtype(dtype, [&]<DType T>() __attribute__((always_inline)) {
        if constexpr (sizeof(Compute) == 8 || T != DType::kF64) {
          formula.template run<T>(
              [&](int32_t k) __attribute__((always_inline)) {
                return static_cast<const unsigned char*>(item.inputs[k].data + i * width);
              },
              count, result);
        }
      });
    } else {
      alignas(64) Compute loaded[1 + kGroup][kBlock];
      formula.template run<kNative>(
          [&](int32_t k) __attribute__((always_inline)) {
            // Input 0 keeps its place (it may be the base); the others share theirs in turn.
            Compute* place = loaded[k == 0 ? 0 : 1 + (k - 1) % kGroup];
            load_block(item.inputs[k], batch.load, i, count, place);
            return reinterpret_cast<const unsigned char*>(place);
          },
          count, result);
    }
    store_block(item.output, i, count, result, streamed, counts);
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

// SPDX-License-Identifier: Apache-2.0
//
// Device code shared by the kernels: reading tables, and elements of any dtype and layout.
#ifndef SINTER_KERNELS_CUDA_COMMON_DEVICE_CUH_
#define SINTER_KERNELS_CUDA_COMMON_DEVICE_CUH_

#include "cuda/common/table.h"
#include "formula/dtype.h"

#define SINTER_DEVICE static __device__ __forceinline__

namespace sinter::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// ---- Tables -------------------------------------------------------------------------------------

// A table's arrays.
struct Descriptors {
  const int64_t* first;
  const Entry* entries;
  const Operand* operands;
  const double* weights;
  const Layout* layouts;
};

SINTER_DEVICE Descriptors descriptors(const Table& table) {
  const unsigned char* const base = table.memory != nullptr ? table.memory : table.small;
  return {reinterpret_cast<const int64_t*>(base),
          reinterpret_cast<const Entry*>(base + table.entries_at),
          reinterpret_cast<const Operand*>(base + table.operands_at),
          reinterpret_cast<const double*>(base + table.weights_at),
          reinterpret_cast<const Layout*>(base + table.layouts_at)};
}

// The entry that a unit belongs to.
SINTER_DEVICE int64_t entry_of(const int64_t* first, int64_t count, int64_t unit) {
  int64_t low = 0;
  int64_t high = count;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (first[middle] <= unit) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// The share of `units` that belongs to worker w of n: [share(w), share(w + 1)). Each worker's units
// are neighbours, so that it looks for its entry once and reads long runs.
SINTER_DEVICE int64_t share(int64_t units, int64_t w, int64_t n) {
  const int64_t each = units / n;
  const int64_t rest = units % n;
  return w * each + (w < rest ? w : rest);
}

// ---- Elements -----------------------------------------------------------------------------------

// Count elements that are moved as one.
template <class T, int Count>
struct alignas(sizeof(T) * Count < 16 ? sizeof(T) * Count : 16) Packet {
  T values[Count];
};

// A value at any address.
template <class T>
SINTER_DEVICE T read(const unsigned char* at) {
  if (reinterpret_cast<uintptr_t>(at) % sizeof(T) == 0) {
    return *reinterpret_cast<const T*>(at);
  }
  T value;
  auto* const bytes = reinterpret_cast<unsigned char*>(&value);
  for (unsigned i = 0; i < sizeof(T); ++i) {
    bytes[i] = at[i];
  }
  return value;
}

template <class T>
SINTER_DEVICE void write(unsigned char* at, T value) {
  if (reinterpret_cast<uintptr_t>(at) % sizeof(T) == 0) {
    *reinterpret_cast<T*>(at) = value;
    return;
  }
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&value);
  for (unsigned i = 0; i < sizeof(T); ++i) {
    at[i] = bytes[i];
  }
}

// Where element `index` is, in elements from the first.
SINTER_DEVICE int64_t offset_of(const Layout& layout, int64_t index) {
  int64_t offset = 0;
  for (int d = layout.rank - 1; d >= 0; --d) {
    const int64_t size = layout.shape[d];
    int64_t rest;
    if (((index | size) >> 32) == 0) {
      rest = static_cast<uint32_t>(index) / static_cast<uint32_t>(size);
    } else {
      rest = index / size;
    }
    offset += (index - rest * size) * layout.strides[d];
    index = rest;
  }
  return offset;
}

SINTER_DEVICE int64_t place_of(const Operand& operand, const Layout* layouts, int64_t index) {
  return operand.layout < 0 ? index : offset_of(layouts[operand.layout], index);
}

// Element `index`, decoded, rounded to `load` first.
template <class Compute>
SINTER_DEVICE Compute load_element(const Operand& operand, const Layout* layouts, DType load,
                                   int64_t index) {
  const int64_t place = place_of(operand, layouts, index);
  Compute x = 0;
  with_dtype(operand.dtype, [&]<DType T>() {
    using Storage = typename Format<T>::Storage;
    const auto value = Format<T>::decode(
        read<Storage>(operand.data + place * static_cast<int64_t>(sizeof(Storage))));
    x = static_cast<Compute>(load == T ? value : round_to(load, value));
  });
  return x;
}

// What a thread has seen of the numbers it wrote.
struct Tally {
  uint32_t nonfinite;
  uint32_t saturated;
};

// Encodes x as element `index`.
template <class Compute>
SINTER_DEVICE void store_element(const Operand& operand, const Layout* layouts, int64_t index,
                                 Compute x, Tally& tally) {
  const int64_t place = place_of(operand, layouts, index);
  with_dtype(operand.dtype, [&]<DType T>() {
    using Storage = typename Format<T>::Storage;
    const Storage value = Format<T>::encode(x);
    tally.nonfinite += Format<T>::nonfinite(value);
    tally.saturated += Format<T>::saturates(x);
    write<Storage>(operand.data + place * static_cast<int64_t>(sizeof(Storage)), value);
  });
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_DEVICE_CUH_

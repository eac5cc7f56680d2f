// SPDX-License-Identifier: Apache-2.0
//
// A batch's descriptors as kernels read them: built on the host, carried in the kernel's arguments
// where they are small, else uploaded.
//
// Work is numbered through the batch in units of a fixed number of elements: first[k] is the number
// of entry k's first unit.
#ifndef SINTER_KERNELS_CUDA_COMMON_TABLE_H_
#define SINTER_KERNELS_CUDA_COMMON_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "batch.h"
#include "cuda/common/queue.h"

namespace sinter::cuda {

// The places of a view that is not contiguous.
struct Layout {
  int32_t rank;
  int32_t reserved;
  int64_t shape[kMaxRank];
  int64_t strides[kMaxRank];
};

struct Operand {
  unsigned char* data;
  DType dtype;
  int32_t layout;  // index of a Layout, or -1: contiguous
};

struct Entry {
  int64_t elements;
  int64_t index;  // in the batch
};

// What a kernel needs to find all this; passed by value, as a kernel argument.
struct Table {
  static constexpr int kInlineBytes = 3584;

  const unsigned char* memory;  // on the device; null: `small` holds the bytes
  int64_t count;
  int64_t units;
  int32_t operands;  // per entry: the output, then the inputs
  int32_t weights;   // per entry
  uint32_t entries_at, operands_at, weights_at, layouts_at;
  alignas(16) unsigned char small[kInlineBytes];
};

// One table being built, and its memory while the operation is being enqueued.
class TableBuilder {
 public:
  TableBuilder(int32_t operands, int32_t weights) : operands_(operands), weights_(weights) {}

  // `operands` views (the output, then the inputs) and `weights` numbers.
  void add(const Entry& entry, int64_t units, const View* const* views, const double* weights);

  int64_t units() const { return first_.back(); }
  int64_t entries() const { return static_cast<int64_t>(entries_.size()); }

  // Fills table; the memory it may point to lives as long as this.
  void finish(Queue& queue, Table& table);

 private:
  const int32_t operands_;
  const int32_t weights_;
  std::vector<int64_t> first_{0};
  std::vector<Entry> entries_;
  std::vector<Operand> operand_list_;
  std::vector<double> weight_list_;
  std::vector<Layout> layouts_;
  std::optional<Scratch> memory_;
};

// True where a view's elements lie one after the other from a multiple of `alignment` bytes on.
inline bool aligned(const View& view, uintptr_t alignment) {
  return view.contiguous() && reinterpret_cast<uintptr_t>(view.data) % alignment == 0;
}

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_TABLE_H_

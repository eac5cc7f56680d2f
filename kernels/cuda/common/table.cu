// SPDX-License-Identifier: Apache-2.0
#include "cuda/common/table.h"

#include <cstring>

namespace sinter::cuda {
namespace {

template <class T>
uint32_t append(std::vector<unsigned char>& bytes, const std::vector<T>& values) {
  const size_t at = (bytes.size() + 7) / 8 * 8;
  bytes.resize(at + values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
  }
  return static_cast<uint32_t>(at);
}

}  // namespace

void TableBuilder::add(const Entry& entry, int64_t units, const View* const* views,
                       const double* weights) {
  first_.push_back(first_.back() + units);
  entries_.push_back(entry);
  for (int32_t j = 0; j < operands_; ++j) {
    const View& view = *views[j];
    Operand operand = {view.data, view.dtype, -1};
    if (!view.contiguous()) {
      operand.layout = static_cast<int32_t>(layouts_.size());
      Layout layout = {view.rank, 0, {}, {}};
      std::memcpy(layout.shape, view.shape, sizeof layout.shape);
      std::memcpy(layout.strides, view.strides, sizeof layout.strides);
      layouts_.push_back(layout);
    }
    operand_list_.push_back(operand);
  }
  weight_list_.insert(weight_list_.end(), weights, weights + weights_);
}

void TableBuilder::finish(Queue& queue, Table& table) {
  std::vector<unsigned char> bytes;
  append(bytes, first_);
  table.entries_at = append(bytes, entries_);
  table.operands_at = append(bytes, operand_list_);
  table.weights_at = append(bytes, weight_list_);
  table.layouts_at = append(bytes, layouts_);
  table.count = static_cast<int64_t>(entries_.size());
  table.units = first_.back();
  table.operands = operands_;
  table.weights = weights_;
  table.memory = nullptr;
  if (bytes.size() <= sizeof table.small) {
    std::memcpy(table.small, bytes.data(), bytes.size());
  } else {
    memory_.emplace(queue, static_cast<int64_t>(bytes.size()));
    queue.upload(memory_->as<void>(), bytes.data(), static_cast<int64_t>(bytes.size()));
    table.memory = memory_->as<unsigned char>();
  }
}

}  // namespace sinter::cuda

// SPDX-License-Identifier: Apache-2.0
#include "cuda/common/elementwise.cuh"

namespace sinter::cuda {
namespace {

constexpr uintptr_t kVectorBytes = 16;

bool stored_as(DType load, DType dtype) { return load == DType::kStored || load == dtype; }

int64_t counts_bytes(const Batch& batch) {
  return batch.counts == nullptr ? 0 : batch.count * static_cast<int64_t>(sizeof(Counts));
}

}  // namespace

Group group_of(const Batch& batch, const Item& item) {
  const bool cast = item.copy_of >= 0;
  const View* const inputs = item.inputs + (cast ? item.copy_of : 0);
  const int32_t count = cast ? 1 : batch.inputs - batch.weighing;
  const DType dtype = inputs[0].dtype;
  const DType computed = item.wide ? DType::kF64 : DType::kF32;
  if (cast && dtype == item.output.dtype && stored_as(batch.load, dtype)) {
    return {Path::kCopy, dtype, true};
  }
  // Differences of task vectors are rounded to the vectors' own dtype, or not, by the vector kernel.
  bool vectors = vector_output(dtype, item.output.dtype) && stored_as(batch.load, dtype) &&
                 aligned(item.output, kVectorBytes) &&
                 (cast || stored_as(batch.delta, dtype) || batch.delta == computed);
  for (int32_t i = 0; i < count; ++i) {
    vectors = vectors && inputs[i].dtype == dtype && aligned(inputs[i], kVectorBytes);
  }
  // What weighs them is of the dtype that the vectors' elements are computed in.
  const DType native = dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  for (int32_t i = count; !cast && i < batch.inputs; ++i) {
    vectors = vectors && computed == native && inputs[i].dtype == native &&
              aligned(inputs[i], kVectorBytes);
  }
  return vectors ? Group{Path::kVectors, dtype, cast} : Group{Path::kAny, computed, cast};
}

ElementwiseRun::ElementwiseRun(Queue& queue, const Batch& batch, int32_t weights,
                               ElementwiseKernel (*kernel_of)(const Group&))
    : queue_(queue),
      batch_(batch),
      // Counts at an address that atomics cannot use are counted elsewhere and copied.
      counts_aligned_(reinterpret_cast<uintptr_t>(batch.counts) % alignof(Counts) == 0),
      counts_(queue, counts_aligned_ ? 0 : counts_bytes(batch)) {
  std::vector<const View*> views(static_cast<size_t>(batch.inputs) + 1);
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    if (item.elements == 0) {
      continue;
    }
    const Group group = group_of(batch, item);
    auto part = std::find_if(parts_.begin(), parts_.end(),
                             [&](const auto& each) { return each->group == group; });
    if (part == parts_.end()) {
      parts_.push_back(
          group.cast ? std::make_unique<Part>(group, cast_kernel(group), 2, 0)
                     : std::make_unique<Part>(group, kernel_of(group), 1 + batch.inputs, weights));
      part = parts_.end() - 1;
    }
    views[0] = &item.output;
    for (int32_t i = 0; i < (group.cast ? 1 : batch.inputs); ++i) {
      views[static_cast<size_t>(i) + 1] = &item.inputs[group.cast ? item.copy_of : i];
    }
    (*part)->table.add({item.elements, k}, (item.elements + kUnit - 1) / kUnit, views.data(),
                       item.weights);
  }
  for (const auto& part : parts_) {
    part->params.load = batch.load;
    part->params.delta = batch.delta;
    part->params.counts = counts_aligned_ ? batch.counts : counts_.as<Counts>();
    part->table.finish(queue, part->params.table);
  }
}

Counts* ElementwiseRun::clear_counts() {
  const auto bytes = static_cast<size_t>(counts_bytes(batch_));
  Counts* const counts = counts_aligned_ ? batch_.counts : counts_.as<Counts>();
  if (bytes > 0 && !counts_cleared_) {
    check(cudaMemsetAsync(counts, 0, bytes, queue_.stream()), "clear the counts");
  }
  counts_cleared_ = true;
  return counts;
}

void ElementwiseRun::launch(const void* formula) {
  Counts* const counts = clear_counts();
  for (const auto& part : parts_) {
    part->params.formula = formula;
    const int64_t resident = queue_.resident_blocks(part->kernel, kThreads);
    sinter::cuda::launch(queue_, part->kernel, std::min(part->params.table.units, resident),
                         kThreads, part->params);
  }
  if (!counts_aligned_) {
    check(cudaMemcpyAsync(batch_.counts, counts, static_cast<size_t>(counts_bytes(batch_)),
                          cudaMemcpyDeviceToDevice, queue_.stream()),
          "copy the counts");
  }
}

}  // namespace sinter::cuda

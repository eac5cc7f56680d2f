// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "failure.h"

namespace sinter {

static_assert(static_cast<int32_t>(DType::kStored) == SINTER_DTYPE_STORED);
static_assert(static_cast<int32_t>(DType::kF64) == SINTER_F64);
static_assert(static_cast<int32_t>(DType::kF32) == SINTER_F32);
static_assert(static_cast<int32_t>(DType::kF16) == SINTER_F16);
static_assert(static_cast<int32_t>(DType::kBF16) == SINTER_BF16);
static_assert(static_cast<int32_t>(DType::kF8E4M3) == SINTER_F8E4M3);
static_assert(static_cast<int32_t>(DType::kF8E5M2) == SINTER_F8E5M2);
static_assert(kMaxRank == SINTER_MAX_RANK);

namespace {

// The first and one past the last byte of a view that is not empty.
void extent(const View& view, const unsigned char** low, const unsigned char** high) {
  int64_t first = 0;
  int64_t last = 0;
  for (int d = 0; d < view.rank; ++d) {
    const int64_t reach = (view.shape[d] - 1) * view.strides[d];
    (reach < 0 ? first : last) += reach;
  }
  const int64_t bytes = dtype_bytes(view.dtype);
  *low = view.data + first * bytes;
  *high = view.data + (last + 1) * bytes;
}

// Every element has a place of its own if each stride, smallest first, steps over all that the
// smaller ones reach.
bool elements_are_apart(const sinter_tensor& tensor) {
  std::vector<std::pair<int64_t, int64_t>> steps;  // |stride|, size
  for (int d = 0; d < tensor.rank; ++d) {
    if (tensor.shape[d] > 1) {
      steps.emplace_back(std::llabs(tensor.strides[d]), tensor.shape[d]);
    }
  }
  std::sort(steps.begin(), steps.end());
  int64_t reach = 0;
  for (const auto& [stride, size] : steps) {
    if (stride <= reach) {
      return false;
    }
    reach += stride * (size - 1);
  }
  return true;
}

}  // namespace

std::string shape_text(const sinter_tensor& tensor) {
  std::string text = "[";
  for (int d = 0; d < tensor.rank; ++d) {
    text += (d > 0 ? ", " : "") + std::to_string(tensor.shape[d]);
  }
  return text + "]";
}

std::string label(const char* operand, int64_t index, const sinter_tensor& tensor) {
  std::string text = operand;
  if (index >= 0) {
    text += "[" + std::to_string(index) + "]";
  }
  if (tensor.name != nullptr && *tensor.name != '\0') {
    text += std::string(" '") + tensor.name + "'";
  }
  return text;
}

void require(const void* pointer, const char* operand) {
  if (pointer == nullptr) {
    invalid(std::string(operand) + " is NULL");
  }
}

DType checked_dtype(int32_t dtype, const char* operand, bool optional) {
  if (dtype < (optional ? SINTER_DTYPE_STORED : SINTER_F64) || dtype > SINTER_F8E5M2) {
    invalid(std::string(operand) + " is " + std::to_string(dtype) +
            ", which is no dtype: use a sinter_dtype" +
            (optional ? ", or SINTER_DTYPE_STORED (0)" : ""));
  }
  return static_cast<DType>(dtype);
}

int64_t element_count(const sinter_tensor& tensor) {
  int64_t elements = 1;
  for (int d = 0; d < tensor.rank; ++d) {
    elements *= tensor.shape[d];
  }
  return elements;
}

bool same_view(const View& x, const View& y) {
  return x.data == y.data && x.dtype == y.dtype && x.rank == y.rank &&
         std::equal(x.shape, x.shape + x.rank, y.shape) &&
         std::equal(x.strides, x.strides + x.rank, y.strides);
}

bool overlap(const View& x, const View& y) {
  // A view without elements has rank 1 and size 0.
  const bool empty = (x.rank == 1 && x.shape[0] == 0) || (y.rank == 1 && y.shape[0] == 0);
  if (empty || !x.contiguous() || !y.contiguous()) {
    return false;
  }
  const unsigned char *x_low, *x_high, *y_low, *y_high;
  extent(x, &x_low, &x_high);
  extent(y, &y_low, &y_high);
  return x_low < y_high && y_low < x_high;
}

sinter_tensor with_rows_last(const sinter_tensor& tensor) {
  sinter_tensor turned = tensor;
  for (int32_t d = 1; d + 1 < tensor.rank; ++d) {
    turned.shape[d] = tensor.shape[d + 1];
    turned.strides[d] = tensor.strides[d + 1];
  }
  if (tensor.rank > 1) {
    turned.shape[tensor.rank - 1] = tensor.shape[1];
    turned.strides[tensor.rank - 1] = tensor.strides[1];
  }
  return turned;
}

View checked_view(const sinter_stream& stream, const sinter_tensor& tensor, const char* operand,
                  int64_t index, Place place, bool output) {
  const auto refuse = [&](const std::string& why) {
    invalid(label(operand, index, tensor) + " " + why, index);
  };
  if (tensor.struct_size != sizeof(sinter_tensor)) {
    invalid(std::string(operand) + "[" + std::to_string(index) + "].struct_size is " +
                std::to_string(tensor.struct_size) + ", not " +
                std::to_string(sizeof(sinter_tensor)) +
                ": set it, and use the header that belongs to this library",
            index);
  }
  const DType dtype =
      checked_dtype(tensor.dtype, (label(operand, index, tensor) + ".dtype").c_str(), false);
  if (tensor.rank < 0 || tensor.rank > SINTER_MAX_RANK) {
    refuse("has rank " + std::to_string(tensor.rank) + ": it must be 0 to 8");
  }
  const bool host = tensor.device == SINTER_CPU;
  if (tensor.device != stream.device && !(host && place == Place::kStreamOrHost)) {
    refuse("is on " + device_name(tensor.device) + " and the stream on " +
           device_name(stream.device) + ": copy it there first (sinter_copy)");
  }

  View view = {};
  view.data = static_cast<unsigned char*>(tensor.data);
  view.dtype = dtype;
  bool empty = false;
  int64_t elements = 1;
  int64_t low = 0;
  int64_t high = 0;
  for (int d = 0; d < tensor.rank; ++d) {
    const int64_t size = tensor.shape[d];
    if (size < 0) {
      refuse("has shape " + shape_text(tensor) + ": sizes must not be negative");
    }
    empty = empty || size == 0;
    int64_t reach = 0;
    if (size > 0 &&
        (__builtin_mul_overflow(elements, size, &elements) ||
         __builtin_mul_overflow(size - 1, tensor.strides[d], &reach) ||
         __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high))) {
      refuse("has shape " + shape_text(tensor) + ", more than 2^63 elements or steps");
    }
  }
  int64_t bytes;
  if (__builtin_mul_overflow(std::max(elements, std::max(-low, high) + 1),
                             static_cast<int64_t>(dtype_bytes(dtype)), &bytes)) {
    refuse("has shape " + shape_text(tensor) + ", more than 2^63 bytes");
  }
  if (empty) {
    view.rank = 1;
    view.shape[0] = 0;
    view.strides[0] = 1;
    return view;
  }
  if (tensor.data == nullptr) {
    refuse("has " + std::to_string(elements) + " elements and data is NULL");
  }
  if (output && !elements_are_apart(tensor)) {
    refuse("is an output whose strides put several elements in one place");
  }
  for (int d = 0; d < tensor.rank; ++d) {
    if (tensor.shape[d] == 1) {
      continue;
    }
    const int last = view.rank - 1;
    if (last >= 0 && view.strides[last] == tensor.shape[d] * tensor.strides[d]) {
      view.shape[last] *= tensor.shape[d];
      view.strides[last] = tensor.strides[d];
    } else {
      view.shape[view.rank] = tensor.shape[d];
      view.strides[view.rank] = tensor.strides[d];
      ++view.rank;
    }
  }
  return view;
}

void require_same_shape(const sinter_tensor& x, const char* x_name, const sinter_tensor& y,
                        const char* y_name, int64_t index) {
  if (x.rank != y.rank || !std::equal(x.shape, x.shape + x.rank, y.shape)) {
    invalid(label(x_name, index, x) + " has shape " + shape_text(x) + " and " +
                label(y_name, index, y) + " " + shape_text(y) + ": they must be equal",
            index);
  }
}

double checked_weight(double weight, const char* operand, int64_t index) {
  if (!std::isfinite(weight)) {
    invalid(std::string(operand) + "[" + std::to_string(index) + "] is " + std::to_string(weight) +
                ": it must be a finite number",
            index);
  }
  return weight;
}

Elementwise::Elementwise(sinter_stream* stream, int64_t count, const sinter_arithmetic* arithmetic)
    : stream_(stream), count_(count) {
  require(stream, "stream");
  if (count < 0) {
    invalid("count is " + std::to_string(count) + ": it must be 0 or more");
  }
  copy_of_.assign(static_cast<size_t>(count), -1);
  if (arithmetic == nullptr) {
    return;
  }
  if (arithmetic->struct_size != sizeof(sinter_arithmetic)) {
    invalid("arithmetic->struct_size is " + std::to_string(arithmetic->struct_size) + ", not " +
            std::to_string(sizeof(sinter_arithmetic)) +
            ": set it, and use the header that belongs to this library");
  }
  load_ = checked_dtype(arithmetic->dtype, "arithmetic->dtype", true);
  delta_ = checked_dtype(arithmetic->delta_dtype, "arithmetic->delta_dtype", true);
  if (arithmetic->counts != nullptr) {
    const sinter_tensor& counts = *arithmetic->counts;
    const View view = checked_view(*stream, counts, "arithmetic->counts", -1, Place::kStream, true);
    if (view.dtype != DType::kF64 || counts.rank != 2 || counts.shape[0] != count ||
        counts.shape[1] != 3 || !view.contiguous()) {
      invalid("arithmetic->counts has shape " + shape_text(counts) +
              ": it must be a contiguous f64 tensor [" + std::to_string(count) + ", 3]");
    }
    counts_ = reinterpret_cast<Counts*>(view.data);
  }
}

void Elementwise::input(const char* name, const sinter_tensor* tensors, int32_t per_tensor) {
  if (count_ > 0) {
    require(tensors, name);
  }
  inputs_.push_back({name, tensors, per_tensor});
}

void Elementwise::weighing(const char* name, const sinter_tensor* tensors, int32_t per_tensor,
                           bool widen) {
  input(name, tensors, per_tensor);
  weighing_ += per_tensor;
  weighing_widens_ = widen;
}

void Elementwise::output(const char* name, const sinter_tensor* tensors) {
  if (count_ > 0) {
    require(tensors, name);
  }
  output_ = {name, tensors, 1};
}

double* Elementwise::weights(int32_t per_tensor) {
  weights_per_tensor_ = per_tensor;
  weights_.assign(static_cast<size_t>(count_) * static_cast<size_t>(per_tensor), 0.0);
  return weights_.data();
}

const Batch& Elementwise::batch() {
  int32_t inputs = 0;
  for (const Operand& operand : inputs_) {
    inputs += operand.per_tensor;
  }
  views_.reserve(static_cast<size_t>(count_) * static_cast<size_t>(inputs));
  items_.reserve(static_cast<size_t>(count_));
  for (int64_t k = 0; k < count_; ++k) {
    const sinter_tensor& out = output_.tensors[k];
    const View output = checked_view(*stream_, out, output_.name, k, Place::kStream, true);
    const size_t first = views_.size();
    bool wide = load_ == DType::kF64;
    for (const Operand& operand : inputs_) {
      for (int32_t i = 0; i < operand.per_tensor; ++i) {
        const int64_t index = k * operand.per_tensor + i;
        const sinter_tensor& in = operand.tensors[index];
        const View view = checked_view(*stream_, in, operand.name, index, Place::kStream, false);
        require_same_shape(in, operand.name, out, output_.name, k);
        const bool weighs = static_cast<int32_t>(views_.size() - first) >= inputs - weighing_;
        wide = wide || (load_ == DType::kStored && view.dtype == DType::kF64 &&
                        (!weighs || weighing_widens_));
        if (!same_view(view, output) && overlap(view, output)) {
          invalid(label(output_.name, k, out) + " overlaps " + label(operand.name, index, in) +
                      ": it must be exactly that tensor, or apart from it",
                  k);
        }
        views_.push_back(view);
      }
    }
    items_.push_back(
        {element_count(out), copy_of_[static_cast<size_t>(k)], wide, out.name, output,
         views_.data() + first,
         weights_.data() + static_cast<size_t>(k) * static_cast<size_t>(weights_per_tensor_)});
  }
  batch_ = {items_.data(), count_, inputs, load_, delta_, counts_, weighing_};
  return batch_;
}

}  // namespace sinter

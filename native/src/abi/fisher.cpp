// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

void checked_models(int32_t models) {
  if (models < 1) {
    invalid("models is " + std::to_string(models) + ": it must be 1 or more");
  }
}

double not_negative(double value, const std::string& name, int64_t tensor = -1) {
  if (!std::isfinite(value) || value < 0.0) {
    invalid(name + " is " + std::to_string(value) + ": it must be a finite number, 0 or more",
            tensor);
  }
  return value;
}

std::string at(const char* name, int64_t index) {
  return std::string(name) + "[" + std::to_string(index) + "]";
}

// Rows [from, from + rows) of a tensor.
sinter_tensor rows_of(const sinter_tensor& tensor, int64_t from, int64_t rows) {
  sinter_tensor part = tensor;
  part.data = static_cast<unsigned char*>(tensor.data) +
              from * tensor.strides[0] * dtype_bytes(static_cast<DType>(tensor.dtype));
  part.shape[0] = rows;
  return part;
}

// A zero of any dtype, on the stream's device until its work so far is done.
class Zero {
 public:
  explicit Zero(sinter_stream& stream)
      : stream_(stream), buffer_{stream.device, SINTER_MEMORY_DEVICE, nullptr, sizeof(double)} {
    backend_of(stream.device).allocate(stream, buffer_);
    static double zero = 0.0;
    View host = view(DType::kF64, 1);
    host.data = reinterpret_cast<unsigned char*>(&zero);
    const CopyItem item = {1, host, view(DType::kF64, 1), stream.device != SINTER_CPU, false};
    stream.copy(&item, 1);
  }
  ~Zero() {
    try {
      backend_of(stream_.device).release(buffer_, &stream_);
    } catch (const Failure&) {
      // The device failed, and says so again at the next synchronize.
    }
  }
  Zero(const Zero&) = delete;
  Zero& operator=(const Zero&) = delete;

  // As many of them as an output needs: all in one place.
  View view(DType dtype, int64_t elements) const {
    View view = {};
    view.data = static_cast<unsigned char*>(buffer_.data);
    view.dtype = dtype;
    view.rank = elements == 1 ? 0 : 1;
    view.shape[0] = elements;
    return view;
  }

 private:
  sinter_stream& stream_;
  sinter_buffer buffer_;
};

// Throws unless a tensor has rows like out's, as bytes are kept.
void require_like_rows(const sinter_tensor& tensor, const char* name, const sinter_tensor& out,
                       int64_t k) {
  if (tensor.dtype != out.dtype) {
    invalid(label(name, k, tensor) + " and " + label("out", k, out) +
                " have different dtypes, and rows keep their bytes: use sinter_cast first",
            k);
  }
  bool like = tensor.rank == out.rank && tensor.rank > 0;
  for (int32_t d = 1; like && d < out.rank; ++d) {
    like = tensor.shape[d] == out.shape[d];
  }
  if (!like) {
    invalid(label(name, k, tensor) + " and " + label("out", k, out) +
                " must have rows of one shape, along axis 0",
            k);
  }
}

// Throws unless sums of squares are of float32 or float64; they are the output, too.
void states(Elementwise& call, const sinter_tensor* state) {
  call.output("state", state);
  for (int64_t k = 0; k < call.count(); ++k) {
    if (state[k].dtype != SINTER_F32 && state[k].dtype != SINTER_F64) {
      invalid(label("state", k, state[k]) + " has dtype " + std::to_string(state[k].dtype) +
                  ": sums of squares are kept in SINTER_F32 or SINTER_F64",
              k);
    }
  }
}

// The new models and the old one, and which are only copied.
void update(Elementwise& call, int32_t models, const sinter_tensor* old,
            const sinter_tensor* updated, const double* alpha) {
  checked_models(models);
  call.input("updated", updated, models);
  call.input("old", old);
  if (call.count() > 0) {
    require(alpha, "alpha");
  }
  for (int64_t k = 0; k < call.count(); ++k) {
    checked_weight(alpha[k], "alpha", k);
    if (alpha[k] == 1.0 || (alpha[k] == 0.0 && models == 1)) {
      call.copy(k, alpha[k] == 1.0 ? models : 0);
    }
  }
}

}  // namespace

int32_t sinter_fisher_accumulate(sinter_stream* stream, int64_t count,
                                 const sinter_tensor* gradients, const double* weights,
                                 const sinter_tensor* state, const sinter_tensor* counts,
                                 sinter_error* error) {
  return guard("sinter_fisher_accumulate", error, [&] {
    sinter_arithmetic arithmetic = {};
    arithmetic.struct_size = sizeof arithmetic;
    arithmetic.counts = counts;
    Elementwise call(stream, count, &arithmetic);
    call.input("gradients", gradients);
    call.weighing("state", state, 1, true);
    states(call, state);
    if (count > 0) {
      require(weights, "weights");
    }
    double* const stored = call.weights(1);
    for (int64_t k = 0; k < count; ++k) {
      stored[k] = not_negative(weights[k], at("weights", k), k);
    }
    SINTER_LAUNCH(call.stream(), fisher_accumulate, call.batch());
  });
}

int32_t sinter_fisher_finish(sinter_stream* stream, int64_t count, const sinter_tensor* state,
                             int64_t examples, sinter_error* error) {
  return guard("sinter_fisher_finish", error, [&] {
    Elementwise call(stream, count, nullptr);
    call.input("state", state);
    states(call, state);
    if (examples < 1) {
      invalid("examples is " + std::to_string(examples) +
              ": it must be 1 or more, the number of examples that were accumulated");
    }
    std::fill_n(call.weights(1), count, static_cast<double>(examples));
    SINTER_LAUNCH(call.stream(), fisher_finish, call.batch());
  });
}

int32_t sinter_fisher_merge(sinter_stream* stream, int64_t count, int32_t models,
                            const sinter_tensor* inputs, const sinter_tensor* fisher,
                            const double* weights, const double* scales, double floor,
                            double epsilon, const sinter_tensor* out,
                            const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_fisher_merge", error, [&] {
    Elementwise call(stream, count, arithmetic);
    checked_models(models);
    call.input("inputs", inputs, models);
    call.weighing("fisher", fisher, models);
    call.output("out", out);
    not_negative(floor, "floor");
    not_negative(epsilon, "epsilon");
    if (count > 0) {
      require(weights, "weights");
      require(scales, "scales");
      for (int32_t i = 0; i < models; ++i) {
        not_negative(scales[i], at("scales", i));
      }
    }
    const int32_t stored = 3 * models + 2;
    double* const all = call.weights(stored);
    for (int64_t k = 0; k < count; ++k) {
      double total = 0.0;
      for (int32_t i = 0; i < models; ++i) {
        total += not_negative(weights[k * models + i], at("weights", k * models + i), k);
      }
      if (!(total > 0.0) || !std::isfinite(total)) {
        invalid("the weights of " + label("out", k, out[k]) + " add up to " +
                    std::to_string(total) +
                    ": give one model at least a weight above 0, or "
                    "weights whose sum is finite",
                k);
      }
      double* const own = all + k * stored;
      double so_far = 0.0;
      for (int32_t i = 0; i < models; ++i) {
        own[i] = weights[k * models + i] / total;
        so_far += own[i];
        own[models + i] = so_far > 0.0 ? own[i] / so_far : 0.0;
        own[2 * models + i] = scales[i];
      }
      own[3 * models] = floor;
      own[3 * models + 1] = epsilon;
    }
    SINTER_LAUNCH(call.stream(), fisher_merge, call.batch());
  });
}

int32_t sinter_bcwi(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* old,
                    const sinter_tensor* updated, const double* alpha, const sinter_tensor* out,
                    const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_bcwi", error, [&] {
    Elementwise call(stream, count, arithmetic);
    update(call, models, old, updated, alpha);
    call.output("out", out);
    std::copy_n(alpha, count, call.weights(1));
    if (models == 1) {
      SINTER_LAUNCH(call.stream(), lerp, call.batch());
    } else {
      SINTER_LAUNCH(call.stream(), bcwi, call.batch());
    }
  });
}

int32_t sinter_fisher_bcwi(sinter_stream* stream, int64_t count, int32_t models,
                           const sinter_tensor* old, const sinter_tensor* updated,
                           const sinter_tensor* fisher, const double* mean, const double* alpha,
                           const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                           sinter_error* error) {
  return guard("sinter_fisher_bcwi", error, [&] {
    Elementwise call(stream, count, arithmetic);
    update(call, models, old, updated, alpha);
    call.weighing("fisher", fisher);
    call.output("out", out);
    if (count > 0) {
      require(mean, "mean");
    }
    double* const stored = call.weights(2);
    for (int64_t k = 0; k < count; ++k) {
      if (alpha[k] < 0.0 || alpha[k] > 1.0) {
        invalid(at("alpha", k) + " is " + std::to_string(alpha[k]) +
                    ": it must be from 0 to 1, since outside the weight by Fisher information has "
                    "a pole; sinter_bcwi takes any",
                k);
      }
      stored[2 * k] = alpha[k];
      stored[2 * k + 1] = not_negative(mean[k], at("mean", k), k);
    }
    SINTER_LAUNCH(call.stream(), fisher_bcwi, call.batch());
  });
}

int32_t sinter_class_rows(sinter_stream* stream, int64_t count, const sinter_tensor* old,
                          const sinter_tensor* updated, int64_t classes, const int64_t* rows,
                          const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_class_rows", error, [&] {
    require(stream, "stream");
    if (count < 0) {
      invalid("count is " + std::to_string(count) + ": it must be 0 or more");
    }
    if (classes < 0) {
      invalid("classes is " + std::to_string(classes) + ": it must be 0 or more");
    }
    if (count == 0) {
      return;
    }
    require(old, "old");
    require(out, "out");
    if (classes > 0) {
      require(rows, "rows");
    }
    std::optional<Zero> zero;
    std::vector<CopyItem> items;
    for (int64_t k = 0; k < count; ++k) {
      const View to = checked_view(*stream, out[k], "out", k, Place::kStream, true);
      const View from = checked_view(*stream, old[k], "old", k, Place::kStream, false);
      require_like_rows(old[k], "old", out[k], k);
      if (out[k].shape[0] != classes) {
        invalid(label("out", k, out[k]) + " has " + std::to_string(out[k].shape[0]) +
                    " rows, and there are " + std::to_string(classes) + " classes",
                k);
      }
      if (overlap(from, to)) {
        invalid(label("out", k, out[k]) + " overlaps " + label("old", k, old[k]) +
                    ": it must be apart from it",
                k);
      }
      bool in_place = false;
      if (updated != nullptr) {
        const View other = checked_view(*stream, updated[k], "updated", k, Place::kStream, false);
        require_like_rows(updated[k], "updated", out[k], k);
        require_same_shape(updated[k], "updated", out[k], "out", k);
        in_place = same_view(other, to);
        if (!in_place && overlap(other, to)) {
          invalid(label("out", k, out[k]) + " overlaps " + label("updated", k, updated[k]) +
                      ": it must be exactly that tensor, or apart from it",
                  k);
        }
      }
      for (int64_t r = 0; r < classes; ++r) {
        if (rows[r] < -1 || rows[r] >= old[k].shape[0]) {
          invalid(at("rows", r) + " is " + std::to_string(rows[r]) + ", and " +
                      label("old", k, old[k]) + " has " + std::to_string(old[k].shape[0]) +
                      " rows: give the row of old, or -1 for the updated model's",
                  k);
        }
      }
      if (element_count(out[k]) == 0) {
        continue;
      }
      // Neighbours that stay neighbours are copied as one.
      for (int64_t r = 0; r < classes;) {
        int64_t next = r + 1;
        while (next < classes &&
               (rows[r] < 0 ? rows[next] < 0 : rows[next] == rows[next - 1] + 1)) {
          ++next;
        }
        const sinter_tensor target = rows_of(out[k], r, next - r);
        const View place = checked_view(*stream, target, "out", k, Place::kStream, true);
        View source = place;
        if (rows[r] >= 0) {
          source = checked_view(*stream, rows_of(old[k], rows[r], next - r), "old", k,
                                Place::kStream, false);
        } else if (updated != nullptr) {
          source = checked_view(*stream, rows_of(updated[k], r, next - r), "updated", k,
                                Place::kStream, false);
        } else {
          if (!zero) {
            zero.emplace(*stream);
          }
          source = zero->view(place.dtype, element_count(target));
        }
        if (rows[r] >= 0 || !in_place) {
          items.push_back({element_count(target), source, place, false, false});
        }
        r = next;
      }
    }
    stream->copy(items.data(), static_cast<int64_t>(items.size()));
  });
}

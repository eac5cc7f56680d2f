// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

// A checked batch of reductions. b may be a: one operand.
class Reduction {
 public:
  Reduction(sinter_stream* stream, int64_t count, const sinter_tensor* a, const char* a_name,
            const sinter_tensor* b, const char* b_name, int32_t dtype, int32_t results,
            const sinter_tensor* out) {
    require(stream, "stream");
    if (count < 0) {
      invalid("count is " + std::to_string(count) + ": it must be 0 or more");
    }
    const DType load = checked_dtype(dtype, "dtype", true);
    if (count > 0) {
      require(a, a_name);
      require(b, b_name);
      require(out, "out");
      const View view = checked_view(*stream, *out, "out", -1, Place::kStream, true);
      const bool right_shape =
          results == 1 ? out->rank == 1 && out->shape[0] == count
                       : out->rank == 2 && out->shape[0] == count && out->shape[1] == results;
      if (view.dtype != DType::kF64 || !view.contiguous() || !right_shape) {
        invalid("out must be a contiguous f64 tensor [" + std::to_string(count) +
                (results == 1 ? "]" : ", " + std::to_string(results) + "]"));
      }
      batch_.results = reinterpret_cast<double*>(view.data);
    }
    items_.reserve(static_cast<size_t>(count));
    for (int64_t k = 0; k < count; ++k) {
      const View x = checked_view(*stream, a[k], a_name, k, Place::kStream, false);
      const View y = checked_view(*stream, b[k], b_name, k, Place::kStream, false);
      require_same_shape(a[k], a_name, b[k], b_name, k);
      items_.push_back({element_count(a[k]), x, y});
    }
    batch_.items = items_.data();
    batch_.count = count;
    batch_.load = load;
  }

  const ReduceBatch& batch() const { return batch_; }

 private:
  std::vector<ReduceItem> items_;
  ReduceBatch batch_ = {};
};

}  // namespace

int32_t sinter_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t dtype,
                   const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_sum", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", dtype, 1, out);
    SINTER_LAUNCH(*stream, sum, call.batch());
  });
}

int32_t sinter_norm(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t kind,
                    int32_t dtype, const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_norm", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", dtype, 1, out);
    switch (kind) {
      case SINTER_NORM_L1:
        SINTER_LAUNCH(*stream, norm_l1, call.batch());
        break;
      case SINTER_NORM_L2:
        SINTER_LAUNCH(*stream, norm_l2, call.batch());
        break;
      case SINTER_NORM_MAX:
        SINTER_LAUNCH(*stream, norm_max, call.batch());
        break;
      default:
        invalid("kind is " + std::to_string(kind) +
                ": use SINTER_NORM_L1, SINTER_NORM_L2 or SINTER_NORM_MAX");
    }
  });
}

int32_t sinter_dot(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                   const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                   sinter_error* error) {
  return guard("sinter_dot", error, [&] {
    const Reduction call(stream, count, a, "a", b, "b", dtype, 1, out);
    SINTER_LAUNCH(*stream, dot, call.batch());
  });
}

int32_t sinter_dots(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                    const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                    sinter_error* error) {
  return guard("sinter_dots", error, [&] {
    const Reduction call(stream, count, a, "a", b, "b", dtype, 3, out);
    SINTER_LAUNCH(*stream, dots, call.batch());
  });
}

int32_t sinter_moments(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                       int32_t /*dtype*/, const sinter_tensor* /*out*/, sinter_error* error) {
  return guard("sinter_moments", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

int32_t sinter_count(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                     const double* /*threshold*/, int32_t /*dtype*/, const sinter_tensor* /*out*/,
                     sinter_error* error) {
  return guard("sinter_count", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

int32_t sinter_masked_sum(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                          const sinter_tensor* /*mask*/, int32_t /*dtype*/,
                          const sinter_tensor* /*out*/, sinter_error* error) {
  return guard("sinter_masked_sum", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

int32_t sinter_row_sum(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                       int32_t /*dtype*/, const sinter_tensor* /*out*/, sinter_error* error) {
  return guard("sinter_row_sum", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

int32_t sinter_row_norm(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*in*/,
                        int32_t /*kind*/, int32_t /*dtype*/, const sinter_tensor* /*out*/,
                        sinter_error* error) {
  return guard("sinter_row_norm", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

int32_t sinter_row_dot(sinter_stream* /*stream*/, int64_t /*count*/, const sinter_tensor* /*a*/,
                       const sinter_tensor* /*b*/, int32_t /*dtype*/, const sinter_tensor* /*out*/,
                       sinter_error* error) {
  return guard("sinter_row_dot", error, [] { throw Failure(Status::kUnsupported, "not yet"); });
}

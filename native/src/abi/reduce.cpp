// SPDX-License-Identifier: Apache-2.0
#include "formula/reduce.h"

#include <algorithm>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

// A checked batch of reductions, to `results` numbers per tensor, side by side in one output; to
// kRows, one number per row, or to statistics of chunks, in an output per tensor. b may be a: one
// operand.
class Reduction {
 public:
  static constexpr int32_t kRows = 0;
  static constexpr int32_t kChunks = -kStatistics;
  static constexpr int32_t kBasedChunks = -kBasedStatistics;

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
    }
    if (count > 0 && results > 0) {
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
      if (results == kRows) {
        rows(*stream, a[k], a_name, out[k], k);
      } else if (results < 0) {
        chunks(*stream, a[k], a_name, -results, out[k], k);
      }
    }
    batch_.items = items_.data();
    batch_.count = count;
    batch_.load = load;
  }

  void parameter(int64_t k, double value) { items_[static_cast<size_t>(k)].parameter = value; }

  const ReduceBatch& batch() const { return batch_; }

 private:
  // The rows of the last item, and where their results go.
  void rows(const sinter_stream& stream, const sinter_tensor& in, const char* name,
            const sinter_tensor& out, int64_t k) {
    const View view = checked_view(stream, out, "out", k, Place::kStream, true);
    const int32_t rank = in.rank > 0 ? in.rank - 1 : 0;
    if (view.dtype != DType::kF64 || !view.contiguous() || out.rank != rank ||
        !std::equal(out.shape, out.shape + rank, in.shape)) {
      invalid(label("out", k, out) + " must be a contiguous f64 tensor of the shape of " +
                  label(name, k, in) + " without its last dimension",
              k);
    }
    ReduceItem& item = items_.back();
    item.rows = element_count(out);
    item.results = reinterpret_cast<double*>(view.data);
  }

  // Where the statistics of the last item's chunks go.
  void chunks(const sinter_stream& stream, const sinter_tensor& in, const char* name,
              int32_t numbers, const sinter_tensor& out, int64_t k) {
    const View view = checked_view(stream, out, "out", k, Place::kStream, true);
    const int64_t elements = element_count(in);
    const int64_t count = elements > 0 ? chunks_of(elements) : 0;
    if (view.dtype != DType::kF64 || !view.contiguous() || out.rank != 2 || out.shape[0] != count ||
        out.shape[1] != numbers) {
      invalid(label("out", k, out) + " must be a contiguous f64 tensor [" + std::to_string(count) +
                  ", " + std::to_string(numbers) + "], a row for each 4096 elements of " +
                  label(name, k, in),
              k);
    }
    items_.back().results = reinterpret_cast<double*>(view.data);
  }

  std::vector<ReduceItem> items_;
  ReduceBatch batch_ = {};
};

void launch_norm(sinter_stream& stream, int32_t kind, const ReduceBatch& batch) {
  switch (kind) {
    case SINTER_NORM_L1:
      SINTER_LAUNCH(stream, norm_l1, batch);
      break;
    case SINTER_NORM_L2:
      SINTER_LAUNCH(stream, norm_l2, batch);
      break;
    case SINTER_NORM_MAX:
      SINTER_LAUNCH(stream, norm_max, batch);
      break;
    default:
      invalid("kind is " + std::to_string(kind) +
              ": use SINTER_NORM_L1, SINTER_NORM_L2 or SINTER_NORM_MAX");
  }
}

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
    launch_norm(*stream, kind, call.batch());
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

int32_t sinter_moments(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t dtype,
                       const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_moments", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", dtype, 4, out);
    SINTER_LAUNCH(*stream, moments, call.batch());
  });
}

int32_t sinter_count(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                     const double* threshold, int32_t dtype, const sinter_tensor* out,
                     sinter_error* error) {
  return guard("sinter_count", error, [&] {
    Reduction call(stream, count, in, "in", in, "in", dtype, 4, out);
    if (count > 0) {
      require(threshold, "threshold");
    }
    for (int64_t k = 0; k < count; ++k) {
      if (!(threshold[k] >= 0.0)) {
        invalid("threshold[" + std::to_string(k) + "] is " + std::to_string(threshold[k]) +
                    ": it must be 0 or more",
                k);
      }
      call.parameter(k, threshold[k]);
    }
    SINTER_LAUNCH(*stream, count, call.batch());
  });
}

int32_t sinter_fisher_statistics(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                 const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_fisher_statistics", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", SINTER_DTYPE_STORED, 4, out);
    SINTER_LAUNCH(*stream, fisher_statistics, call.batch());
  });
}

int32_t sinter_masked_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                          const sinter_tensor* mask, int32_t dtype, const sinter_tensor* out,
                          sinter_error* error) {
  return guard("sinter_masked_sum", error, [&] {
    const Reduction call(stream, count, in, "in", mask, "mask", dtype, 1, out);
    SINTER_LAUNCH(*stream, masked_sum, call.batch());
  });
}

int32_t sinter_chunk_statistics(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                const sinter_tensor* base, const sinter_tensor* out,
                                sinter_error* error) {
  return guard("sinter_chunk_statistics", error, [&] {
    const bool based = base != nullptr;
    const Reduction call(stream, count, in, "in", based ? base : in, based ? "base" : "in",
                         SINTER_DTYPE_STORED, based ? Reduction::kBasedChunks : Reduction::kChunks,
                         out);
    const ReduceBatch& batch = call.batch();
    const StatisticsBatch statistics = {batch.items, batch.count, based};
    SINTER_LAUNCH(*stream, chunk_statistics, statistics);
  });
}

int32_t sinter_row_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t dtype,
                       const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_row_sum", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", dtype, Reduction::kRows, out);
    SINTER_LAUNCH(*stream, sum, call.batch());
  });
}

int32_t sinter_row_norm(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t kind,
                        int32_t dtype, const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_row_norm", error, [&] {
    const Reduction call(stream, count, in, "in", in, "in", dtype, Reduction::kRows, out);
    launch_norm(*stream, kind, call.batch());
  });
}

int32_t sinter_row_dot(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                       const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                       sinter_error* error) {
  return guard("sinter_row_dot", error, [&] {
    const Reduction call(stream, count, a, "a", b, "b", dtype, Reduction::kRows, out);
    SINTER_LAUNCH(*stream, dot, call.batch());
  });
}

// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

void check_count(int64_t count) {
  if (count < 0) {
    invalid("count is " + std::to_string(count) + ": it must be 0 or more");
  }
}

// A contiguous f64 tensor [count, width] for results.
double* results(const sinter_stream& stream, const sinter_tensor* out, int64_t count,
                int64_t width) {
  require(out, "out");
  const View view = checked_view(stream, *out, "out", -1, Place::kStream, true);
  if (view.dtype != DType::kF64 || !view.contiguous() || out->rank != 2 || out->shape[0] != count ||
      out->shape[1] != width) {
    invalid("out must be a contiguous f64 tensor [" + std::to_string(count) + ", " +
            std::to_string(width) + "]");
  }
  return reinterpret_cast<double*>(view.data);
}

}  // namespace

int32_t sinter_select(sinter_stream* stream, int64_t count, const sinter_tensor* base,
                      const sinter_tensor* in, const int64_t* k, int32_t joint, int32_t dtype,
                      int32_t delta_dtype, const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_select", error, [&] {
    require(stream, "stream");
    check_count(count);
    if (joint != 0 && joint != 1) {
      invalid("joint is " + std::to_string(joint) + ": it must be 0 or 1");
    }
    SelectCall call = {};
    call.batch.load = checked_dtype(dtype, "dtype", true);
    call.batch.delta = checked_dtype(delta_dtype, "delta_dtype", true);
    call.batch.joint = joint == 1;
    if (count == 0) {
      return;
    }
    require(in, "in");
    require(k, "k");
    call.out = results(*stream, out, count, 2);
    std::vector<View> bases(static_cast<size_t>(count));
    std::vector<SelectItem> items;
    std::vector<const char*> names;
    int64_t total = 0;
    for (int64_t i = 0; i < count; ++i) {
      const View view = checked_view(*stream, in[i], "in", i, Place::kStream, false);
      if (base != nullptr) {
        bases[static_cast<size_t>(i)] =
            checked_view(*stream, base[i], "base", i, Place::kStream, false);
        require_same_shape(in[i], "in", base[i], "base", i);
      }
      const int64_t elements = element_count(in[i]);
      total += elements;
      if (joint == 0 && (k[i] < 0 || k[i] > elements)) {
        invalid("k[" + std::to_string(i) + "] is " + std::to_string(k[i]) +
                    ": it must be 0 to the tensor's " + std::to_string(elements) + " elements",
                i);
      }
      items.push_back({elements, base != nullptr ? &bases[static_cast<size_t>(i)] : nullptr, view,
                       joint == 1 ? k[0] : k[i]});
      names.push_back(in[i].name);
    }
    if (joint == 1 && (k[0] < 0 || k[0] > total)) {
      invalid("k[0] is " + std::to_string(k[0]) + ": it must be 0 to the tensors' " +
              std::to_string(total) + " elements");
    }
    call.batch.items = items.data();
    call.batch.count = count;
    call.names = names.data();
    SINTER_LAUNCH(*stream, write_selections, call);
  });
}

int32_t sinter_quantile(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                        int32_t quantiles, const double* q, int32_t dtype, const sinter_tensor* out,
                        sinter_error* error) {
  return guard("sinter_quantile", error, [&] {
    require(stream, "stream");
    check_count(count);
    if (quantiles < 1) {
      invalid("quantiles is " + std::to_string(quantiles) + ": it must be 1 or more");
    }
    QuantileBatch batch = {};
    batch.load = checked_dtype(dtype, "dtype", true);
    require(q, "q");
    for (int32_t j = 0; j < quantiles; ++j) {
      if (!(q[j] >= 0.0 && q[j] <= 1.0)) {
        invalid("q[" + std::to_string(j) + "] is " + std::to_string(q[j]) + ": it must be 0 to 1");
      }
    }
    if (count == 0) {
      return;
    }
    require(in, "in");
    batch.results = results(*stream, out, count, quantiles);
    std::vector<QuantileItem> items;
    std::vector<const char*> names;
    for (int64_t k = 0; k < count; ++k) {
      const View view = checked_view(*stream, in[k], "in", k, Place::kStream, false);
      items.push_back({element_count(in[k]), view});
      names.push_back(in[k].name);
    }
    batch.items = items.data();
    batch.count = count;
    batch.quantiles = quantiles;
    batch.q = q;
    batch.names = names.data();
    SINTER_LAUNCH(*stream, quantile, batch);
  });
}

int32_t sinter_rank(sinter_stream* stream, int64_t count, const sinter_tensor* in, int32_t dtype,
                    const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_rank", error, [&] {
    require(stream, "stream");
    check_count(count);
    RankBatch batch = {};
    batch.load = checked_dtype(dtype, "dtype", true);
    if (count > 0) {
      require(in, "in");
      require(out, "out");
    }
    std::vector<RankItem> items;
    for (int64_t k = 0; k < count; ++k) {
      checked_view(*stream, in[k], "in", k, Place::kStream, false);
      checked_view(*stream, out[k], "out", k, Place::kStream, true);
      require_same_shape(in[k], "in", out[k], "out", k);
      const View view =
          checked_view(*stream, with_rows_last(in[k]), "in", k, Place::kStream, false);
      const View output =
          checked_view(*stream, with_rows_last(out[k]), "out", k, Place::kStream, true);
      const int64_t elements = element_count(in[k]);
      const int64_t row = in[k].rank > 1 ? in[k].shape[1] : elements;
      if (output.dtype != DType::kF64 && output.dtype != DType::kF32) {
        invalid(label("out", k, out[k]) + " must be f64 or f32", k);
      }
      if (output.dtype == DType::kF32 && row > (int64_t{1} << 24)) {
        invalid(label("out", k, out[k]) + " is f32 and the rows have " + std::to_string(row) +
                    " elements: f32 holds ranks up to 2^24, so make it f64",
                k);
      }
      if (row >= (int64_t{1} << 32)) {
        invalid(label("in", k, in[k]) + " has rows of " + std::to_string(row) +
                    " elements: ranks are made of up to 2^32 - 1",
                k);
      }
      items.push_back({elements, row, nullptr, view, output, k, in[k].name, 0});
    }
    batch.items = items.data();
    batch.count = count;
    batch.statistic = &kRankStatistic;
    SINTER_LAUNCH(*stream, rank, batch);
  });
}

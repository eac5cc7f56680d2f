// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"
#include "spherical_batch.h"

namespace {

using namespace sinter;

static_assert(static_cast<int32_t>(Vectors::kWhole) == SINTER_VECTORS_WHOLE);
static_assert(static_cast<int32_t>(Vectors::kRows) == SINTER_VECTORS_ROWS);
static_assert(static_cast<int32_t>(Vectors::kColumns) == SINTER_VECTORS_COLUMNS);

constexpr Statistic kNuslerp[] = {{"nuslerp", {"a", "b", nullptr}, nullptr},
                                  {"nuslerp", {"base", "a", "b"}, nullptr}};
constexpr char kCancelled[] =
    "the weighted mean of the models' unit vectors is zero, and multislerp of more than two models "
    "then has no direction; change the weights, or merge this tensor by linear";
constexpr Statistic kMultislerp[] = {{"multislerp", {}, kCancelled},
                                     {"multislerp", {"base", nullptr, nullptr}, kCancelled}};
constexpr Statistic kKarcher = {"karcher", {}, nullptr};
constexpr Statistic kModelStock = {"model_stock", {"base", nullptr, nullptr}, nullptr};

Vectors checked_vectors(int32_t vectors, bool columns) {
  if (vectors < SINTER_VECTORS_WHOLE ||
      vectors > (columns ? SINTER_VECTORS_COLUMNS : SINTER_VECTORS_ROWS)) {
    invalid(
        "vectors is " + std::to_string(vectors) + ": use SINTER_VECTORS_WHOLE" +
        (columns ? ", SINTER_VECTORS_ROWS or SINTER_VECTORS_COLUMNS" : " or SINTER_VECTORS_ROWS"));
  }
  return static_cast<Vectors>(vectors);
}

void check_models(int32_t models, int32_t least) {
  if (models < least) {
    invalid("models is " + std::to_string(models) + ": it must be " + std::to_string(least) +
            " or more");
  }
}

double checked_positive(double value, const char* operand) {
  if (!(value > 0.0) || !std::isfinite(value)) {
    invalid(std::string(operand) + " is " + std::to_string(value) +
            ": it must be a finite number above 0");
  }
  return value;
}

// Sizes of a tensor's vectors. A scalar is a vector of one element.
void set_vectors(GramItem& item, const sinter_tensor& tensor, Vectors vectors) {
  item.vectors = 1;
  item.length = element_count(tensor);
  if (vectors == Vectors::kWhole || tensor.rank == 0) {
    return;
  }
  const int axis = vectors == Vectors::kRows ? tensor.rank - 1 : 0;
  item.length = tensor.shape[axis];
  for (int d = 0; d < tensor.rank; ++d) {
    item.vectors *= d == axis ? 1 : tensor.shape[d];
  }
}

// The view in which vectors are neighbours: with axis 0 last, for columns.
View vectors_view(const sinter_stream& stream, const sinter_tensor& tensor, const char* operand,
                  int64_t index, Vectors vectors) {
  sinter_tensor turned = tensor;
  if (vectors == Vectors::kColumns) {
    for (int d = 0; d < tensor.rank; ++d) {
      const int from = (d + 1) % tensor.rank;
      turned.shape[d] = tensor.shape[from];
      turned.strides[d] = tensor.strides[from];
    }
  }
  return checked_view(stream, turned, operand, index, Place::kStream, false);
}

// One operand of a call: `per_tensor` tensors for each entry.
struct Given {
  const char* name;
  const sinter_tensor* tensors;
  int32_t per_tensor;
};

// The Gram matrices' side of a call: entries, and views whose vectors are neighbours.
class Grams {
 public:
  Grams(Vectors vectors, int64_t count) : vectors_(vectors) {
    items_.reserve(static_cast<size_t>(count));
  }

  // `operands`: the base where there is one, then the models.
  void add(const sinter_stream& stream, int64_t k, const std::vector<Given>& operands,
           const sinter_tensor& shape, DType load, double* result) {
    GramItem item = {};
    set_vectors(item, shape, vectors_);
    item.wide = load == DType::kF64;
    item.result = result;
    for (const Given& operand : operands) {
      for (int32_t i = 0; i < operand.per_tensor; ++i) {
        const int64_t index = k * operand.per_tensor + i;
        views_.push_back(
            vectors_view(stream, operand.tensors[index], operand.name, index, vectors_));
        item.wide = item.wide || (load == DType::kStored && views_.back().dtype == DType::kF64);
      }
    }
    items_.push_back(item);
  }

  GramBatch batch(int32_t models, bool base, DType load, DType delta) {
    const size_t operands = static_cast<size_t>(models) + (base ? 1 : 0);
    for (size_t k = 0; k < items_.size(); ++k) {
      items_[k].operands = views_.data() + k * operands;
    }
    return {items_.data(), static_cast<int64_t>(items_.size()), models, base, load, delta};
  }

  std::vector<GramItem>& items() { return items_; }

 private:
  const Vectors vectors_;
  std::vector<GramItem> items_;
  std::vector<View> views_;
};

// The weights of `call` are set; `operands` are its inputs, in their order.
void average(Elementwise& call, const SphericalOptions& options, Vectors vectors, int32_t models,
             bool base, const std::vector<Given>& operands, const sinter_tensor* out,
             const Statistic& statistic) {
  for (const Given& operand : operands) {
    call.input(operand.name, operand.tensors, operand.per_tensor);
  }
  call.output("out", out);
  const Batch& sums = call.batch();
  Grams grams(vectors, call.count());
  for (int64_t k = 0; k < call.count(); ++k) {
    grams.add(call.stream(), k, operands, out[k], sums.load, nullptr);
    if (sums.items[k].elements == 0) {
      grams.items().back().vectors = 0;
    }
  }
  const SphericalBatch batch = {options, vectors, grams.batch(models, base, sums.load, sums.delta),
                                sums, &statistic};
  SINTER_LAUNCH(call.stream(), spherical, batch);
}

std::string shape_of(const GramItem& item, int32_t models) {
  return "[" + std::to_string(item.vectors) + ", " + std::to_string(models) + ", " +
         std::to_string(models) + "]";
}

}  // namespace

int32_t sinter_nuslerp(sinter_stream* stream, int64_t count, const sinter_tensor* base,
                       const sinter_tensor* a, const sinter_tensor* b, const double* t,
                       int32_t vectors, const sinter_tensor* out,
                       const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_nuslerp", error, [&] {
    Elementwise call(stream, count, arithmetic);
    const Vectors each = checked_vectors(vectors, true);
    std::vector<Given> operands = {{"a", a, 1}, {"b", b, 1}};
    if (base != nullptr) {
      operands.insert(operands.begin(), {"base", base, 1});
    }
    if (count > 0) {
      require(t, "t");
    }
    double* const weights = call.weights(1);
    for (int64_t k = 0; k < count; ++k) {
      weights[k] = checked_weight(t[k], "t", k);
    }
    average(call, {SphericalMethod::kNuslerp, 0, 0.0}, each, 2, base != nullptr, operands, out,
            kNuslerp[base != nullptr ? 1 : 0]);
  });
}

int32_t sinter_multislerp(sinter_stream* stream, int64_t count, int32_t models,
                          const sinter_tensor* base, const sinter_tensor* inputs,
                          const double* weights, int32_t normalize, double epsilon,
                          const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                          sinter_error* error) {
  return guard("sinter_multislerp", error, [&] {
    Elementwise call(stream, count, arithmetic);
    check_models(models, 1);
    if (normalize != 0 && normalize != 1) {
      invalid("normalize is " + std::to_string(normalize) + ": it must be 0 or 1");
    }
    checked_positive(epsilon, "epsilon");
    std::vector<Given> operands = {{"inputs", inputs, models}};
    if (base != nullptr) {
      operands.insert(operands.begin(), {"base", base, 1});
    }
    if (count > 0) {
      require(weights, "weights");
      require(out, "out");
    }
    double* const scaled = call.weights(models);
    for (int64_t k = 0; k < count; ++k) {
      double total = 0.0;
      for (int32_t i = 0; i < models; ++i) {
        total += checked_weight(weights[k * models + i], "weights", k * models + i);
      }
      if (normalize == 1 && std::fabs(total) < 1e-8) {
        invalid("the weights of " + label("out", k, out[k]) +
                    " add up to 0 and cannot be normalised: change them, or pass normalize = 0",
                k);
      }
      for (int32_t i = 0; i < models; ++i) {
        const double weight = weights[k * models + i];
        scaled[k * models + i] = normalize == 1 ? weight / total : weight;
      }
    }
    average(call, {SphericalMethod::kMultislerp, 0, epsilon}, Vectors::kWhole, models,
            base != nullptr, operands, out, kMultislerp[base != nullptr ? 1 : 0]);
  });
}

int32_t sinter_karcher(sinter_stream* stream, int64_t count, int32_t models,
                       const sinter_tensor* inputs, int32_t max_iterations, double tolerance,
                       const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                       sinter_error* error) {
  return guard("sinter_karcher", error, [&] {
    Elementwise call(stream, count, arithmetic);
    check_models(models, 1);
    if (max_iterations < 1) {
      invalid("max_iterations is " + std::to_string(max_iterations) + ": it must be 1 or more");
    }
    checked_positive(tolerance, "tolerance");
    average(call, {SphericalMethod::kKarcher, max_iterations, tolerance}, Vectors::kWhole, models,
            false, {{"inputs", inputs, models}}, out, kKarcher);
  });
}

int32_t sinter_model_stock(sinter_stream* stream, int64_t count, int32_t models,
                           const sinter_tensor* base, const sinter_tensor* inputs, int32_t vectors,
                           const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                           sinter_error* error) {
  return guard("sinter_model_stock", error, [&] {
    Elementwise call(stream, count, arithmetic);
    check_models(models, count > 0 ? 2 : 1);  // callers cannot know it of no tensor
    average(call, {SphericalMethod::kModelStock, 0, 0.0}, checked_vectors(vectors, false), models,
            true, {{"base", base, 1}, {"inputs", inputs, models}}, out, kModelStock);
  });
}

int32_t sinter_gram(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                    const sinter_tensor* inputs, int32_t vectors, int32_t dtype,
                    int32_t delta_dtype, const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_gram", error, [&] {
    require(stream, "stream");
    if (count < 0) {
      invalid("count is " + std::to_string(count) + ": it must be 0 or more");
    }
    check_models(models, 1);
    const Vectors each = checked_vectors(vectors, true);
    const DType load = checked_dtype(dtype, "dtype", true);
    const DType delta = checked_dtype(delta_dtype, "delta_dtype", true);
    if (count > 0) {
      require(inputs, "inputs");
      require(out, "out");
    }
    std::vector<Given> operands = {{"inputs", inputs, models}};
    if (base != nullptr) {
      operands.insert(operands.begin(), {"base", base, 1});
    }
    Grams grams(each, count);
    for (int64_t k = 0; k < count; ++k) {
      const sinter_tensor& first = inputs[k * models];
      for (const Given& operand : operands) {
        for (int32_t i = 0; i < operand.per_tensor; ++i) {
          const int64_t index = k * operand.per_tensor + i;
          checked_view(*stream, operand.tensors[index], operand.name, index, Place::kStream, false);
          require_same_shape(operand.tensors[index], operand.name, first, "inputs", k);
        }
      }
      const View view = checked_view(*stream, out[k], "out", k, Place::kStream, true);
      grams.add(*stream, k, operands, first, load, reinterpret_cast<double*>(view.data));
      const GramItem& item = grams.items().back();
      if (view.dtype != DType::kF64 || !view.contiguous() || out[k].rank != 3 ||
          out[k].shape[0] != item.vectors || out[k].shape[1] != models ||
          out[k].shape[2] != models) {
        invalid(
            label("out", k, out[k]) + " must be a contiguous f64 tensor " + shape_of(item, models),
            k);
      }
    }
    SINTER_LAUNCH(*stream, gram, grams.batch(models, base != nullptr, load, delta));
  });
}

// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

int32_t checked_flag(int32_t value, const char* name) {
  if (value != 0 && value != 1) {
    invalid(std::string("mixture->") + name + " is " + std::to_string(value) +
            ": it must be 0 or 1");
  }
  return value;
}

// What ties, breadcrumbs, dare and della share.
class SparseMixture {
 public:
  SparseMixture(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                const sinter_tensor* inputs, const double* weights, const double* lambda,
                const sinter_mixture* mixture, const sinter_tensor* out,
                const sinter_arithmetic* arithmetic)
      : call_(stream, count, arithmetic), models_(models), base_(base), inputs_(inputs), out_(out) {
    if (models < 1) {
      invalid("models is " + std::to_string(models) + ": it must be 1 or more");
    }
    require(mixture, "mixture");
    if (mixture->struct_size != sizeof(sinter_mixture)) {
      invalid("mixture->struct_size is " + std::to_string(mixture->struct_size) + ", not " +
              std::to_string(sizeof(sinter_mixture)) +
              ": set it, and use the header that belongs to this library");
    }
    sparse_.consensus = checked_flag(mixture->consensus, "consensus") == 1;
    sparse_.plain_election = checked_flag(mixture->plain_election, "plain_election") == 1;
    sparse_.normalize = checked_flag(mixture->normalize, "normalize") == 1;
    if (mixture->rescale < SINTER_RESCALE_NONE || mixture->rescale > SINTER_RESCALE_DENSITY) {
      invalid("mixture->rescale is " + std::to_string(mixture->rescale) +
              ", which is no sinter_rescale");
    }
    sparse_.rescale = static_cast<Rescale>(mixture->rescale);
    call_.input("base", base);
    call_.input("inputs", inputs, models);
    call_.output("out", out);
    if (count > 0) {
      require(weights, "weights");
      require(lambda, "lambda");
    }
    double* const all = call_.weights(models + 1);
    for (int64_t k = 0; k < count; ++k) {
      for (int32_t i = 0; i < models; ++i) {
        all[k * (models + 1) + i] =
            checked_weight(weights[k * models + i], "weights", k * models + i);
      }
      all[k * (models + 1) + models] = checked_weight(lambda[k], "lambda", k);
    }
    sparse_.batch = call_.batch();
  }

  void densities(const double* densities) {
    check(
        densities, "densities", [](double density) { return density >= 0.0; }, "0 or more");
    sparse_.densities = densities;
  }

  void gammas(const double* gammas) {
    check(
        gammas, "gammas", [](double gamma) { return gamma >= 0.0 && gamma <= 1.0; }, "from 0 to 1");
    sparse_.gammas = gammas;
  }

  void keys(const int64_t* keys) {
    if (call_.count() > 0) {
      require(keys, "keys");
    }
    sparse_.keys = keys;
  }

  void selections(const sinter_tensor& selections) {
    const View view =
        checked_view(call_.stream(), selections, "selections", -1, Place::kStream, false);
    if (view.dtype != DType::kF64 || selections.rank != 3 || selections.shape[0] != call_.count() ||
        selections.shape[1] != models_ || selections.shape[2] != 2 || !view.contiguous()) {
      invalid("selections must be a contiguous f64 tensor [" + std::to_string(call_.count()) +
              ", " + std::to_string(models_) + ", 2]");
    }
    sparse_.selections = reinterpret_cast<const double*>(view.data);
  }

  // After densities.
  void epsilons(const double* epsilons) {
    check(
        epsilons, "epsilons", [](double) { return true; }, "");
    sparse_.epsilons = epsilons;
    for (int64_t k = 0; k < call_.count(); ++k) {
      const sinter_tensor& out = out_[k];
      RowShape rows = {1, 1, 1};
      for (int32_t d = 0; d < out.rank; ++d) {
        (d == 1 || out.rank == 1 ? rows.length : d == 0 ? rows.outer : rows.inner) *= out.shape[d];
      }
      rows_.push_back(rows);
      if (rows.inner > 1) {
        turn(k);
      } else {
        const View* const views = sparse_.batch.items[k].inputs;
        turned_.insert(turned_.end(), views, views + 1 + models_);
      }
      for (int32_t i = 0; i < models_; ++i) {
        const int64_t at = k * models_ + i;
        const double spread = rows.length < 2 ? 0.0 : std::fabs(epsilons[at]);
        const double density = sparse_.densities[at];
        if (density < 1.0 && !(density - spread > 0.0 && density + spread < 1.0)) {
          invalid("densities[" + std::to_string(at) + "] is " + std::to_string(density) +
                      " and epsilons[" + std::to_string(at) + "] " + std::to_string(epsilons[at]) +
                      ": the probabilities from density - epsilon to density + epsilon must be "
                      "above 0 and below 1",
                  k);
        }
      }
    }
    sparse_.rows = rows_.data();
    sparse_.turned = turned_.data();
  }

  // The operands of entry k with their rows' elements as neighbours.
  void turn(int64_t k) {
    turned_.push_back(
        checked_view(call_.stream(), with_rows_last(base_[k]), "base", k, Place::kStream, false));
    for (int32_t i = 0; i < models_; ++i) {
      const int64_t at = k * models_ + i;
      turned_.push_back(checked_view(call_.stream(), with_rows_last(inputs_[at]), "inputs", at,
                                     Place::kStream, false));
    }
  }

  // For methods whose differences are not kept by chance.
  void no_density_rescale() const {
    if (sparse_.rescale == Rescale::kDensity) {
      invalid(
          "mixture->rescale is SINTER_RESCALE_DENSITY, and nothing is kept by chance here: use "
          "SINTER_RESCALE_NONE or SINTER_RESCALE_L1");
    }
  }

  void launch(Sparsifier sparsifier, const char* method) {
    sparse_.sparsifier = sparsifier;
    sparse_.method = method;
    SINTER_LAUNCH(call_.stream(), sparse_mixture, sparse_);
  }

 private:
  template <class Valid>
  void check(const double* values, const char* name, Valid valid, const char* range) const {
    if (call_.count() > 0) {
      require(values, name);
    }
    for (int64_t i = 0; i < call_.count() * models_; ++i) {
      if (!valid(checked_weight(values[i], name, i / models_))) {
        invalid(std::string(name) + "[" + std::to_string(i) + "] is " + std::to_string(values[i]) +
                    ": it must be " + range,
                i / models_);
      }
    }
  }

  Elementwise call_;
  const int32_t models_;
  const sinter_tensor* const base_;
  const sinter_tensor* const inputs_;
  const sinter_tensor* const out_;
  SparseBatch sparse_ = {};
  std::vector<RowShape> rows_;
  std::vector<View> turned_;
};

}  // namespace

int32_t sinter_ties(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                    const sinter_tensor* inputs, const double* weights, const double* densities,
                    const sinter_tensor* selections, const double* lambda,
                    const sinter_mixture* mixture, const sinter_tensor* out,
                    const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_ties", error, [&] {
    SparseMixture call(stream, count, models, base, inputs, weights, lambda, mixture, out,
                       arithmetic);
    call.no_density_rescale();
    if (selections != nullptr) {
      call.selections(*selections);
      call.launch(Sparsifier::kSelected, "ties");
    } else {
      call.densities(densities);
      call.launch(Sparsifier::kMagnitude, "ties");
    }
  });
}

int32_t sinter_breadcrumbs(sinter_stream* stream, int64_t count, int32_t models,
                           const sinter_tensor* base, const sinter_tensor* inputs,
                           const double* weights, const double* densities, const double* gammas,
                           const double* lambda, const sinter_mixture* mixture,
                           const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                           sinter_error* error) {
  return guard("sinter_breadcrumbs", error, [&] {
    SparseMixture call(stream, count, models, base, inputs, weights, lambda, mixture, out,
                       arithmetic);
    call.no_density_rescale();
    call.densities(densities);
    call.gammas(gammas);
    call.launch(Sparsifier::kMagnitude, "breadcrumbs");
  });
}

int32_t sinter_dare(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                    const sinter_tensor* inputs, const double* weights, const double* densities,
                    const int64_t* keys, const double* lambda, const sinter_mixture* mixture,
                    const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                    sinter_error* error) {
  return guard("sinter_dare", error, [&] {
    SparseMixture call(stream, count, models, base, inputs, weights, lambda, mixture, out,
                       arithmetic);
    call.densities(densities);
    call.keys(keys);
    call.launch(Sparsifier::kRandom, "dare");
  });
}

int32_t sinter_della(sinter_stream* stream, int64_t count, int32_t models,
                     const sinter_tensor* base, const sinter_tensor* inputs, const double* weights,
                     const double* densities, const double* epsilons, const int64_t* keys,
                     const double* lambda, const sinter_mixture* mixture, const sinter_tensor* out,
                     const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_della", error, [&] {
    SparseMixture call(stream, count, models, base, inputs, weights, lambda, mixture, out,
                       arithmetic);
    call.densities(densities);
    call.epsilons(epsilons);
    call.keys(keys);
    call.launch(Sparsifier::kRanked, "della");
  });
}

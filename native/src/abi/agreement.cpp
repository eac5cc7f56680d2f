// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

// The operands that all take.
void task_vectors(Elementwise& call, int32_t models, const sinter_tensor* base,
                  const sinter_tensor* inputs, const sinter_tensor* out) {
  if (models < 1) {
    invalid("models is " + std::to_string(models) + ": it must be 1 or more");
  }
  call.input("base", base);
  call.input("inputs", inputs, models);
  call.output("out", out);
}

void checked_scalar(double value, const char* name, bool not_negative) {
  if (!std::isfinite(value) || (not_negative && value < 0.0)) {
    invalid(std::string(name) + " is " + std::to_string(value) + ": it must be a finite number" +
            (not_negative ? ", 0 or more" : ""));
  }
}

}  // namespace

int32_t sinter_sce(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                   const sinter_tensor* inputs, const double* topk, double floor,
                   const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                   sinter_error* error) {
  return guard("sinter_sce", error, [&] {
    Elementwise call(stream, count, arithmetic);
    task_vectors(call, models, base, inputs, out);
    if (count > 0) {
      require(topk, "topk");
    }
    checked_scalar(floor, "floor", true);
    double* const weights = call.weights(2);
    for (int64_t k = 0; k < count; ++k) {
      if (checked_weight(topk[k], "topk", k) < 0.0) {
        invalid("topk[" + std::to_string(k) + "] is " + std::to_string(topk[k]) +
                    ": it must be 0 or more",
                k);
      }
      weights[2 * k] = topk[k];
      weights[2 * k + 1] = floor;
    }
    SINTER_LAUNCH(call.stream(), sce, call.batch());
  });
}

int32_t sinter_ram(sinter_stream* stream, int64_t count, int32_t models, const sinter_tensor* base,
                   const sinter_tensor* inputs, double epsilon, const sinter_tensor* out,
                   const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_ram", error, [&] {
    Elementwise call(stream, count, arithmetic);
    task_vectors(call, models, base, inputs, out);
    checked_scalar(epsilon, "epsilon", true);
    std::fill_n(call.weights(1), count, epsilon);
    SINTER_LAUNCH(call.stream(), ram, call.batch());
  });
}

int32_t sinter_ramplus_tl(sinter_stream* stream, int64_t count, int32_t models,
                          const sinter_tensor* base, const sinter_tensor* inputs, double epsilon,
                          double r, double alpha, const sinter_tensor* out,
                          const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_ramplus_tl", error, [&] {
    Elementwise call(stream, count, arithmetic);
    task_vectors(call, models, base, inputs, out);
    checked_scalar(epsilon, "epsilon", true);
    checked_scalar(r, "r", false);
    checked_scalar(alpha, "alpha", true);
    double* const weights = call.weights(3);
    for (int64_t k = 0; k < count; ++k) {
      weights[3 * k] = epsilon;
      weights[3 * k + 1] = r;
      weights[3 * k + 2] = alpha;
    }
    SINTER_LAUNCH(call.stream(), ramplus_tl, call.batch());
  });
}

int32_t sinter_consensus_ta(sinter_stream* stream, int64_t count, int32_t models,
                            const sinter_tensor* base, const sinter_tensor* inputs,
                            const double* weights, const double* lambda_t, int32_t threshold,
                            const double* lambda, const sinter_tensor* out,
                            const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_consensus_ta", error, [&] {
    Elementwise call(stream, count, arithmetic);
    task_vectors(call, models, base, inputs, out);
    if (threshold < 1 || (count > 0 && threshold > models)) {
      invalid("threshold is " + std::to_string(threshold) + ": it must be from 1 to the " +
              std::to_string(models) + " models");
    }
    if (count > 0) {
      require(weights, "weights");
      require(lambda_t, "lambda_t");
      require(lambda, "lambda");
    }
    const int32_t stored = 2 * models + 2;
    double* const all = call.weights(stored);
    for (int64_t k = 0; k < count; ++k) {
      double* const own = all + k * stored;
      for (int32_t i = 0; i < models; ++i) {
        const int64_t at = k * models + i;
        own[i] = checked_weight(weights[at], "weights", at);
        own[models + i] = checked_weight(lambda_t[at], "lambda_t", at);
        if (lambda_t[at] < 0.0) {
          invalid("lambda_t[" + std::to_string(at) + "] is " + std::to_string(lambda_t[at]) +
                      ": it must be 0 or more",
                  k);
        }
      }
      own[2 * models] = checked_weight(lambda[k], "lambda", k);
      own[2 * models + 1] = threshold;
    }
    SINTER_LAUNCH(call.stream(), consensus_ta, call.batch());
  });
}

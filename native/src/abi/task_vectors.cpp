// SPDX-License-Identifier: Apache-2.0
#include "formula/task_vectors.h"

#include <cmath>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

int32_t sinter_task_arithmetic(sinter_stream* stream, int64_t count, int32_t models,
                               const sinter_tensor* base, const sinter_tensor* inputs,
                               const double* weights, const double* lambda, int32_t normalize,
                               const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                               sinter_error* error) {
  using namespace sinter;
  return guard("sinter_task_arithmetic", error, [&] {
    Elementwise call(stream, count, arithmetic);
    if (models < 1) {
      invalid("models is " + std::to_string(models) + ": it must be 1 or more");
    }
    if (normalize != 0 && normalize != 1) {
      invalid("normalize is " + std::to_string(normalize) + ": it must be 0 or 1");
    }
    call.input("base", base);
    call.input("inputs", inputs, models);
    call.output("out", out);
    if (count > 0) {
      require(weights, "weights");
      require(lambda, "lambda");
    }
    double* const scaled = call.weights(models);
    for (int64_t k = 0; k < count; ++k) {
      const double scale = checked_weight(lambda[k], "lambda", k);
      double total = 0.0;
      for (int32_t i = 0; i < models; ++i) {
        total += checked_weight(weights[k * models + i], "weights", k * models + i);
      }
      const double divisor = normalize == 1 && std::fabs(total) >= 1e-8 ? total : 1.0;
      for (int32_t i = 0; i < models; ++i) {
        scaled[k * models + i] = scale * weights[k * models + i] / divisor;
      }
    }
    SINTER_LAUNCH(call.stream(), task_arithmetic, call.batch());
  });
}

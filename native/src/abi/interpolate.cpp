// SPDX-License-Identifier: Apache-2.0
#include "formula/interpolate.h"

#include <cmath>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

// lerp and slerp take the same operands; t = 0 and t = 1 are copies in both.
void between(Elementwise& call, const sinter_tensor* a, const sinter_tensor* b, const double* t,
             const sinter_tensor* out) {
  call.input("a", a);
  call.input("b", b);
  call.output("out", out);
  if (call.count() > 0) {
    require(t, "t");
  }
  double* const weights = call.weights(1);
  for (int64_t k = 0; k < call.count(); ++k) {
    weights[k] = checked_weight(t[k], "t", k);
    if (t[k] == 0.0 || t[k] == 1.0) {
      call.copy(k, t[k] == 0.0 ? 0 : 1);
    }
  }
}

}  // namespace

int32_t sinter_lerp(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                    const sinter_tensor* b, const double* t, const sinter_tensor* out,
                    const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_lerp", error, [&] {
    Elementwise call(stream, count, arithmetic);
    between(call, a, b, t, out);
    SINTER_LAUNCH(call.stream(), lerp, call.batch());
  });
}

int32_t sinter_linear(sinter_stream* stream, int64_t count, int32_t models,
                      const sinter_tensor* inputs, const double* weights, int32_t normalize,
                      const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                      sinter_error* error) {
  return guard("sinter_linear", error, [&] {
    Elementwise call(stream, count, arithmetic);
    if (models < 1) {
      invalid("models is " + std::to_string(models) + ": it must be 1 or more");
    }
    if (normalize != 0 && normalize != 1) {
      invalid("normalize is " + std::to_string(normalize) + ": it must be 0 or 1");
    }
    call.input("inputs", inputs, models);
    call.output("out", out);
    if (count > 0) {
      require(weights, "weights");
    }
    const bool two = normalize == 1 && models == 2;
    const int32_t stored = two ? 1 : models;
    double* const scaled = call.weights(stored);
    for (int64_t k = 0; k < count; ++k) {
      const double* const given = weights + k * models;
      double total = 0.0;
      for (int32_t i = 0; i < models; ++i) {
        total += checked_weight(given[i], "weights", k * models + i);
      }
      if (normalize == 1 && std::fabs(total) < 1e-8) {
        invalid("the weights of " + label("out", k, out[k]) +
                    " add up to 0 and cannot be normalised: change them, or pass normalize = 0",
                k);
      }
      if (two) {
        const double t = given[1] / total;
        scaled[k] = t;
        if (t == 0.0 || t == 1.0) {
          call.copy(k, t == 0.0 ? 0 : 1);
        }
      } else {
        for (int32_t i = 0; i < models; ++i) {
          scaled[k * stored + i] = normalize == 1 ? given[i] / total : given[i];
        }
        if (normalize == 1 && models == 1) {
          call.copy(k, 0);
        }
      }
    }
    if (two) {
      SINTER_LAUNCH(call.stream(), lerp, call.batch());
    } else {
      SINTER_LAUNCH(call.stream(), linear, call.batch());
    }
  });
}

int32_t sinter_slerp(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                     const sinter_tensor* b, const double* t, const sinter_tensor* out,
                     const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_slerp", error, [&] {
    Elementwise call(stream, count, arithmetic);
    between(call, a, b, t, out);
    SINTER_LAUNCH(call.stream(), slerp, call.batch());
  });
}

int32_t sinter_slerp_weights(double aa, double ab, double bb, double t, double* a_weight,
                             double* b_weight, int32_t* linear, sinter_error* error) {
  return guard("sinter_slerp_weights", error, [&] {
    require(a_weight, "a_weight");
    require(b_weight, "b_weight");
    require(linear, "linear");
    checked_weight(t, "t", 0);
    const SlerpWeights w = slerp_weights(aa, ab, bb, t);
    if (!w.finite) {
      throw Failure(Status::kNumeric,
                    "the dot products are (" + std::to_string(aa) + ", " + std::to_string(ab) +
                        ", " + std::to_string(bb) +
                        "): a tensor holds a non-finite value; repair that model, or use lerp");
    }
    *a_weight = w.a;
    *b_weight = w.b;
    *linear = w.linear ? 1 : 0;
  });
}

int32_t sinter_nearswap(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                        const sinter_tensor* b, const double* t, const sinter_tensor* out,
                        const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_nearswap", error, [&] {
    Elementwise call(stream, count, arithmetic);
    call.input("a", a);
    call.input("b", b);
    call.output("out", out);
    if (count > 0) {
      require(t, "t");
    }
    double* const weights = call.weights(1);
    for (int64_t k = 0; k < count; ++k) {
      weights[k] = checked_weight(t[k], "t", k);
      if (t[k] < 0.0) {
        invalid("t[" + std::to_string(k) + "] is " + std::to_string(t[k]) +
                    ": it must be 0 or more, a difference between elements",
                k);
      }
    }
    SINTER_LAUNCH(call.stream(), nearswap, call.batch());
  });
}

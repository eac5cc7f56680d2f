// SPDX-License-Identifier: Apache-2.0
//
// Averages on the sphere, in the span of what they average: from the inner products of the vectors
// x_1 .. x_N (their Gram matrix) to one coefficient per vector. Float64 scalars, the same bits on
// every machine; sine, arc_cosine and square_root are interpolate.h's.
#ifndef SINTER_KERNELS_FORMULA_SPHERICAL_H_
#define SINTER_KERNELS_FORMULA_SPHERICAL_H_

#include "formula/interpolate.h"

namespace sinter {

// ---- Gram matrices ----

// The upper triangle, row by row: (0, 0), (0, 1), ..., (1, 1), ...
SINTER_FN int64_t gram_pairs(int64_t models) { return models * (models + 1) / 2; }
SINTER_FN int64_t gram_pair(int64_t i, int64_t j, int64_t models) {
  const int64_t row = i < j ? i : j;
  const int64_t column = i < j ? j : i;
  return row * models - row * (row - 1) / 2 + (column - row);
}

struct Gram {
  const double* pairs;
  int32_t models;
};

SINTER_FN double inner(const Gram& gram, int32_t i, int32_t j) {
  return gram.pairs[gram_pair(i, j, gram.models)];
}

// The first model whose norm is not finite, or -1. (Inner products are bounded by norms.)
SINTER_FN int32_t first_nonfinite(const Gram& gram) {
  for (int32_t i = 0; i < gram.models; ++i) {
    if (!(inner(gram, i, i) <= 1.7976931348623157e308)) {
      return i;
    }
  }
  return -1;
}

// Coefficients on their way out: model k's stands at at[k * stride].
struct CoefficientsOut {
  double* at;
  int64_t stride;
};

// What a method came to.
enum class Outcome : int32_t {
  kRegular,
  // The method's stated fall-back was taken.
  kFallback,
  // Finite vectors that have no average.
  kUndefined
};

// ---- Scalars ----

// cos x, as sine.
SINTER_FN double cosine(double x) {
  const double k = round_down(fused(x, 0.63661977236758134308, 0.5));
  double r = fused(-k, 1.57079632679489655800e+00, x);
  r = fused(-k, 6.12323399573676603587e-17, r);
  r = fused(-k, -1.49738490485916983e-33, r);
  const double quadrant = k - 4.0 * round_down(k * 0.25);
  const double c = (quadrant == 1.0) | (quadrant == 3.0) ? sin_reduced(r) : cos_reduced(r);
  return (quadrant == 1.0) | (quadrant == 2.0) ? -c : c;
}

SINTER_FN double clamp_cosine(double c) { return c > 1.0 ? 1.0 : c < -1.0 ? -1.0 : c; }

SINTER_FN double at_least(double x, double least) { return x > least ? x : least; }

// ---- nuslerp ----

// The angle between two vectors, by their products and their norms as they are divided by. Near 0
// and pi the cosine says little of it, and 1 - |c| = sin^2 / (1 + |c|) is had from sin^2 =
// (aa bb - ab^2) / (aa bb) instead, its difference rounded once: so models that are equal, opposite,
// or that times a power of two, are at 0 and pi exactly.
SINTER_FN double angle(double aa, double ab, double bb, double norm_a, double norm_b) {
  const double c = clamp_cosine(ab / (norm_a * norm_b));
  const double magnitude = c < 0.0 ? -c : c;
  const double square = ab * ab;
  const double difference = fused(aa, bb, -square) - fused(ab, ab, -square);
  const bool near = (magnitude > 0.9) & (norm_a * norm_a < 2.0 * aa) &
                    (norm_b * norm_b < 2.0 * bb) & (aa * bb <= 1.7976931348623157e308);
  const double half = near ? at_least(difference, 0.0) / (aa * bb) / (1.0 + magnitude) * 0.5
                           : (1.0 - magnitude) * 0.5;
  return arc_cosine_from(half, c < 0.0);
}

SINTER_FN Outcome nuslerp(const Gram& gram, double t, const CoefficientsOut& out) {
  const double aa = inner(gram, 0, 0);
  const double bb = inner(gram, 1, 1);
  const double norm_a = at_least(square_root(aa), 1e-7);
  const double norm_b = at_least(square_root(bb), 1e-7);
  const double theta = angle(aa, inner(gram, 0, 1), bb, norm_a, norm_b);
  const double s = sine(theta);
  const bool linear = s < 1e-8;  // and not negative: theta is in [0, pi], sine(pi) above 0
  out.at[0] = linear ? 1.0 - t : sine((1.0 - t) * theta) / s;
  out.at[out.stride] = linear ? t : sine(t * theta) / s;
  return Outcome::kRegular;
}

// ---- multislerp ----

SINTER_FN Outcome multislerp(const Gram& gram, const double* weights, double epsilon,
                             const CoefficientsOut& out) {
  bool zero = true;
  double mean_norm = 0.0;  // sum w_i |x_i|
  for (int32_t i = 0; i < gram.models; ++i) {
    const double norm = square_root(inner(gram, i, i));
    zero = zero & (norm == 0.0);
    mean_norm += weights[i] * norm;
    out.at[i * out.stride] = weights[i] / (norm + epsilon);
  }
  double square = 0.0;  // |m|^2
  for (int32_t i = 0; i < gram.models; ++i) {
    double row = 0.0;
    for (int32_t j = 0; j < gram.models; ++j) {
      row += out.at[j * out.stride] * inner(gram, i, j);
    }
    square += out.at[i * out.stride] * row;
  }
  const double length = square_root(at_least(square, 0.0));
  const bool short_mean = length < 1e-8;
  if (zero | short_mean) {
    for (int32_t i = 0; i < gram.models; ++i) {
      out.at[i * out.stride] = weights[i];
    }
    return zero | (gram.models <= 2) ? Outcome::kFallback : Outcome::kUndefined;
  }
  const double scale = mean_norm / length;
  for (int32_t i = 0; i < gram.models; ++i) {
    out.at[i * out.stride] *= scale;
  }
  return Outcome::kRegular;
}

// ---- karcher ----

// Doubles of scratch that karcher needs for each model.
constexpr int64_t kKarcherRoom = 3;

// <sum_j c_j u_j, u_i>
SINTER_FN double karcher_inner(const Gram& gram, const double* norms, const double* c, int32_t i) {
  double sum = 0.0;
  for (int32_t j = 0; j < gram.models; ++j) {
    if (c[j] != 0.0) {
      sum += c[j] * (inner(gram, i, j) / (norms[i] * norms[j]));
    }
  }
  return sum;
}

// |sum_i c_i u_i|
SINTER_FN double karcher_norm(const Gram& gram, const double* norms, const double* c) {
  double sum = 0.0;
  for (int32_t i = 0; i < gram.models; ++i) {
    if (c[i] != 0.0) {
      sum += c[i] * karcher_inner(gram, norms, c, i);
    }
  }
  return square_root(at_least(sum, 0.0));
}

// The mean u = sum_i c_i u_i never leaves the span of the units u_i, so its coefficients c are all
// that is iterated on. room: kKarcherRoom numbers per model.
SINTER_FN Outcome karcher(const Gram& gram, int32_t iterations, double tolerance, double* room,
                          const CoefficientsOut& out) {
  const int32_t models = gram.models;
  double* const norms = room;
  double* const c = room + models;
  double* const tangent = room + 2 * int64_t{models};
  double mean_norm = 0.0;
  int32_t left = 0;
  int32_t first = 0;
  for (int32_t i = models - 1; i >= 0; --i) {
    norms[i] = square_root(inner(gram, i, i));
    if (norms[i] > tolerance) {
      ++left;
      first = i;
    }
  }
  for (int32_t i = 0; i < models; ++i) {
    mean_norm += norms[i];
  }
  mean_norm /= models;
  if (left == 0) {
    for (int32_t i = 0; i < models; ++i) {
      out.at[i * out.stride] = 1.0 / models;
    }
    return Outcome::kFallback;
  }
  const double a = 1.0 / left;
  for (int32_t i = 0; i < models; ++i) {
    c[i] = norms[i] > tolerance ? a : 0.0;
  }
  const double start = karcher_norm(gram, norms, c);
  for (int32_t i = 0; i < models; ++i) {
    c[i] = start < tolerance ? (i == first ? 1.0 : 0.0) : c[i] / start;
  }
  for (int32_t step = 0; step < iterations; ++step) {
    double along = 0.0;  // what the tangent's terms hold of u
    for (int32_t i = 0; i < models; ++i) {
      tangent[i] = 0.0;
      if (norms[i] > tolerance) {
        const double cos_theta = clamp_cosine(karcher_inner(gram, norms, c, i));
        const double theta = arc_cosine(cos_theta);
        const double sin_theta = sine(theta);
        if (theta >= tolerance && sin_theta >= tolerance) {
          tangent[i] = a * (theta / sin_theta);
          along += tangent[i] * cos_theta;
        }
      }
    }
    for (int32_t i = 0; i < models; ++i) {
      tangent[i] -= along * c[i];
    }
    const double length = karcher_norm(gram, norms, tangent);
    if (length < tolerance) {
      break;
    }
    const double keep = cosine(length);
    const double move = sine(length) / length;
    for (int32_t i = 0; i < models; ++i) {
      c[i] = keep * c[i] + move * tangent[i];
    }
    const double norm = karcher_norm(gram, norms, c);
    for (int32_t i = 0; i < models; ++i) {
      c[i] /= norm;
    }
  }
  for (int32_t i = 0; i < models; ++i) {
    out.at[i * out.stride] = norms[i] > tolerance ? c[i] / norms[i] * mean_norm : 0.0;
  }
  return Outcome::kRegular;
}

// ---- model_stock ----

// Of the differences from the base: out = base + t / N sum of them.
SINTER_FN Outcome model_stock(const Gram& gram, const CoefficientsOut& out) {
  const int32_t models = gram.models;
  double sum = 0.0;
  for (int32_t i = 0; i < models; ++i) {
    const double norm = square_root(inner(gram, i, i));
    for (int32_t j = i + 1; j < models; ++j) {
      const double product = at_least(norm * square_root(inner(gram, j, j)), 1e-6);
      sum += clamp_cosine(inner(gram, i, j) / product);
    }
  }
  const double c = sum / static_cast<double>(gram_pairs(models) - models);
  const double divisor = 1.0 + (models - 1) * c;
  const bool undefined = (divisor < 1e-6) & (divisor > -1e-6);
  const double each = undefined ? 0.0 : c / divisor;  // t / N
  for (int32_t i = 0; i < models; ++i) {
    out.at[i * out.stride] = each;
  }
  return undefined ? Outcome::kFallback : Outcome::kRegular;
}

// ---- All of them ----

enum class SphericalMethod : int32_t { kNuslerp, kMultislerp, kKarcher, kModelStock };

struct SphericalOptions {
  SphericalMethod method;
  int32_t iterations;  // karcher
  double epsilon;      // multislerp's epsilon, karcher's tolerance
};

// `weights`: nuslerp's t, multislerp's weights; room is karcher's.
SINTER_FN Outcome coefficients(const SphericalOptions& options, const Gram& gram,
                               const double* weights, double* room, const CoefficientsOut& out) {
  switch (options.method) {
    case SphericalMethod::kNuslerp:
      return nuslerp(gram, weights[0], out);
    case SphericalMethod::kMultislerp:
      return multislerp(gram, weights, options.epsilon, out);
    case SphericalMethod::kKarcher:
      return karcher(gram, options.iterations, options.epsilon, room, out);
    default:
      return model_stock(gram, out);
  }
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_SPHERICAL_H_

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/// What each operation must give, element by element, written from `sinter.h` in plain Java.
///
/// Arithmetic is in `float` unless an input, as loaded, is `double`; each step is the one the
/// header names, so results are compared as bytes. [ReferenceTest] holds these against plain double
/// arithmetic, so that references and kernels are not wrong together.
public final class Reference {
  private Reference() {}

  /// What an operation wrote: the output, and two of the numbers of `sinter_arithmetic.counts`.
  public record Result(Elements out, long nonFinite, long saturated) {}

  /// `sinter_arithmetic`, less the counts.
  public record Mode(@Nullable DType dtype, @Nullable DType deltaDtype) {
    public static final Mode DEFAULT = new Mode(null, null);
  }

  // ---- Elementwise ----------------------------------------------------------------------------

  public static Result cast(Elements in, DType out) {
    return out == in.type() ? copied(in) : rounded(in.count(), in::value, out);
  }

  public static Result lerp(Elements a, Elements b, double t, DType out, Mode mode) {
    Elements x = a.loaded(mode.dtype());
    Elements y = b.loaded(mode.dtype());
    if (t == 0) {
      return cast(x, out);
    }
    if (t == 1) {
      return cast(y, out);
    }
    if (wide(x, y)) {
      return rounded(
          x.count(),
          i -> {
            double p = x.value(i);
            double q = y.value(i);
            return t < 0.5 ? Math.fma(t, q - p, p) : Math.fma(-(1 - t), q - p, q);
          },
          out);
    }
    float s = (float) t;
    return rounded(
        x.count(),
        i -> {
          float p = (float) x.value(i);
          float q = (float) y.value(i);
          return s < 0.5f ? Math.fma(s, q - p, p) : Math.fma(-(1 - s), q - p, q);
        },
        out);
  }

  public static Result linear(
      List<Elements> inputs, double[] weights, boolean normalize, DType out, Mode mode) {
    if (normalize) {
      double total = 0;
      for (double w : weights) {
        total += w;
      }
      if (inputs.size() == 1) {
        return cast(inputs.get(0).loaded(mode.dtype()), out);
      }
      if (inputs.size() == 2) {
        return lerp(inputs.get(0), inputs.get(1), weights[1] / total, out, mode);
      }
      double[] scaled = new double[weights.length];
      for (int k = 0; k < scaled.length; k++) {
        scaled[k] = weights[k] / total;
      }
      return weightedSum(inputs, scaled, out, mode);
    }
    return weightedSum(inputs, weights, out, mode);
  }

  private static Result weightedSum(List<Elements> inputs, double[] weights, DType out, Mode mode) {
    Elements[] x = inputs.stream().map(e -> e.loaded(mode.dtype())).toArray(Elements[]::new);
    int count = x[0].count();
    if (wide(x)) {
      return rounded(
          count,
          i -> {
            double sum = weights[0] * x[0].value(i);
            for (int k = 1; k < x.length; k++) {
              sum = Math.fma(weights[k], x[k].value(i), sum);
            }
            return sum;
          },
          out);
    }
    return rounded(
        count,
        i -> {
          float sum = (float) weights[0] * (float) x[0].value(i);
          for (int k = 1; k < x.length; k++) {
            sum = Math.fma((float) weights[k], (float) x[k].value(i), sum);
          }
          return sum;
        },
        out);
  }

  public static Result taskArithmetic(
      Elements base,
      List<Elements> inputs,
      double[] weights,
      double lambda,
      boolean normalize,
      DType out,
      Mode mode) {
    double total = 1;
    if (normalize) {
      total = 0;
      for (double w : weights) {
        total += w;
      }
      total = Math.abs(total) < 1e-8 ? 1 : total;
    }
    double[] coefficients = new double[weights.length];
    for (int k = 0; k < weights.length; k++) {
      coefficients[k] = lambda * weights[k] / total;
    }
    Elements b = base.loaded(mode.dtype());
    Elements[] x = inputs.stream().map(e -> e.loaded(mode.dtype())).toArray(Elements[]::new);
    DType delta = mode.deltaDtype();
    if (wide(x) || b.type() == DType.F64) {
      return rounded(
          b.count(),
          i -> {
            double from = b.value(i);
            double sum = coefficients[0] * roundedTo(delta, x[0].value(i) - from);
            for (int k = 1; k < x.length; k++) {
              sum = Math.fma(coefficients[k], roundedTo(delta, x[k].value(i) - from), sum);
            }
            return from + sum;
          },
          out);
    }
    return rounded(
        b.count(),
        i -> {
          float from = (float) b.value(i);
          float sum = (float) coefficients[0] * floatDelta(delta, (float) x[0].value(i) - from);
          for (int k = 1; k < x.length; k++) {
            float difference = floatDelta(delta, (float) x[k].value(i) - from);
            sum = Math.fma((float) coefficients[k], difference, sum);
          }
          return from + sum;
        },
        out);
  }

  /// Spherical interpolation with given coefficients, as `sinter_slerp_weights` returns them.
  public static Result slerp(
      Elements a,
      Elements b,
      double t,
      double weightA,
      double weightB,
      boolean linear,
      DType out,
      Mode mode) {
    if (linear || t == 0 || t == 1) {
      return lerp(a, b, t, out, mode);
    }
    return weightedSum(List.of(a, b), new double[] {weightA, weightB}, out, mode);
  }

  private static boolean wide(Elements... loaded) {
    boolean wide = false;
    for (Elements e : loaded) {
      wide |= e.type() == DType.F64;
    }
    return wide;
  }

  private static double roundedTo(@Nullable DType type, double value) {
    return type == null ? value : Codec.round(type, value);
  }

  private static float floatDelta(@Nullable DType type, float difference) {
    return (float) roundedTo(type, difference);
  }

  private static Result rounded(int count, IntToDoubleFunction element, DType type) {
    long[] bits = new long[count];
    long saturated = 0;
    for (int i = 0; i < count; i++) {
      double value = element.applyAsDouble(i);
      bits[i] = Codec.encode(type, value);
      saturated += Codec.saturates(type, value) ? 1 : 0;
    }
    Elements out = new Elements(type, bits);
    return new Result(out, out.nonFinite(), saturated);
  }

  private static Result copied(Elements in) {
    return new Result(in, in.nonFinite(), 0);
  }

  // ---- Canonical reductions -------------------------------------------------------------------

  private static final int LANES = 64;
  private static final int CHUNK = 4096;

  private interface Combine {
    double of(double x, double y);
  }

  public static double sum(Elements in, @Nullable DType dtype) {
    Elements x = in.loaded(dtype);
    return canonical(reduce(x.count(), x::value, Double::sum));
  }

  public static double normL1(Elements in, @Nullable DType dtype) {
    Elements x = in.loaded(dtype);
    return canonical(reduce(x.count(), i -> Math.abs(x.value(i)), Double::sum));
  }

  public static double normL2(Elements in, @Nullable DType dtype) {
    return canonical(Math.sqrt(dot(in, in, dtype)));
  }

  public static double normMax(Elements in, @Nullable DType dtype) {
    Elements x = in.loaded(dtype);
    return canonical(reduce(x.count(), i -> Math.abs(x.value(i)), Math::max));
  }

  public static double dot(Elements a, Elements b, @Nullable DType dtype) {
    Elements x = a.loaded(dtype);
    Elements y = b.loaded(dtype);
    return canonical(reduce(x.count(), i -> x.value(i) * y.value(i), Double::sum));
  }

  /// The sum of `count` terms in the canonical order, for terms too many to hold.
  public static double sum(int count, IntToDoubleFunction terms) {
    return canonical(reduce(count, terms, Double::sum));
  }

  private static double canonical(double value) {
    return Double.isNaN(value) ? Double.NaN : value;
  }

  /// Lane `i mod 64` of chunk `i div 4096`, in order; lanes pairwise from a distance of 32 down;
  /// the chunks' results again, until one is left.
  private static double reduce(int count, IntToDoubleFunction terms, Combine combine) {
    if (count == 0) {
      return 0;
    }
    int chunks = (count - 1) / CHUNK + 1;
    double[] results = new double[chunks];
    for (int chunk = 0; chunk < chunks; chunk++) {
      double[] lanes = new double[LANES];
      int end = Math.min(count - chunk * CHUNK, CHUNK);
      for (int i = 0; i < end; i++) {
        int lane = i % LANES;
        lanes[lane] = combine.of(lanes[lane], terms.applyAsDouble(chunk * CHUNK + i));
      }
      for (int distance = LANES / 2; distance > 0; distance /= 2) {
        for (int lane = 0; lane < distance; lane++) {
          lanes[lane] = combine.of(lanes[lane], lanes[lane + distance]);
        }
      }
      results[chunk] = lanes[0];
    }
    return chunks == 1 ? results[0] : reduce(chunks, i -> results[i], combine);
  }
}

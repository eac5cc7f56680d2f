// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.KarcherOptions;
import io.sinter.ops.Spherical;

/// Karcher mean of three models: 3 reads for the inner products, 3 reads and 1 write. The iteration
/// is in the span of the three and costs nothing.
public class KarcherBenchmark extends MergeBenchmark {
  @Override
  protected int reads() {
    return 3;
  }

  @Override
  protected int passes() {
    return 2;
  }

  @Override
  void verify(Pattern pattern) {
    double[][] gram = pattern.gram(false);
    double[] u = {1, 1, 1}; // coordinates along the unit vectors
    double[][] cosines = new double[3][3];
    double mean = 0;
    for (int i = 0; i < 3; i++) {
      mean += Math.sqrt(gram[i][i]) / 3;
      for (int j = 0; j < 3; j++) {
        cosines[i][j] = gram[i][j] / Math.sqrt(gram[i][i] * gram[j][j]);
      }
    }
    normalize(u, cosines);
    for (int step = 0; step < 10; step++) {
      double[] tangent = new double[3];
      for (int i = 0; i < 3; i++) {
        double cosine = 0;
        for (int j = 0; j < 3; j++) {
          cosine += u[j] * cosines[i][j];
        }
        double theta = Math.acos(cosine);
        double scale = theta / Math.sin(theta) / 3;
        for (int j = 0; j < 3; j++) {
          tangent[j] += scale * ((i == j ? 1 : 0) - cosine * u[j]);
        }
      }
      double length = Math.sqrt(square(tangent, cosines));
      if (length < 1e-5) {
        break;
      }
      for (int j = 0; j < 3; j++) {
        u[j] = Math.cos(length) * u[j] + Math.sin(length) * tangent[j] / length;
      }
      normalize(u, cosines);
    }
    double[] coefficients = new double[3];
    for (int i = 0; i < 3; i++) {
      coefficients[i] = u[i] * mean / Math.sqrt(gram[i][i]);
    }
    pattern.check(
        stream(),
        out(),
        x -> coefficients[0] * x[0] + coefficients[1] * x[1] + coefficients[2] * x[2]);
  }

  private static double square(double[] u, double[][] cosines) {
    double sum = 0;
    for (int i = 0; i < u.length; i++) {
      for (int j = 0; j < u.length; j++) {
        sum += u[i] * u[j] * cosines[i][j];
      }
    }
    return sum;
  }

  private static void normalize(double[] u, double[][] cosines) {
    double length = Math.sqrt(square(u, cosines));
    for (int i = 0; i < u.length; i++) {
      u[i] /= length;
    }
  }

  @Override
  protected void operate() {
    Spherical.karcher(stream(), inputs(), KarcherOptions.DEFAULT, out());
  }
}

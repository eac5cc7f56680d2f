// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.TaskVectors;

/// SCE of two models and their base, all positions kept: 3 reads for the squares, 3 reads and 1
/// write.
public class SceBenchmark extends MergeBenchmark {
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
    double[][] gram = pattern.gram(true);
    double[] v = new double[2];
    for (int i = 0; i < 2; i++) {
      v[i] = gram[i][i] / (gram[0][0] + gram[1][1]);
    }
    pattern.check(
        stream(),
        out(),
        x -> {
          boolean plus = x[1] - x[0] + (x[2] - x[0]) >= 0;
          double sum = 0;
          double weights = 0;
          for (int i = 0; i < 2; i++) {
            double d = x[i + 1] - x[0];
            if (d != 0 && d > 0 == plus) {
              sum += v[i] * d;
              weights += v[i];
            }
          }
          return x[0] + sum / Math.max(weights, 1e-6);
        });
  }

  @Override
  protected void operate() {
    TaskVectors.sce(stream(), input(0), inputs().subList(1, 3), 1, 0, out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.MultislerpOptions;
import io.sinter.ops.Spherical;

/// Average on the sphere of three models: 3 reads for the norms, 3 reads and 1 write.
public class MultislerpBenchmark extends MergeBenchmark {
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
    double[] weights = Weights.unequal(3);
    double square = 0;
    double mean = 0;
    double[] norms = new double[3];
    for (int i = 0; i < 3; i++) {
      norms[i] = Math.sqrt(gram[i][i]);
      mean += weights[i] * norms[i];
    }
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        square += weights[i] * weights[j] * gram[i][j] / (norms[i] * norms[j]);
      }
    }
    double scale = mean / Math.sqrt(square);
    pattern.check(
        stream(),
        out(),
        x -> {
          double sum = 0;
          for (int i = 0; i < 3; i++) {
            sum += scale * weights[i] / (norms[i] + 1e-8) * x[i];
          }
          return sum;
        });
  }

  @Override
  protected void operate() {
    Spherical.multislerp(
        stream(), null, inputs(), Weights.unequal(3), MultislerpOptions.DEFAULT, out());
  }
}

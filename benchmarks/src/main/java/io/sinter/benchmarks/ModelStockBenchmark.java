// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Spherical;
import io.sinter.ops.Vectors;

/// Model stock of two models and their base: 3 reads for the angle, 3 reads and 1 write.
public class ModelStockBenchmark extends MergeBenchmark {
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
    double cosine = gram[0][1] / Math.sqrt(gram[0][0] * gram[1][1]);
    double t = 2 * cosine / (1 + cosine);
    pattern.check(stream(), out(), x -> x[0] + t * ((x[1] + x[2]) / 2 - x[0]));
  }

  @Override
  protected void operate() {
    Spherical.modelStock(stream(), input(0), inputs().subList(1, 3), Vectors.WHOLE, out());
  }
}

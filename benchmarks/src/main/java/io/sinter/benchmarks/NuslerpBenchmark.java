// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Spherical;
import io.sinter.ops.Vectors;

/// Spherical interpolation by weights, whole tensors: 2 reads for the angle, 2 reads and 1 write.
public class NuslerpBenchmark extends MergeBenchmark {
  private static final double T = 0.3;

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected int passes() {
    return 2;
  }

  @Override
  void verify(Pattern pattern) {
    double[][] gram = pattern.gram(false);
    double theta = Math.acos(gram[0][1] / Math.sqrt(gram[0][0] * gram[1][1]));
    double a = Math.sin((1 - T) * theta) / Math.sin(theta);
    double b = Math.sin(T * theta) / Math.sin(theta);
    pattern.check(stream(), out(), x -> a * x[0] + b * x[1]);
  }

  @Override
  protected void operate() {
    Spherical.nuslerp(stream(), null, input(0), input(1), T, Vectors.WHOLE, out());
  }
}

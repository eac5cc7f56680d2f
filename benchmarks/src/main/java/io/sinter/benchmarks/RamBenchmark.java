// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.TaskVectors;

/// Reinforced agent merging of two models and their base: 3 reads, 1 write.
public class RamBenchmark extends MergeBenchmark {
  private static final double EPSILON = 0.01;

  @Override
  protected int reads() {
    return 3;
  }

  @Override
  protected double reference(double[] x) {
    double sum = 0;
    int active = 0;
    for (int i = 1; i < 3; i++) {
      if (Kept.magnitude(x[i], x[0]) > (float) EPSILON) {
        sum += x[i] - x[0];
        active++;
      }
    }
    return active == 0 ? x[0] : x[0] + sum / active;
  }

  @Override
  protected void operate() {
    TaskVectors.ram(stream(), input(0), inputs().subList(1, 3), EPSILON, out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.TaskVectors;

/// Consensus task arithmetic of two models and their base: 3 reads, 1 write.
public class ConsensusTaBenchmark extends MergeBenchmark {
  private static final double[] WEIGHTS = {1, 1};
  private static final double[] LAMBDA_T = {0.5, 0.5};
  private static final double LAMBDA = 0.8;

  @Override
  protected int reads() {
    return 3;
  }

  /// As the operation computes it: what is kept hangs on the last bit.
  @Override
  protected double reference(double[] x) {
    float a = (float) x[1] - (float) x[0];
    float b = (float) x[2] - (float) x[0];
    float sum = a + b;
    boolean both =
        Math.abs(a) >= 0.5f * Math.abs(sum - a) && Math.abs(b) >= 0.5f * Math.abs(sum - b);
    return both ? x[0] + LAMBDA * sum : x[0];
  }

  @Override
  protected void operate() {
    TaskVectors.consensusTa(
        stream(), input(0), inputs().subList(1, 3), WEIGHTS, LAMBDA_T, 2, LAMBDA, out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.TaskVectors;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/// Task arithmetic of N models and their base: N + 1 reads, 1 write.
public class TaskArithmeticBenchmark extends MergeBenchmark {
  private static final double LAMBDA = 0.8;

  /// N.
  @Param("2")
  public int models = 2;

  private double[] weights = {};

  @Override
  protected int reads() {
    return models + 1;
  }

  @Override
  protected double reference(double[] x) {
    double sum = 0;
    for (int k = 1; k < x.length; k++) {
      sum += weights[k - 1] * (x[k] - x[0]);
    }
    return x[0] + LAMBDA * sum;
  }

  @Override
  protected void prepare() {
    weights = Weights.unequal(models);
  }

  @Override
  protected void operate() {
    TaskVectors.taskArithmetic(
        stream(), input(0), inputs().subList(1, models + 1), weights, LAMBDA, false, out());
  }

  @Override
  protected List<Contender> peers() {
    double[] coefficients = weights.clone();
    for (int k = 0; k < models; k++) {
      coefficients[k] *= LAMBDA;
    }
    return libtorch(torch -> torch.taskArithmetic(coefficients));
  }
}

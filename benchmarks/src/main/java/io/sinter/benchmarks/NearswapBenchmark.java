// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Interpolation;

/// Interpolation by how much two models differ: 2 reads, 1 write.
public class NearswapBenchmark extends MergeBenchmark {
  private static final double T = 0.003;

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected double reference(double[] x) {
    double weight = Math.min(T / Math.max(Math.abs(x[0] - x[1]), 1e-6), 1);
    return x[0] + weight * (x[1] - x[0]);
  }

  @Override
  protected void operate() {
    Interpolation.nearswap(stream(), input(0), input(1), T, out());
  }
}

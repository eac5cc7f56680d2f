// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.ops.Fisher;

/// Interpolation of an old and a new model by the old one's Fisher diagonal: 3 reads, the last of
/// float32, and 1 write. That is 10 bytes per parameter in bfloat16.
public class FisherBcwiBenchmark extends MergeBenchmark {
  private static final double ALPHA = 0.3;
  private static final double MEAN = 4e-4; // of squares of numbers a fiftieth wide

  @Override
  protected int reads() {
    return 3;
  }

  @Override
  protected DType inputDtype(int k) {
    return k == 2 ? DType.F32 : dtype;
  }

  @Override
  protected boolean squares(int k) {
    return k == 2;
  }

  @Override
  protected double reference(double[] x) {
    double f = ALPHA * x[2] / MEAN;
    double w = f / (f + (1 - ALPHA));
    return x[1] + w * (x[0] - x[1]);
  }

  @Override
  protected void operate() {
    Fisher.fisherBcwi(stream(), input(0), input(1), input(2), MEAN, ALPHA, out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.ops.Fisher;
import io.sinter.ops.FisherMergeOptions;

/// Two models weighted by their Fisher diagonals: 4 reads, two of them of float32, and 1 write.
// That
/// is 14 bytes per parameter in bfloat16.
public class FisherMergeBenchmark extends MergeBenchmark {
  private static final double[] WEIGHTS = {1, 2};
  private static final double[] SCALES = {1.5e3, 1e3};

  @Override
  protected int reads() {
    return 4;
  }

  @Override
  protected DType inputDtype(int k) {
    return k < 2 ? dtype : DType.F32;
  }

  @Override
  protected boolean squares(int k) {
    return k >= 2;
  }

  @Override
  protected double reference(double[] x) {
    double first = WEIGHTS[0] * Math.max(x[2] * SCALES[0], FisherMergeOptions.DEFAULT.floor());
    double second = WEIGHTS[1] * Math.max(x[3] * SCALES[1], FisherMergeOptions.DEFAULT.floor());
    return (first * x[0] + second * x[1]) / (first + second);
  }

  @Override
  protected void operate() {
    Fisher.merge(
        stream(),
        inputs().subList(0, 2),
        inputs().subList(2, 4),
        WEIGHTS,
        SCALES,
        FisherMergeOptions.DEFAULT,
        out());
  }
}

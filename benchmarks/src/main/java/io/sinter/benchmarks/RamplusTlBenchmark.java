// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.RamplusOptions;
import io.sinter.ops.TaskVectors;

/// RAM+ of two models and their base: 3 reads to count, 3 reads and 1 write.
public class RamplusTlBenchmark extends MergeBenchmark {
  private static final double EPSILON = 0.01;
  private static final RamplusOptions OPTIONS = RamplusOptions.DEFAULT.withEpsilon(EPSILON);

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
    double shared = 0;
    double[] alone = new double[2];
    for (int j = 0; j < pattern.period(); j++) {
      boolean first = active(pattern.value(1, j), pattern.value(0, j));
      boolean second = active(pattern.value(2, j), pattern.value(0, j));
      if (first && second) {
        shared += pattern.times(j);
      } else if (first || second) {
        alone[first ? 0 : 1] += pattern.times(j);
      }
    }
    double[] gain = new double[2];
    for (int i = 0; i < 2; i++) {
      double rho = shared / Math.max(alone[i], EPSILON);
      gain[i] = 1 + OPTIONS.r() * Math.clamp(rho, 0, OPTIONS.alpha());
    }
    pattern.check(
        stream(),
        out(),
        x -> {
          boolean first = active(x[1], x[0]);
          boolean second = active(x[2], x[0]);
          if (first && second) {
            return x[0] + (x[1] - x[0] + x[2] - x[0]) / 2;
          }
          double only = first ? gain[0] * (x[1] - x[0]) : gain[1] * (x[2] - x[0]);
          return first || second ? x[0] + only : x[0];
        });
  }

  private static boolean active(double x, double base) {
    return Kept.magnitude(x, base) > (float) EPSILON;
  }

  @Override
  protected void operate() {
    TaskVectors.ramplusTl(stream(), input(0), inputs().subList(1, 3), OPTIONS, out());
  }
}

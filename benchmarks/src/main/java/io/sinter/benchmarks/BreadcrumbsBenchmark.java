// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Mixture;
import io.sinter.ops.TaskVectors;

/// Breadcrumbs of two models: 3 reads for the selection, 3 reads and 1 write for the mixture.
public class BreadcrumbsBenchmark extends MergeBenchmark {
  private static final double DENSITY = 0.5;
  private static final double GAMMA = 0.01;

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
    long k = (long) (DENSITY * elements);
    long outliers = (long) (GAMMA * elements);
    Kept[] largest = {Kept.of(pattern, 1, outliers), Kept.of(pattern, 2, outliers)};
    Kept[] kept = {Kept.of(pattern, 1, outliers + k), Kept.of(pattern, 2, outliers + k)};
    pattern.checkEach(
        stream(),
        out(),
        (index, place, x) -> {
          double sum = 0;
          for (int i = 0; i < 2; i++) {
            float magnitude = Kept.magnitude(x[i + 1], x[0]);
            if (kept[i].keeps(magnitude, index) && !largest[i].keeps(magnitude, index)) {
              sum += 0.5 * (x[i + 1] - x[0]);
            }
          }
          return x[0] + sum;
        });
  }

  @Override
  protected void operate() {
    TaskVectors.breadcrumbs(
        stream(),
        input(0),
        inputs().subList(1, 3),
        Weights.each(2, 0.5),
        Weights.each(2, DENSITY),
        Weights.each(2, GAMMA),
        1,
        Mixture.DEFAULT,
        out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Mixture;
import io.sinter.ops.TaskVectors;
import java.util.List;

/// TIES of two models: 3 reads for the selection, 3 reads and 1 write for the mixture.
public class TiesBenchmark extends MergeBenchmark {
  private static final double DENSITY = 0.5;
  private static final double WEIGHT = 0.5;
  private static final Mixture MIXTURE = Mixture.DEFAULT.withConsensus(true).withNormalize(true);

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
    Kept[] kept = {Kept.of(pattern, 1, k), Kept.of(pattern, 2, k)};
    pattern.checkEach(
        stream(),
        out(),
        (index, place, x) -> {
          double[] d = new double[2];
          for (int i = 0; i < 2; i++) {
            boolean keeps = kept[i].keeps(Kept.magnitude(x[i + 1], x[0]), index);
            d[i] = keeps ? x[i + 1] - x[0] : 0;
          }
          boolean plus = d[0] + d[1] >= 0;
          double sum = 0;
          double weights = 0;
          for (double each : d) {
            if (each != 0 && each > 0 == plus) {
              sum += WEIGHT * each;
              weights += WEIGHT;
            }
          }
          return x[0] + (weights == 0 ? 0 : sum / weights);
        });
  }

  @Override
  protected void operate() {
    TaskVectors.ties(
        stream(),
        input(0),
        inputs().subList(1, 3),
        Weights.each(2, WEIGHT),
        Weights.each(2, DENSITY),
        1,
        MIXTURE,
        out());
  }

  @Override
  protected List<Contender> peers() {
    return libtorch(torch -> torch.ties(DENSITY, WEIGHT));
  }
}

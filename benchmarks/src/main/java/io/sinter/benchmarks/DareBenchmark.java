// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import java.util.List;

/// DARE of one model, rescaled by its density: 2 reads, 1 write; random numbers are made in
/// registers.
public class DareBenchmark extends MergeBenchmark {
  private static final double DENSITY = 0.5;
  private static final long KEY = 0x0123456789ABCDEFL;
  private static final Mixture MIXTURE = Mixture.DEFAULT.withRescale(Rescale.DENSITY);

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  void verify(Pattern pattern) {
    pattern.checkEach(
        stream(),
        out(),
        (index, place, x) ->
            PlainPhilox.word(KEY, index) < DENSITY * 0x1p32
                ? x[0] + (x[1] - x[0]) / DENSITY
                : x[0]);
  }

  @Override
  protected void operate() {
    TaskVectors.dare(
        stream(),
        input(0),
        List.of(input(1)),
        new double[] {1},
        new double[] {DENSITY},
        new long[] {KEY},
        1,
        MIXTURE,
        out());
  }

  @Override
  protected List<Contender> peers() {
    return libtorch(torch -> torch.dare(DENSITY));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The sums of the first four powers of one tensor: 1 read.
public class MomentsBenchmark extends MergeBenchmark {
  private @Nullable Tensor result;

  @Override
  protected int reads() {
    return 1;
  }

  @Override
  protected boolean writes() {
    return false;
  }

  @Override
  protected void prepare() {
    result = own(stream().allocate(DType.F64, 1, 4));
  }

  @Override
  void verify(Pattern pattern) {
    double[] expected = new double[5];
    for (int j = 0; j < pattern.period(); j++) {
      double power = pattern.times(j);
      for (int p = 0; p < 4; p++) {
        power *= pattern.value(0, j);
        expected[p] += power;
      }
      expected[4] += Math.abs(pattern.times(j) * pattern.value(0, j));
    }
    Reductions.Moments found = Reductions.moments(stream(), input(0));
    double[] sums = {found.sum(), found.squares(), found.cubes(), found.fourths()};
    for (int p = 0; p < 4; p++) {
      if (!(Math.abs(sums[p] - expected[p]) <= 1e-11 * expected[4])) {
        throw new AssertionError(
            "power " + (p + 1) + ": " + sums[p] + " in place of " + expected[p]);
      }
    }
  }

  @Override
  protected void operate() {
    Reductions.moments(stream(), List.of(input(0)), null, result);
  }
}

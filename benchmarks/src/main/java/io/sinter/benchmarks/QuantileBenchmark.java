// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Selection;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Three quartiles of one tensor: 1 read at least.
public class QuantileBenchmark extends MergeBenchmark {
  private static final double[] QUARTILES = {0.25, 0.5, 0.75};
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
    result = own(stream().allocate(DType.F64, 1, 3));
  }

  @Override
  void verify(Pattern pattern) {
    double[] found = Selection.quantile(stream(), input(0), QUARTILES);
    for (int q = 0; q < 3; q++) {
      long rank = (long) (QUARTILES[q] * (elements - 1));
      long below = 0;
      long upTo = 0;
      for (int j = 0; j < pattern.period(); j++) {
        below += pattern.value(0, j) < found[q] ? pattern.times(j) : 0;
        upTo += pattern.value(0, j) <= found[q] ? pattern.times(j) : 0;
      }
      if (!(below <= rank && rank < upTo)) {
        throw new AssertionError(
            Arrays.toString(found) + ": " + below + " to " + upTo + " do not hold rank " + rank);
      }
    }
  }

  @Override
  protected void operate() {
    Selection.quantile(stream(), List.of(input(0)), QUARTILES, null, result);
  }
}

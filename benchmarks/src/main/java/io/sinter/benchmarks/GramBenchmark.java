// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import io.sinter.ops.Vectors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// All inner products of four models: 4 reads.
public class GramBenchmark extends MergeBenchmark {
  private @Nullable Tensor result;

  @Override
  protected int reads() {
    return 4;
  }

  @Override
  protected boolean writes() {
    return false;
  }

  @Override
  protected void prepare() {
    result = own(stream().allocate(DType.F64, 1, 4, 4));
  }

  @Override
  void verify(Pattern pattern) {
    double[][] expected = pattern.gram(false);
    double[][] found = Reductions.gram(stream(), null, inputs());
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 4; j++) {
        double scale = Math.sqrt(expected[i][i] * expected[j][j]);
        if (!(Math.abs(found[i][j] - expected[i][j]) <= 1e-11 * scale)) {
          throw new AssertionError(
              "<x" + i + ", x" + j + "> is " + found[i][j] + " in place of " + expected[i][j]);
        }
      }
    }
  }

  @Override
  protected void operate() {
    Reductions.gram(stream(), null, List.of(inputs()), Vectors.WHOLE, null, null, List.of(result));
  }
}

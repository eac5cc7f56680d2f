// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Selection;
import org.jspecify.annotations.Nullable;

/// The median magnitude of one tensor: 1 read at least.
public class SelectBenchmark extends MergeBenchmark {
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
    result = own(stream().allocate(DType.F64, 1, 2));
  }

  @Override
  void verify(Pattern pattern) {
    Kept kept = Kept.of(pattern, 0, -1, elements / 2);
    Selection.Selected found = Selection.select(stream(), input(0), elements / 2);
    if (found.threshold() != kept.threshold() || found.cutoff() != kept.cutoff()) {
      throw new AssertionError(found + " in place of " + kept);
    }
  }

  @Override
  protected void operate() {
    Selection.select(stream(), input(0), elements / 2, result);
  }
}

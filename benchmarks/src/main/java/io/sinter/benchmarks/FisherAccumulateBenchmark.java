// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.ops.Fisher;
import java.util.List;

/// Squares of a gradient added to float32 sums in place: 2 reads, 1 write. That is 10 bytes per
/// parameter in bfloat16. The output is the twin's alone: bits of any kind, written over the sums,
/// would be slower to add to.
public class FisherAccumulateBenchmark extends MergeBenchmark {
  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected DType inputDtype(int k) {
    return k == 1 ? DType.F32 : dtype;
  }

  @Override
  protected boolean squares(int k) {
    return k == 1;
  }

  @Override
  protected DType outputDtype() {
    return DType.F32;
  }

  @Override
  void verify(Pattern pattern) {
    pattern.check(stream(), input(1), x -> x[1] + x[0] * x[0]);
  }

  @Override
  protected void operate() {
    Fisher.accumulate(stream(), List.of(input(0)), List.of(input(1)));
  }
}

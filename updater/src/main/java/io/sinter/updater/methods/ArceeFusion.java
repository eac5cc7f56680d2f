// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Keeps the differences that matter most.
final class ArceeFusion implements MergeMethod {
  record Fusion() implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.arceeFusion(
          batch.stream(), batch.base(), batch.model(0), batch.outs(), batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true;
    }

    @Override
    public int reads() {
      return 3;
    }
  }

  @Override
  public Method description() {
    return Method.named("arcee_fusion")
        .summary("The base, with those differences of the other model that matter most.")
        .purpose("Adds what changed most to the base, and leaves out the rest.")
        .formula(
            "base + d where |d| KL >= median + 1.5 (q3 - q1) of |d| KL, else base; KL of the"
                + " softmax of x's row from that of the base's")
        .source("mergekit, with exact quantiles")
        .models(1)
        .base(Method.Base.REQUIRED)
        .reads(3)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Fusion());
  }
}

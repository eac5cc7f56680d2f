// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Means of the task vectors that are active.
final class Ram implements MergeMethod {
  static final String SOURCE =
      "Yuan et al., \"Behavior knowledge merge in reinforced agentic models\", 2026";

  static final Method.ParameterSpec EPSILON =
      number("epsilon", "Differences up to this count for nothing.").orElse(1e-5).atLeast(0);

  record Mean(double epsilon) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.ram(
          batch.stream(), batch.base(), batch.models(), epsilon, batch.outs(), batch.arithmetic());
    }
  }

  @Override
  public Method description() {
    return Method.named("ram")
        .summary("Base plus the mean of those task vectors that are active at an element.")
        .purpose("Merges agents trained by reinforcement, whose changes are sparse.")
        .formula("base + mean of the d_i with |d_i| > epsilon, or base where there is none")
        .source(SOURCE)
        .base(Method.Base.REQUIRED)
        .with(EPSILON)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Mean(setting.number("epsilon")));
  }
}

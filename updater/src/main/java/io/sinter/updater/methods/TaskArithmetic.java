// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;

import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Sums of task vectors.
final class TaskArithmetic implements MergeMethod {
  record Sum(boolean normalize) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.taskArithmetic(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.number("lambda"),
          normalize,
          batch.outs(),
          batch.arithmetic());
    }
  }

  @Override
  public Method description() {
    return Method.named("task_arithmetic")
        .summary("Base plus weighted task vectors: base + lambda sum of w_i (x_i - base).")
        .purpose("Adds skills of fine-tuned models to their base, or takes them away.")
        .formula("base + lambda sum_i w_i d_i; with normalize: the sum divided by sum_i w_i")
        .source("Ilharco et al., \"Editing models with task arithmetic\", ICLR 2023")
        .base(Method.Base.REQUIRED)
        .with(
            Catalogue.WEIGHT,
            Catalogue.LAMBDA,
            flag("normalize", false, "Divide the sum by the sum of the weights."),
            Catalogue.INT8_MASK)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Sum(setting.flag("normalize")), "weight", "lambda");
  }
}

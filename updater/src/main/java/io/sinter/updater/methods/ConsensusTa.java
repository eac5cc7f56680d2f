// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.integer;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Sums of task vectors, where enough models find them of use.
final class ConsensusTa implements MergeMethod {
  record Sum(int threshold) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.consensusTa(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.each("lambda_t"),
          threshold,
          batch.number("lambda"),
          batch.outs(),
          batch.arithmetic());
    }
  }

  @Override
  public Method description() {
    return Method.named("consensus_ta")
        .summary("Base plus the sum of the task vectors, where several models find it of use.")
        .purpose("Adds what several models need, without what serves one or none of them.")
        .formula(
            "base + lambda m, m = sum_i w_i d_i, where threshold models or more have |w_i d_i| >="
                + " lambda_t |m - w_i d_i|; elsewhere base")
        .source(
            "Wang et al., \"Localizing task information for improved model merging and"
                + " compression\", ICML 2024")
        .base(Method.Base.REQUIRED)
        .atLeastModels(2)
        .with(
            Catalogue.WEIGHT.orElse(1),
            number("lambda_t", "How much of what the others add this model's change must reach.")
                .orElse(0.4)
                .atLeast(0)
                .eachModel(),
            integer("threshold", "How many models must find an element of use.")
                .orElse(2)
                .atLeast(1),
            Catalogue.LAMBDA)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double threshold = setting.number("threshold");
    int models = setting.models().size();
    if (threshold > models) {
      throw setting.error(
          "threshold of tensor '"
              + setting.tensor()
              + "' is "
              + (int) threshold
              + ", and there are "
              + models
              + " models beside the base; give at most that");
    }
    return setting.by(new Sum((int) threshold), "weight", "lambda_t", "lambda");
  }
}

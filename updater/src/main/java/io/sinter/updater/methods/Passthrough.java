// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.updater.Method;

/// Copies, for stacking layers.
final class Passthrough implements MergeMethod {
  @Override
  public Method description() {
    return Method.named("passthrough")
        .summary("Copies the tensors of one model, per slice; for stacking layers.")
        .purpose("Stacks, repeats or drops layers, and scales tensors of one model.")
        .formula("scale x")
        .source("mergekit")
        .models(1)
        .with(number("scale", "Multiplies the tensors.").eachModel().orElse(1))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double scale = setting.number("scale");
    return scale == 1
        ? Linear.copy(setting.models().getFirst())
        : Linear.sum(setting.models(), new double[] {scale}, false);
  }
}

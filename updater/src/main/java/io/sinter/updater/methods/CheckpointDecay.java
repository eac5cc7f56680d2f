// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.updater.Method;
import java.util.Arrays;

/// Decay by merging: checkpoints of one run, weighted as if the learning rate had been decayed.
final class CheckpointDecay implements MergeMethod {
  @Override
  public Method description() {
    return Method.named("ckpt_decay")
        .summary("Checkpoints of one run, weighted as a decay of the learning rate would.")
        .purpose(
            "Stands in for the decay phase of a training run: its checkpoints, oldest first, and"
                + " the decay curve as their weights.")
        .formula(
            "sum_j c_j x_j, c_j = w_j - w_(j+1), c_k = w_k for the last; 1 = w_0 >= w_1 >= ... >="
                + " w_k >= 0")
        .source(
            "Tian et al., \"WSM: decay-free learning rate schedule via checkpoint merging\", 2025")
        .atLeastModels(1)
        .with(
            number(
                    "weight",
                    "The decay curve at this checkpoint: the share of the learning rate that is"
                        + " left; 1 for the first.")
                .eachModel()
                .orElse(1)
                .between(0, 1))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double[] curve = setting.each("weight");
    for (int j = 0; j < curve.length; j++) {
      if (curve[j] > (j == 0 ? 1 : curve[j - 1]) || j == 0 && curve[j] != 1) {
        throw setting.error(
            "the weights "
                + Arrays.toString(curve)
                + " of tensor '"
                + setting.tensor()
                + "' are no decay curve: the first checkpoint's is 1, and none is larger than the"
                + " one before. List the checkpoints oldest first, and correct the weights.");
      }
    }
    double[] weights = curve.clone();
    for (int j = 0; j + 1 < curve.length; j++) {
      weights[j] -= curve[j + 1];
    }
    return Linear.sum(setting.models(), weights, false);
  }
}

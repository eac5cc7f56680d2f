// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;

import io.sinter.ops.Interpolation;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Weighted means and sums of models.
final class Linear implements MergeMethod {
  /// The weighted sum of the models, divided by the sum of weights if `normalize`.
  record Sum(boolean normalize) implements Kernel {
    @Override
    public void run(Batch batch) {
      Interpolation.linear(
          batch.stream(),
          batch.models(),
          batch.each("weight"),
          normalize,
          batch.outs(),
          batch.arithmetic());
    }
  }

  /// A copy: rounded to the recipe's types, else its bytes.
  static Computation copy(Input input) {
    return sum(List.of(input), new double[] {1}, true);
  }

  static Computation sum(List<Input> inputs, double[] weights, boolean normalize) {
    return new Computation(new Sum(normalize), false, inputs, Map.of("weight", weights), List.of());
  }

  @Override
  public Method description() {
    return Method.named("linear")
        .summary("Weighted mean: sum of w_i x_i, divided by the sum of w_i.")
        .purpose(
            "Averages checkpoints of one training run, or models fine-tuned from one base (\"model"
                + " soups\").")
        .formula("sum_i w_i x_i / sum_i w_i; without normalize: sum_i w_i x_i")
        .source("Wortsman et al., \"Model soups\", ICML 2022")
        .with(Catalogue.WEIGHT, flag("normalize", true, "Divide by the sum of the weights."))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double[] weights = setting.each("weight");
    boolean normalize = setting.flag("normalize");
    if (normalize && Math.abs(Arrays.stream(weights).sum()) < 1e-8) {
      throw setting.error(
          "the weights "
              + Arrays.toString(weights)
              + " of tensor '"
              + setting.tensor()
              + "' add up to nothing, so their mean is undefined. Change a weight, or set"
              + " 'normalize: false'.");
    }
    if (normalize && weights.length == 2 && (weights[0] == 0 || weights[1] == 0)) {
      return copy(setting.models().get(weights[0] == 0 ? 1 : 0)); // What lerp at 0 or 1 does.
    }
    return sum(setting.models(), weights, normalize);
  }
}

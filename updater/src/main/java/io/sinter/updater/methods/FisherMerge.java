// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Fisher;
import io.sinter.ops.FisherMergeOptions;
import io.sinter.updater.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Means of models by what each one's answers depend on.
final class FisherMerge implements MergeMethod {
  /// What a normalised diagonal is raised to: does not depend on the size of the model.
  private static final double FLOOR = 1e-6;

  /// @param scales of the models' diagonals
  record Mean(List<Double> scales, FisherMergeOptions options) implements Kernel {
    @Override
    public void run(Batch batch) {
      Fisher.merge(
          batch.stream(),
          batch.models(),
          batch.fishers(),
          batch.each("weight"),
          scales.stream().mapToDouble(Double::doubleValue).toArray(),
          options,
          batch.outs(),
          batch.arithmetic());
    }
  }

  @Override
  public Method description() {
    return Method.named("fisher")
        .summary("Mean of the models, each element weighted by the models' Fisher information.")
        .purpose(
            "Merges models that learned different things: at each parameter those count whose"
                + " answers depend on it. Every model needs its Fisher diagonal ('fisher: FILE',"
                + " docs/updates.md). Tensors that the diagonals lack, such as batch-norm"
                + " statistics, become the weighted mean.")
        .formula(
            "sum_i w_i F_i x_i / sum_i w_i F_i, F_i = max(diagonal / its root mean square over all"
                + " parameters, 1e-6) + epsilon; where all F_i are 0 the mean by w_i")
        .source(
            "Matena and Raffel, \"Merging models with Fisher-weighted averaging\", NeurIPS 2022")
        .fisher(Method.Fisher.EACH)
        .with(
            Catalogue.WEIGHT.orElse(1).atLeast(0),
            flag(
                "normalize",
                true,
                "Divide each diagonal by its root mean square; without, it is taken as it is, and"
                    + " 1e-6 is no bound."),
            number("epsilon", "Added to every element of the diagonals.").orElse(0).atLeast(0))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double[] weights = setting.each("weight");
    if (Arrays.stream(weights).sum() == 0) {
      throw setting.error(
          "the weights of tensor '"
              + setting.tensor()
              + "' are all 0, so their mean is undefined. Give one model a weight.");
    }
    if (setting.fishers().isEmpty()) {
      setting.note("a Fisher diagonal lacks it, and it becomes the weighted mean");
      return Linear.sum(setting.models(), weights, true);
    }
    boolean normalize = setting.flag("normalize");
    List<Double> scales =
        setting.totals().stream().map(totals -> normalize ? totals.scale() : 1.0).toList();
    Mean mean =
        new Mean(scales, new FisherMergeOptions(normalize ? FLOOR : 0, setting.number("epsilon")));
    return setting.withFishers(mean, Map.of("weight", weights));
  }
}

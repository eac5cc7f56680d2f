// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;
import io.sinter.updater.Recipe.Mode;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// Trim, elect sign and merge.
final class Ties implements MergeMethod {
  record Trim(Mixture mixture) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.ties(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.each("density"),
          batch.number("lambda"),
          mixture,
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true;
    }

    @Override
    public int reads() {
      return 2;
    }
  }

  /// With thresholds over all tensors of a model.
  record TrimTogether(Mixture mixture) implements Kernel.Joint {
    @Override
    public void run(Batch batch) {
      TaskVectors.ties(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.selections(),
          batch.number("lambda"),
          mixture,
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true; // The selection's cutoff is an index in the tensor.
    }
  }

  @Override
  public Method description() {
    return Method.named("ties")
        .summary(
            "Task vectors, trimmed to their largest elements, where a majority agrees on the sign.")
        .purpose("Merges many fine-tuned models with less interference between them.")
        .formula(
            "base + lambda sum_i w_i d_i / sum_i w_i over the models whose kept d_i has the sign of"
                + " sum_i w_i d_i; kept are the floor(density n) largest |d_i|")
        .source("Yadav et al., \"TIES-merging\", NeurIPS 2023")
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(
            Catalogue.WEIGHT,
            Sparsified.DENSITY,
            Catalogue.LAMBDA,
            Sparsified.normalize(true),
            Sparsified.rescale(false),
            Catalogue.INT8_MASK)
        .build();
  }

  /// The paper takes the mean of what is kept.
  @Override
  public Set<String> idleIn(Mode mode) {
    return mode == Mode.PAPER ? Set.of("weight", "normalize", "rescale") : Set.of();
  }

  @Override
  public Computation computation(Setting setting) {
    if (setting.mergekit()) {
      Sparsified.noteSmall(setting);
      return setting.by(
          new Trim(Sparsified.mixture(setting, true, Rescale.L1)), "weight", "density", "lambda");
    }
    Computation plain =
        setting.by(
            new TrimTogether(new Mixture(true, true, true, Rescale.NONE)), "density", "lambda");
    double[] ones = new double[setting.models().size()];
    Arrays.fill(ones, 1);
    Map<String, double[]> numbers = new HashMap<>(plain.numbers());
    numbers.put("weight", ones);
    return new Computation(plain.kernel(), true, plain.inputs(), numbers, plain.keys());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Task vectors of which elements are dropped at random, small ones more often.
final class Della implements MergeMethod {
  private final boolean consensus;

  /// @param consensus whether signs are elected
  Della(boolean consensus) {
    this.consensus = consensus;
  }

  record Drop(Mixture mixture) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.della(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.each("density"),
          batch.each("epsilon"),
          batch.keys(),
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

  @Override
  public Method description() {
    return Method.named(consensus ? "della" : "della_linear")
        .summary(
            "Task vectors, dropped at random by rank and rescaled"
                + (consensus ? ", where a majority agrees on the sign." : "."))
        .purpose("As dare, and keeps large differences more often than small ones.")
        .formula(
            "base + lambda sum_i w_i d_i"
                + (consensus ? ", over the models with the elected sign" : "")
                + "; the probability of being kept goes from density - epsilon to density + epsilon"
                + " with the rank of |d_i| in its row, and what is kept is rescaled")
        .source("Deep et al., \"DELLA-merging\", 2024")
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(
            Catalogue.WEIGHT,
            Sparsified.DENSITY,
            number("epsilon", "How far the probability goes to both sides of this model's density.")
                .eachModel()
                .orElse(0.15),
            Catalogue.LAMBDA,
            Sparsified.normalize(consensus),
            Sparsified.rescale(true),
            Catalogue.INT8_MASK)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double[] densities = setting.each("density");
    double[] epsilons = setting.each("epsilon");
    for (int i = 0; i < densities.length; i++) {
      double least = densities[i] - Math.abs(epsilons[i]);
      double most = densities[i] + Math.abs(epsilons[i]);
      if (densities[i] < 1 && !(least > 0 && most < 1)) {
        throw setting.error(
            "density "
                + densities[i]
                + " and epsilon "
                + epsilons[i]
                + " of model '"
                + setting.modelNames().get(i)
                + "' for tensor '"
                + setting.tensor()
                + "' give probabilities from "
                + least
                + " to "
                + most
                + ", which must lie between 0 and 1. Choose a smaller epsilon.");
      }
    }
    return setting.randomlyBy(
        new Drop(Sparsified.mixture(setting, consensus, Rescale.DENSITY)),
        "weight",
        "density",
        "epsilon",
        "lambda");
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Task vectors without their largest and their smallest elements.
final class Breadcrumbs implements MergeMethod {
  private final boolean consensus;

  /// @param consensus whether signs are elected
  Breadcrumbs(boolean consensus) {
    this.consensus = consensus;
  }

  record Band(Mixture mixture) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.breadcrumbs(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.each("density"),
          batch.each("gamma"),
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
    return Method.named(consensus ? "breadcrumbs_ties" : "breadcrumbs")
        .summary(
            "Task vectors without their largest and their smallest elements"
                + (consensus ? ", where a majority agrees on the sign." : "."))
        .purpose("Leaves out outliers and noise of each task vector alike.")
        .formula(
            "base + lambda sum_i w_i d_i"
                + (consensus ? ", over the models with the elected sign" : "")
                + "; of each d_i the floor(gamma n) largest are dropped and the next floor(density"
                + " n) kept")
        .source("Davari & Belilovsky, \"Model breadcrumbs\", ECCV 2024")
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(
            Catalogue.WEIGHT,
            Sparsified.DENSITY,
            number("gamma", "The share of this model's largest differences that is dropped.")
                .eachModel()
                .orElse(0.01)
                .between(0, 1),
            Catalogue.LAMBDA,
            Sparsified.normalize(false),
            Sparsified.rescale(false),
            Catalogue.INT8_MASK)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    Sparsified.noteSmall(setting);
    return setting.by(
        new Band(Sparsified.mixture(setting, consensus, Rescale.L1)),
        "weight",
        "density",
        "gamma",
        "lambda");
  }
}

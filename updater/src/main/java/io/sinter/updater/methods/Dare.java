// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Task vectors of which elements are dropped at random.
final class Dare implements MergeMethod {
  private final boolean consensus;

  /// @param consensus whether signs are elected
  Dare(boolean consensus) {
    this.consensus = consensus;
  }

  record Drop(Mixture mixture) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.dare(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.each("weight"),
          batch.each("density"),
          batch.keys(),
          batch.number("lambda"),
          mixture,
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true; // Its random words are by index in the tensor.
    }

    @Override
    public int reads() {
      return mixture.rescale() == Rescale.L1 ? 2 : 1;
    }
  }

  @Override
  public Method description() {
    return Method.named(consensus ? "dare_ties" : "dare_linear")
        .summary(
            "Task vectors, dropped at random and rescaled"
                + (consensus ? ", where a majority agrees on the sign." : "."))
        .purpose("Thins out task vectors before they are added, without looking at their size.")
        .formula(
            "base + lambda sum_i w_i d_i"
                + (consensus ? ", over the models with the elected sign" : "")
                + "; an element of d_i is kept with probability density, and what is kept rescaled")
        .source("Yu et al., \"Language models are super Mario\", ICML 2024")
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(
            Catalogue.WEIGHT,
            Sparsified.DENSITY,
            Catalogue.LAMBDA,
            Sparsified.normalize(false),
            Sparsified.rescale(true),
            Catalogue.INT8_MASK)
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.randomlyBy(
        new Drop(Sparsified.mixture(setting, consensus, Rescale.DENSITY)),
        "weight",
        "density",
        "lambda");
  }
}

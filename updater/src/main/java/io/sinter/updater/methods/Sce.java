// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// Select, calculate and erase.
final class Sce implements MergeMethod {
  record Fuse(double floor) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.sce(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.number("select_topk"),
          floor,
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true;
    }

    @Override
    public int reads() {
      return 3;
    }
  }

  @Override
  public Method description() {
    return Method.named("sce")
        .summary(
            "Task vectors where they vary most, weighted by their energy, of the elected sign.")
        .purpose("Weighs models tensor by tensor without weights to choose.")
        .formula(
            "base + sum_i v_i d_i / sum_i v_i over the models with the sign of sum_i d_i; v_i the"
                + " mean of d_i^2; where select_topk < 1 only at the positions of largest variance")
        .source("Wan et al., \"FuseChat\", 2024")
        .base(Method.Base.REQUIRED)
        .reads(3)
        .with(
            number("select_topk", "The share of the positions that vary that is kept.")
                .orElse(1)
                .atLeast(0),
            Catalogue.INT8_MASK)
        .build();
  }

  /// mergekit weighs models equally below a floor that ordinary small differences meet.
  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Fuse(setting.mergekit() ? 1e-6 : 0), "select_topk");
  }
}

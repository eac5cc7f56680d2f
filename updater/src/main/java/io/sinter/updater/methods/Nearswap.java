// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Interpolation;
import io.sinter.updater.Method;

/// Moves towards the other model where the two nearly agree.
final class Nearswap implements MergeMethod {
  record Swap() implements Kernel {
    @Override
    public void run(Batch batch) {
      Interpolation.nearswap(
          batch.stream(),
          batch.base(),
          batch.model(0),
          batch.number("t"),
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean roundsDifferences() {
      return false;
    }
  }

  @Override
  public Method description() {
    return Method.named("nearswap")
        .summary("The base, moved towards the other model where the two differ little.")
        .purpose("Takes small changes of the other model and leaves large ones.")
        .formula("base + w (x - base), w = min(t / max(|x - base|, 1e-6), 1)")
        .source("mergekit")
        .models(1)
        .base(Method.Base.REQUIRED)
        .with(number("t", "Differences up to this are taken whole.").atLeast(0))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Swap(), "t");
  }
}

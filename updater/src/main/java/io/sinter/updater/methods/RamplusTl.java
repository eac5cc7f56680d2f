// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.RamplusOptions;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.Method;

/// As [Ram], with what only one model changed scaled up.
final class RamplusTl implements MergeMethod {
  record Mean(RamplusOptions options) implements Kernel {
    @Override
    public void run(Batch batch) {
      TaskVectors.ramplusTl(
          batch.stream(), batch.base(), batch.models(), options, batch.outs(), batch.arithmetic());
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
    return Method.named("ramplus_tl")
        .summary("As ram, with what only one model changed scaled up by how much it shares.")
        .purpose("As ram, and makes up for what sharing dilutes.")
        .formula(
            "as ram; where only d_i is active: base + (1 + r clamp(rho_i, 0, alpha)) d_i, rho_i ="
                + " elements it shares / elements it has alone")
        .source(Ram.SOURCE)
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(
            Ram.EPSILON,
            number("r", "Scales the correction.").orElse(0.1),
            number("alpha", "The most that rho may be.").orElse(0.2).atLeast(0))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(
        new Mean(
            new RamplusOptions(
                setting.number("epsilon"), setting.number("r"), setting.number("alpha"))));
  }
}

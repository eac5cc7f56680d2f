// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;

import io.sinter.ops.Spherical;
import io.sinter.ops.Vectors;
import io.sinter.updater.Method;
import java.util.Map;

/// Spherical interpolation by weights, of tensors or of their rows or columns.
final class Nuslerp implements MergeMethod {
  record Arc(Vectors vectors) implements Kernel {
    @Override
    public void run(Batch batch) {
      Spherical.nuslerp(
          batch.stream(),
          batch.baseOrNull(),
          batch.model(0),
          batch.model(1),
          batch.number("t"),
          vectors,
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
    return Method.named("nuslerp")
        .summary("Spherical interpolation of two models by weights, or of their task vectors.")
        .purpose(
            "As slerp, with a weight for each model; with a base it interpolates what was learnt"
                + " since.")
        .formula(
            "slerp of x_1 and x_2 at t = w_2 / (w_1 + w_2); with a base: of d_1 and d_2, the base"
                + " added again; linear where |sin theta| < 1e-8")
        .source("mergekit; Shoemake, SIGGRAPH 1985")
        .models(2)
        .base(Method.Base.OPTIONAL)
        .reads(2)
        .with(
            Catalogue.WEIGHT,
            flag(
                "nuslerp_flatten",
                true,
                "Take the whole tensor for one vector; else the vectors along its last axis."),
            flag(
                "nuslerp_row_wise",
                false,
                "Without nuslerp_flatten: take the vectors along the first axis."))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double[] weights = setting.each("weight");
    double sum = weights[0] + weights[1];
    double t = Math.abs(sum) < 1e-6 ? 0.5 : weights[1] / sum;
    Vectors vectors =
        setting.flag("nuslerp_flatten")
            ? Vectors.WHOLE
            : setting.flag("nuslerp_row_wise") ? Vectors.COLUMNS : Vectors.ROWS;
    Computation plain = setting.by(new Arc(vectors));
    return new Computation(
        plain.kernel(), plain.based(), plain.inputs(), Map.of("t", new double[] {t}), plain.keys());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.MultislerpOptions;
import io.sinter.ops.Spherical;
import io.sinter.updater.Method;
import java.util.Arrays;

/// The weighted average of directions, times that of lengths.
final class Multislerp implements MergeMethod {
  record Average(MultislerpOptions options) implements Kernel {
    @Override
    public void run(Batch batch) {
      Spherical.multislerp(
          batch.stream(),
          batch.baseOrNull(),
          batch.models(),
          batch.each("weight"),
          options,
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
    return Method.named("multislerp")
        .summary("Average of any number of models on the sphere, or of their task vectors.")
        .purpose("Averages many models by direction and length apart.")
        .formula(
            "m / |m| sum_i w_i |x_i|, m = sum_i w_i x_i / (|x_i| + eps); with a base: of the d_i,"
                + " the base added again")
        .source("mergekit")
        .base(Method.Base.OPTIONAL)
        .reads(2)
        .fallback("the weighted sum, where all tensors are zero or two of them cancel")
        .with(
            Catalogue.WEIGHT,
            flag("normalize_weights", true, "Divide the weights by their sum."),
            number("eps", "Added to the lengths.").orElse(1e-8).positive())
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    boolean normalize = setting.flag("normalize_weights");
    double[] weights = setting.each("weight");
    if (normalize && Math.abs(Arrays.stream(weights).sum()) < 1e-8) {
      throw setting.error(
          "the weights "
              + Arrays.toString(weights)
              + " of tensor '"
              + setting.tensor()
              + "' add up to nothing. Change a weight, or set 'normalize_weights: false'.");
    }
    return setting.by(
        new Average(new MultislerpOptions(normalize, setting.number("eps"))), "weight");
  }
}

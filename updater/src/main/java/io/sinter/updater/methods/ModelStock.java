// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;

import io.sinter.ops.Spherical;
import io.sinter.ops.Vectors;
import io.sinter.updater.Method;

/// The mean of the models, drawn towards the base by how far their task vectors disagree.
final class ModelStock implements MergeMethod {
  record Stock(Vectors vectors) implements Kernel {
    @Override
    public void run(Batch batch) {
      Spherical.modelStock(
          batch.stream(), batch.base(), batch.models(), vectors, batch.outs(), batch.arithmetic());
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
    return Method.named("model_stock")
        .summary("Mean of the models, drawn towards the base by the angles between them.")
        .purpose("Gets close to the average of many fine-tuned models from a few of them.")
        .formula(
            "base + t mean_i d_i, t = N c / (1 + (N - 1) c), c the mean cosine of pairs of d_i")
        .source("Jang et al., \"Model stock\", ECCV 2024")
        .atLeastModels(2)
        .base(Method.Base.REQUIRED)
        .reads(2)
        .fallback("the base (t = 0), where 1 + (N - 1) c is zero")
        .with(flag("filter_wise", false, "A t for each row in place of one for the tensor."))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Stock(setting.flag("filter_wise") ? Vectors.ROWS : Vectors.WHOLE));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.ops.Fisher;
import io.sinter.updater.Method;
import java.util.Map;

/// Between an old version and the one that replaces it, element by element by what the old one's
/// answers depend on.
final class FisherBcwi implements MergeMethod {
  private static final String MEAN = "mean";

  record Interpolate() implements Kernel {
    @Override
    public void run(Batch batch) {
      Fisher.fisherBcwi(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.fisher(0),
          batch.number(MEAN),
          batch.number(Bcwi.ALPHA),
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
    return Method.named("fisher_bcwi")
        .summary("As bcwi, with more of the old model where its answers depend on a parameter.")
        .purpose(
            "Updates a deployed model as bcwi does; the old version's Fisher diagonal ('fisher:"
                + " FILE' at that model, docs/updates.md) says which of its parameters matter."
                + " Tensors that the diagonal lacks, such as batch-norm statistics, are merged as"
                + " by bcwi.")
        .formula(
            "w base + (1 - w) (x_1 + ... + x_N) / N, w = alpha F / (alpha F + 1 - alpha), F the"
                + " diagonal divided by its mean over all parameters")
        .source(
            "Schumann et al., \"Backward compatibility during data updates by weight"
                + " interpolation\", EACL 2024")
        .base(Method.Base.OLD)
        .fisher(Method.Fisher.BASE)
        .with(Bcwi.ALPHA_SPEC.between(0, 1))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    if (setting.fishers().isEmpty()) {
      setting.note("the Fisher diagonal lacks it, and it is merged as by bcwi");
      return ByRows.bind(setting.by(new Bcwi.Interpolate(), Bcwi.ALPHA));
    }
    return ByRows.bind(
        setting.withFishers(
            new Interpolate(),
            Map.of(
                Bcwi.ALPHA,
                setting.each(Bcwi.ALPHA),
                MEAN,
                new double[] {setting.totals().getFirst().mean()})));
  }
}

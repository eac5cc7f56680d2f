// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Fisher;
import io.sinter.ops.Interpolation;
import io.sinter.updater.Method;

/// Between an old version and the one that replaces it.
final class Bcwi implements MergeMethod {
  static final String ALPHA = "alpha";

  static final Method.ParameterSpec ALPHA_SPEC =
      number(ALPHA, "The old version's share: 0 is the new model, 1 the old one.");

  /// From one new model, or the mean of several, to the old one.
  record Interpolate() implements Kernel {
    @Override
    public void run(Batch batch) {
      if (batch.modelCount() == 1) { // By contract the same bytes.
        Interpolation.lerp(
            batch.stream(),
            batch.model(0),
            batch.base(),
            batch.number(ALPHA),
            batch.outs(),
            batch.arithmetic());
        return;
      }
      Fisher.bcwi(
          batch.stream(),
          batch.base(),
          batch.models(),
          batch.number(ALPHA),
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
    return Method.named("bcwi")
        .summary("Between a new model, or the mean of several, and the old one that it replaces.")
        .purpose(
            "Updates a deployed model without breaking what it had right: the old version,"
                + " base_model, is interpolated back in. With several new models this is SoupBCWI.")
        .formula("alpha base + (1 - alpha) (x_1 + ... + x_N) / N")
        .source(
            "Schumann et al., \"Backward compatibility during data updates by weight"
                + " interpolation\", EACL 2024")
        .base(Method.Base.OLD)
        .with(ALPHA_SPEC, flag("extrapolate", false, "Allow alpha below 0 and above 1."))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double alpha = setting.number(ALPHA);
    if (!(alpha >= 0 && alpha <= 1) && !setting.flag("extrapolate")) {
      throw setting.error(
          "alpha of tensor '"
              + setting.tensor()
              + "' is "
              + alpha
              + ", and goes from 0, the new model, to 1, the old one. Correct it, or allow more by"
              + " 'extrapolate: true' (--extrapolate).");
    }
    return ByRows.bind(setting.by(new Interpolate(), ALPHA));
  }
}

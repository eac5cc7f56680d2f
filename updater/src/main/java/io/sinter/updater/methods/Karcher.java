// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.integer;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.KarcherOptions;
import io.sinter.ops.Spherical;
import io.sinter.updater.Method;

/// The mean on the sphere.
final class Karcher implements MergeMethod {
  record Mean(KarcherOptions options) implements Kernel {
    @Override
    public void run(Batch batch) {
      Spherical.karcher(batch.stream(), batch.models(), options, batch.outs(), batch.arithmetic());
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
    return Method.named("karcher")
        .summary("Mean of the models on the sphere, all of equal weight.")
        .purpose("Finds the middle of models that lie far apart, without shrinking them.")
        .formula(
            "u mean_i |x_i|, u the point of the sphere whose squared distances to the x_i / |x_i|"
                + " add up to least")
        .source("Karcher, \"Riemannian center of mass\", 1977")
        .reads(2)
        .fallback("the plain mean, where no tensor is longer than tol")
        .with(
            integer("max_iter", "The most iterations.").orElse(10).atLeast(1),
            number("tol", "Where the iteration stops.").orElse(1e-5).positive())
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(
        new Mean(new KarcherOptions((int) setting.number("max_iter"), setting.number("tol"))));
  }
}

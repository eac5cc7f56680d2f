// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.Tensor;
import io.sinter.ops.Interpolation;
import io.sinter.ops.Reductions;
import io.sinter.updater.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Spherical interpolation of two models, in pieces: their inner products are reduced first.
final class Slerp implements MergeMethod {
  record Arc() implements Kernel.Reduced {
    @Override
    public int sums() {
      return 3;
    }

    @Override
    public boolean roundsDifferences() {
      return false;
    }

    @Override
    public void reduce(Batch batch, Tensor out) {
      Reductions.dots(
          batch.stream(), batch.base(), batch.model(0), batch.arithmetic().dtype(), out);
    }

    /// The weights, and whether to interpolate linearly instead.
    @Override
    public double[] coefficients(Map<String, double[]> numbers, double[] sums) {
      Interpolation.SlerpWeights weights =
          Interpolation.slerpWeights(sums[0], sums[1], sums[2], numbers.get("t")[0]);
      return new double[] {weights.a(), weights.b(), weights.linear() ? 1 : 0};
    }

    /// Pieces of tensors that are nearly parallel are interpolated linearly, the others on their
    /// arcs.
    @Override
    public void run(Batch batch) {
      List<Integer> straight = new ArrayList<>();
      List<Integer> curved = new ArrayList<>();
      for (int i = 0; i < batch.size(); i++) {
        (batch.coefficients().get(i)[2] != 0 ? straight : curved).add(i);
      }
      if (!straight.isEmpty()) {
        Batch part = batch.some(straight, 0);
        Interpolation.lerp(
            part.stream(),
            part.base(),
            part.model(0),
            part.number("t"),
            part.outs(),
            part.arithmetic());
      }
      if (!curved.isEmpty()) {
        Batch part = batch.some(curved, straight.size());
        List<List<Tensor>> pairs = new ArrayList<>();
        for (int i = 0; i < part.size(); i++) {
          pairs.add(List.of(part.base().get(i), part.model(0).get(i)));
        }
        Interpolation.linear(
            part.stream(),
            pairs,
            part.coefficients().stream()
                .map(weights -> new double[] {weights[0], weights[1]})
                .toArray(double[][]::new),
            false,
            part.outs(),
            part.arithmetic());
      }
    }
  }

  @Override
  public Method description() {
    return Method.named("slerp")
        .summary(
            "Spherical interpolation of two models, from the base (t = 0) to the other (t = 1).")
        .purpose("Goes from one model to another and keeps the length of each tensor.")
        .formula(
            "sin((1 - t) theta) / sin theta base + sin(t theta) / sin theta x, theta the angle"
                + " between them; linear where |cos theta| > 0.9995")
        .source("Shoemake, \"Animating rotation with quaternion curves\", SIGGRAPH 1985")
        .models(1)
        .base(Method.Base.REQUIRED)
        .reads(2)
        .with(Method.ParameterSpec.number("t", "How far to go from the base to the other model."))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    double t = setting.number("t");
    if (t == 0 || t == 1) {
      return Linear.copy(t == 0 ? setting.base() : setting.models().getFirst());
    }
    return setting.by(new Arc(), "t");
  }
}

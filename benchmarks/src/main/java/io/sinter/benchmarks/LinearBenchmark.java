// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Interpolation;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/// Weighted sum of N models: N reads, 1 write.
public class LinearBenchmark extends MergeBenchmark {
  /// N.
  @Param({"2", "4", "8"})
  public int models = 2;

  private double[] weights = {};
  private float[] weightsAsFloats = {};

  @Override
  protected int reads() {
    return models;
  }

  @Override
  protected double reference(double[] x) {
    double sum = 0;
    for (int k = 0; k < x.length; k++) {
      sum += weights[k] * x[k];
    }
    return sum;
  }

  @Override
  protected void prepare() {
    weights = Weights.unequal(models);
    weightsAsFloats = new float[models];
    for (int k = 0; k < models; k++) {
      weightsAsFloats[k] = (float) weights[k];
    }
  }

  @Override
  protected void operate() {
    Interpolation.linear(stream(), inputs(), weights, false, out());
  }

  @Override
  protected List<Contender> peers() {
    List<Contender> peers = new ArrayList<>();
    peers.add(
        Contender.of(
            "java", () -> JavaLoops.linear(pool(), workers(), inputs(), weightsAsFloats, out())));
    peers.addAll(libtorch(torch -> torch.linear(weights)));
    return peers;
  }
}

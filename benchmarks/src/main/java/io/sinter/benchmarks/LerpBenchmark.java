// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Interpolation;
import java.util.ArrayList;
import java.util.List;

/// Linear interpolation of two models: 2 reads, 1 write.
public class LerpBenchmark extends MergeBenchmark {
  private static final double T = 0.3;

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected double reference(double[] x) {
    return x[0] + T * (x[1] - x[0]);
  }

  @Override
  protected void operate() {
    Interpolation.lerp(stream(), input(0), input(1), T, out());
  }

  @Override
  protected List<Contender> peers() {
    List<Contender> peers = new ArrayList<>();
    peers.add(
        Contender.of(
            "java", () -> JavaLoops.lerp(pool(), workers(), input(0), input(1), (float) T, out())));
    peers.addAll(libtorch(torch -> torch.lerp(T)));
    return peers;
  }
}

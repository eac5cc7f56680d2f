// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Interpolation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/// Linear interpolation of many small tensors in one call. The twin moves their bytes as one piece:
/// what is missing to it is the cost of a tensor.
public class BatchBenchmark extends MergeBenchmark {
  private static final double T = 0.3;

  /// Elements of each tensor.
  @Param({"64", "4096", "1048576"})
  public int each = 4096;

  private final List<Tensor> a = new ArrayList<>();
  private final List<Tensor> b = new ArrayList<>();
  private final List<Tensor> outputs = new ArrayList<>();
  private double[] t = {};

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected double reference(double[] x) {
    return x[0] + T * (x[1] - x[0]);
  }

  @Override
  protected void prepare() {
    a.clear();
    b.clear();
    outputs.clear();
    for (long at = 0; at < elements; at += each) {
      long end = Math.min(elements, at + each);
      a.add(input(0).slice(0, at, end));
      b.add(input(1).slice(0, at, end));
      outputs.add(out().slice(0, at, end));
    }
    t = new double[a.size()];
    Arrays.fill(t, T);
  }

  @Override
  protected void operate() {
    Interpolation.lerp(stream(), a, b, t, outputs, Arithmetic.DEFAULT);
  }

  /// {@return the tensors of a batch}
  int tensors() {
    return a.size();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import java.util.Arrays;

/// Models' weights.
final class Weights {
  private Weights() {}

  /// {@return 1, 2, ... N over their sum}
  static double[] unequal(int models) {
    double[] weights = new double[models];
    Arrays.setAll(weights, k -> (k + 1.0) / (models * (models + 1.0) / 2));
    return weights;
  }

  /// {@return N times the same number}
  static double[] each(int models, double value) {
    double[] weights = new double[models];
    Arrays.fill(weights, value);
    return weights;
  }
}

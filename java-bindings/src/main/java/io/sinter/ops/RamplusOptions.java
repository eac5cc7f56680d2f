// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

/// How far [TaskVectors#ramplusTl] amplifies what only one model changed.
///
/// @param epsilon differences above this in magnitude are active; 0 or more
/// @param r how strongly a model's share of agreement amplifies; finite
/// @param alpha the most that this share counts; 0 or more
public record RamplusOptions(double epsilon, double r, double alpha) {
  /// 1e-5, 0.1 and 0.2: as published.
  public static final RamplusOptions DEFAULT = new RamplusOptions(1e-5, 0.1, 0.2);

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if a number is not finite, or `epsilon` or `alpha` negative
  public RamplusOptions {
    notNegative("epsilon", epsilon);
    if (!Double.isFinite(r)) {
      throw new IllegalArgumentException("r is " + r + "; it must be finite");
    }
    notNegative("alpha", alpha);
  }

  private static void notNegative(String name, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be finite and 0 or more");
    }
  }

  /// {@return these options with another bound for what is active}
  ///
  /// @param epsilon the bound; 0 or more
  public RamplusOptions withEpsilon(double epsilon) {
    return new RamplusOptions(epsilon, r, alpha);
  }

  /// {@return these options with another strength}
  ///
  /// @param r the strength; finite
  public RamplusOptions withR(double r) {
    return new RamplusOptions(epsilon, r, alpha);
  }

  /// {@return these options with another bound of the share}
  ///
  /// @param alpha the bound; 0 or more
  public RamplusOptions withAlpha(double alpha) {
    return new RamplusOptions(epsilon, r, alpha);
  }
}

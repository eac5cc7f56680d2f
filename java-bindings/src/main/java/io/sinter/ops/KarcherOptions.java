// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

/// When [Spherical#karcher] stops.
///
/// @param maxIterations the most steps; at least 1
/// @param tolerance norms, angles and steps below this count as 0; above 0
public record KarcherOptions(int maxIterations, double tolerance) {
  /// 10 steps, 1e-5: as mergekit.
  public static final KarcherOptions DEFAULT = new KarcherOptions(10, 1e-5);

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if `maxIterations` is below 1, or `tolerance` not finite and
  ///     above 0
  public KarcherOptions {
    if (maxIterations < 1) {
      throw new IllegalArgumentException(
          "maxIterations is " + maxIterations + "; it must be 1 or more");
    }
    if (!(tolerance > 0 && Double.isFinite(tolerance))) {
      throw new IllegalArgumentException(
          "tolerance is " + tolerance + "; it must be finite and above 0");
    }
  }

  /// {@return these options with another number of steps}
  ///
  /// @param maxIterations the most steps; at least 1
  public KarcherOptions withMaxIterations(int maxIterations) {
    return new KarcherOptions(maxIterations, tolerance);
  }

  /// {@return these options with another tolerance}
  ///
  /// @param tolerance what counts as 0; above 0
  public KarcherOptions withTolerance(double tolerance) {
    return new KarcherOptions(maxIterations, tolerance);
  }
}

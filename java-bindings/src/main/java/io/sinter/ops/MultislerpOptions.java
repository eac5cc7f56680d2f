// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

/// How [Spherical#multislerp] averages.
///
/// @param normalize divides a tensor's weights by their sum, which then must be at least 1e-8 in
///     magnitude
/// @param epsilon what is added to every norm that is divided by; above 0
public record MultislerpOptions(boolean normalize, double epsilon) {
  /// Weights divided by their sum, 1e-8 added to norms: as mergekit.
  public static final MultislerpOptions DEFAULT = new MultislerpOptions(true, 1e-8);

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if `epsilon` is not finite and above 0
  public MultislerpOptions {
    if (!(epsilon > 0 && Double.isFinite(epsilon))) {
      throw new IllegalArgumentException(
          "epsilon is " + epsilon + "; it must be finite and above 0");
    }
  }

  /// {@return these options with weights divided by their sum, or not}
  ///
  /// @param normalize whether to divide
  public MultislerpOptions withNormalize(boolean normalize) {
    return new MultislerpOptions(normalize, epsilon);
  }

  /// {@return these options with another addition to norms}
  ///
  /// @param epsilon what is added; above 0
  public MultislerpOptions withEpsilon(double epsilon) {
    return new MultislerpOptions(normalize, epsilon);
  }
}

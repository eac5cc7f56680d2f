// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

/// What [Fisher#merge] makes of a scaled Fisher value before it weights a model by it:
/// `max(F scale, floor) + epsilon`.
///
/// @param floor the least; 0 or more
/// @param epsilon what is added to all; 0 or more
public record FisherMergeOptions(double floor, double epsilon) {
  /// A floor of 1e-6, for values scaled by 1 / rms; nothing added.
  public static final FisherMergeOptions DEFAULT = new FisherMergeOptions(1e-6, 0);

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if a number is negative or not finite
  public FisherMergeOptions {
    notNegative("floor", floor);
    notNegative("epsilon", epsilon);
  }

  private static void notNegative(String name, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be finite and 0 or more");
    }
  }

  /// {@return these options with another floor}
  ///
  /// @param floor the least; 0 or more
  public FisherMergeOptions withFloor(double floor) {
    return new FisherMergeOptions(floor, epsilon);
  }

  /// {@return these options with another number that is added}
  ///
  /// @param epsilon what is added; 0 or more
  public FisherMergeOptions withEpsilon(double epsilon) {
    return new FisherMergeOptions(floor, epsilon);
  }
}

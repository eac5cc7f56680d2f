// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import java.util.List;
import java.util.Objects;

/// What is known of a Fisher diagonal: of one tensor's, or, added up in the tensors' order, of a
/// whole model's. The same on every device, and however the tensors come in batches.
///
/// @param elements how many there are
/// @param sum of all elements
/// @param squares the sum of their squares
/// @param negative how many are below 0, where a Fisher diagonal has none
/// @param nonFinite how many are NaN or infinite
public record FisherStatistics(
    long elements, double sum, double squares, long negative, long nonFinite) {
  /// Of nothing.
  public static final FisherStatistics NONE = new FisherStatistics(0, 0, 0, 0, 0);

  /// {@return what is known of tensors together, added in their order}
  ///
  /// @param tensors of each
  public static FisherStatistics of(List<FisherStatistics> tensors) {
    FisherStatistics sum = NONE;
    for (FisherStatistics each : tensors) {
      sum = sum.plus(each);
    }
    return sum;
  }

  /// {@return this and what is known of the next tensors}
  ///
  /// @param next of those
  public FisherStatistics plus(FisherStatistics next) {
    Objects.requireNonNull(next, "next");
    return new FisherStatistics(
        elements + next.elements,
        sum + next.sum,
        squares + next.squares,
        negative + next.negative,
        nonFinite + next.nonFinite);
  }

  /// {@return the mean, as [Fisher#fisherBcwi] takes it; 0 without elements}
  public double mean() {
    return elements == 0 ? 0 : sum / elements;
  }

  /// {@return the root mean square; 0 without elements}
  public double rms() {
    return elements == 0 ? 0 : Math.sqrt(squares / elements);
  }

  /// {@return what [Fisher#merge] multiplies this model's values by: 1 / rms, or 0 where that is 0}
  public double scale() {
    double scale = 1 / rms();
    return rms() > 0 ? Math.min(scale, Double.MAX_VALUE) : 0;
  }

  /// {@return whether all elements are finite and none is negative}
  public boolean isValid() {
    return negative == 0 && nonFinite == 0;
  }
}

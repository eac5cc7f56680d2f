// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.internal.ffi.Abi;
import java.util.Objects;

/// What [Compatibility#loss] computes.
///
/// @param temperature divides the logits of both distributions whose divergence is taken; above 0
/// @param crossEntropy the weight of the cross-entropy that is added; 0 or more
/// @param mask which examples are held to the old model
public record LossOptions(double temperature, double crossEntropy, Mask mask) {
  /// Temperature 1, no cross-entropy, and what is wrong held to the old model.
  public static final LossOptions DEFAULT = new LossOptions(1, 0, Mask.WRONG);

  /// Which examples are held to the old model; the others are held to the new one.
  public enum Mask {
    /// Those that the trained model gets wrong.
    WRONG(Abi.SINTER_MASK_WRONG),
    /// Those to whose label it gives less probability than the old model does.
    LIKELIHOOD(Abi.SINTER_MASK_LIKELIHOOD);

    private final int code;

    Mask(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }
  }

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if `temperature` is not finite and above 0, or `crossEntropy`
  ///     not finite and 0 or more
  public LossOptions {
    Objects.requireNonNull(mask, "mask");
    if (!(temperature > 0 && Double.isFinite(temperature))) {
      throw new IllegalArgumentException(
          "temperature is " + temperature + "; it must be finite and above 0");
    }
    if (!(crossEntropy >= 0 && Double.isFinite(crossEntropy))) {
      throw new IllegalArgumentException(
          "crossEntropy is " + crossEntropy + "; it must be finite and 0 or more");
    }
  }

  /// {@return these options with another temperature}
  ///
  /// @param temperature above 0
  public LossOptions withTemperature(double temperature) {
    return new LossOptions(temperature, crossEntropy, mask);
  }

  /// {@return these options with another weight of the cross-entropy}
  ///
  /// @param crossEntropy 0 or more
  public LossOptions withCrossEntropy(double crossEntropy) {
    return new LossOptions(temperature, crossEntropy, mask);
  }

  /// {@return these options with another mask}
  ///
  /// @param mask which examples are held to the old model
  public LossOptions withMask(Mask mask) {
    return new LossOptions(temperature, crossEntropy, mask);
  }
}

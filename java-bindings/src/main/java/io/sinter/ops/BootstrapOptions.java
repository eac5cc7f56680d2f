// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

/// How confidence intervals are drawn; see [Compatibility#bootstrap].
///
/// @param resamples how many; 1 or more
/// @param level the share of intervals that should hold the truth; between 0 and 1
/// @param seed the same seed gives the same intervals, on every device
public record BootstrapOptions(long resamples, double level, long seed) {
  /// A million resamples, 95 %, seed 0.
  public static final BootstrapOptions DEFAULT = new BootstrapOptions(1_000_000, 0.95, 0);

  /// Refuses what is out of range.
  ///
  /// @throws IllegalArgumentException if `resamples` is below 1, or `level` not between 0 and 1
  public BootstrapOptions {
    if (resamples < 1) {
      throw new IllegalArgumentException("resamples is " + resamples + "; it must be 1 or more");
    }
    if (!(level > 0 && level < 1)) {
      throw new IllegalArgumentException("level is " + level + "; it must be between 0 and 1");
    }
  }

  /// {@return these options with another number of resamples}
  ///
  /// @param resamples how many; 1 or more
  public BootstrapOptions withResamples(long resamples) {
    return new BootstrapOptions(resamples, level, seed);
  }

  /// {@return these options with another level}
  ///
  /// @param level between 0 and 1
  public BootstrapOptions withLevel(double level) {
    return new BootstrapOptions(resamples, level, seed);
  }

  /// {@return these options with another seed}
  ///
  /// @param seed any number
  public BootstrapOptions withSeed(long seed) {
    return new BootstrapOptions(resamples, level, seed);
  }
}

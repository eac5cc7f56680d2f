// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

/// What two units have in common by their activations on the same samples.
public enum Similarity {
  /// Pearson's correlation; 0 for a unit that is the same on every sample.
  CORRELATION,
  /// The mean of the product.
  CROSS_MOMENT
}

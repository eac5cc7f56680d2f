// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

/// How the learning rate goes over a training.
enum Schedule {
  /// Falls to zero along half a cosine.
  COSINE {
    @Override
    double factor(double progress) {
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    }
  },

  /// Stays as it is.
  CONSTANT {
    @Override
    double factor(double progress) {
      return 1;
    }
  };

  /// What the rate is multiplied by.
  ///
  /// @param progress the share of the steps that were done
  abstract double factor(double progress);
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.nio.file.Path;

/// A model that an update could end in.
///
/// @param folder where its files are; they may be gone once it has been evaluated
/// @param alpha the share of the old model in it: 0 is the new model, 1 the old one
public record Candidate(Path folder, double alpha) {

  public Candidate {
    if (!Double.isFinite(alpha)) {
      throw new IllegalArgumentException("alpha is " + alpha + "; it must be a finite number");
    }
  }
}

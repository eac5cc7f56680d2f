// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.updater.internal.Quoted;

/// A permutation spec that makes no sense, or does not fit a model.
public final class SpecException extends RuntimeException {
  private static final long serialVersionUID = 1;

  SpecException(String message) {
    super(Quoted.text(message)); // Names come from files.
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.internal.Quoted;
import org.jspecify.annotations.Nullable;

/// Predictions, labels, groups or a gate that cannot be used. The message names the file, the place
/// in it where there is one, what is wrong, and the remedy.
public final class CompatibilityException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CompatibilityException(String message) {
    super(message);
  }

  public CompatibilityException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /// @param problem may quote the file: it is shown on one line, without control characters
  static CompatibilityException of(String origin, String problem, String remedy) {
    return new CompatibilityException(origin + ": " + Quoted.text(problem) + ". " + remedy + ".");
  }

  static CompatibilityException of(String origin, String problem, String remedy, Throwable cause) {
    return new CompatibilityException(
        origin + ": " + Quoted.text(problem) + ". " + remedy + ".", cause);
  }
}

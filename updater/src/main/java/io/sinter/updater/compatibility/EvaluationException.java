// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import org.jspecify.annotations.Nullable;

/// A candidate that could not be evaluated. The message names the evaluator and the candidate, what
/// is wrong, and the remedy.
public final class EvaluationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public EvaluationException(String message) {
    super(message);
  }

  public EvaluationException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

/// A recipe that cannot be followed. The message names the recipe, the line where there is one,
/// what is wrong, and the remedy.
public final class RecipeException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public RecipeException(String message) {
    super(message);
  }
}

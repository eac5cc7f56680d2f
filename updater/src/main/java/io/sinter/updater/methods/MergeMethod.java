// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.updater.Method;
import io.sinter.updater.Recipe.Mode;
import java.util.Set;

/// A merge method: its entry in the registry, and how it merges a tensor.
public interface MergeMethod {
  /// What a recipe may say about it.
  Method description();

  /// Parameters that mean nothing in a mode: a recipe may not give them there.
  default Set<String> idleIn(Mode mode) {
    return Set.of();
  }

  /// Binds what the recipe says of one tensor.
  ///
  /// @throws io.sinter.updater.RecipeException where that makes no sense
  Computation computation(Setting setting);
}

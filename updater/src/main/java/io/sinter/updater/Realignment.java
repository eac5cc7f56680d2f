// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.alignment.Alignment;
import io.sinter.updater.methods.Realign;
import java.nio.file.Path;

/// A model whose units are renamed as an alignment says, or what lies between it and its reference.
///
/// ```java
/// Realignment realigned = Realignment.of(Path.of("a"), Path.of("b"), alignment);
/// try (Merge merge = Merge.plan(realigned.recipe(), MergeOptions.DEFAULT)) {
///   merge.run(Path.of("aligned"), MergeListener.NONE);
/// }
/// ```
///
/// It is a merge by the recipe that [#recipe] makes, with all that merges do. Files beside the
/// weights are the model's.
///
/// @param reference that it was aligned to
/// @param model that is renamed
/// @param alpha the renamed model's share: 1 is it alone, each element with its bytes; 0 is the
///     reference
public record Realignment(Path reference, Path model, Alignment alignment, double alpha) {
  public Realignment {
    if (!Double.isFinite(alpha)) {
      throw new IllegalArgumentException("alpha is " + alpha + "; it must be a finite number");
    }
  }

  /// The renamed model alone.
  public static Realignment of(Path reference, Path model, Alignment alignment) {
    return new Realignment(reference, model, alignment, 1);
  }

  public Realignment withAlpha(double value) {
    return new Realignment(reference, model, alignment, value);
  }

  /// The recipe that says all this but the permutations, which it holds apart from its text.
  public Recipe recipe() {
    RecipeBuilder recipe = Recipe.builder(Realign.NAME).baseModel(reference.toString());
    recipe.model(model.toString());
    recipe.parameter(Realign.ALPHA, alpha);
    return recipe.build(new Realign(alignment));
  }
}

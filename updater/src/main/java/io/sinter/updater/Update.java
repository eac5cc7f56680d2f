// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A new version of a deployed model, with the old version interpolated back in, so that what the
/// old one had right stays right: BCWI.
///
/// ```java
/// Update update = Update.of(Path.of("old"), Path.of("new")).withAlpha(0.3);
/// try (Merge merge = Merge.plan(update.recipe(), MergeOptions.DEFAULT)) {
///   merge.run(Path.of("updated"), MergeListener.NONE);
/// }
/// ```
///
/// It is a merge by the recipe that [#recipe] makes, with all that merges do.
///
/// @param old the version that is replaced
/// @param updated the version that replaces it, or several whose mean does
/// @param alpha the old version's share: 0 is the new model, byte for byte, and 1 the old one
/// @param fisher the old model's [FisherDiagonal]: the share is then larger where the old model's
///     answers depend on a parameter, and smaller elsewhere
/// @param labels which rows of the heads belong together, where the new model has other classes
/// @param extrapolate whether alpha may be below 0 and above 1
public record Update(
    Path old,
    List<Path> updated,
    double alpha,
    @Nullable Path fisher,
    @Nullable Labels labels,
    boolean extrapolate) {

  /// The files of label names: a model's `config.json` with `id2label`, a JSON list, or text with a
  /// label on each line.
  ///
  /// @param old the old model's
  /// @param updated the new one's
  /// @param head what the names of the head's tensors start with; `null` where they are those with
  ///     as many rows as there are labels
  public record Labels(Path old, Path updated, @Nullable String head) {}

  public Update {
    updated = List.copyOf(updated);
    if (updated.isEmpty()) {
      throw new IllegalArgumentException("there is no new model; give at least one");
    }
    if (!Double.isFinite(alpha)) {
      throw new IllegalArgumentException("alpha is " + alpha + "; it must be a finite number");
    }
    if (extrapolate && fisher != null) {
      throw new IllegalArgumentException(
          "with a Fisher diagonal there is nothing beyond alpha 0 and 1: the weight of some"
              + " element has a pole there; leave out one of the two");
    }
  }

  /// Half way from the new model to the old one.
  public static Update of(Path old, Path... updated) {
    return new Update(old, List.of(updated), 0.5, null, null, false);
  }

  public Update withAlpha(double value) {
    return new Update(old, updated, value, fisher, labels, extrapolate);
  }

  public Update withFisher(@Nullable Path value) {
    return new Update(old, updated, alpha, value, labels, extrapolate);
  }

  public Update withLabels(@Nullable Labels value) {
    return new Update(old, updated, alpha, fisher, value, extrapolate);
  }

  public Update withExtrapolate(boolean value) {
    return new Update(old, updated, alpha, fisher, labels, value);
  }

  /// The merge method: `bcwi` or `fisher_bcwi`.
  public String method() {
    return fisher == null ? "bcwi" : "fisher_bcwi";
  }

  /// The recipe that says all this.
  ///
  /// @throws RecipeException where it makes no sense
  public Recipe recipe() throws RecipeException {
    RecipeBuilder recipe = Recipe.builder(method()).baseModel(old.toString());
    if (fisher != null) {
      recipe.model(old.toString(), fisher.toString(), Map.of());
    }
    updated.forEach(model -> recipe.model(model.toString()));
    recipe.parameter("alpha", alpha);
    if (extrapolate) {
      recipe.parameter("extrapolate", true);
    }
    if (labels != null) {
      recipe.labels(labels.old().toString(), labels.updated().toString(), labels.head());
    }
    return recipe.build();
  }
}

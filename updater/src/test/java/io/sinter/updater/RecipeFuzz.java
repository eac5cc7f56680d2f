// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// A recipe.
public final class RecipeFuzz {
  private static final String FILE = "r.yml";

  private RecipeFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(
            FILE, input.length, RecipeException.class, () -> Recipe.parse(input, FILE, List.of()))
        .ifPresent(RecipeFuzz::check);
  }

  /// What is accepted has models for its method, in slices that agree on their layers.
  private static void check(Recipe recipe) {
    Method method = recipe.method();
    Set<String> named = new HashSet<>();
    recipe
        .models()
        .forEach(
            model -> {
              Reading.require(!model.text().isBlank() && model.line() > 0, () -> "bad " + model);
              Reading.require(named.add(model.text()), () -> "twice: " + model);
            });
    Reading.require(!recipe.modules().isEmpty(), () -> "no modules");
    for (Recipe.Module module : recipe.modules()) {
      Reading.require(!module.slices().isEmpty(), () -> "no slices in " + module);
      for (Recipe.Slice slice : module.slices()) {
        check(method, module, slice, named);
      }
    }
  }

  private static void check(
      Method method, Recipe.Module module, Recipe.Slice slice, Set<String> named) {
    int layers = -1;
    int merged = 0;
    for (Recipe.Source source : slice.sources()) {
      Reading.require(named.contains(source.model().text()), () -> "unnamed: " + source);
      Reading.require(module.sliced() == (source.layers() != null), () -> "layers of " + source);
      if (source.layers() != null) {
        int size = source.layers().size();
        Reading.require(
            size > 0 && source.layers().from() >= 0 && (layers < 0 || layers == size),
            () -> "layers of " + slice);
        layers = size;
      }
      merged += method.base() == Method.Base.OPTIONAL && source.model().same(slice.base()) ? 0 : 1;
    }
    int models = merged;
    Reading.require(
        models >= method.minModels() && models <= method.maxModels(),
        () -> models + " models for " + method.name());
    slice.parameters().forEach((name, value) -> check(method, name, value));
    for (Recipe.Source source : slice.sources()) {
      source.parameters().forEach((name, value) -> check(method, name, value));
    }
  }

  /// A value is one that the method takes, wherever it is asked.
  private static void check(Method method, String name, Parameter value) {
    Method.ParameterSpec spec = method.parameter(name).orElseThrow();
    for (double t : new double[] {0, 0.3, 1}) {
      value
          .at("model.layers.0.mlp.up_proj.weight", t)
          .ifPresent(x -> Reading.require(Double.isFinite(x), () -> spec.name() + " is " + x));
    }
  }
}

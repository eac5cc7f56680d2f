// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sinter.DType;
import io.sinter.updater.Merge;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.Recipe;
import io.sinter.updater.RecipeBuilder;
import io.sinter.updater.RecipeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Recipes made in code are those of files.
class RecipeBuilderTest {
  @TempDir Path folder;

  @BeforeEach
  void models() throws IOException {
    for (String name : List.of("base", "a", "b")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (int layer = 0; layer < 4; layer++) {
        for (String part : List.of("mlp", "attn")) {
          tensors.put("h." + layer + "." + part, Merging.random(layer, 2, 3));
        }
      }
      PlainFile.model(folder.resolve(name), tensors);
    }
  }

  private void same(String yaml, RecipeBuilder built) {
    try (Merge expected = Merge.plan(Recipe.parse(yaml, "r.yml"), options(folder));
        Merge actual = Merge.plan(built.build(), options(folder))) {
      List<Output> left = expected.plan().tensors();
      List<Output> right = actual.plan().tensors();
      assertEquals(left.size(), right.size());
      for (int i = 0; i < left.size(); i++) {
        assertEquals(left.get(i).name(), right.get(i).name());
        assertEquals(left.get(i).type(), right.get(i).type());
        assertEquals(left.get(i).dtype(), right.get(i).dtype());
        assertEquals(left.get(i).deltaDtype(), right.get(i).deltaDtype());
        assertEquals(left.get(i).operation().inputs(), right.get(i).operation().inputs());
        assertEquals(left.get(i).parameters().keySet(), right.get(i).parameters().keySet());
        for (String name : left.get(i).parameters().keySet()) {
          assertArrayEquals(
              left.get(i).parameters().get(name), right.get(i).parameters().get(name));
        }
      }
    }
  }

  @Test
  void modelsWithFiltersAndGradients() {
    same(
        """
        merge_method: ties
        base_model: base
        models:
        - model: a
          parameters:
            weight: 0.5
            density: [0.25, 0.75]
        - model: b
          parameters:
            weight:
            - {filter: mlp, value: [0, 1]}
            - {filter: "*", value: 1e-05}
        parameters: {lambda: 1.5, normalize: false}
        dtype: float16
        out_dtype: bfloat16
        random_seed: -7
        """,
        Recipe.builder("ties")
            .baseModel("base")
            .model("a", Map.of("weight", 0.5, "density", List.of(0.25, 0.75)))
            .model(
                "b",
                Map.of(
                    "weight",
                    List.of(
                        RecipeBuilder.filter("mlp", List.of(0, 1)),
                        RecipeBuilder.filter("*", 1e-5))))
            .parameter("lambda", 1.5)
            .parameter("normalize", false)
            .dtype(DType.F16)
            .outDtype(DType.BF16)
            .randomSeed(-7));
  }

  @Test
  void slices() {
    same(
        """
        merge_method: slerp
        base_model: a
        slices:
        - sources:
          - {model: a, layer_range: [0, 2]}
          - {model: b, layer_range: [2, 4]}
          parameters: {t: 0.25}
        - sources:
          - {model: a, layer_range: [3, 4]}
          - {model: b, layer_range: [0, 1]}
        parameters: {t: 0.5}
        """,
        Recipe.builder("slerp")
            .baseModel("a")
            .slice(
                List.of(
                    RecipeBuilder.source("a", 0, 2, Map.of()),
                    RecipeBuilder.source("b", 2, 4, Map.of())),
                Map.of("t", 0.25))
            .slice(
                List.of(
                    RecipeBuilder.source("a", 3, 4, Map.of()),
                    RecipeBuilder.source("b", 0, 1, Map.of())),
                Map.of())
            .parameter("t", 0.5));
  }

  @Test
  void modules() {
    same(
        """
        merge_method: linear
        modules:
          default:
            models: [{model: a}, {model: b}]
            parameters: {weight: 2}
          h.1:
            models: [{model: b, parameters: {weight: 3}}]
        """,
        Recipe.builder("linear")
            .module(
                "default", Recipe.builder("linear").model("a").model("b").parameter("weight", 2))
            .module("h.1", Recipe.builder("linear").model("b", Map.of("weight", 3))));
  }

  @Test
  void mistakesAreNamedWithoutLines() {
    assertEquals(
        "the recipe: density is -1, and must be at least 0. Correct it.",
        assertThrows(
                RecipeException.class,
                () ->
                    Recipe.builder("ties")
                        .baseModel("base")
                        .model("a", Map.of("weight", 1, "density", -1))
                        .build())
            .getMessage());
    assertEquals(
        "the recipe: weight is 'NaN'. Write a number.",
        assertThrows(
                RecipeException.class,
                () -> Recipe.builder("linear").model("a", Map.of("weight", Double.NaN)).build())
            .getMessage());
    assertEquals(
        "the recipe: exactly one of models, slices, modules is needed, and there is none. Add one.",
        assertThrows(RecipeException.class, () -> Recipe.builder("linear").build()).getMessage());
  }
}

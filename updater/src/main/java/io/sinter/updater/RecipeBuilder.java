// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sinter.DType;
import io.sinter.updater.methods.MergeMethod;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// A recipe made in code: what a YAML file would say, checked in the same way.
///
/// ```java
/// Recipe recipe =
///     Recipe.builder("ties")
///         .baseModel("models/base")
///         .model("models/a", Map.of("weight", 0.5, "density", 0.3))
///         .model("models/b", Map.of("weight", 0.5, "density", List.of(0.2, 0.6)))
///         .parameter("lambda", 1.1)
///         .dtype(DType.BF16)
///         .build();
/// ```
///
/// A parameter's value is a number, a boolean, a list of numbers (a gradient over the layers), or
/// a list of [#filter]s.
public final class RecipeBuilder {
  private final SequencedMap<String, Object> top = new LinkedHashMap<>();
  private final List<Object> models = new ArrayList<>();
  private final List<Object> slices = new ArrayList<>();
  private final SequencedMap<String, Object> modules = new LinkedHashMap<>();
  private final SequencedMap<String, Object> parameters = new LinkedHashMap<>();

  RecipeBuilder(String method) {
    top.put("merge_method", method);
  }

  public RecipeBuilder baseModel(String model) {
    top.put("base_model", model);
    return this;
  }

  /// Adds a model without parameters of its own.
  public RecipeBuilder model(String model) {
    return model(model, Map.of());
  }

  /// Adds a model.
  public RecipeBuilder model(String model, Map<String, ?> parameters) {
    models.add(entry(model, null, parameters));
    return this;
  }

  /// Adds a model with its Fisher diagonal.
  ///
  /// @param fisher a file
  public RecipeBuilder model(String model, String fisher, Map<String, ?> parameters) {
    Map<String, Object> entry = entry(model, null, parameters);
    entry.put("fisher", fisher);
    models.add(entry);
    return this;
  }

  /// Says which rows of an old and a new classifier's head belong together.
  ///
  /// @param old the file of the old version's label names
  /// @param updated the file of the new one's
  public RecipeBuilder labels(String old, String updated) {
    return labels(old, updated, null);
  }

  /// Says which rows of an old and a new classifier's head belong together.
  ///
  /// @param old the file of the old version's label names
  /// @param updated the file of the new one's
  /// @param head what the names of the head's tensors start with; `null` where their rows say it
  public RecipeBuilder labels(String old, String updated, @Nullable String head) {
    SequencedMap<String, Object> labels = new LinkedHashMap<>();
    labels.put("old", old);
    labels.put("new", updated);
    if (head != null) {
      labels.put("head", head);
    }
    top.put("labels", labels);
    return this;
  }

  /// Adds a slice.
  ///
  /// @param sources made by [#source]
  public RecipeBuilder slice(List<Map<String, Object>> sources, Map<String, ?> parameters) {
    SequencedMap<String, Object> slice = new LinkedHashMap<>();
    slice.put("sources", sources);
    put(slice, parameters);
    slices.add(slice);
    return this;
  }

  /// A slice's source: layers `from` to before `to` of a model.
  public static Map<String, Object> source(
      String model, int from, int to, Map<String, ?> parameters) {
    return entry(model, List.of(from, to), parameters);
  }

  /// Adds a module: the models or slices of another builder, with its parameters.
  ///
  /// @param name what its tensors' names start with, or `default`
  public RecipeBuilder module(String name, RecipeBuilder content) {
    modules.put(name, content.content());
    return this;
  }

  /// Sets a parameter of the whole recipe.
  public RecipeBuilder parameter(String name, Object value) {
    parameters.put(name, value);
    return this;
  }

  /// A case of a parameter: `value` for tensors whose names contain `filter`; `*` for all.
  public static Map<String, Object> filter(String filter, Object value) {
    return Map.of("filter", filter, "value", value);
  }

  public RecipeBuilder dtype(DType dtype) {
    top.put("dtype", RecipeParser.name(dtype));
    return this;
  }

  public RecipeBuilder outDtype(DType dtype) {
    top.put("out_dtype", RecipeParser.name(dtype));
    return this;
  }

  public RecipeBuilder mode(Recipe.Mode mode) {
    top.put("mode", mode.name().toLowerCase(Locale.ROOT));
    return this;
  }

  public RecipeBuilder randomSeed(long seed) {
    top.put("random_seed", seed);
    return this;
  }

  /// @param model `base`, or a model
  public RecipeBuilder tokenizerSource(String model) {
    top.put("tokenizer_source", model);
    return this;
  }

  /// @param model `base`, or a model
  public RecipeBuilder chatTemplate(String model) {
    top.put("chat_template", model);
    return this;
  }

  /// The recipe.
  ///
  /// @throws RecipeException where it makes no sense
  public Recipe build() throws RecipeException {
    return build(List.of());
  }

  /// The recipe, which may name methods of the caller's.
  ///
  /// @throws RecipeException where it makes no sense
  public Recipe build(List<ElementwiseMethod> methods) throws RecipeException {
    return new RecipeParser("the recipe", false, methods).parse(yaml());
  }

  /// The recipe by a method that no file can name.
  Recipe build(MergeMethod method) {
    return new RecipeParser("the recipe", method).parse(yaml());
  }

  /// The recipe as a file would have it. It is JSON, which is YAML.
  public String yaml() {
    SequencedMap<String, Object> all = new LinkedHashMap<>(top);
    all.putAll(content());
    try {
      return Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(all);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "a parameter's value is neither a number, a boolean nor a list of these", e);
    }
  }

  private SequencedMap<String, Object> content() {
    SequencedMap<String, Object> content = new LinkedHashMap<>();
    if (!models.isEmpty()) {
      content.put("models", models);
    }
    if (!slices.isEmpty()) {
      content.put("slices", slices);
    }
    if (!modules.isEmpty()) {
      content.put("modules", modules);
    }
    put(content, parameters);
    return content;
  }

  private static Map<String, Object> entry(
      String model, @Nullable List<Integer> layers, Map<String, ?> given) {
    SequencedMap<String, Object> entry = new LinkedHashMap<>();
    entry.put("model", model);
    if (layers != null) {
      entry.put("layer_range", layers);
    }
    put(entry, given);
    return entry;
  }

  private static void put(Map<String, Object> entry, Map<String, ?> parameters) {
    if (!parameters.isEmpty()) {
      entry.put("parameters", parameters);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.sinter.DType;
import io.sinter.updater.Method;
import io.sinter.updater.Recipe;
import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.RecipeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RecipeTest {
  @Test
  void readsARecipe() {
    Recipe recipe =
        Recipe.parse(
            """
            merge_method: task_arithmetic
            base_model: base
            mode: paper
            models:
            - model: a
              parameters: {weight: 1e-1}
            - model: org/b@main
              parameters:
                weight:
                - filter: mlp
                  value: [0, .5, +1.]
                - value: 2
            parameters:
              lambda: 0.5
              normalize: true
              int8_mask: 1.0
            dtype: float32
            out_dtype: bfloat16
            """,
            "r.yml");
    assertEquals("task_arithmetic", recipe.method().name());
    assertEquals(Recipe.Mode.PAPER, recipe.mode());
    assertEquals(DType.F32, recipe.dtype().orElseThrow());
    assertEquals(DType.BF16, recipe.outDtype().orElseThrow());
    assertEquals(
        List.of("base", "a", "org/b@main"),
        recipe.models().stream().map(ModelReference::text).toList());
  }

  @Test
  void everyMethodOfTheRegistryIsDescribed() {
    for (Method method : Method.all()) {
      assertEquals(method, Method.find(method.name()).orElseThrow());
      assertTrue(method.summary().endsWith("."), method.name());
      assertTrue(method.parameters().stream().allMatch(p -> p.doc().endsWith(".")), method.name());
    }
  }

  private static final String LINEAR =
      """
      merge_method: linear
      models:
      - model: a
        parameters: {weight: 1}
      """;

  private static String slices(String sources) {
    return "merge_method: passthrough\nslices:\n- sources:\n" + sources;
  }

  private static String karcher(String parameters) {
    return "merge_method: karcher\nmodels: [{model: a}]\nparameters: {" + parameters + "}\n";
  }

  private static String ties(String parameters) {
    return "merge_method: ties\nbase_model: base\nmodels: [{model: a, parameters: {"
        + parameters
        + "}}]\n";
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        arguments("", "r.yml: is empty"),
        arguments("- a", "r.yml:1: the recipe is a list"),
        arguments("a: [1", "r.yml:1: is not YAML"),
        arguments("a: 1\n b: 2", "r.yml:2: is not YAML"),
        arguments("merge_method: linear\n---\nmodels: 1", "r.yml:2: is not YAML"),
        arguments(
            LINEAR + "mergemethod: x",
            "r.yml:5: unknown key 'mergemethod' in the recipe. Did you mean 'merge_method'?"),
        arguments(LINEAR + "dtype: float32\ndtype: float16", "r.yml:6: 'dtype' appears twice"),
        arguments(LINEAR + "dtype:", "r.yml:5: 'dtype' has no value"),
        arguments(
            LINEAR + "dtype: flaot32", "r.yml:5: unknown dtype 'flaot32'. Did you mean 'float32'?"),
        arguments(LINEAR + "mode: fast", "r.yml:5: mode 'fast' is neither"),
        arguments("models: []", "r.yml:1: merge_method is missing. Add one of linear, slerp"),
        arguments(
            "merge_method: liner", "r.yml:1: unknown merge_method 'liner'. Did you mean 'linear'?"),
        arguments(
            "merge_method: qqqqqqqqqqqq",
            "r.yml:1: unknown merge_method 'qqqqqqqqqqqq'. Known are arcee_fusion, bcwi,"
                + " breadcrumbs"),
        arguments(
            "merge_method: dare_ties", "r.yml:1: dare_ties needs a base model. Add 'base_model"),
        arguments("merge_method: [linear]", "r.yml:1: merge_method is a list"),
        arguments(
            "merge_method: linear",
            "exactly one of models, slices, modules is needed, and there is none"),
        arguments(LINEAR + "slices: []", "r.yml:5: exactly one of models, slices, modules"),
        arguments("merge_method: linear\nmodels: 3", "r.yml:2: models is '3'. Write a list"),
        arguments("merge_method: linear\nmodels: []", "r.yml:2: models is an empty list"),
        arguments("merge_method: linear\nmodels:\n- a", "r.yml:3: an entry of models is 'a'"),
        arguments(
            "merge_method: linear\nmodels:\n- parameters: {weight: 1}",
            "r.yml:3: the model is missing"),
        arguments(
            LINEAR.replace("weight", "wieght"),
            "r.yml:4: linear has no parameter 'wieght'. Did you mean 'weight'?"),
        arguments(LINEAR.replace("1}", "one}"), "r.yml:4: weight is 'one'. Write a number."),
        arguments(LINEAR.replace("1}", "\"1\"}"), "r.yml:4: weight is '1'. Write a number."),
        arguments(LINEAR.replace("1}", "true}"), "r.yml:4: weight is the boolean true"),
        arguments(LINEAR.replace("1}", ".nan}"), "r.yml:4: weight is .nan, and must be finite"),
        arguments(LINEAR.replace("1}", "NaN}"), "r.yml:4: weight is NaN, and must be finite"),
        arguments(
            LINEAR.replace("1}", "[1, -.inf]}"), "r.yml:4: weight is -.inf, and must be finite"),
        arguments(LINEAR.replace("1}", "1e999}"), "r.yml:4: weight is 1e999, and must be finite"),
        arguments(LINEAR.replace("1}", "{a: 1}}"), "r.yml:4: weight is a mapping"),
        arguments(LINEAR.replace("1}", "[{filter: x}]}"), "r.yml:4: a case of weight has no value"),
        arguments(
            LINEAR.replace("1}", "[{filtre: x, value: 1}]}"), "r.yml:4: unknown key 'filtre'"),
        arguments(LINEAR.replace("1}", "[]}"), "r.yml:4: weight is an empty list"),
        arguments(
            LINEAR.replace("{weight: 1}", "{}"), "r.yml:3: linear needs a weight for model 'a'"),
        arguments(
            LINEAR + "parameters: {normalize: 2}",
            "r.yml:5: normalize is '2'. Write true or false"),
        arguments(
            LINEAR + "parameters: {normalize: [true]}", "r.yml:5: normalize is true or false"),
        arguments(
            LINEAR.replace("weight: 1", "weight: 1, normalize: true"),
            "r.yml:4: normalize is a parameter of the whole merge"),
        arguments(
            "merge_method: slerp\nmodels:\n- model: a\n- model: b\nparameters: {t: 1}",
            "r.yml:1: slerp needs a base model"),
        arguments(
            "merge_method: slerp\nbase_model: a\nmodels:\n- model: a\n- model: b",
            "slerp needs the parameter t"),
        arguments(
            "merge_method: slerp\n"
                + "base_model: c\n"
                + "models:\n"
                + "- model: a\n"
                + "- model: b\n"
                + "parameters: {t: 1}",
            "slerp takes exactly 2 models, the base included, and here are 3"),
        arguments(
            "merge_method: passthrough\nmodels:\n- model: a\n- model: b",
            "passthrough takes exactly 1 model, and here are 2"),
        arguments(
            "merge_method: task_arithmetic\nbase_model: a\nmodels:\n- model: a",
            "task_arithmetic takes at least 2 models, the base included, and here is 1"),
        arguments(
            slices("  - model: a\n    layer_range: [2, 1]\n"),
            "r.yml:5: layer_range needs whole numbers"),
        arguments(
            slices("  - model: a\n    layer_range: [0, 1.5]\n"),
            "r.yml:5: layer_range needs whole numbers"),
        arguments(
            slices("  - model: a\n    layer_range: [0]\n"),
            "r.yml:5: layer_range takes two numbers"),
        arguments(slices("  - model: a\n"), "r.yml:4: a source has no layer_range"),
        arguments(
            "merge_method: linear\nslices:\n- parameters: {}\n", "r.yml:3: a slice has no sources"),
        arguments(
            slices("  - {model: a, layer_range: [0, 2]}\n  - {model: b, layer_range: [0, 3]}\n"),
            "r.yml:5: layer_range takes 3 layers, and the slice's first source 2"),
        arguments(
            "merge_method: slerp\nbase_model: c\nparameters: {t: 0}\nslices:\n- sources:\n"
                + "  - {model: a, layer_range: [0, 2]}\n  - {model: b, layer_range: [0, 2]}\n",
            "r.yml:5: the base model 'c' is not among the slice's sources"),
        arguments(
            "merge_method: linear\nmodules:\n  vision:\n    models: []\n",
            "r.yml:4: models is an empty list"),
        arguments("merge_method: linear\nmodules: {}", "r.yml:2: modules is empty"),
        arguments(
            "merge_method: linear\nmodules: {default: {parameters: {}}}",
            "r.yml:2: exactly one of models, slices is needed, and there is none"),
        arguments(
            "merge_method: linear\nmodules: {default: {modules: {}}}",
            "r.yml:2: unknown key 'modules' in modules.default"),
        arguments(LINEAR + "random_seed: 1.5", "r.yml:5: random_seed is '1.5'. Write a whole"),
        arguments(karcher("max_iter: 2.5"), "max_iter is 2.5, and must be a whole number"),
        arguments(karcher("max_iter: 0"), "max_iter is 0, and must be at least 1"),
        arguments(karcher("max_iter: [1, 2]"), "max_iter is one whole number, not a list"),
        arguments(karcher("tol: 0"), "tol is 0, and must be greater than 0"),
        arguments(ties("density: -0.1"), "r.yml:3: density is -0.1, and must be at least 0"),
        arguments(ties("density: [{value: [0, -1]}]"), "density is -1, and must be at least 0"),
        arguments(ties("gamma: 0.1"), "r.yml:3: ties has no parameter 'gamma'. Known are density"),
        arguments(
            ties("weight: 1").replace("ties", "breadcrumbs").replace("weight", "gamma: 2, weight"),
            "gamma is 2, and must be at least 0 and at most 1"),
        arguments(ties("density: 1"), "r.yml:3: ties needs a weight for model 'a'"),
        arguments(
            ties("weight: 1") + "mode: paper",
            "r.yml: weight means nothing to ties in 'mode: paper'. Remove it, or the mode."),
        arguments(
            ties("density: 1") + "mode: paper\nparameters: {normalize: true}",
            "r.yml: normalize means nothing to ties in 'mode: paper'"),
        arguments(
            "merge_method: nuslerp\nmodels: [{model: a}]\nparameters: {weight: 1}",
            "nuslerp takes exactly 2 models, and here is 1"),
        arguments(
            "merge_method: nuslerp\nbase_model: b\nmodels: [{model: a}]\nparameters: {weight: 1}",
            "nuslerp takes exactly 2 models, without the base, and here is 1"),
        arguments(
            "merge_method: model_stock\nbase_model: b\nmodels: [{model: a}]",
            "model_stock takes at least 3 models, the base included, and here are 2"),
        arguments(
            "merge_method: nuslerp\nbase_model: c\nparameters: {weight: 1}\nslices:\n- sources:\n"
                + "  - {model: a, layer_range: [0, 2]}\n  - {model: b, layer_range: [0, 2]}\n",
            "r.yml:5: the base model 'c' is not among the slice's sources"),
        arguments(
            LINEAR + "tokenizer_source: union",
            "r.yml:5: tokenizer source 'union' is not supported"),
        arguments(
            LINEAR + "chat_template: chatml",
            "r.yml:5: chat_template 'chatml' is not supported: mergekit's own templates"),
        arguments(
            LINEAR + "tokenizer: {source: base, tokens: {x: y}}",
            "tokenizer.tokens is not supported"),
        arguments(
            LINEAR + "tokenizer: {source: base}\ntokenizer_source: base", "exclude each other"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void mistakesAreNamed(String yaml, String message) {
    String actual =
        assertThrows(RecipeException.class, () -> Recipe.parse(yaml, "r.yml")).getMessage();
    assertTrue(actual.contains(message), actual);
    assertEquals(1, actual.lines().count(), actual);
  }

  /// A recipe of some kilobytes that stands for more than any memory holds.
  @Test
  void aliasesThatStandForTooMuch() {
    String values = "1,".repeat(9999) + "1";
    String yaml =
        "merge_method: linear\nmodules:\n  a: &m\n    models:\n    - &e {model: a, parameters:"
            + " {weight: [&c {value: ["
            + values
            + "]}"
            + ",*c".repeat(20)
            + "]}}\n"
            + "    - *e\n".repeat(20)
            + "  b: *m\n";
    refused(yaml, "its aliases stand for more than 262144 values, or for themselves");
    refused("merge_method: linear\nmodels: &a\n- *a\n", "or for themselves");
  }

  @Test
  void nestingThatWouldUseUpTheStack() {
    refused(
        "merge_method: linear\nmodels: " + "[".repeat(50_000),
        "r.yml:2: is not YAML (it nests deep");
  }

  @Test
  void textThatIsNoRecipe() {
    refused("merge_method: " + "x".repeat(400_000), "unknown merge_method 'xxx");
    refused("#" + "x".repeat(600_000), "has 600001 characters, more than the 524288");
    refused("merge_method: \"\\e[2J\\n\"", "unknown merge_method '\\u001b[2J\\u000a'");
  }

  private static void refused(String yaml, String message) {
    String actual =
        assertThrows(RecipeException.class, () -> Recipe.parse(yaml, "r.yml")).getMessage();
    assertTrue(actual.contains(message), actual);
    assertEquals(1, actual.lines().count(), actual);
    assertTrue(actual.length() < 4000, () -> actual.length() + " characters");
  }

  @Test
  void filesThatCannotBeRead(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("r.yml");
    String missing = assertThrows(RecipeException.class, () -> Recipe.read(file)).getMessage();
    assertTrue(missing.contains("no such file"), missing);
    Files.write(file, new byte[] {'a', (byte) 0xff});
    String text = assertThrows(RecipeException.class, () -> Recipe.read(file)).getMessage();
    assertTrue(text.contains("is not UTF-8 text"), text);
    Files.write(file, new byte[(1 << 19) + 1]);
    String large = assertThrows(RecipeException.class, () -> Recipe.read(file)).getMessage();
    assertTrue(large.contains("it is larger than the 524288 bytes it may have"), large);
  }
}

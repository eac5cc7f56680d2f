// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.updater.ElementwiseMethod;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Method;
import io.sinter.updater.Method.ParameterSpec;
import io.sinter.updater.Recipe;
import io.sinter.updater.RecipeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Methods that callers bring along.
class OwnMethodTest {
  /// The base plus the largest of the weighted task vectors, no larger than a limit.
  private record Largest() implements ElementwiseMethod {
    @Override
    public Method description() {
      return Method.named("largest")
          .summary("Base plus the largest weighted task vector.")
          .base(Method.Base.REQUIRED)
          .with(
              ParameterSpec.number("weight", "Its weight.").eachModel(),
              ParameterSpec.number("limit", "The most to add.").orElse(1).positive())
          .build();
    }

    @Override
    public void apply(Block block) {
      float limit = (float) block.number("limit");
      for (int i = 0; i < block.count(); i++) {
        float base = Objects.requireNonNull(block.base())[i];
        float largest = 0;
        for (int m = 0; m < block.models(); m++) {
          float delta = (float) block.number("weight", m) * (block.model(m)[i] - base);
          largest = Math.abs(delta) > Math.abs(largest) ? delta : largest;
        }
        block.out()[i] = base + Math.clamp(largest, -limit, limit);
      }
    }
  }

  /// What an element's place is.
  private record Place() implements ElementwiseMethod {
    @Override
    public Method description() {
      return Method.named("place").models(1).build();
    }

    @Override
    public void apply(Block block) {
      assertEquals("x", block.tensor());
      for (int i = 0; i < block.count(); i++) {
        block.out()[i] = block.from() + i;
      }
    }
  }

  private static final String RECIPE =
      """
      merge_method: largest
      base_model: base
      models:
      - {model: a, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: [{filter: y, value: 2}, {value: 1}]}}
      parameters: {limit: 0.75}
      """;

  @TempDir Path folder;

  private static Merge plan(String yaml, MergeOptions options, ElementwiseMethod... own) {
    return Merge.plan(Recipe.parse(yaml, "r.yml", List.of(own)), options);
  }

  private MergeReport run(String yaml, MergeOptions options, ElementwiseMethod own, String output) {
    try (Merge merge = plan(yaml, options.withForce(true), own)) {
      return merge.run(folder.resolve(output), MergeListener.NONE);
    }
  }

  private double[] merged(String output, String tensor) throws IOException {
    return PlainFile.readFolder(folder.resolve(output)).get(tensor).values();
  }

  @Test
  void computesElementByElement() throws IOException {
    for (String name : List.of("base", "a", "b")) {
      PlainFile.model(
          folder.resolve(name),
          Map.of(
              "x", Merging.random(name.hashCode(), 30_001),
              "y", Merging.random(name.hashCode() + 1, 3, 5),
              "s", Merging.random(name.hashCode() + 2)));
    }
    byte[] expected = null;
    for (int threads : new int[] {1, 2, 3}) {
      run(RECIPE, options(folder).withThreads(threads), new Largest(), "out");
      byte[] file = Files.readAllBytes(folder.resolve("out/model.safetensors"));
      expected = expected == null ? file : expected;
      assertArrayEquals(expected, file);
    }
    for (String tensor : List.of("x", "y", "s")) {
      double[] base = merged("base", tensor);
      double[] a = merged("a", tensor);
      double[] b = merged("b", tensor);
      double[] out = merged("out", tensor);
      float weight = tensor.equals("y") ? 2 : 1;
      for (int i = 0; i < out.length; i++) {
        float first = 0.5f * ((float) a[i] - (float) base[i]);
        float second = weight * ((float) b[i] - (float) base[i]);
        float largest = Math.abs(second) > Math.abs(first) ? second : first;
        assertEquals((float) base[i] + Math.clamp(largest, -0.75f, 0.75f), out[i], tensor);
      }
    }
  }

  @Test
  void typesAreTheRecipes() throws IOException {
    long[] shape = {2};
    PlainFile.model(folder.resolve("base"), Map.of("x", PlainFile.bf16(shape, 1, 2)));
    PlainFile.model(folder.resolve("a"), Map.of("x", PlainFile.f32(shape, 1.00390625f, 3)));
    PlainFile.model(folder.resolve("b"), Map.of("x", PlainFile.f16(shape, 1, Float.NaN)));
    MergeReport report =
        run(RECIPE + "out_dtype: float16\n", options(folder), new Largest(), "out");
    PlainFile.Plain out = PlainFile.readFolder(folder.resolve("out")).get("x");
    assertEquals("F16", out.dtype());
    assertEquals(1, out.values()[0]); // a is rounded to the base's bfloat16 first.
    assertEquals(2.5, out.values()[1]); // |NaN| > |largest| is false.
    assertEquals(0, report.nonFinite());
    run(RECIPE + "dtype: float32\n", options(folder), new Largest(), "wide");
    assertEquals(1.001953125, merged("wide", "x")[0]);
  }

  @Test
  void blocksKnowTheirPlace() throws IOException {
    int size = 9_000_001; // Several pieces.
    PlainFile.model(folder.resolve("a"), Map.of("x", Merging.random(1, size)));
    run("merge_method: place\nmodels: [{model: a}]", options(folder), new Place(), "out");
    double[] out = merged("out", "x");
    for (int i = 0; i < size; i++) {
      assertEquals(i, out[i]);
    }
  }

  @Test
  void infinitiesAreCounted() throws IOException {
    for (String name : List.of("base", "a", "b")) {
      PlainFile.model(folder.resolve(name), Map.of("x", PlainFile.f32(new long[] {1}, 1 / 0f)));
    }
    assertEquals(1, run(RECIPE, options(folder), new Largest(), "out").nonFinite());
  }

  @Test
  void mistakesAreNamed() throws IOException {
    assertEquals(
        "there are two merge methods called 'largest'; give yours another name",
        assertThrows(
                IllegalArgumentException.class,
                () -> Recipe.parse(RECIPE, "r.yml", List.of(new Largest(), new Largest())))
            .getMessage());
    String message =
        assertThrows(RecipeException.class, () -> Recipe.parse(RECIPE, "r.yml")).getMessage();
    assertTrue(message.contains("unknown merge_method 'largest'"), message);
    message =
        assertThrows(
                RecipeException.class,
                () ->
                    Recipe.parse(
                        RECIPE.replace("limit: 0.75", "limit: 0"), "r.yml", List.of(new Largest())))
            .getMessage();
    assertEquals("r.yml:6: limit is 0, and must be greater than 0. Correct it.", message);
  }

  @Test
  void runsOnTheCpuOnly() throws IOException {
    PlainFile.model(folder.resolve("a"), Map.of("x", Merging.random(1, 3)));
    String yaml = "merge_method: place\nmodels: [{model: a}]";
    for (Device device : Device.all()) {
      if (device.isCpu()) {
        continue;
      }
      try (Merge merge = plan(yaml, options(folder).withDevice(device), new Place())) {
        String message =
            assertThrows(
                    RecipeException.class,
                    () -> merge.run(folder.resolve("out"), MergeListener.NONE))
                .getMessage();
        assertEquals(
            "r.yml: the method 'place' is written in Java and runs on the CPU device only, not on "
                + device
                + ". Choose the CPU.",
            message);
        assertFalse(Files.exists(folder.resolve("out")));
      }
    }
  }

  /// What a method throws ends the merge, and leaves nothing.
  @Test
  void failuresEndTheMerge() throws IOException {
    record Failing() implements ElementwiseMethod {
      @Override
      public Method description() {
        return Method.named("failing").build();
      }

      @Override
      public void apply(Block block) {
        block.number("nothing");
      }
    }
    PlainFile.model(folder.resolve("a"), Map.of("x", Merging.random(1, 3)));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    run(
                        "merge_method: failing\nmodels: [{model: a}]",
                        options(folder),
                        new Failing(),
                        "out"))
            .getMessage();
    assertTrue(message.contains("has no parameter 'nothing'"), message);
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void recipesInCodeMayNameThem() throws IOException {
    PlainFile.model(folder.resolve("a"), Map.of("x", Merging.random(1, 3)));
    Recipe recipe =
        Recipe.builder("place").model("a").outDtype(DType.BF16).build(List.of(new Place()));
    try (Merge merge = Merge.plan(recipe, options(folder))) {
      merge.run(folder.resolve("out"), MergeListener.NONE);
    }
    assertArrayEquals(new double[] {0, 1, 2}, merged("out", "x"));
  }
}

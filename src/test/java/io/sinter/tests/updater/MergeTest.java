// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.merge;
import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Interpolation;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergePlan;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import io.sinter.updater.RecipeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Merges against plain double loops, and what a merge must not depend on.
class MergeTest {
  private static final String LINEAR =
      """
      merge_method: linear
      models:
      - {model: a, parameters: {weight: 0.3}}
      - {model: b, parameters: {weight: 0.9}}
      """;

  private static final String SLERP =
      """
      merge_method: slerp
      base_model: a
      models: [{model: a}, {model: b}]
      parameters: {t: 0.35}
      """;

  private static final String TASK =
      """
      merge_method: task_arithmetic
      base_model: a
      models:
      - {model: b, parameters: {weight: 0.7}}
      - {model: c, parameters: {weight: 0.5}}
      parameters: {lambda: 0.8, normalize: true}
      """;

  @TempDir Path folder;

  private void model(String name, Map<String, PlainFile.Plain> tensors) throws IOException {
    PlainFile.model(folder.resolve(name), tensors);
  }

  private Map<String, PlainFile.Plain> run(String yaml, String output) throws IOException {
    merge(yaml, options(folder), folder.resolve(output));
    return PlainFile.readFolder(folder.resolve(output));
  }

  // ---- what bytes depend on ---------------------------------------------------------------------

  /// Tensors small and large enough for batches, for several pieces, and for several reduced ones.
  private void bigModels() throws IOException {
    List<Integer> sizes = new ArrayList<>(List.of(1, 5, 4097, 100_003));
    if (Device.all().stream().noneMatch(device -> device.info().emulated())) {
      sizes.addAll(List.of(3_000_001, (1 << 24) + 12_345)); // Minutes in the emulation.
    }
    long seed = 7;
    for (String name : List.of("a", "b", "c")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (int size : sizes) {
        tensors.put("t" + size, Merging.random(seed++, size));
      }
      tensors.put("model.layers.0.steps", PlainFile.i64(3, 1, 4));
      model(name, tensors);
    }
  }

  @Test
  void bytesDependOnNothingButTheRecipe() throws IOException {
    bigModels();
    for (String yaml : List.of(LINEAR, SLERP, TASK, TASK + "out_dtype: bfloat16\n")) {
      Map<String, byte[]> expected = null;
      List<MergeOptions> ways = new ArrayList<>();
      for (Device device : Device.all()) {
        for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
          for (int threads : device.isCpu() ? new int[] {1, 2} : new int[] {1}) {
            ways.add(options(folder).withDevice(device).withIo(io).withThreads(threads));
          }
        }
      }
      for (MergeOptions way : ways) {
        Path output = folder.resolve("out");
        merge(yaml, way.withForce(true), output);
        Map<String, byte[]> actual = Merging.contents(output);
        expected = expected == null ? actual : expected;
        assertEquals(expected.keySet(), actual.keySet());
        for (String file : expected.keySet()) {
          assertArrayEquals(expected.get(file), actual.get(file), file + " by " + way);
        }
      }
      merge(
          yaml, options(folder).withForce(true).withMaxShardBytes(150_000), folder.resolve("out"));
      assertTrue(Files.exists(folder.resolve("out/model.safetensors.index.json")));
      Map<String, PlainFile.Plain> sharded = PlainFile.readFolder(folder.resolve("out"));
      Files.write(folder.resolve("whole"), expected.get("model.safetensors"));
      for (var tensor : PlainFile.read(folder.resolve("whole")).entrySet()) {
        assertArrayEquals(
            tensor.getValue().bytes(), sharded.get(tensor.getKey()).bytes(), tensor.getKey());
      }
    }
  }

  /// A tensor of several reduced pieces, against a plain double loop.
  @Test
  void slerpOfALargeTensor() throws IOException {
    int size = (1 << 24) + 12_345;
    PlainFile.Plain a = Merging.random(1, size);
    PlainFile.Plain b = Merging.random(2, size);
    model("a", Map.of("x", a));
    model("b", Map.of("x", b));
    double[] x = a.values();
    double[] y = b.values();
    double xx = 0;
    double xy = 0;
    double yy = 0;
    for (int i = 0; i < size; i++) {
      xx += x[i] * x[i];
      xy += x[i] * y[i];
      yy += y[i] * y[i];
    }
    double angle = Math.acos(xy / Math.sqrt(xx) / Math.sqrt(yy));
    double wa = Math.sin(0.65 * angle) / Math.sin(angle);
    double wb = Math.sin(0.35 * angle) / Math.sin(angle);
    double[] actual = run(SLERP, "out").get("x").values();
    for (int i = 0; i < size; i++) {
      double expected = wa * x[i] + wb * y[i];
      assertEquals(expected, actual[i], 0x1p-22 * (Math.abs(wa * x[i]) + Math.abs(wb * y[i])));
    }
  }

  /// Pieces of a tensor, reduced and interpolated apart, give the bytes of the whole tensor.
  @Test
  void piecesGiveTheBytesOfTheWhole() throws IOException {
    int size = (1 << 24) + 12_345;
    for (String name : List.of("a", "b")) {
      model(name, Map.of("x", Merging.random(name.charAt(0), size)));
    }
    merge(SLERP, options(folder), folder.resolve("out"));
    try (Checkpoint a = Checkpoint.open(folder.resolve("a"));
        Checkpoint b = Checkpoint.open(folder.resolve("b"));
        Checkpoint out = Checkpoint.open(folder.resolve("out"));
        Stream stream = Device.cpu().stream();
        Tensor whole = stream.allocate(DType.F32, size)) {
      Interpolation.slerp(
          stream,
          Tensor.of(a.map("x"), DType.F32, size),
          Tensor.of(b.map("x"), DType.F32, size),
          0.35,
          whole);
      stream.synchronize();
      assertEquals(-1, out.map("x").mismatch(whole.segment()));
    }
  }

  @Test
  void parallelTensorsAreInterpolatedLinearly() throws IOException {
    PlainFile.Plain a = Merging.random(1, 500);
    float[] twice = new float[500];
    for (int i = 0; i < 500; i++) {
      twice[i] = (float) (2 * a.values()[i]);
    }
    model("a", Map.of("x", a, "y", Merging.random(3, 40)));
    model("b", Map.of("x", PlainFile.f32(new long[] {500}, twice), "y", Merging.random(4, 40)));
    double[] actual = run(SLERP, "out").get("x").values();
    for (int i = 0; i < 500; i++) {
      assertEquals(1.35 * a.values()[i], actual[i], 1e-6 * Math.abs(a.values()[i]));
    }
  }

  // ---- types ------------------------------------------------------------------------------------

  /// `dtype` rounds inputs, differences are rounded to it too unless in paper mode, `out_dtype`
  /// rounds the result.
  @Test
  void typesOfTaskArithmetic() throws IOException {
    model("a", Map.of("x", PlainFile.f32(new long[] {1}, 1.00390625f))); // 1 + 2^-8
    model("b", Map.of("x", PlainFile.f32(new long[] {1}, 3)));
    model("c", Map.of("x", PlainFile.f32(new long[] {1}, 1)));
    String plain =
        """
        merge_method: task_arithmetic
        base_model: a
        models: [{model: b, parameters: {weight: 1}}]
        """;
    assertEquals(3, run(plain, "plain").get("x").values()[0]);
    // The base, half-way between two bfloat16, rounds to even, that is to 1; 3 - 1 = 2.
    PlainFile.Plain rounded = run(plain + "dtype: bfloat16\n", "rounded").get("x");
    assertEquals("BF16", rounded.dtype());
    assertEquals(3, rounded.values()[0]);
    PlainFile.Plain wide =
        run(plain + "dtype: bfloat16\nout_dtype: float64\nparameters: {lambda: 0.5}\n", "wide")
            .get("x");
    assertEquals("F64", wide.dtype());
    assertEquals(2, wide.values()[0]);
    // 257/256 as bfloat16 differences: 256 - 1/256 rounds to 256 in mergekit mode only.
    model("d", Map.of("x", PlainFile.bf16(new long[] {1}, 0.00390625f)));
    model("e", Map.of("x", PlainFile.bf16(new long[] {1}, 256)));
    String deltas =
        """
        merge_method: task_arithmetic
        base_model: d
        models: [{model: e, parameters: {weight: 1}}]
        out_dtype: float32
        """;
    assertEquals(256.00390625, run(deltas, "mergekit").get("x").values()[0]);
    assertEquals(256, run(deltas + "mode: paper\n", "paper").get("x").values()[0]);
  }

  @Test
  void mixedTypesBecomeTheReferences() throws IOException {
    model("a", Map.of("x", PlainFile.bf16(new long[] {1}, 2)));
    model("b", Map.of("x", PlainFile.f32(new long[] {1}, 1.00390625f)));
    PlainFile.Plain merged = run(LINEAR.replace("0.9", "0.3"), "out").get("x");
    assertEquals("BF16", merged.dtype());
    assertEquals(1.5, merged.values()[0]);
  }

  /// Weights 0 and 1, passthrough and t = 0 keep NaN payloads and the sign of zero.
  @Test
  void copiesKeepBytes() throws IOException {
    PlainFile.Plain odd =
        PlainFile.f32(
            new long[] {4}, Float.intBitsToFloat(0x7fc12345), -0f, Float.MIN_VALUE, 1 / 0f);
    model("a", Map.of("x", odd));
    model("b", Map.of("x", Merging.random(1, 4)));
    assertArrayEquals(odd.bytes(), run(LINEAR.replace("0.9", "0"), "weight").get("x").bytes());
    assertArrayEquals(odd.bytes(), run(SLERP.replace("0.35", "0"), "t").get("x").bytes());
    MergeReport report =
        merge(
            "merge_method: passthrough\nmodels: [{model: a}]",
            options(folder),
            folder.resolve("pass"));
    assertArrayEquals(odd.bytes(), PlainFile.readFolder(folder.resolve("pass")).get("x").bytes());
    assertEquals(2, report.nonFinite());
  }

  @Test
  void saturatedValuesAreCounted() throws IOException {
    model("a", Map.of("x", PlainFile.f32(new long[] {3}, 1000, 1, -1 / 0f)));
    MergeReport report =
        merge(
            "merge_method: passthrough\nmodels: [{model: a}]\nout_dtype: float8_e4m3fn",
            options(folder),
            folder.resolve("out"));
    assertEquals(2, report.saturated());
    assertArrayEquals(
        new byte[] {0x7e, 0x38, (byte) 0xfe},
        PlainFile.readFolder(folder.resolve("out")).get("x").bytes());
  }

  @Test
  void integersAreCopiedAndMustBeEqual() throws IOException {
    model("a", Map.of("n", PlainFile.i64(1, 2), "bn.num_batches_tracked", PlainFile.i64(5)));
    model("b", Map.of("n", PlainFile.i64(1, 2), "bn.num_batches_tracked", PlainFile.i64(6)));
    Map<String, PlainFile.Plain> merged = run(LINEAR, "out");
    assertArrayEquals(PlainFile.i64(1, 2).bytes(), merged.get("n").bytes());
    assertArrayEquals(PlainFile.i64(5).bytes(), merged.get("bn.num_batches_tracked").bytes());
    model("b", Map.of("n", PlainFile.i64(1, 3), "bn.num_batches_tracked", PlainFile.i64(6)));
    refused(CheckpointException.class, LINEAR, "tensor 'n': differs from that of");
    model(
        "b",
        Map.of(
            "n", PlainFile.f32(new long[] {2}, 1, 2), "bn.num_batches_tracked", PlainFile.i64(6)));
    refused(CheckpointException.class, LINEAR, "tensor 'n': differs from that of");
  }

  // ---- models that do not fit -------------------------------------------------------------------

  private <E extends Exception> void refused(Class<E> type, String yaml, String message) {
    E e =
        assertThrows(type, () -> Merge.plan(Recipe.parse(yaml, "r.yml"), options(folder)).close());
    assertTrue(e.getMessage().contains(message), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  @Test
  void modelsThatDoNotFit() throws IOException {
    model("a", Map.of("x", Merging.random(1, 2, 3)));
    refused(
        RecipeException.class,
        LINEAR,
        "r.yml:4: model 'b' was not found. Looked at " + folder.resolve("b"));
    refused(
        RecipeException.class,
        LINEAR.replace("model: b", "model: a+lora"),
        "names a LoRA adapter after '+'");
    model("b", Map.of("x", Merging.random(1, 3, 2)));
    refused(CheckpointException.class, LINEAR, "tensor 'x': has shape [3, 2], and in");
    model("b", Map.of("y", Merging.random(1, 2, 3)));
    refused(CheckpointException.class, LINEAR, "tensor 'x': is missing, and model 'a' has it");
    model("b", Map.of("x", PlainFile.i64(1)));
    refused(CheckpointException.class, LINEAR, "tensor 'x': I64 cannot be merged with the F32");
    model("b", Map.of("x", Merging.random(1, 2, 3)));
    refused(
        RecipeException.class,
        LINEAR.replace("0.9", "-0.3"),
        "the weights [0.3, -0.3] of tensor 'x' add up to nothing");
    refused(
        RecipeException.class,
        LINEAR.replace("0.9", "[{filter: y, value: 1}]"),
        "no filter of weight matches tensor 'x'");
    refused(
        RecipeException.class,
        "merge_method: passthrough\nslices:\n- sources:\n  - {model: a, layer_range: [0, 1]}",
        "has no layers, and it is not clear which to slice");
    model("b", Map.of());
    refused(
        CheckpointException.class,
        "merge_method: passthrough\nmodels: [{model: b}]",
        "holds no tensor");
  }

  @Test
  void slerpNeedsFiniteTensors() throws IOException {
    model("a", Map.of("x", Merging.random(1, 3)));
    model("b", Map.of("x", PlainFile.f32(new long[] {3}, 1, Float.NaN, 1)));
    String message =
        assertThrows(
                CheckpointException.class,
                () -> merge(SLERP, options(folder), folder.resolve("out")))
            .getMessage();
    assertTrue(message.contains(folder.resolve("b").toString()), message);
    assertTrue(message.contains("tensor 'x': holds a NaN"), message);
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void hubIdsAreLookedUpInAFolder() throws IOException {
    model("a", Map.of("x", Merging.random(1, 3)));
    model("hub/org/name", Map.of("x", Merging.random(2, 3)));
    MergeOptions options = options(folder).withModelsDirectory(folder.resolve("hub"));
    merge(LINEAR.replace("model: b", "model: org/name@main"), options, folder.resolve("out"));
    assertTrue(Files.exists(folder.resolve("out/model.safetensors")));
  }

  /// In a process of its own, since the cache is named by the environment.
  @Test
  void hubIdsAreLookedUpInTheCache() throws Exception {
    model("cache/models--org--name/snapshots/0a1b", Map.of("x", Merging.random(1, 3)));
    Files.createDirectories(folder.resolve("cache/models--org--name/refs"));
    Files.writeString(folder.resolve("cache/models--org--name/refs/main"), "0a1b\n");
    for (String id : List.of("org/name", "org/name@main", "org/name@0a1b", "org/name@v2")) {
      Path recipe =
          Files.writeString(
              folder.resolve("r.yml"), "merge_method: passthrough\nmodels: [{model: " + id + "}]");
      ProcessBuilder builder = MergeProcess.builder(List.of(), recipe, folder.resolve("out"));
      builder.environment().put("HF_HUB_CACHE", folder.resolve("cache").toString());
      Process process = builder.start();
      String lines = new String(process.getInputStream().readAllBytes());
      boolean found = !id.endsWith("v2");
      assertEquals(found ? 0 : 1, process.waitFor(), id + ": " + lines);
      assertEquals(
          !found,
          lines.contains(folder.resolve("cache/models--org--name/snapshots/v2").toString()),
          lines);
    }
  }

  // ---- architecture -----------------------------------------------------------------------------

  @Test
  void tiedModelsStayTied() throws IOException {
    PlainFile.Plain rows = PlainFile.f32(new long[] {2, 1}, 1, 2);
    PlainFile.Plain head = PlainFile.f32(new long[] {2, 1}, 5, 6);
    model("a", Map.of("model.embed_tokens.weight", rows));
    model("b", Map.of("model.embed_tokens.weight", rows, "lm_head.weight", head));
    try (Merge merge = Merge.plan(Recipe.parse(LINEAR, "r.yml"), options(folder))) {
      assertEquals(1, merge.plan().tensors().size());
      assertTrue(merge.plan().warnings().getFirst().contains("'lm_head.weight'; left out"));
    }
    // The other way round the tied model's embedding stands for its head.
    String reversed =
        LINEAR
            .replace("model: a", "model: x")
            .replace("model: b", "model: a")
            .replace("model: x", "model: b")
            .replace("0.9", "0.3");
    assertArrayEquals(
        new double[] {3, 4}, run(reversed, "out").get("lm_head.weight").values(), 1e-6);
  }

  @Test
  void vocabulariesAreCutToWhatTheyShare() throws IOException {
    model("a", Map.of("embed_tokens.weight", PlainFile.f32(new long[] {3, 2}, 1, 2, 3, 4, 5, 6)));
    model("b", Map.of("embed_tokens.weight", PlainFile.f32(new long[] {2, 2}, 1, 2, 3, 4)));
    Files.writeString(folder.resolve("a/config.json"), "{\"vocab_size\": 3}");
    MergeReport report = merge(LINEAR, options(folder), folder.resolve("out"));
    assertEquals(1, report.warnings().size());
    assertTrue(report.warnings().getFirst().contains("only the first 2"));
    PlainFile.Plain merged = PlainFile.readFolder(folder.resolve("out")).get("embed_tokens.weight");
    assertArrayEquals(new long[] {2, 2}, merged.shape());
    assertArrayEquals(new double[] {1, 2, 3, 4}, merged.values(), 0);
    assertEquals(2, config("out").get("vocab_size").intValue());
  }

  private JsonNode config(String output) throws IOException {
    return new ObjectMapper().readTree(folder.resolve(output).resolve("config.json").toFile());
  }

  @Test
  void configFollowsTheMerge() throws IOException {
    Path goldens = Goldens.root();
    for (String name : List.of("passthrough-stack", "out-dtype-bf16", "linear-two")) {
      try (Merge merge =
          Merge.plan(
              Recipe.read(goldens.resolve("merge/" + name + "/recipe.yml")), options(goldens))) {
        merge.run(folder.resolve(name), MergeListener.NONE);
      }
      assertEquals(
          -1,
          Files.mismatch(
              goldens.resolve("models/a/generation_config.json"),
              folder.resolve(name).resolve("generation_config.json")));
    }
    assertEquals(4, config("passthrough-stack").get("num_hidden_layers").intValue());
    assertEquals("bfloat16", config("out-dtype-bf16").get("dtype").asText());
    assertEquals(
        -1,
        Files.mismatch(
            goldens.resolve("models/a/config.json"), folder.resolve("linear-two/config.json")));
  }

  @Test
  void tokenizersAreCarriedOver() throws IOException {
    for (String name : List.of("a", "b")) {
      model(name, Map.of("x", Merging.random(1, 3)));
      Files.writeString(
          folder.resolve(name).resolve("tokenizer.json"), "{\"of\": \"" + name + "\"}");
      Files.writeString(
          folder.resolve(name).resolve("tokenizer_config.json"),
          "{\"chat_template\": \"" + name + "\", \"rate\": 1e-06}");
    }
    run(LINEAR, "plain");
    assertEquals("{\"of\": \"a\"}", Files.readString(folder.resolve("plain/tokenizer.json")));
    MergeReport report =
        merge(
            LINEAR + "tokenizer_source: b\nchat_template: base\n",
            options(folder),
            folder.resolve("other"));
    assertEquals("{\"of\": \"b\"}", Files.readString(folder.resolve("other/tokenizer.json")));
    assertTrue(report.warnings().getFirst().contains("the tokenizers of the models differ"));
    JsonNode config =
        new ObjectMapper().readTree(folder.resolve("other/tokenizer_config.json").toFile());
    assertEquals("a", config.get("chat_template").asText());
    assertEquals(1e-6, config.get("rate").doubleValue());
    run(LINEAR + "chat_template: \"{% if x %}{{ x }}{% endif %}\"\n", "text");
    assertEquals(
        "{% if x %}{{ x }}{% endif %}",
        Files.readString(folder.resolve("text/chat_template.jinja")));
    config = new ObjectMapper().readTree(folder.resolve("text/tokenizer_config.json").toFile());
    assertFalse(config.has("chat_template"));
  }

  /// Precedence: source, slice, recipe; a filter that does not match falls through; gradients run
  /// over the layers of their slice.
  @Test
  void parametersOfSlices() throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    tensors.put("wte.weight", PlainFile.f32(new long[] {1, 1}, 1));
    for (int layer = 0; layer < 4; layer++) {
      for (String part : List.of("mlp", "attn")) {
        tensors.put("h." + layer + "." + part, PlainFile.f32(new long[] {1}, 1));
      }
    }
    tensors.put("ln_f", PlainFile.f32(new long[] {1}, 1));
    model("a", tensors);
    String yaml =
        """
        merge_method: passthrough
        slices:
        - sources:
          - model: a
            layer_range: [0, 3]
            parameters: {scale: [{filter: mlp, value: [2, 4]}]}
        - sources:
          - {model: a, layer_range: [3, 4]}
          parameters: {scale: 8}
        parameters: {scale: 16}
        """;
    Map<String, Double> values = new LinkedHashMap<>();
    run(yaml, "out").forEach((name, tensor) -> values.put(name, tensor.values()[0]));
    assertEquals(
        Map.of(
            "wte.weight", 16.0,
            "h.0.mlp", 2.0,
            "h.0.attn", 16.0,
            "h.1.mlp", 3.0,
            "h.1.attn", 16.0,
            "h.2.mlp", 4.0,
            "h.2.attn", 16.0,
            "h.3.mlp", 8.0,
            "h.3.attn", 8.0,
            "ln_f", 8.0),
        values);
    refused(
        RecipeException.class,
        yaml.replace("[3, 4]", "[3, 5]"),
        "layer_range [3, 5] goes past the last of the 4 layers of model 'a'");
  }

  /// A slice may have a base of its own, which decides the direction.
  @Test
  void basesOfSlices() throws IOException {
    for (String name : List.of("a", "b")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (int layer = 0; layer < 2; layer++) {
        tensors.put("h." + layer + ".w", PlainFile.f32(new long[] {1}, name.equals("a") ? 1 : 2));
      }
      model(name, tensors);
    }
    String slice =
        """
        - sources:
          - {model: a, layer_range: [%d, %d]}
          - {model: b, layer_range: [%d, %d]}
        """;
    Map<String, PlainFile.Plain> merged =
        run(
            "merge_method: slerp\nbase_model: a\nparameters: {t: 0}\nslices:\n"
                + slice.formatted(0, 1, 0, 1)
                + slice.formatted(1, 2, 1, 2)
                + "  base_model: b\n",
            "out");
    assertEquals(1, merged.get("h.0.w").values()[0]);
    assertEquals(2, merged.get("h.1.w").values()[0]);
  }

  /// Modules are what tensors' names start with; precedence is source, module, recipe.
  @Test
  void modulesAreMergedApart() throws IOException {
    for (String name : List.of("a", "b")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (String part : List.of("text.layers.", "vision.layers.", "vision.post.layers.")) {
        for (int layer = 0; layer < 3; layer++) {
          tensors.put(part + layer + ".w", PlainFile.f32(new long[] {1}, name.equals("a") ? 1 : 2));
        }
      }
      tensors.put("visionary", PlainFile.f32(new long[] {1}, name.equals("a") ? 1 : 2));
      model(name, tensors);
    }
    String yaml =
        """
        merge_method: linear
        modules:
          vision:
            slices:
            - sources:
              - {model: b, layer_range: [2, 3], parameters: {weight: [{filter: layers.9, value: 0}]}}
            - sources:
              - {model: a, layer_range: [0, 2]}
            parameters: {weight: [0, 4]}
          default:
            models:
            - {model: a}
            - {model: b, parameters: {weight: 1}}
            parameters: {weight: [{filter: text, value: 3}]}
        parameters: {weight: 1, normalize: false}
        """;
    // Two stacks of three layers: it is not clear which to slice.
    refused(RecipeException.class, yaml, "has the layers vision.layers, vision.post.layers, and");
    for (String name : List.of("a", "b")) {
      Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(folder.resolve(name));
      tensors.keySet().removeIf(tensor -> tensor.startsWith("vision.post.layers"));
      model(name, tensors);
    }
    Map<String, Double> values = new LinkedHashMap<>();
    run(yaml, "out").forEach((name, tensor) -> values.put(name, tensor.values()[0]));
    assertEquals(
        Map.of(
            "vision.layers.0.w", 0.0, // The gradient over one layer is at its start.
            "vision.layers.1.w", 0.0,
            "vision.layers.2.w", 4.0,
            "text.layers.0.w", 5.0,
            "text.layers.1.w", 5.0,
            "text.layers.2.w", 5.0,
            "visionary", 3.0),
        values);
    refused(
        RecipeException.class,
        yaml.replace("[0, 2]", "[0, 1]"),
        "the slices of module 'vision' have 2 layers in all, and the model has 3");
    refused(
        RecipeException.class,
        yaml.replace("default:", "text:"),
        "tensor 'visionary' of model 'b' belongs to none of the modules");
    refused(
        RecipeException.class,
        yaml.replace("vision:", "audio:"),
        "module 'audio' has no tensors: in model 'b' no name starts with 'audio.'");
  }

  // ---- plan and report --------------------------------------------------------------------------

  @Test
  void reductionsAreCutAtTheirGrain() throws IOException {
    assertEquals(4096L * 4096, MergePlan.REDUCE_ELEMENTS); // Chunks of chunks: see sinter_sum.
    bigModels();
    try (Merge merge = Merge.plan(Recipe.parse(SLERP, "r.yml"), options(folder))) {
      long reduced = 0;
      long applied = 0;
      for (MergePlan.Pass pass : merge.plan().passes()) {
        for (MergePlan.Piece piece : pass.pieces()) {
          if (pass instanceof MergePlan.ReducePass) {
            assertEquals(0, piece.from() % MergePlan.REDUCE_ELEMENTS);
            reduced += piece.elements();
          } else {
            applied += piece.elements();
          }
        }
      }
      long elements = merge.plan().tensors().stream().mapToLong(MergePlan.Output::elements).sum();
      assertEquals(elements, applied);
      assertEquals(elements - 3, reduced); // All but the three integers.
    }
  }

  @Test
  void reportsWhatItDid() throws Exception {
    Merging.model(folder.resolve("a"), 1, 6, 1_000_000);
    Merging.model(folder.resolve("b"), 9, 6, 1_000_000);
    List<Long> progress = new ArrayList<>();
    MergeReport report;
    try (Merge merge =
        Merge.plan(
            Recipe.parse(LINEAR, "r.yml"),
            options(folder).withSha256(true).withMaxShardBytes(9_000_000))) {
      report =
          merge.run(
              folder.resolve("out"),
              new MergeListener() {
                @Override
                public void progress(long bytesDone, long bytesTotal) {
                  assertEquals(merge.plan().bytesRead() + merge.plan().bytesWritten(), bytesTotal);
                  progress.add(bytesDone);
                }
              });
    }
    assertEquals(progress.stream().sorted().toList(), progress);
    assertEquals(report.bytesRead() + report.bytesWritten(), progress.getLast());
    assertEquals(6, report.tensors());
    assertEquals(48_000_000, report.bytesRead());
    assertEquals(3, report.files().size());
    long written = 0;
    for (MergeReport.OutputFile file : report.files()) {
      byte[] content = Files.readAllBytes(file.path());
      written += content.length;
      assertEquals(content.length, file.bytes());
      assertEquals("SHA-256", file.algorithm());
      assertEquals(
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)),
          file.hash());
    }
    assertEquals(report.bytesWritten(), written);
  }

  /// The hash that `xxhsum -H2` prints for this very file.
  @Test
  void fastHashIsXxh3() throws IOException {
    model("a", Map.of("x", PlainFile.f32(new long[] {1}, 1)));
    MergeReport report =
        merge(
            "merge_method: passthrough\nmodels: [{model: a}]",
            options(folder),
            folder.resolve("out"));
    assertEquals("XXH3-128", report.files().getFirst().algorithm());
    assertEquals("6ce24fc2804e3c8250f28b66f3735118", report.files().getFirst().hash());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.merge;
import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.FisherDiagonal;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergePlan;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Method;
import io.sinter.updater.Method.ParameterSpec;
import io.sinter.updater.Recipe;
import io.sinter.updater.RecipeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every method by recipe: the cases at the edge, and what a merge may not depend on. What the
/// kernels compute is tested with the operations.
class MethodsTest {
  /// Methods that compute with elements that are not finite, and count them.
  private static final Set<String> COUNTING =
      Set.of(
          "linear",
          "nearswap",
          "passthrough",
          "ckpt_decay",
          "task_arithmetic",
          "ram",
          "ramplus_tl",
          "consensus_ta",
          "bcwi",
          "fisher_bcwi",
          "fisher");

  /// Methods that draw at random.
  private static final List<String> RANDOM =
      List.of("dare_linear", "dare_ties", "della_linear", "della");

  @TempDir Path folder;

  static Stream<String> methods() {
    return Method.all().stream().map(Method::name);
  }

  private static Method method(String name) {
    return Method.find(name).orElseThrow();
  }

  /// A recipe of the base `base`, where there is one, and models `m0`, `m1`, ...
  private static String recipe(String name, int models, String more) {
    Method method = method(name);
    StringBuilder yaml = new StringBuilder("merge_method: " + name + "\n");
    if (method.needsBase()) {
      yaml.append("base_model: base\n");
    }
    yaml.append("models:\n");
    if (method.fisher() == Method.Fisher.BASE) {
      yaml.append("- {model: base, fisher: base.fisher}\n");
    }
    for (int m = 0; m < models; m++) {
      String fisher = method.fisher() == Method.Fisher.EACH ? ", fisher: m" + m + ".fisher" : "";
      yaml.append("- {model: m" + m + fisher + "}\n");
    }
    List<String> values = new ArrayList<>();
    for (ParameterSpec parameter : method.parameters()) {
      if (parameter.defaultValue() == null && !more.contains(parameter.name() + ":")) {
        values.add(parameter.name() + ": 0.5");
      }
    }
    String given = more.contains("parameters: {") ? more : "parameters: {}\n" + more;
    return yaml
        + given
            .replace(
                "parameters: {",
                "parameters: {" + String.join(", ", values) + (values.isEmpty() ? "" : ", "))
            .replace(", }", "}");
  }

  /// How many models of their own a method can be tried with, given a wish.
  private static int models(String name, int wished) {
    Method method = method(name);
    int base = method.needsBase() ? 1 : 0;
    return Math.max(method.minModels() - base, Math.min(wished, method.maxModels() - base));
  }

  /// A model, and a Fisher diagonal of it that is the same everywhere. What others do is tested
  /// with updates.
  private void model(String name, Map<String, PlainFile.Plain> tensors) throws IOException {
    PlainFile.model(folder.resolve(name), tensors);
    Path fisher = folder.resolve(name + ".fisher");
    Files.deleteIfExists(fisher);
    try (Checkpoint model = Checkpoint.open(folder.resolve(name));
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(fisher, model, FisherDiagonal.Estimator.ARGMAX, 10, DType.F32)) {
      for (String tensor : writer.names()) {
        float[] twos = new float[(int) model.tensor(tensor).elements()];
        Arrays.fill(twos, 2);
        writer.put(tensor, twos);
      }
      writer.finish();
    }
  }

  /// The base and a number of models, of equal names and shapes and random values.
  private void siblings(int count, long[]... shapes) throws IOException {
    for (int m = -1; m < count; m++) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (int i = 0; i < shapes.length; i++) {
        tensors.put("t" + i, Merging.random(100L * m + i, shapes[i]));
      }
      model(m < 0 ? "base" : "m" + m, tensors);
    }
  }

  private MergeReport run(String yaml, String output) {
    return merge(yaml, options(folder).withForce(true), folder.resolve(output));
  }

  private Map<String, PlainFile.Plain> merged(String yaml) throws IOException {
    run(yaml, "out");
    return PlainFile.readFolder(folder.resolve("out"));
  }

  // ---- the edges --------------------------------------------------------------------------------

  /// Nothing to merge: exactly the model where differences are taken from it, else within two units
  /// in the last place of the tensor's scale.
  @ParameterizedTest
  @MethodSource("methods")
  void identicalModels(String name) throws IOException {
    float[] values = new float[600];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(i * 1.7) * (1 + i % 7);
    }
    float[] truncated = values.clone();
    for (int i = 0; i < values.length; i++) {
      truncated[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff0000);
    }
    long[] shape = {20, 30};
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    tensors.put("f32", PlainFile.f32(shape, values));
    tensors.put("f16", PlainFile.f16(shape, values));
    tensors.put("bf16", PlainFile.bf16(shape, truncated));
    tensors.put("zero", PlainFile.f32(new long[] {5}, new float[5]));
    for (String model : List.of("base", "m0", "m1", "m2")) {
      model(model, tensors);
    }
    for (int count : new int[] {models(name, 1), models(name, 2), models(name, 3)}) {
      String more = RANDOM.contains(name) ? "parameters: {density: 0.5}\n" : "";
      MergeReport report = run(recipe(name, count, more), "out");
      assertEquals(0, report.nonFinite());
      Map<String, PlainFile.Plain> out = PlainFile.readFolder(folder.resolve("out"));
      boolean exact =
          method(name).needsBase() || count == 1 && !name.equals("karcher")
              ? !name.equals("multislerp")
              : name.equals("linear") && count == 2;
      for (String tensor : tensors.keySet()) {
        double[] x = tensors.get(tensor).values();
        double[] y = out.get(tensor).values();
        double unit = tensor.equals("f16") ? 0x1p-10 : tensor.equals("bf16") ? 0x1p-7 : 0x1p-23;
        double scale = Arrays.stream(x).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < x.length; i++) {
          assertEquals(x[i], y[i], exact ? 0 : 2 * unit * scale, name + " " + tensor);
        }
      }
    }
  }

  /// Where a statistic is taken: an error that names file, tensor and method; else counted.
  @ParameterizedTest
  @MethodSource("methods")
  void oneModelIsNotFinite(String name) throws IOException {
    int count = models(name, 2);
    for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      siblings(count, new long[] {7}, new long[] {6, 50});
      boolean sparse = method(name).parameter("density").isPresent();
      String yaml = recipe(name, count, sparse ? "parameters: {density: 0.5}\n" : "");
      for (Device device : Device.all()) {
        MergeOptions options = options(folder).withDevice(device).withForce(true);
        assertEquals(0, merge(yaml, options, folder.resolve("whole")).nonFinite());
      }
      Map<String, PlainFile.Plain> last = PlainFile.readFolder(folder.resolve("m" + (count - 1)));
      double[] values = last.get("t1").values();
      float[] poisoned = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        poisoned[i] = i == 123 ? odd : (float) values[i];
      }
      last.put("t1", PlainFile.f32(new long[] {6, 50}, poisoned));
      model("m" + (count - 1), last);
      for (Device device : Device.all()) {
        MergeOptions options = options(folder).withDevice(device).withForce(true);
        if (COUNTING.contains(name)) {
          assertTrue(merge(yaml, options, folder.resolve("counted")).nonFinite() >= 1);
          continue;
        }
        String message =
            assertThrows(
                    CheckpointException.class,
                    () -> merge(yaml, options, folder.resolve("refused")))
                .getMessage();
        assertTrue(message.startsWith(folder.resolve("m" + (count - 1)).toString()), message);
        assertTrue(
            message.contains(
                "tensor 't1': holds a NaN or an infinity, and "
                    + name
                    + " needs a statistic of the whole tensor. Repair the model"),
            message);
        assertFalse(Files.exists(folder.resolve("refused")));
      }
    }
  }

  /// A scalar, one element, a column, a row, nothing, and hundreds of elements.
  @ParameterizedTest
  @MethodSource("methods")
  void oddShapes(String name) throws IOException {
    for (int wished : new int[] {1, 2, 40}) {
      int count = models(name, wished);
      long[][] shapes = {{}, {1}, {9, 1}, {1, 9}, {0}, {0, 4}, {99}, {100}, {2, 3, 5, 7}};
      siblings(count, shapes);
      boolean sparse = method(name).parameter("density").isPresent();
      String more = sparse ? "parameters: {density: 0.5}\n" : "";
      assertEquals(0, run(recipe(name, count, more), "out").nonFinite());
      Map<String, PlainFile.Plain> out = PlainFile.readFolder(folder.resolve("out"));
      for (int i = 0; i < shapes.length; i++) {
        assertArrayEquals(shapes[i], out.get("t" + i).shape());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("methods")
  void vocabulariesOfDifferentSizes(String name) throws IOException {
    int count = models(name, 2);
    for (int m = -1; m < count; m++) {
      long rows = 40 + 3 * (m + 1);
      model(
          m < 0 ? "base" : "m" + m, Map.of("embed_tokens.weight", Merging.random(m + 5, rows, 8)));
    }
    MergeReport report = run(recipe(name, count, ""), "out");
    PlainFile.Plain out = PlainFile.readFolder(folder.resolve("out")).get("embed_tokens.weight");
    long rows = method(name).needsBase() ? 40 : 43;
    assertArrayEquals(new long[] {rows, 8}, out.shape());
    boolean cut = method(name).needsBase() || count > 1;
    assertEquals(cut ? 1 : 0, report.warnings().size());
    // The same as of models that were cut before.
    for (int m = -1; m < count; m++) {
      String model = m < 0 ? "base" : "m" + m;
      PlainFile.Plain whole =
          PlainFile.readFolder(folder.resolve(model)).get("embed_tokens.weight");
      model(
          model,
          Map.of(
              "embed_tokens.weight",
              new PlainFile.Plain(
                  "F32", out.shape(), Arrays.copyOf(whole.bytes(), out.bytes().length))));
    }
    assertArrayEquals(
        out.bytes(), merged(recipe(name, count, "")).get("embed_tokens.weight").bytes());
  }

  /// A density that asks for less than one element keeps the largest, and says so.
  @ParameterizedTest
  @ValueSource(strings = {"ties", "breadcrumbs", "breadcrumbs_ties"})
  void lessThanOneElement(String name) throws IOException {
    siblings(1, new long[] {50}, new long[] {5000});
    MergeReport report = run(recipe(name, 1, "parameters: {weight: 1, density: 0.001}\n"), "out");
    assertEquals(
        List.of(
            "1 tensor: density asks for less than one element, and one is kept, such as of 't0'"),
        report.warnings());
    double[] base = PlainFile.readFolder(folder.resolve("base")).get("t0").values();
    double[] model = PlainFile.readFolder(folder.resolve("m0")).get("t0").values();
    double[] out = PlainFile.readFolder(folder.resolve("out")).get("t0").values();
    int largest =
        IntStream.range(0, 50)
            .reduce(0, (a, b) -> delta(model, base, b) > delta(model, base, a) ? b : a);
    for (int i = 0; i < 50; i++) {
      assertEquals(i == largest ? model[i] : base[i], out[i], i == largest ? 1e-6 : 0);
    }
  }

  private static double delta(double[] model, double[] base, int i) {
    return Math.abs((float) model[i] - (float) base[i]);
  }

  /// Opposite task vectors admit no weight: the base stays, and the report counts it.
  @Test
  void fallbacksAreReported() throws IOException {
    model("base", Map.of("x", PlainFile.f32(new long[] {2, 2}, 1, 2, 3, 4)));
    model("m0", Map.of("x", PlainFile.f32(new long[] {2, 2}, 2, 2, 3, 5)));
    model("m1", Map.of("x", PlainFile.f32(new long[] {2, 2}, 0, 2, 3, 3)));
    MergeReport report = run(recipe("model_stock", 2, ""), "out");
    assertEquals(1, report.fallbacks());
    assertArrayEquals(
        new double[] {1, 2, 3, 4}, PlainFile.readFolder(folder.resolve("out")).get("x").values());
  }

  // ---- what bytes depend on ---------------------------------------------------------------------

  @ParameterizedTest
  @MethodSource("methods")
  void bytesDependOnNothingButTheRecipe(String name) throws IOException {
    int count = models(name, 2);
    siblings(count, new long[] {5}, new long[] {70, 61}, new long[] {130_001}, new long[] {3, 4});
    boolean sparse = method(name).parameter("density").isPresent();
    String more = (sparse ? "parameters: {density: 0.5}\n" : "") + "out_dtype: bfloat16\n";
    byte[] expected = null;
    for (Device device : Device.all()) {
      for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
        for (int threads : device.isCpu() ? new int[] {1, 2, 3} : new int[] {1}) {
          MergeOptions way =
              options(folder).withDevice(device).withIo(io).withThreads(threads).withForce(true);
          merge(recipe(name, count, more), way, folder.resolve("out"));
          byte[] file = Files.readAllBytes(folder.resolve("out/model.safetensors"));
          expected = expected == null ? file : expected;
          assertArrayEquals(expected, file, "by " + way);
        }
      }
    }
  }

  /// Seed, place in the recipe and name decide what is dropped; paths and other tensors do not.
  @ParameterizedTest
  @ValueSource(strings = {"dare_linear", "dare_ties", "della_linear", "della"})
  void randomNumbersDependOnTheRecipeOnly(String name) throws IOException {
    siblings(2, new long[] {3000}, new long[] {40, 50});
    String yaml = recipe(name, 2, "parameters: {density: 0.6}\nrandom_seed: 7\n");
    byte[] first = merged(yaml).get("t1").bytes();
    for (String model : List.of("base", "m0", "m1")) {
      Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(folder.resolve(model));
      model("elsewhere/" + model, Map.of("t1", tensors.get("t1")));
    }
    String moved =
        yaml.replace("model: m", "model: elsewhere/m").replace(": base", ": elsewhere/base");
    assertArrayEquals(first, merged(moved).get("t1").bytes());
    assertFalse(Arrays.equals(first, merged(yaml.replace("7", "8")).get("t1").bytes()));
    assertFalse(Arrays.equals(first, merged(yaml.replace("random_seed: 7", "")).get("t1").bytes()));
    // Another name, other words.
    for (String model : List.of("base", "m0", "m1")) {
      Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(folder.resolve(model));
      model(model, Map.of("other", tensors.get("t1")));
    }
    assertFalse(Arrays.equals(first, merged(yaml).get("other").bytes()));
  }

  /// Two processes of their own and this one drop the same.
  @ParameterizedTest
  @ValueSource(strings = {"dare_linear", "dare_ties", "della_linear", "della"})
  void everyProcessDropsTheSame(String name) throws IOException, InterruptedException {
    siblings(2, new long[] {3000}, new long[] {40, 50}, new long[] {6, 5, 3, 3});
    String yaml = recipe(name, 2, "parameters: {density: 0.6}\nrandom_seed: 7\n");
    Path recipe = Files.writeString(folder.resolve("r.yml"), yaml);
    run(yaml, "here");
    Map<String, byte[]> here = Merging.contents(folder.resolve("here"));
    for (String output : List.of("first", "second")) {
      Process process = MergeProcess.start(List.of(), recipe, folder.resolve(output));
      String lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), lines);
      Map<String, byte[]> there = Merging.contents(folder.resolve(output));
      assertEquals(here.keySet(), there.keySet());
      here.forEach((file, bytes) -> assertArrayEquals(bytes, there.get(file), file));
    }
    run(yaml.replace("random_seed: 7", "random_seed: 8"), "other");
    String file = "model.safetensors";
    byte[] other = Files.readAllBytes(folder.resolve("other").resolve(file));
    assertFalse(Arrays.equals(here.get(file), other), "another seed");
  }

  /// As many differences are kept as density says, and on average they are what they were.
  @ParameterizedTest
  @ValueSource(strings = {"dare_linear", "della_linear"})
  void keepRatesAndExpectations(String name) throws IOException {
    int size = 1_000_000;
    if (Device.all().stream().anyMatch(device -> device.info().emulated())) {
      size = 100_000; // The sanitised library.
    }
    float[] zeros = new float[size];
    float[] ones = new float[size];
    for (int i = 0; i < size; i++) {
      ones[i] = 1 + (i % 64) * 0x1p-10f;
    }
    long[] shape = {size / 100, 100};
    model("base", Map.of("x", PlainFile.f32(shape, zeros)));
    model("m0", Map.of("x", PlainFile.f32(shape, ones)));
    double density = 0.3;
    String yaml =
        recipe(name, 1, "parameters: {weight: 1, density: 0.3}\nmode: paper\nrandom_seed: 3\n");
    double[] out = merged(yaml).get("x").values();
    double kept = Arrays.stream(out).filter(v -> v != 0).count();
    double error = Math.sqrt(size * density * (1 - density));
    assertEquals(size * density, kept, 4 * error);
    double sum = 0;
    double expected = 0;
    for (int i = 0; i < size; i++) {
      sum += out[i];
      expected += ones[i];
    }
    // An element that is kept with probability p and then divided by it has the variance
    // x^2 (1 / p - 1); the smallest p of della is density - epsilon.
    double least = name.startsWith("della") ? density - 0.15 : density;
    assertEquals(expected, sum, 4 * 1.07 * Math.sqrt(size * (1 / least - 1)));
  }

  @Test
  void wholeTensorsAreOnePiece() throws IOException {
    siblings(2, new long[] {5}, new long[] {3_000_000}, new long[] {7}, new long[] {8});
    for (String name : List.of("ties", "linear")) {
      try (Merge merge = Merge.plan(Recipe.parse(recipe(name, 2, ""), "r.yml"), options(folder))) {
        Map<Integer, Integer> pieces = new LinkedHashMap<>();
        for (MergePlan.Pass pass : merge.plan().passes()) {
          pass.pieces().forEach(piece -> pieces.merge(piece.tensor(), 1, Integer::sum));
        }
        boolean one = pieces.values().stream().allMatch(count -> count == 1);
        assertEquals(name.equals("ties"), one);
        if (name.equals("ties")) {
          assertEquals(2, merge.plan().passes().size()); // The small tensors share one.
        }
      }
    }
  }

  // ---- what recipes mean ------------------------------------------------------------------------

  @Test
  void decayCurves() throws IOException {
    siblings(3, new long[] {500});
    String yaml =
        """
        merge_method: ckpt_decay
        models:
        - {model: m0}
        - {model: m1, parameters: {weight: 0.75}}
        - {model: m2, parameters: {weight: 0.25}}
        """;
    double[] out = merged(yaml).get("t0").values();
    double[][] x = new double[3][];
    for (int m = 0; m < 3; m++) {
      x[m] = PlainFile.readFolder(folder.resolve("m" + m)).get("t0").values();
    }
    for (int i = 0; i < 500; i++) {
      assertEquals(0.25 * x[0][i] + 0.5 * x[1][i] + 0.25 * x[2][i], out[i], 2e-7);
    }
    assertArrayEquals(x[2], merged(recipe("ckpt_decay", 3, "")).get("t0").values());
    for (String wrong : List.of("weight: 0.1", "weight: 0.2")) {
      String curve = yaml.replace("weight: 0.75", wrong);
      String message = assertThrows(RecipeException.class, () -> run(curve, "out")).getMessage();
      assertTrue(message.contains("of tensor 't0' are no decay curve"), message);
    }
  }

  /// Weights of nuslerp that cancel mean the middle; those of others are refused.
  @Test
  void weightsThatCancel() throws IOException {
    siblings(2, new long[] {300});
    String cancel = "parameters: {weight: [{filter: t0, value: 1}]}\n";
    String yaml =
        recipe("nuslerp", 2, cancel)
            .replace("{model: m1}", "{model: m1, parameters: {weight: -1}}");
    assertArrayEquals(
        merged(recipe("nuslerp", 2, "")).get("t0").bytes(), merged(yaml).get("t0").bytes());
    String refused =
        recipe("multislerp", 2, cancel)
            .replace("{model: m1}", "{model: m1, parameters: {weight: -1}}");
    String message = assertThrows(RecipeException.class, () -> run(refused, "out")).getMessage();
    assertTrue(
        message.contains("the weights [1.0, -1.0] of tensor 't0' add up to nothing"), message);
  }

  @Test
  void probabilitiesOfDellaAreChecked() throws IOException {
    siblings(1, new long[] {300});
    String yaml = recipe("della", 1, "parameters: {density: 0.9}\n");
    String message = assertThrows(RecipeException.class, () -> run(yaml, "out")).getMessage();
    assertTrue(
        message.contains("density 0.9 and epsilon 0.15 of model 'm0' for tensor 't0' give"),
        message);
    run(yaml.replace("0.9", "1"), "out");
  }

  @Test
  void consensusNeedsAsManyModelsAsItsThreshold() throws IOException {
    siblings(3, new long[] {300});
    String yaml = recipe("consensus_ta", 2, "parameters: {threshold: 3}\n");
    String message = assertThrows(RecipeException.class, () -> run(yaml, "out")).getMessage();
    assertTrue(
        message.contains("threshold of tensor 't0' is 3, and there are 2 models beside the base"),
        message);
    // Of all: where one finds the sum of no use, the base stays.
    double[] all =
        merged(recipe("consensus_ta", 3, "parameters: {threshold: 3}\n")).get("t0").values();
    double[] any =
        merged(recipe("consensus_ta", 3, "parameters: {threshold: 1}\n")).get("t0").values();
    double[] base = PlainFile.readFolder(folder.resolve("base")).get("t0").values();
    long kept = IntStream.range(0, 300).filter(i -> all[i] != base[i]).count();
    assertTrue(kept > 0 && kept < 300, kept + " are kept");
    for (int i = 0; i < 300; i++) {
      double sum = 0;
      for (int m = 0; m < 3; m++) {
        double[] x = PlainFile.readFolder(folder.resolve("m" + m)).get("t0").values();
        sum += x[i] - base[i];
      }
      assertEquals(base[i] + sum, any[i], 2e-6);
      assertTrue(all[i] == base[i] || all[i] == any[i]);
    }
  }

  // ---- the papers' conventions ------------------------------------------------------------------

  /// One threshold for all tensors of a model, election without weights, mean of what is kept.
  @Test
  void tiesOfThePaper() throws IOException {
    long[][] shapes = {{40}, {25, 8}, {}, {3000}};
    siblings(3, shapes);
    for (int m = 0; m < 3; m++) { // Tensors of different scales, so that one threshold matters.
      Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(folder.resolve("m" + m));
      double[] values = tensors.get("t0").values();
      float[] scaled = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        scaled[i] = (float) (5 * values[i]);
      }
      tensors.put("t0", PlainFile.f32(shapes[0], scaled));
      model("m" + m, tensors);
    }
    String yaml =
        """
        merge_method: ties
        mode: paper
        base_model: base
        models:
        - {model: m0, parameters: {density: 0.2}}
        - {model: m1, parameters: {density: 0.5}}
        - {model: m2, parameters: {density: 1}}
        parameters: {lambda: 0.8}
        """;
    Map<String, PlainFile.Plain> out = merged(yaml);
    Map<String, PlainFile.Plain> base = PlainFile.readFolder(folder.resolve("base"));
    List<Map<String, PlainFile.Plain>> models = new ArrayList<>();
    double[] thresholds = new double[3];
    for (int m = 0; m < 3; m++) {
      models.add(PlainFile.readFolder(folder.resolve("m" + m)));
      List<Double> all = new ArrayList<>();
      for (String tensor : base.keySet()) {
        double[] x = models.get(m).get(tensor).values();
        for (int i = 0; i < x.length; i++) {
          all.add(delta(x, base.get(tensor).values(), i));
        }
      }
      all.sort(Comparator.reverseOrder());
      int k = (int) Math.floor(new double[] {0.2, 0.5, 1}[m] * all.size());
      thresholds[m] = all.get(k - 1);
    }
    int dropped = 0;
    for (String tensor : base.keySet()) {
      double[] b = base.get(tensor).values();
      for (int i = 0; i < b.length; i++) {
        double[] d = new double[3];
        for (int m = 0; m < 3; m++) {
          double[] x = models.get(m).get(tensor).values();
          boolean kept = delta(x, b, i) >= thresholds[m];
          d[m] = kept ? (float) x[i] - (float) b[i] : 0;
          dropped += kept ? 0 : 1;
        }
        double sign = d[0] + d[1] + d[2] >= 0 ? 1 : -1;
        double sum = 0;
        int count = 0;
        for (double delta : d) {
          if (delta * sign > 0) {
            sum += delta;
            count++;
          }
        }
        double expected = b[i] + 0.8 * (count == 0 ? 0 : sum / count);
        assertEquals(expected, out.get(tensor).values()[i], 1e-6, tensor + " " + i);
      }
    }
    assertTrue(dropped > 1000);
    String message =
        assertThrows(
                RecipeException.class,
                () ->
                    run(
                        yaml.replace(
                            "density: 1", "density: [{filter: t1, value: 1}, {value: 0.5}]"),
                        "out"))
            .getMessage();
    assertTrue(message.contains("one model has the densities"), message);
  }

  /// The same bytes on every device, though the thresholds are selected on the CPU.
  @Test
  void tiesOfThePaperOnEveryDevice() throws IOException {
    siblings(2, new long[] {5}, new long[] {70, 61}, new long[] {3});
    String yaml =
        recipe("ties", 2, "mode: paper\nparameters: {density: 0.4}\n").replace("weight: 0.5, ", "");
    byte[] expected = null;
    for (Device device : Device.all()) {
      MergeReport report =
          merge(yaml, options(folder).withDevice(device).withForce(true), folder.resolve("out"));
      assertEquals(device.isCpu() ? 0 : 1, report.warnings().size());
      byte[] file = Files.readAllBytes(folder.resolve("out/model.safetensors"));
      expected = expected == null ? file : expected;
      assertArrayEquals(expected, file, device.toString());
    }
  }

  @Test
  void tiesOfThePaperNeedsFiniteModels() throws IOException {
    siblings(1, new long[] {5});
    model("m0", Map.of("t0", PlainFile.f32(new long[] {5}, 1, 2, Float.NaN, 4, 5)));
    String yaml =
        recipe("ties", 1, "mode: paper\nparameters: {density: 0.4}\n").replace("weight: 0.5, ", "");
    String message = assertThrows(CheckpointException.class, () -> run(yaml, "out")).getMessage();
    assertTrue(message.startsWith(folder.resolve("m0").toString()), message);
    assertTrue(message.contains("tensor 't0': holds a NaN"), message);
  }

  /// What is kept is divided by its probability, and not rounded before.
  @Test
  void dareOfThePaper() throws IOException {
    siblings(1, new long[] {400});
    String yaml = recipe("dare_linear", 1, "mode: paper\nparameters: {weight: 1, density: 0.25}\n");
    double[] out = merged(yaml).get("t0").values();
    double[] base = PlainFile.readFolder(folder.resolve("base")).get("t0").values();
    double[] model = PlainFile.readFolder(folder.resolve("m0")).get("t0").values();
    double l1 = 0;
    double kept = 0;
    boolean[] keeps = new boolean[400];
    for (int i = 0; i < 400; i++) {
      keeps[i] = out[i] != base[i];
      l1 += delta(model, base, i);
      kept += keeps[i] ? delta(model, base, i) : 0;
      if (keeps[i]) {
        assertEquals(base[i] + 4 * (model[i] - base[i]), out[i], 2e-6);
      }
    }
    // mergekit's convention keeps the same elements, and the sum of their sizes.
    out = merged(yaml.replace("mode: paper\n", "")).get("t0").values();
    for (int i = 0; i < 400; i++) {
      double expected = keeps[i] ? base[i] + l1 / kept * (model[i] - base[i]) : base[i];
      assertEquals(expected, out[i], 4e-6);
    }
  }

  /// Small differences are weighed by their energies in the paper, and equally by mergekit.
  @Test
  void sceOfThePaper() throws IOException {
    long[] shape = {4};
    model("base", Map.of("x", PlainFile.f32(shape, 0, 0, 0, 0)));
    model("m0", Map.of("x", PlainFile.f32(shape, 2e-4f, 2e-4f, 2e-4f, 2e-4f)));
    model("m1", Map.of("x", PlainFile.f32(shape, 1e-4f, 1e-4f, 1e-4f, 1e-4f)));
    double mergekit = merged(recipe("sce", 2, "")).get("x").values()[0];
    double paper = merged(recipe("sce", 2, "mode: paper\n")).get("x").values()[0];
    assertEquals(1.5e-4, mergekit, 1e-9);
    assertEquals(1.8e-4, paper, 1e-9);
    assertNotEquals(mergekit, paper);
  }
}

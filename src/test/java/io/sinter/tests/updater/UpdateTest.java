// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

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
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.FisherDiagonal;
import io.sinter.updater.FisherDiagonal.Estimator;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import io.sinter.updater.RecipeException;
import io.sinter.updater.Update;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Updates as merges: what is exact by construction, the formulas against plain loops, heads of
/// other classes, and what is refused.
class UpdateTest {
  @TempDir Path folder;

  /// An old model, new ones, and a head of 4 classes in all.
  @BeforeEach
  void models() throws IOException {
    for (String name : List.of("old", "new", "new2", "new3")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      int seed = name.hashCode();
      tensors.put("fc1.weight", Merging.random(seed, 30, 20));
      tensors.put("fc1.bias", Merging.random(seed + 1, 30));
      tensors.put("bn.running_mean", Merging.random(seed + 2, 30));
      tensors.put("fc2.weight", Merging.random(seed + 3, 4, 30));
      tensors.put("fc2.bias", Merging.random(seed + 4, 4));
      tensors.put("steps", PlainFile.i64(5));
      PlainFile.model(folder.resolve(name), tensors);
    }
    Files.writeString(folder.resolve("new/config.json"), "{\"model_type\": \"new\"}");
    Files.writeString(folder.resolve("old/config.json"), "{\"model_type\": \"old\"}");
  }

  private static Update update(double alpha) {
    return Update.of(Path.of("old"), Path.of("new")).withAlpha(alpha);
  }

  private MergeReport run(Update update, MergeOptions options) {
    try (Merge merge = Merge.plan(update.recipe(), options.withForce(true))) {
      return merge.run(folder.resolve("out"), MergeListener.NONE);
    }
  }

  private Map<String, PlainFile.Plain> run(Update update) throws IOException {
    run(update, options(folder));
    return PlainFile.readFolder(folder.resolve("out"));
  }

  private Map<String, PlainFile.Plain> model(String name) throws IOException {
    return PlainFile.readFolder(folder.resolve(name));
  }

  /// Writes a model's Fisher diagonal, whose elements are `value` of a running index.
  private Path fisher(String model, java.util.function.IntToDoubleFunction value)
      throws IOException {
    Path file = folder.resolve(model + "-fisher.safetensors");
    Files.deleteIfExists(file);
    try (Checkpoint checkpoint = Checkpoint.open(folder.resolve(model));
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(file, checkpoint, Estimator.EMPIRICAL, 100, DType.F32)) {
      int index = 0;
      for (String name : writer.names()) {
        float[] values = new float[(int) checkpoint.tensor(name).elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) value.applyAsDouble(index++);
        }
        writer.put(name, values);
      }
      writer.finish();
    }
    return file;
  }

  private static void assertTensors(
      Map<String, PlainFile.Plain> expected, Map<String, PlainFile.Plain> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, tensor) -> {
          assertArrayEquals(tensor.shape(), actual.get(name).shape(), name);
          assertArrayEquals(tensor.bytes(), actual.get(name).bytes(), name);
        });
  }

  // ---- what is exact ----------------------------------------------------------------------------

  @Test
  void theEndsAreTheModels() throws IOException {
    for (Path fisher : new Path[] {null, fisher("old", i -> i % 7)}) {
      assertTensors(model("new"), run(update(0).withFisher(fisher)));
      assertEquals(
          "{\"model_type\": \"new\"}", Files.readString(folder.resolve("out/config.json")));
      assertTensors(model("old"), run(update(1).withFisher(fisher)));
      assertEquals(
          "{\"model_type\": \"new\"}", Files.readString(folder.resolve("out/config.json")));
    }
  }

  /// Where F is the same everywhere, weights by it are BCWI, to the file's last byte.
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1, 0.3, 0.5, 0.77, 1})
  void aConstantDiagonalGivesBcwi(double alpha) throws IOException {
    byte[] plain = file(update(alpha));
    assertArrayEquals(plain, file(update(alpha).withFisher(fisher("old", _ -> 1))));
    assertArrayEquals(plain, file(update(alpha).withFisher(fisher("old", _ -> 0.37))));
    assertArrayEquals(plain, file(update(alpha).withFisher(fisher("old", _ -> 0))), "all zero");
  }

  private byte[] file(Update update) throws IOException {
    run(update, options(folder));
    return Files.readAllBytes(folder.resolve("out/model.safetensors"));
  }

  @Test
  void wholeUpdatesDoNotDependOnTheWay() throws IOException {
    Path fisher = fisher("old", i -> (i * 37 % 101) / 10.0);
    for (Path with : new Path[] {null, fisher}) {
      byte[] expected = null;
      for (Device device : Device.all()) {
        for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
          run(update(0.3).withFisher(with), options(folder).withDevice(device).withIo(io));
          byte[] file = Files.readAllBytes(folder.resolve("out/model.safetensors"));
          expected = expected == null ? file : expected;
          assertArrayEquals(expected, file, device + " " + io);
        }
      }
    }
  }

  // ---- the formulas -----------------------------------------------------------------------------

  @Test
  void interpolation() throws IOException {
    Map<String, PlainFile.Plain> out = run(update(0.3));
    for (String name : List.of("fc1.weight", "fc2.bias", "bn.running_mean")) {
      double[] old = model("old").get(name).values();
      double[] updated = model("new").get(name).values();
      double[] x = out.get(name).values();
      for (int i = 0; i < x.length; i++) {
        assertEquals(0.3 * old[i] + 0.7 * updated[i], x[i], 2 * Math.ulp(1f), name);
      }
    }
    assertArrayEquals(model("new").get("steps").bytes(), out.get("steps").bytes());
  }

  @Test
  void soups() throws IOException {
    Update soup =
        Update.of(Path.of("old"), Path.of("new"), Path.of("new2"), Path.of("new3")).withAlpha(0.4);
    Map<String, PlainFile.Plain> out = run(soup);
    for (String name : List.of("fc1.weight", "fc2.bias")) {
      double[] x = out.get(name).values();
      for (int i = 0; i < x.length; i++) {
        double mean = 0;
        for (String model : List.of("new", "new2", "new3")) {
          mean += model(model).get(name).values()[i] / 3;
        }
        assertEquals(
            0.4 * model("old").get(name).values()[i] + 0.6 * mean, x[i], 4 * Math.ulp(1f), name);
      }
    }
  }

  @Test
  void weightsByFisherInformation() throws IOException {
    SplittableRandom random = new SplittableRandom(4);
    double[] values = random.doubles(2000).map(x -> x < 0.3 ? 0 : Math.exp(12 * x - 8)).toArray();
    Path file = fisher("old", i -> values[i]);
    Map<String, PlainFile.Plain> diagonal = PlainFile.read(file);
    double sum = 0;
    int count = 0;
    for (PlainFile.Plain tensor : diagonal.values()) {
      sum += Arrays.stream(tensor.values()).sum();
      count += tensor.values().length;
    }
    double mean = sum / count;
    double alpha = 0.6;
    Map<String, PlainFile.Plain> out = run(update(alpha).withFisher(file));
    for (String name : List.of("fc1.weight", "fc1.bias", "fc2.weight", "bn.running_mean")) {
      double[] old = model("old").get(name).values();
      double[] updated = model("new").get(name).values();
      double[] x = out.get(name).values();
      for (int i = 0; i < x.length; i++) {
        // Statistics have no gradient, and no diagonal.
        double f = diagonal.containsKey(name) ? diagonal.get(name).values()[i] / mean : 1;
        double expected =
            (alpha * f * old[i] + (1 - alpha) * updated[i]) / (alpha * f + (1 - alpha));
        assertEquals(expected, x[i], 4 * Math.ulp(1f), name);
      }
    }
  }

  @Test
  void meansByFisherInformation() throws IOException {
    Path first = fisher("new", i -> i % 5);
    Path second = fisher("new2", i -> 300.0 * (i % 3));
    Recipe recipe =
        Recipe.builder("fisher")
            .model("new", first.toString(), Map.of("weight", 0.2))
            .model("new2", second.toString(), Map.of("weight", 0.8))
            .build();
    try (Merge merge = Merge.plan(recipe, options(folder))) {
      merge.run(folder.resolve("out"), MergeListener.NONE);
    }
    Map<String, PlainFile.Plain> out = model("out");
    double[] rms = new double[2];
    for (int m = 0; m < 2; m++) {
      double squares = 0;
      int count = 0;
      for (PlainFile.Plain tensor : PlainFile.read(m == 0 ? first : second).values()) {
        squares += Arrays.stream(tensor.values()).map(v -> v * v).sum();
        count += tensor.values().length;
      }
      rms[m] = Math.sqrt(squares / count);
    }
    for (String name : List.of("fc1.weight", "fc2.bias", "bn.running_mean")) {
      double[] a = model("new").get(name).values();
      double[] b = model("new2").get(name).values();
      double[] x = out.get(name).values();
      for (int i = 0; i < x.length; i++) {
        boolean parameter = !name.startsWith("bn");
        double f =
            parameter ? Math.max(PlainFile.read(first).get(name).values()[i] / rms[0], 1e-6) : 1;
        double g =
            parameter ? Math.max(PlainFile.read(second).get(name).values()[i] / rms[1], 1e-6) : 1;
        double expected = (0.2 * f * a[i] + 0.8 * g * b[i]) / (0.2 * f + 0.8 * g);
        assertEquals(expected, x[i], 4 * Math.ulp(1f), name);
      }
    }
    // Nothing known of any: the mean by the weights, and no NaN.
    fisher("new", _ -> 0);
    fisher("new2", _ -> 0);
    for (boolean normalize : new boolean[] {true, false}) {
      Recipe zero =
          Recipe.builder("fisher")
              .model("new", first.toString(), Map.of())
              .model("new2", second.toString(), Map.of())
              .parameter("normalize", normalize)
              .build();
      try (Merge merge = Merge.plan(zero, options(folder).withForce(true))) {
        assertEquals(0, merge.run(folder.resolve("out"), MergeListener.NONE).nonFinite());
      }
      double[] a = model("new").get("fc1.weight").values();
      double[] b = model("new2").get("fc1.weight").values();
      double[] x = model("out").get("fc1.weight").values();
      for (int i = 0; i < x.length; i++) {
        assertEquals((a[i] + b[i]) / 2, x[i], Math.ulp(1f));
      }
    }
  }

  @Test
  void extrapolation() throws IOException {
    for (double alpha : new double[] {-0.25, 1.5}) {
      String message = assertThrows(RecipeException.class, () -> run(update(alpha))).getMessage();
      assertTrue(
          message.contains("is " + alpha + ", and goes from 0, the new model, to 1"), message);
      double[] x = run(update(alpha).withExtrapolate(true)).get("fc1.bias").values();
      double[] old = model("old").get("fc1.bias").values();
      double[] updated = model("new").get("fc1.bias").values();
      for (int i = 0; i < x.length; i++) {
        assertEquals(alpha * old[i] + (1 - alpha) * updated[i], x[i], 4 * Math.ulp(1f));
      }
      Path fisher = fisher("old", i -> i);
      message =
          assertThrows(RecipeException.class, () -> run(update(alpha).withFisher(fisher)))
              .getMessage();
      assertTrue(message.contains("must be at least 0 and at most 1"), message);
      assertThrows(
          IllegalArgumentException.class,
          () -> update(alpha).withFisher(fisher).withExtrapolate(true));
    }
  }

  // ---- provenance -------------------------------------------------------------------------------

  @Test
  void provenanceTellsOfTheDiagonal() throws IOException {
    Path file = fisher("old", i -> i % 4);
    run(update(0.3).withFisher(file));
    JsonNode json = new ObjectMapper().readTree(folder.resolve("out/sinter.json").toFile());
    assertEquals("fisher_bcwi", json.get("recipe").get("method").asText());
    assertTrue(json.get("recipe").get("text").asText().contains("\"alpha\" : 0.3"));
    assertEquals(1, json.get("fishers").size());
    JsonNode fisher = json.get("fishers").get(0);
    try (Checkpoint model = Checkpoint.open(folder.resolve("old"));
        Checkpoint diagonal = Checkpoint.open(file)) {
      assertEquals(model.contentHash(0), fisher.get("modelHash").asText());
      assertEquals(diagonal.contentHash(0), fisher.get("contentHash").asText());
    }
    assertEquals("empirical", fisher.get("estimator").asText());
    assertEquals(100, fisher.get("examples").asInt());
    assertFalse(fisher.get("forced").asBoolean());
    assertEquals("old", fisher.get("model").asText());
  }

  // ---- heads of other classes -------------------------------------------------------------------

  /// A new model whose head has these classes beside the other's.
  private void grown(String name, int classes) throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>(model(name));
    tensors.put("fc2.weight", Merging.random(name.hashCode() + 31, classes, 30));
    tensors.put("fc2.bias", Merging.random(name.hashCode() + 32, classes));
    PlainFile.model(folder.resolve(name), tensors);
  }

  private Update.Labels labels(String old, String updated) throws IOException {
    return new Update.Labels(
        Files.writeString(folder.resolve("old.labels"), old),
        Files.writeString(folder.resolve("new.labels"), updated),
        null);
  }

  private static final String OLD = "cat\ndog\neel\nfox\n";
  private static final String CONFIG =
      """
      {"id2label": {"0": "bee", "1": "fox", "2": "dog", "3": "cat", "4": "eel", "5": "gnu"}}
      """;

  /// Which row of the old head is which of the new one's, by the labels above.
  private static final int[] ROWS = {-1, 3, 1, 0, 2, -1};

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3, 1})
  void rowsFollowTheirLabels(double alpha) throws IOException {
    grown("new", 6);
    Update update = update(alpha).withLabels(labels(OLD, CONFIG));
    Path fisher = fisher("old", i -> 1 + i % 9);
    double mean = 0;
    int count = 0;
    for (PlainFile.Plain tensor : PlainFile.read(fisher).values()) {
      mean += Arrays.stream(tensor.values()).sum();
      count += tensor.values().length;
    }
    mean /= count;
    for (boolean weighted : new boolean[] {false, true}) {
      for (Device device : Device.all()) {
        for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
          MergeReport report =
              run(
                  update.withFisher(weighted ? fisher : null),
                  options(folder).withDevice(device).withIo(io));
          assertTrue(
              report
                  .warnings()
                  .getFirst()
                  .startsWith(
                      "rows of fc2.weight, fc2.bias are merged by their labels: of 6, 4 are in the"
                          + " old model"),
              report.warnings().toString());
          Map<String, PlainFile.Plain> out = model("out");
          for (String name : List.of("fc2.weight", "fc2.bias")) {
            int columns = name.equals("fc2.bias") ? 1 : 30;
            double[] x = out.get(name).values();
            double[] old = model("old").get(name).values();
            double[] updated = model("new").get(name).values();
            double[] f = PlainFile.read(fisher).get(name).values();
            assertEquals(6 * columns, x.length);
            for (int i = 0; i < x.length; i++) {
              int row = ROWS[i / columns];
              if (row < 0 || alpha == 0) {
                assertEquals(updated[i], x[i], 0, name + i);
                continue;
              }
              int place = row * columns + i % columns;
              double a = alpha * (weighted ? f[place] / mean : 1);
              double expected =
                  alpha == 1
                      ? old[place]
                      : (a * old[place] + (1 - alpha) * updated[i]) / (a + 1 - alpha);
              assertEquals(expected, x[i], alpha == 1 ? 0 : 4 * Math.ulp(1f), name + i);
            }
          }
          // What is no head is as ever.
          Map<String, PlainFile.Plain> plain = new LinkedHashMap<>();
          plain.put("fc1.bias", out.get("fc1.bias"));
          if (!weighted && alpha == 1) {
            assertArrayEquals(model("old").get("fc1.bias").bytes(), plain.get("fc1.bias").bytes());
          }
        }
      }
    }
  }

  /// NaN payloads of new rows are the new model's too: nothing is computed there.
  @Test
  void newRowsKeepTheirBytes() throws IOException {
    grown("new", 6);
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>(model("new"));
    byte[] odd = tensors.get("fc2.bias").bytes().clone();
    ByteBuffer.wrap(odd)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0, 0x7fa12345)
        .putInt(20, 0x80000000);
    tensors.put("fc2.bias", new PlainFile.Plain("F32", new long[] {6}, odd));
    PlainFile.model(folder.resolve("new"), tensors);
    MergeReport report = run(update(0.5).withLabels(labels(OLD, CONFIG)), options(folder));
    byte[] out = model("out").get("fc2.bias").bytes();
    assertArrayEquals(Arrays.copyOf(odd, 4), Arrays.copyOf(out, 4));
    assertArrayEquals(Arrays.copyOfRange(odd, 20, 24), Arrays.copyOfRange(out, 20, 24));
    assertEquals(1, report.nonFinite(), "each once");
  }

  @Test
  void soupsOfGrownHeads() throws IOException {
    grown("new", 6);
    grown("new2", 6);
    Update soup =
        Update.of(Path.of("old"), Path.of("new"), Path.of("new2"))
            .withAlpha(0.4)
            .withLabels(labels(OLD, "[\"bee\", \"fox\", \"dog\", \"cat\", \"eel\", \"gnu\"]"));
    double[] x = run(soup).get("fc2.bias").values();
    for (int i = 0; i < 6; i++) {
      double mean =
          (model("new").get("fc2.bias").values()[i] + model("new2").get("fc2.bias").values()[i])
              / 2;
      double expected =
          ROWS[i] < 0 ? mean : 0.4 * model("old").get("fc2.bias").values()[ROWS[i]] + 0.6 * mean;
      assertEquals(expected, x[i], 4 * Math.ulp(1f));
    }
  }

  @Test
  void asManyClassesInAnotherOrder() throws IOException {
    Update update = update(1).withLabels(labels(OLD, "fox\ncat\ndog\neel"));
    double[] x = run(update).get("fc2.bias").values();
    double[] old = model("old").get("fc2.bias").values();
    assertArrayEquals(new double[] {old[3], old[0], old[1], old[2]}, x);
    assertTensors(model("old"), run(update.withLabels(labels(OLD, OLD))));
    // Another matrix with as many rows: which is the head?
    for (String name : List.of("old", "new")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>(model(name));
      tensors.put("aux.weight", Merging.random(name.hashCode() + 9, 4, 2));
      PlainFile.model(folder.resolve(name), tensors);
    }
    Update.Labels labels = labels(OLD, "fox\ncat\ndog\neel");
    String message =
        assertThrows(RecipeException.class, () -> run(update.withLabels(labels))).getMessage();
    assertTrue(message.contains("fc2.weight, aux.weight have as many rows"), message);
    assertTrue(message.contains("--head NAME"), message);
    Update named = update.withLabels(new Update.Labels(labels.old(), labels.updated(), "fc2"));
    x = run(named).get("fc2.bias").values();
    assertArrayEquals(new double[] {old[3], old[0], old[1], old[2]}, x);
    assertArrayEquals(
        model("old").get("aux.weight").bytes(), model("out").get("aux.weight").bytes());
  }

  // ---- what is refused --------------------------------------------------------------------------

  private void refused(Update update, String... texts) {
    RuntimeException e =
        assertThrows(
            RuntimeException.class,
            () -> {
              try (Merge merge = Merge.plan(update.recipe(), options(folder))) {
                merge.run(folder.resolve("out"), MergeListener.NONE);
              }
            });
    assertTrue(e instanceof RecipeException || e instanceof CheckpointException, e.toString());
    for (String text : texts) {
      assertTrue(e.getMessage().contains(text), () -> text + " in: " + e.getMessage());
    }
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void modelsOfOtherShapes() throws IOException {
    grown("new", 6);
    refused(update(0.5), "fc2.weight", "[4, 30]", "[6, 30]", "--labels-old and --labels-new");
    refused(
        update(0.5).withLabels(labels(OLD, "cat\ndog\neel\nfox\ngnu\n")),
        "no tensor has as many rows as there are labels, 4 in",
        "5 in",
        "Give the label names of these models");
    refused(
        update(0.5).withLabels(labels("cat\ndog\neel\n", CONFIG)), "no tensor has as many rows");
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>(model("new"));
    tensors.put("fc2.weight", Merging.random(1, 6, 29));
    PlainFile.model(folder.resolve("new"), tensors);
    refused(
        update(0.5).withLabels(labels(OLD, CONFIG)),
        "fc2.weight",
        "[4, 30]",
        "[6, 29]",
        "one length");
  }

  @Test
  void labelsThatMakeNoSense() throws IOException {
    grown("new", 6);
    List<String[]> cases = new ArrayList<>();
    cases.add(
        new String[] {
          "cat\ndog\neel\nfix\n", CONFIG, "has the label 'fix'", "Did you mean 'fox'?"
        });
    cases.add(new String[] {"cat\ndog\ncat\nfox\n", CONFIG, "has the label 'cat' twice"});
    cases.add(new String[] {"cat\n\neel\nfox\n", CONFIG, "its label of row 1 is empty"});
    cases.add(new String[] {"", CONFIG, "holds no label"});
    cases.add(new String[] {OLD, "{\"labels\": []}", "holds no 'id2label'"});
    cases.add(new String[] {OLD, "{\"id2label\": {\"0\": \"a\", \"2\": \"b\"}}", "none for row 1"});
    cases.add(new String[] {OLD, "{\"id2label\": {\"0\": 3}}", "no text for row 0"});
    cases.add(new String[] {OLD, "[\"a\", 7]", "entry 1 is no text"});
    cases.add(new String[] {OLD, "[\"a\", ", "cannot be read as JSON"});
    for (String[] wrong : cases) {
      Update.Labels labels = labels(wrong[0], wrong[1]);
      refused(update(0.5).withLabels(labels), Arrays.copyOfRange(wrong, 2, wrong.length));
    }
    Update.Labels missing =
        new Update.Labels(folder.resolve("nowhere"), folder.resolve("new.labels"), null);
    refused(update(0.5).withLabels(missing), "the file of labels", "nowhere", "was not found");
    refused(
        update(0.5)
            .withLabels(
                new Update.Labels(labels(OLD, CONFIG).old(), folder.resolve("new.labels"), "fc9")),
        "no tensor of 'fc9' has as many rows");
  }

  @Test
  void diagonalsOfOtherModels() throws IOException {
    Path file = fisher("new", i -> i);
    refused(update(0.5).withFisher(file), "belongs to a model of the hash", "--force-fisher");
    run(update(0.5).withFisher(file), options(folder).withForceFisher(true));
    JsonNode json = new ObjectMapper().readTree(folder.resolve("out/sinter.json").toFile());
    assertTrue(json.get("fishers").get(0).get("forced").asBoolean());
  }

  @Test
  void recipesAboutDiagonals() {
    String[][] cases = {
      {
        "merge_method: fisher_bcwi\n"
            + "base_model: old\n"
            + "models: [{model: new}]\n"
            + "parameters: {alpha: 1}",
        "fisher_bcwi needs the Fisher diagonal of the old model 'old'. Add '- {model: old, fisher:"
            + " FILE}' to the models."
      },
      {
        "merge_method: fisher\nmodels: [{model: a, fisher: f}, {model: b}]",
        "fisher needs the Fisher diagonal of model 'b'."
      },
      {
        "merge_method: linear\nmodels: [{model: a, fisher: f, parameters: {weight: 1}}]",
        "linear takes no Fisher diagonal of model 'a'."
      },
      {
        "merge_method: fisher_bcwi\nbase_model: old\nmodels: [{model: old, fisher: f}, {model: n,"
            + " fisher: g}]\nparameters: {alpha: 1}",
        "fisher_bcwi takes no Fisher diagonal of model 'n'."
      },
      {
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\nlabels: {old: a, new:"
            + " b}",
        "linear has no old version. Remove them."
      },
      {
        "merge_method: bcwi\nbase_model: old\nmodels: [{model: n}]\nparameters: {alpha: 1}\nlabels:"
            + " {old: a}",
        "labels lack 'new'."
      },
      {
        "merge_method: bcwi\nbase_model: old\nmodels: [{model: old}]\nparameters: {alpha: 1}",
        "bcwi takes at least 2 models, the base included, and here is 1."
      }
    };
    for (String[] wrong : cases) {
      String message =
          assertThrows(RecipeException.class, () -> Recipe.parse(wrong[0], "r.yml")).getMessage();
      assertTrue(message.contains(wrong[1]), message);
    }
    String missing =
        assertThrows(
                RecipeException.class,
                () -> run(update(0.5).withFisher(Path.of("nowhere.safetensors"))))
            .getMessage();
    assertTrue(
        missing.contains("the Fisher diagonal 'nowhere.safetensors' was not found"), missing);
  }
}

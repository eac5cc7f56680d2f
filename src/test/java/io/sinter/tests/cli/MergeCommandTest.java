// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sinter.tests.updater.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class MergeCommandTest {

  private static final Path GOLDENS = Goldens.root();

  @TempDir private Path folder;
  private Path recipe;
  private Path out;

  @BeforeEach
  void writeRecipe() throws IOException {
    recipe = recipe("recipe.yml", GOLDENS.resolve("models/a"), GOLDENS.resolve("models/b"));
    out = folder.resolve("out");
  }

  static Stream<String> devices() {
    return Run.devices();
  }

  static Stream<String[]> goldenCases() {
    return Run.devices()
        .flatMap(
            device ->
                Stream.of("linear-two", "slerp", "task-arithmetic")
                    .map(name -> new String[] {name, device}));
  }

  @ParameterizedTest
  @MethodSource("goldenCases")
  void reproducesAGoldenFromItsOwnFolder(String name, String device) throws Exception {
    Run run =
        Run.child(
                GOLDENS,
                "merge",
                "merge/" + name + "/recipe.yml",
                out.toString(),
                "--device",
                device)
            .exited(0);
    assertEquals("", run.err());
    assertTrue(run.out().startsWith("Merged "), run.out());
    Map<String, float[]> expected =
        Weights.floats(
            Files.readAllBytes(GOLDENS.resolve("merge/" + name + "/expected.safetensors")));
    Map<String, float[]> merged = merged(out);
    assertEquals(expected.keySet(), merged.keySet());
    expected.forEach((tensor, values) -> assertClose(tensor, values, merged.get(tensor)));
    assertTrue(Files.exists(out.resolve("config.json")));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void summarisesAsJson(String device) throws Exception {
    Run run =
        Run.of("merge", recipe.toString(), out.toString(), "--device", device, "--sha256", "--json")
            .exited(0);
    assertEquals("", run.err());
    JsonNode summary = run.done();
    assertEquals(merged(out).size(), summary.get("tensors").asInt());
    assertEquals(device, summary.get("device").asText());
    assertEquals(0, summary.get("nonFinite").asLong());
    assertEquals(0, summary.get("saturated").asLong());
    assertTrue(summary.get("seconds").asDouble() > 0);
    assertTrue(summary.get("gigabytesPerSecond").asDouble() > 0);
    assertTrue(summary.get("bytesRead").asLong() > 0);
    assertTrue(summary.get("warnings").isArray());
    TreeSet<String> weights = new TreeSet<>();
    for (JsonNode entry : summary.get("files")) {
      Path file = out.resolve(Path.of(entry.get("path").asText()).getFileName());
      assertEquals(Files.size(file), entry.get("bytes").asLong());
      assertEquals("SHA-256", entry.get("algorithm").asText());
      assertEquals(sha256(file), entry.get("hash").asText());
      weights.add(file.getFileName().toString());
    }
    assertTrue(weights.contains("model.safetensors"), weights.toString());
  }

  @Test
  void tellsEventsAsLinesOfJson() throws Exception {
    Files.createDirectory(folder.resolve(".out.sinter-999999999-1.partial"));
    List<JsonNode> lines =
        Run.of("merge", recipe.toString(), out.toString(), "--json").exited(0).lines();
    List<String> events = lines.stream().map(line -> line.get("event").asText()).toList();
    assertEquals("plan", events.getFirst());
    assertEquals("done", events.getLast());
    assertEquals(1, events.stream().filter("warning"::equals).count(), events.toString());
    assertTrue(lines.get(1).get("message").asText().contains("999999999-1.partial"));
    assertEquals(merged(out).size(), lines.getFirst().get("tensors").asInt());
    assertEquals(2, lines.getFirst().get("models").size());
    JsonNode progress = lines.get(lines.size() - 2);
    assertEquals("progress", progress.get("event").asText());
    assertEquals(progress.get("bytesTotal").asLong(), progress.get("bytesDone").asLong());
    assertEquals(
        lines.getLast().get("bytesRead").asLong() + lines.getLast().get("bytesWritten").asLong(),
        progress.get("bytesDone").asLong());

    Run failed = Run.of("merge", recipe.toString(), out.toString(), "--json").exited(1);
    JsonNode error = failed.lines().getLast();
    assertEquals("error", error.get("event").asText());
    assertTrue(error.get("message").asText().contains("exists already"), failed.out());
    assertEquals("sinter: " + error.get("message").asText() + "\n", failed.err());
  }

  /// What would be done, after filters and gradients; nothing is.
  @Test
  void plansWithoutDoing() throws Exception {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    String golden = golden("slerp-filter-gradient").toString();
    Run run = Run.of("merge", golden, empty.resolve("out").toString(), "--plan").exited(0);
    assertEquals("", run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.getFirst().matches("tensor +type +shape +parameters"), run.out());
    assertTrue(
        run.out().contains("model.layers.2.mlp.up_proj.weight               F32   48 x 32  t 0\n"),
        run.out());
    assertTrue(run.out().contains("models/b: 30 tensors in "), run.out());
    assertTrue(run.out().contains(" GB/s of a copy in memory"), run.out());
    try (Stream<Path> left = Files.list(empty)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void plansAsJson() throws Exception {
    JsonNode plan =
        Run.of("merge", golden("linear-filter").toString(), "--plan", "--json").exited(0).json();
    assertEquals("linear", plan.get("method").asText());
    List<String> models =
        List.of(GOLDENS.resolve("models/a").toString(), GOLDENS.resolve("models/b").toString());
    assertEquals(models, texts(plan.get("models")));
    assertEquals(30, plan.get("tensors").size());
    long bytes = 0;
    for (JsonNode tensor : plan.get("tensors")) {
      assertEquals(models, texts(tensor.get("inputs")));
      String name = tensor.get("name").asText();
      double expected = name.contains("mlp") ? 0.8 : name.contains("self_attn") ? 0.1 : 0.5;
      assertEquals(expected, tensor.get("parameters").get("weight").get(0).asDouble(), name);
      assertTrue(tensor.get("parameters").get("normalize").asBoolean(), name);
      long elements = 1;
      for (JsonNode size : tensor.get("shape")) {
        elements *= size.asLong();
      }
      bytes += elements * 4;
    }
    assertEquals(2 * bytes, plan.get("bytesRead").asLong());
    assertTrue(plan.get("bytesWritten").asLong() > bytes);
    assertTrue(plan.get("estimatedSeconds").asDouble() > 0);
  }

  /// A golden's recipe with the whole paths of its models.
  private Path golden(String name) throws IOException {
    return Files.writeString(
        folder.resolve(name + ".yml"),
        Files.readString(GOLDENS.resolve("merge/" + name + "/recipe.yml"))
            .replace("'models/", "'" + GOLDENS + "/models/"));
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asText).toList();
  }

  @Test
  void hashesWithAFast128BitHashByDefault() {
    JsonNode summary =
        Run.of("merge", recipe.toString(), out.toString(), "--json").exited(0).done();
    for (JsonNode entry : summary.get("files")) {
      assertTrue(entry.get("hash").asText().matches("[0-9a-f]{32}"), entry.toString());
      assertFalse(entry.get("algorithm").asText().contains("SHA"), entry.toString());
    }
  }

  @Test
  void summarisesForPeople() {
    Run run = Run.of("merge", recipe.toString(), out.toString(), "--device=cpu").exited(0);
    assertEquals("", run.err());
    for (String text :
        List.of(
            "Merged ",
            " tensors into " + out,
            " GB/s)",
            "cpu (",
            "non-finite values 0",
            "saturated values  0",
            "model.safetensors")) {
      assertTrue(run.out().contains(text), () -> text + " expected in:\n" + run.out());
    }
  }

  @ParameterizedTest
  @CsvSource({"--threads=1", "--threads=2", "--io=pread", "--io=MMAP", "--max-shard-size=1TiB"})
  void writesTheSameBytesWith(String option) throws IOException {
    Run.of("merge", recipe.toString(), out.toString()).exited(0);
    Path other = folder.resolve("other");
    Run.of("merge", recipe.toString(), other.toString(), option).exited(0);
    assertArrayEquals(
        Files.readAllBytes(out.resolve("model.safetensors")),
        Files.readAllBytes(other.resolve("model.safetensors")));
  }

  @ParameterizedTest
  @CsvSource({"50KB, 50000", "40KiB, 40960", "0.05MB, 50000", "30000, 30000", "30kb, 30000"})
  void splitsFilesAtASize(String size, long bytes) throws IOException {
    Run.of("merge", recipe.toString(), out.toString(), "--max-shard-size", size).exited(0);
    assertTrue(Files.exists(out.resolve("model.safetensors.index.json")));
    try (Stream<Path> files = Files.list(out)) {
      List<Path> shards = files.filter(f -> f.toString().endsWith(".safetensors")).toList();
      assertTrue(shards.size() > 1, shards.toString());
      for (Path shard : shards) {
        long tensors =
            Weights.bytes(Files.readAllBytes(shard)).values().stream()
                .mapToLong(data -> data.remaining())
                .sum();
        assertTrue(tensors <= bytes, shard + " holds " + tensors);
      }
    }
  }

  @Test
  void anExistingOutputIsKeptWithoutForce() throws IOException {
    Files.createDirectory(out);
    Path theirs = Files.writeString(out.resolve("notes.txt"), "theirs");
    Run.of("merge", recipe.toString(), out.toString())
        .exited(1)
        .complained(out.toString(), "--force");
    assertEquals("theirs", Files.readString(theirs));
  }

  @Test
  void anExistingOutputIsReplacedWithForce() throws IOException {
    Run.of("merge", recipe.toString(), out.toString(), "--max-shard-size=50KB").exited(0);
    Run.of("merge", recipe.toString(), out.toString(), "--force").exited(0);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
    assertFalse(Files.exists(out.resolve("model.safetensors.index.json")));
  }

  @Test
  void whatFailsIsSaidInOneOrTwoLines() throws IOException {
    Path missing = folder.resolve("missing");
    Run.of("merge", missing.toString(), out.toString()).exited(1).complained(missing.toString());
    Run.of(
            "merge",
            recipe("m.yml", GOLDENS.resolve("models/a"), missing).toString(),
            out.toString())
        .exited(1)
        .complained(missing.toString());
    Path broken = Files.writeString(folder.resolve("broken.yml"), "merge_method: [linear\n");
    Run.of("merge", broken.toString(), out.toString()).exited(1).complained(broken.toString());
    Path unknown =
        Files.writeString(
            folder.resolve("unknown.yml"),
            Files.readString(recipe).replace("merge_method: linear", "merge_method: liner"));
    Run.of("merge", unknown.toString(), out.toString())
        .exited(1)
        .complained("unknown.yml", "liner", "linear");
    Run.of("merge", recipe.toString(), missing.resolve("out").toString())
        .exited(1)
        .complained(missing.toString());
    Run.of("merge", recipe.toString(), out.toString(), "--device=cuda:99")
        .exited(1)
        .complained("cuda:99");
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of("broken.yml", "m.yml", "recipe.yml", "unknown.yml"),
          files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void aStackTraceComesOnlyWithVerbose() {
    String missing = folder.resolve("missing").toString();
    Run quiet = Run.of("merge", missing, out.toString()).exited(1);
    assertFalse(quiet.err().contains("\tat "), quiet.err());
    Run verbose = Run.of("merge", missing, out.toString(), "--verbose").exited(1);
    assertTrue(verbose.err().startsWith(quiet.err()), verbose.err());
    assertTrue(verbose.err().contains("\tat io.sinter"), verbose.err());
  }

  @Test
  void findsModelsByHubIdBelowAFolder() throws IOException {
    Path byId =
        Files.writeString(
            folder.resolve("byid.yml"),
            """
            merge_method: linear
            models:
              - model: siblings/a
                parameters: {weight: 1}
              - model: siblings/b
                parameters: {weight: 1}
            """);
    Path models = Files.createDirectory(folder.resolve("hub"));
    Files.createSymbolicLink(models.resolve("siblings"), GOLDENS.resolve("models"));
    Run.of("merge", byId.toString(), out.toString()).exited(1).complained("siblings/a");
    Run.of("merge", byId.toString(), out.toString(), "--models", models.toString()).exited(0);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
  }

  @Test
  void mergesTheExampleFromTheRootOfTheSources() throws Exception {
    Path root = Path.of("").toAbsolutePath();
    while (root != null && !Files.exists(root.resolve("examples/fashion-mnist/merge.yml"))) {
      root = root.getParent();
    }
    assumeTrue(root != null, "the sources are not here");
    Run.child(root, "merge", "examples/fashion-mnist/merge.yml", out.toString()).exited(0);
    Map<String, float[]> before = merged(root.resolve("examples/fashion-mnist/old"));
    Map<String, float[]> after = merged(root.resolve("examples/fashion-mnist/new"));
    merged(out)
        .forEach(
            (name, values) -> {
              float[] expected = new float[values.length];
              for (int i = 0; i < expected.length; i++) {
                expected[i] = (float) (0.3 * before.get(name)[i] + 0.7 * after.get(name)[i]);
              }
              assertClose(name, expected, values);
            });
  }

  @Test
  void showsProgressOnATerminal() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "script(1) is not here");
    String command =
        String.join(
            " ",
            Run.command("merge", recipe.toString(), out.toString(), "--device=cpu").stream()
                .map(arg -> "'" + arg + "'")
                .toList());
    ProcessBuilder builder =
        new ProcessBuilder("script", "--quiet", "--return", "--command", command, "/dev/null");
    builder.environment().put("TERM", "xterm");
    Process process = builder.start();
    process.outputWriter().close();
    String output = process.inputReader().readAllAsString();
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.matches("(?s)\\r +\\d+ %  .* of .*/s.*\\r *\\rMerged .*"), output);
  }

  @Test
  void endedInTheMiddleItLeavesNothing() throws Exception {
    long elements = 64 << 20;
    Weights.writeZeros(folder.resolve("x"), "x", elements);
    Weights.writeZeros(folder.resolve("y"), "x", elements);
    Path large = recipe("large.yml", folder.resolve("x"), folder.resolve("y"));
    Process process =
        Run.start(
            folder,
            Run.command("merge", large.toString(), out.toString(), "--device=cpu", "--sha256"));
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    while (partial().isEmpty() && process.isAlive() && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    process.toHandle().destroy();
    String errors = process.errorReader().readAllAsString();
    int code = process.waitFor();
    if (code != 0) {
      assertFalse(Files.exists(out), errors);
    }
    assertEquals(List.of(), partial());
    assertTrue(
        errors.isEmpty() || errors.equals("sinter: interrupted\nNothing was left behind.\n"),
        errors);
  }

  /// Hidden files beside the output.
  private List<Path> partial() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().startsWith(".")).toList();
    }
  }

  private Path recipe(String name, Path... models) throws IOException {
    StringBuilder yaml = new StringBuilder("merge_method: linear\nmodels:\n");
    for (Path model : models) {
      yaml.append("  - model: ").append(model).append("\n    parameters: {weight: 0.5}\n");
    }
    return Files.writeString(folder.resolve(name), yaml);
  }

  private static Map<String, float[]> merged(Path model) throws IOException {
    return Weights.floats(Files.readAllBytes(model.resolve("model.safetensors")));
  }

  /// Two units in the last place at the tensor's scale.
  private static void assertClose(String tensor, float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length, tensor);
    double scale = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      scale = Math.max(scale, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs((double) expected[i] - actual[i]));
    }
    assertTrue(difference <= 2e-6 * scale, tensor + " differs by " + difference + " of " + scale);
  }

  private static String sha256(Path file) throws IOException, NoSuchAlgorithmException {
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
    return HexFormat.of().formatHex(digest);
  }
}

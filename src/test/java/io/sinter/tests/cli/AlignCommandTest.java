// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.tests.updater.Goldens;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.StorageType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sinter align`: from the command line to the output's bytes, what it tells, what it refuses.
class AlignCommandTest {
  private final Path reference = Goldens.root().resolve("models/base");
  private final Path golden = Goldens.root().resolve("align/llama");
  @TempDir Path folder;

  private Run align(String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "align",
                "--reference",
                reference.toString(),
                "--model",
                golden.resolve("model").toString()));
    all.addAll(List.of(more));
    return Run.of(all.toArray(String[]::new));
  }

  private static Map<String, float[]> weights(Path model) throws IOException {
    return Weights.floats(Files.readAllBytes(model.resolve("model.safetensors")));
  }

  @Test
  void renamesAndTells() throws IOException {
    Path out = folder.resolve("out");
    Path report = folder.resolve("report.json");
    Run run =
        align("--out", out.toString(), "--report", report.toString(), "--device", "cpu").exited(0);
    assertTrue(run.out().startsWith("Matched 7 groups of llama in "), run.out());
    Map<String, float[]> expected = weights(golden.resolve("expected"));
    Map<String, float[]> actual = weights(out);
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
    assertArrayEquals(
        Files.readAllBytes(golden.resolve("model/config.json")),
        Files.readAllBytes(out.resolve("config.json")));
    Run.of("verify", out.toString()).exited(0);

    JsonNode told = new ObjectMapper().readTree(Files.readString(report));
    assertTrue(told.get("converged").asBoolean());
    assertTrue(told.get("after").asDouble() > told.get("before").asDouble());
    assertEquals(7, told.get("groups").size());
    told.get("groups").forEach(group -> assertTrue(group.get("certified").asBoolean()));
    assertEquals(32, told.get("permutations").get("residual").size());
    assertEquals(
        2, told.get("permutations").get("layers.0.attention").get("queries").get(0).size());

    // What is there is not replaced unasked, and nothing is matched for it.
    align("--out", out.toString()).exited(1).complained("exists already", "--force");
    String table = align("--out", out.toString(), "--force", "--report").exited(0).out();
    assertTrue(table.contains("layers.2.attention"), table);
    assertTrue(table.contains("certified"), table);
    assertTrue(table.matches("(?s).*\\Rlayers.2.attention +alternation .* steps\\R.*"), table);
    assertTrue(table.matches("(?s).*\\Rresidual +row minima .* yes\\R.*"), table);
  }

  @Test
  void mergesOnTheWay() throws IOException {
    Path out = folder.resolve("out");
    Run run =
        align("--out", out.toString(), "--merge-alpha", "0.5", "--json", "--device", "cpu")
            .exited(0);
    assertEquals("alignment", run.lines().getFirst().get("event").asText());
    assertEquals(7, run.lines().getFirst().get("groups").size());
    assertEquals(out.toString(), run.done().get("output").asText());
    Map<String, float[]> a = weights(reference);
    Map<String, float[]> b = weights(golden.resolve("expected"));
    weights(out)
        .forEach(
            (name, values) -> {
              for (int i = 0; i < values.length; i++) {
                float x = a.get(name)[i];
                float y = b.get(name)[i];
                double rounding = Math.ulp(Math.max(Math.abs(x), Math.abs(y)));
                assertEquals(0.5 * x + 0.5 * y, values[i], rounding, name);
              }
            });
  }

  @Test
  void explains() {
    Run run = Run.of("align", "--reference", reference.toString(), "--explain").exited(0);
    assertTrue(run.out().startsWith("llama: 7 groups" + System.lineSeparator()), run.out());
    assertTrue(run.out().contains("residual: 32 units"), run.out());
    assertTrue(run.out().contains("  model.embed_tokens.weight[1]"), run.out());
    assertTrue(
        run.out().contains("layers.0.attention: 2 key/value groups of 2 query heads of 8, rotated"),
        run.out());
    assertTrue(run.out().contains("  model.layers.0.self_attn.o_proj.weight[1] output"), run.out());
    JsonNode json =
        Run.of("align", "--reference", reference.toString(), "--explain", "--json")
            .exited(0)
            .json();
    assertEquals("llama", json.get("architecture").asText());
    assertEquals(7, json.get("groups").size());
  }

  @Test
  void aSpecOfOnesOwn() throws IOException {
    Path rules = folder.resolve("rules.yml");
    Files.writeString(rules, "tensors:\n  '{model.|}embed_tokens.weight': [_, residual]\n");
    Path out = folder.resolve("out");
    align("--out", out.toString(), "--spec", rules.toString())
        .exited(1)
        .complained(rules + ": no rule is for tensor 'lm_head.weight'");
    assertFalse(Files.exists(out));
    align("--out", out.toString(), "--spec", folder.resolve("none.yml").toString())
        .exited(1)
        .complained("none.yml: cannot be read");
  }

  @Test
  void byActivations() throws IOException {
    CheckpointWriter taps = new CheckpointWriter();
    SplittableRandom random = new SplittableRandom(3);
    add(taps, random, "residual", 32);
    for (int layer = 0; layer < 3; layer++) {
      add(taps, random, "layers." + layer + ".mlp", 48);
      add(taps, random, "layers." + layer + ".attention.output", 32);
    }
    String file = folder.resolve("taps").toString();
    taps.write(Path.of(file), 0, false);
    Path out = folder.resolve("out");
    // Units that did the same stay where they are, whatever their weights say.
    Run run = align("--out", out.toString(), "--activations", file, file, "--report").exited(0);
    assertTrue(run.out().contains("layers.2.attention"), run.out());
    Map<String, float[]> actual = weights(out);
    weights(golden.resolve("model"))
        .forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));

    String empty = folder.resolve("empty").toString();
    CheckpointWriter one = new CheckpointWriter();
    add(one, random, "layers.0.mlp", 48);
    one.write(Path.of(empty), 0, false);
    align("--out", folder.resolve("x").toString(), "--activations", empty, empty)
        .exited(1)
        .complained("group 'residual' has no activations");
    align("--out", folder.resolve("x").toString(), "--cross-moment")
        .exited(2)
        .complained("--activations");
  }

  private static void add(CheckpointWriter to, SplittableRandom random, String name, int units) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * 20 * units).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      bytes.putFloat((float) random.nextDouble(-1, 1));
    }
    to.add(name, StorageType.F32, new long[] {20, units}, MemorySegment.ofArray(bytes.array()));
  }

  @Test
  void wrongUsage() {
    Run.of("align").exited(2).complained("--reference");
    Run.of("align", "--reference", reference.toString()).exited(2).complained("--model=DIR");
    align().exited(2).complained("--out=DIR");
    align("--out", folder.resolve("x").toString(), "--merge-alpha", "NaN")
        .exited(2)
        .complained("--merge-alpha");
    align("--out", folder.resolve("x").toString(), "--max-sweeps", "0")
        .exited(2)
        .complained("--max-sweeps");
  }
}

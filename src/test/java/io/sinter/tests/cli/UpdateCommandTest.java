// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.DType;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.FisherDiagonal;
import io.sinter.updater.StorageType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `sinter update`: from the command line to the output's bytes, and what it refuses.
class UpdateCommandTest {
  @TempDir Path folder;
  private Path old;
  private Path updated;
  private Path out;

  @BeforeEach
  void models() throws IOException {
    old = model("old", 4, 1);
    updated = model("new", 4, 2);
    out = folder.resolve("out");
  }

  /// A model whose head has so many rows.
  private Path model(String name, int classes, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    CheckpointWriter writer = new CheckpointWriter();
    add(writer, random, "fc1.weight", 8, 5);
    add(writer, random, "fc2.weight", classes, 8);
    add(writer, random, "fc2.bias", classes);
    writer.write(folder.resolve(name), 0, true);
    return folder.resolve(name);
  }

  private static void add(
      CheckpointWriter to, SplittableRandom random, String name, long... shape) {
    int elements = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    ByteBuffer bytes = ByteBuffer.allocate(4 * elements).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      bytes.putFloat(4 * i, (float) random.nextDouble(-1, 1));
    }
    to.add(name, StorageType.F32, shape, MemorySegment.ofBuffer(bytes));
  }

  private Path fisher(Path model) {
    Path file = folder.resolve("f.safetensors");
    try (Checkpoint checkpoint = Checkpoint.open(model);
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(
                file, checkpoint, FisherDiagonal.Estimator.ARGMAX, 9, DType.F32)) {
      for (String name : writer.names()) {
        float[] ones = new float[(int) checkpoint.tensor(name).elements()];
        Arrays.fill(ones, 1);
        writer.put(name, ones);
      }
      writer.finish();
    }
    return file;
  }

  private Run update(String... more) {
    String[] all = new String[7 + more.length];
    String[] first = {
      "update", "--old", old.toString(), "--new", updated.toString(), "--out", out.toString()
    };
    System.arraycopy(first, 0, all, 0, 7);
    System.arraycopy(more, 0, all, 7, more.length);
    return Run.of(all);
  }

  private static Map<String, float[]> weights(Path model) throws IOException {
    return Weights.floats(Files.readAllBytes(model.resolve("model.safetensors")));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.25, 1})
  void interpolates(double alpha) throws IOException {
    Run run = update("--alpha", Double.toString(alpha), "--device", "cpu").exited(0);
    assertTrue(run.out().startsWith("Merged 3 tensors into " + out), run.out());
    Map<String, float[]> before = weights(old);
    Map<String, float[]> after = weights(updated);
    weights(out)
        .forEach(
            (name, x) -> {
              for (int i = 0; i < x.length; i++) {
                double expected = alpha * before.get(name)[i] + (1 - alpha) * after.get(name)[i];
                double exact = alpha == 0 || alpha == 1 ? 0 : 2 * Math.ulp(1f);
                assertEquals(expected, x[i], exact, name);
              }
            });
    Run.of("verify", out.toString()).exited(0);
  }

  @Test
  void byFisherInformation() throws IOException {
    Path fisher = fisher(old);
    update("--alpha", "0.3").exited(0);
    byte[] plain = Files.readAllBytes(out.resolve("model.safetensors"));
    Run run =
        update("--alpha", "0.3", "--fisher", fisher.toString(), "--force", "--json").exited(0);
    assertEquals("sinter update", run.done().get("recipe").asText());
    assertArrayEquals(plain, Files.readAllBytes(out.resolve("model.safetensors")));
    JsonNode provenance = new ObjectMapper().readTree(out.resolve("sinter.json").toFile());
    assertEquals("fisher_bcwi", provenance.get("recipe").get("method").asText());
    Path other = old;
    old = updated;
    updated = other;
    update("--alpha", "0.3", "--fisher", fisher.toString(), "--force")
        .exited(1)
        .complained("belongs to a model of the hash", "--force-fisher");
    update("--alpha", "0.3", "--fisher", fisher.toString(), "--force", "--force-fisher").exited(0);
  }

  @Test
  void newClasses() throws IOException {
    updated = model("new", 5, 3);
    Path before = Files.writeString(folder.resolve("before.txt"), "a\nb\nc\nd\n");
    Path after =
        Files.writeString(folder.resolve("after.json"), "[\"b\", \"x\", \"a\", \"c\", \"d\"]");
    update("--alpha", "1")
        .exited(1)
        .complained("has shape [4, 8]", "[5, 8]", "--labels-old and --labels-new");
    assertFalse(Files.exists(out));
    Run run =
        update("--alpha", "1", "--labels-old", before.toString(), "--labels-new", after.toString())
            .exited(0);
    assertTrue(run.out().contains("rows of fc2.weight, fc2.bias are merged by their labels"));
    float[] o = weights(old).get("fc2.bias");
    float[] n = weights(updated).get("fc2.bias");
    assertArrayEquals(new float[] {o[1], n[1], o[0], o[2], o[3]}, weights(out).get("fc2.bias"));
  }

  @Test
  void plans() {
    Run run =
        Run.of(
                "update",
                "--old",
                old.toString(),
                "--new",
                updated.toString(),
                "--alpha",
                "0.5",
                "--plan")
            .exited(0);
    assertTrue(run.out().contains("alpha 0.5"), run.out());
    assertFalse(Files.exists(out));
  }

  @Test
  void wrongUsage() throws IOException {
    Path file = Files.writeString(folder.resolve("labels"), "a\n");
    Run.of("update", "--old", old.toString(), "--new", updated.toString(), "--alpha", "0.5")
        .exited(2)
        .complained("--out");
    update().exited(2).complained("--alpha");
    update("--alpha", "NaN").exited(2).complained("--alpha NaN: it must be a finite number");
    update("--alpha", "0.5", "--labels-old", file.toString())
        .exited(2)
        .complained("--labels-old and --labels-new belong together");
    update("--alpha", "0.5", "--head", "fc").exited(2).complained("--head says whose rows");
    update("--alpha", "0.5", "--extrapolate", "--fisher", file.toString())
        .exited(2)
        .complained("--extrapolate is not possible with --fisher");
    assertFalse(Files.exists(out));
  }

  @Test
  void alphaBeyondTheEnds() throws IOException {
    for (String alpha : new String[] {"1.2", "-0.1"}) {
      update("--alpha=" + alpha)
          .exited(1)
          .complained("is " + alpha + ", and goes from 0, the new model, to 1", "--extrapolate");
      update("--alpha=" + alpha, "--extrapolate", "--force").exited(0);
      Files.walk(out)
          .sorted(java.util.Comparator.reverseOrder())
          .forEach(UpdateCommandTest::delete);
    }
  }

  private static void delete(Path path) {
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}

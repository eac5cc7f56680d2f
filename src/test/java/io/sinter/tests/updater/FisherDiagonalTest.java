// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.FisherStatistics;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.FisherDiagonal;
import io.sinter.updater.FisherDiagonal.Estimator;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Fisher diagonals as files: what is written is read, and what is wrong with one is told.
class FisherDiagonalTest {
  @TempDir Path folder;

  private Path model() throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    tensors.put("fc.weight", Merging.random(1, 3, 4));
    tensors.put("fc.bias", Merging.random(2, 3));
    tensors.put("bn.running_mean", Merging.random(3, 3));
    tensors.put("steps", PlainFile.i64(7, 8));
    return PlainFile.model(folder.resolve("model"), tensors);
  }

  private static float[] ramp(int elements, float first) {
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = first + i;
    }
    return values;
  }

  private Path write(Path model, String name) {
    Path file = folder.resolve(name);
    try (Checkpoint checkpoint = Checkpoint.open(model);
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(file, checkpoint, Estimator.ARGMAX, 1500, DType.F32)) {
      writer.put("fc.bias", ramp(3, 100));
      writer.put("fc.weight", ramp(12, 0));
      assertFalse(Files.exists(file), "before it is finished");
      writer.finish();
    }
    return file;
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    Path model = model();
    Path file = write(model, "f.safetensors");
    try (FisherDiagonal fisher = FisherDiagonal.open(file);
        Checkpoint checkpoint = Checkpoint.open(model)) {
      assertEquals(Estimator.ARGMAX, fisher.estimator());
      assertEquals(1500, fisher.examples());
      assertEquals(checkpoint.contentHash(1), fisher.model());
      fisher.requireShapesOf(checkpoint);
      fisher.requireHashOf(checkpoint, 2);
      FisherStatistics totals = fisher.totals(1);
      double sum = 0;
      double squares = 0;
      for (float value : ramp(12, 0)) {
        sum += value;
        squares += value * value;
      }
      for (float value : ramp(3, 100)) {
        sum += value;
        squares += value * value;
      }
      assertEquals(15, totals.elements());
      assertEquals(sum / 15, totals.mean()); // Sums of small integers are exact.
      assertEquals(Math.sqrt(squares / 15), totals.rms());
    }
    Map<String, PlainFile.Plain> plain = PlainFile.read(file);
    assertEquals(2, plain.size(), "buffers and integers have none");
    assertArrayEquals(
        PlainFile.f32(new long[0], ramp(12, 0)).bytes(), plain.get("fc.weight").bytes());
    assertArrayEquals(new long[] {3, 4}, plain.get("fc.weight").shape());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(2, files.count(), "nothing else is left");
    }
  }

  @Test
  void aWriterThatIsGivenUpLeavesNothing() throws IOException {
    Path file = folder.resolve("f.safetensors");
    try (Arena arena = Arena.ofConfined();
        Checkpoint checkpoint = Checkpoint.open(model());
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(file, checkpoint, Estimator.EXACT, 1, DType.F64)) {
      assertEquals(List.of("fc.weight", "fc.bias"), writer.names());
      String message = assertThrows(IllegalStateException.class, writer::finish).getMessage();
      assertEquals("2 tensors are missing, such as 'fc.bias'", message);
      for (String wrong : List.of("bn.running_mean", "steps", "other")) {
        message =
            assertThrows(IllegalArgumentException.class, () -> writer.put(wrong, new float[3]))
                .getMessage();
        assertEquals("the model has no parameter '" + wrong + "'", message);
      }
      message =
          assertThrows(IllegalArgumentException.class, () -> writer.put("fc.bias", new float[3]))
              .getMessage();
      assertTrue(message.endsWith("must be contiguous F64[3]"), message);
      MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 1, -1e-300, 2);
      Tensor negative = Tensor.of(values, DType.F64, 3);
      message =
          assertThrows(CheckpointException.class, () -> writer.put("fc.bias", negative))
              .getMessage();
      assertTrue(message.contains("tensor 'fc.bias': holds a negative value"), message);
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(folder.resolve("model")), files.toList());
    }
  }

  @Test
  void existingFilesStay() throws IOException {
    Path model = model();
    write(model, "f.safetensors");
    byte[] before = Files.readAllBytes(folder.resolve("f.safetensors"));
    String message =
        assertThrows(CheckpointException.class, () -> write(model, "f.safetensors")).getMessage();
    assertTrue(message.contains("exists already"), message);
    assertArrayEquals(before, Files.readAllBytes(folder.resolve("f.safetensors")));
  }

  // ---- the hash of a model ----------------------------------------------------------------------

  @Test
  void theHashIsThatOfTheContent() throws IOException {
    Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(model());
    String hash = hash(folder.resolve("model"));
    assertTrue(hash.matches("XXH3-128:[0-9a-f]{32}"), hash);
    // In another order, and in two files with an index.
    Map<String, PlainFile.Plain> turned = new LinkedHashMap<>();
    for (String name : List.of("steps", "fc.bias", "bn.running_mean", "fc.weight")) {
      turned.put(name, tensors.get(name));
    }
    assertEquals(hash, hash(PlainFile.model(folder.resolve("turned"), turned)));
    Path sharded = Files.createDirectory(folder.resolve("sharded"));
    StringBuilder map = new StringBuilder();
    for (int i = 0; i < 2; i++) {
      String shard = "model-0000" + (i + 1) + "-of-00002.safetensors";
      Map<String, PlainFile.Plain> part = new LinkedHashMap<>(turned);
      if (i == 0) {
        part.keySet().removeAll(List.of("fc.bias", "fc.weight"));
      } else {
        part.keySet().retainAll(List.of("fc.bias", "fc.weight"));
      }
      PlainFile.write(sharded.resolve(shard), part);
      part.keySet().forEach(name -> map.append(",\"" + name + "\":\"" + shard + "\""));
    }
    Files.writeString(
        sharded.resolve("model.safetensors.index.json"),
        "{\"metadata\":{},\"weight_map\":{" + map.substring(1) + "}}");
    assertEquals(hash, hash(sharded));
    // Whatever differs shows: a bit, a name, a shape, a type.
    for (int change = 0; change < 4; change++) {
      Map<String, PlainFile.Plain> other = new LinkedHashMap<>(tensors);
      PlainFile.Plain weight = other.remove("fc.weight");
      byte[] bytes = weight.bytes().clone();
      bytes[47] ^= (byte) (change == 0 ? 1 : 0);
      long[] shape = change == 1 ? new long[] {4, 3} : weight.shape();
      String type = change == 2 ? "I32" : "F32";
      other.put(change == 3 ? "fc.weighs" : "fc.weight", new PlainFile.Plain(type, shape, bytes));
      assertNotEquals(hash, hash(PlainFile.model(folder.resolve("other" + change), other)));
    }
  }

  private static String hash(Path model) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      String hash = checkpoint.contentHash(0);
      assertEquals(hash, checkpoint.contentHash(1));
      return hash;
    }
  }

  // ---- what is refused --------------------------------------------------------------------------

  /// Opens and checks a file as a merge does.
  private String refused(Path file) {
    return assertThrows(
            CheckpointException.class,
            () -> {
              try (FisherDiagonal fisher = FisherDiagonal.open(file);
                  Checkpoint model = Checkpoint.open(folder.resolve("model"))) {
                fisher.requireShapesOf(model);
                fisher.requireHashOf(model, 1);
                fisher.totals(1);
              }
            })
        .getMessage();
  }

  /// A file of these tensors with the metadata of `f.safetensors`.
  private Path variant(Map<String, PlainFile.Plain> tensors) throws IOException {
    PlainFile.write(folder.resolve("v.safetensors"), tensors);
    String good = new String(Files.readAllBytes(folder.resolve("f.safetensors")), "ISO-8859-1");
    String metadata =
        good.substring(good.indexOf("\"__metadata__\""), good.indexOf('}', 9) + 1) + ",";
    String plain = new String(Files.readAllBytes(folder.resolve("v.safetensors")), "ISO-8859-1");
    int header = plain.indexOf("}}") + 2;
    PlainFile.writeRaw(
        folder.resolve("v.safetensors"),
        ("{" + metadata + plain.substring(9, header)).getBytes("ISO-8859-1"),
        plain.substring(header).getBytes("ISO-8859-1"));
    return folder.resolve("v.safetensors");
  }

  @Test
  void badTensors() throws IOException {
    Path good = write(model(), "f.safetensors");
    Map<String, PlainFile.Plain> tensors = PlainFile.read(good);
    Map<String, PlainFile.Plain> other = new LinkedHashMap<>(tensors);
    other.remove("fc.bias");
    String message = refused(variant(other));
    assertTrue(message.contains("tensor 'fc.bias': is missing, and the model"), message);
    other = new LinkedHashMap<>(tensors);
    other.put("more", PlainFile.f32(new long[] {1}, 1));
    message = refused(variant(other));
    assertTrue(message.contains("tensor 'more': is not in the model"), message);
    other = new LinkedHashMap<>(tensors);
    other.put("fc.bias", PlainFile.f32(new long[] {1, 3}, 1, 2, 3));
    message = refused(variant(other));
    assertTrue(message.contains("tensor 'fc.bias': has shape [1, 3], and in"), message);
    assertTrue(message.contains("it has [3]"), message);
    for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1, -0x1p-149f}) {
      float[] values = ramp(12, 1e6f);
      values[5] = odd;
      other = new LinkedHashMap<>(tensors);
      other.put("fc.weight", PlainFile.f32(new long[] {3, 4}, values));
      message = refused(variant(other));
      assertTrue(
          message.contains(
              "tensor 'fc.weight': holds a "
                  + (odd < 0 ? "negative value" : "NaN or an infinity")
                  + ", and a Fisher diagonal is a mean of squares. Compute it again."),
          message);
    }
    // A buffer may have one, and so may -0 be in it.
    other = new LinkedHashMap<>(tensors);
    other.put("bn.running_mean", PlainFile.f32(new long[] {3}, 0, -0f, 2));
    try (FisherDiagonal fisher = FisherDiagonal.open(variant(other));
        Checkpoint model = Checkpoint.open(folder.resolve("model"))) {
      fisher.requireShapesOf(model);
      assertEquals(18, fisher.totals(1).elements());
    }
  }

  @Test
  void otherFilesAndOtherModels() throws IOException {
    Path model = model();
    Path good = write(model, "f.safetensors");
    String message = refused(model);
    assertTrue(
        message.contains("is no Fisher diagonal: its metadata lack 'fisher_version'"), message);
    String text = new String(Files.readAllBytes(good), "ISO-8859-1");
    for (String[] change :
        new String[][] {
          {"\"fisher_version\":\"1\"", "\"fisher_version\":\"2\"", "is of version 2 of the format"},
          {"argmax", "argmin", "names the unknown estimator 'argmin'"},
          {"1500", "-500", "says '-500' for its number of examples"},
          {"1500", "many", "says 'many' for its number of examples"}
        }) {
      assertTrue(text.contains(change[0]), text);
      Files.write(good, text.replace(change[0], change[1]).getBytes("ISO-8859-1"));
      message = refused(good);
      assertTrue(message.contains(change[2]), message);
    }
    Files.write(good, text.getBytes("ISO-8859-1"));
    Map<String, PlainFile.Plain> tensors = PlainFile.readFolder(model);
    tensors.put("fc.bias", Merging.random(77, 3));
    PlainFile.model(model, tensors);
    message = refused(good);
    assertTrue(message.contains("belongs to a model of the hash XXH3-128:"), message);
    assertTrue(message.contains("--force-fisher"), message);
  }
}

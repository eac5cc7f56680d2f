// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.StorageType;
import io.sinter.updater.TensorEntry;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Good files, read and written.
class CheckpointTest {
  @TempDir Path folder;

  @Test
  void readsWhatMergekitWrote() throws IOException {
    Path model = Goldens.root().resolve("models/a");
    Map<String, PlainFile.Plain> expected = PlainFile.readFolder(model);
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertEquals(expected.keySet(), checkpoint.tensors().keySet());
      assertEquals(Map.of("format", "pt"), checkpoint.metadata());
      assertEquals(117632, checkpoint.bytes());
      for (TensorEntry entry : checkpoint.tensors().values()) {
        PlainFile.Plain plain = expected.get(entry.name());
        assertArrayEquals(plain.shape(), entry.shape());
        assertEquals(plain.dtype(), entry.type().code());
        assertArrayEquals(
            plain.bytes(), checkpoint.map(entry.name()).toArray(ValueLayout.JAVA_BYTE));
      }
    }
  }

  @Test
  void readsFilesByName() throws IOException {
    Path file = Goldens.root().resolve("models/a/model.safetensors");
    try (Checkpoint byFile = Checkpoint.open(file)) {
      assertEquals(30, byFile.tensors().size());
      assertEquals(List.of(file), byFile.files());
    }
    Files.copy(file, folder.resolve("other.safetensors"));
    try (Checkpoint only = Checkpoint.open(folder)) {
      assertEquals(30, only.tensors().size());
    }
  }

  /// Scalars, empty tensors, types that are not computed with, odd offsets.
  @Test
  void readsOddTensors() throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    tensors.put("flag", new PlainFile.Plain("BOOL", new long[] {3}, new byte[] {1, 0, 1}));
    tensors.put("scalar", PlainFile.f32(new long[] {}, 2.5f));
    tensors.put("empty", PlainFile.f32(new long[] {0, 7}));
    tensors.put("steps", PlainFile.i64(1, 2));
    Path file = folder.resolve("x.safetensors");
    PlainFile.write(file, tensors);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(1, checkpoint.tensor("scalar").elements());
      assertEquals(0, checkpoint.tensor("empty").elements());
      assertEquals(0, checkpoint.map("empty").byteSize());
      assertEquals(StorageType.BOOL, checkpoint.tensor("flag").type());
      assertEquals(
          2.5f,
          checkpoint
              .map("scalar")
              .get(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0));
      assertThrows(IllegalArgumentException.class, () -> checkpoint.map("none"));
    }
  }

  /// A tensor that starts behind 2 GiB, in a file that takes no room on the disk.
  @Test
  void readsLargeFiles() throws IOException {
    long big = 3L << 30;
    byte[] header =
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}}")
            .formatted(big, big, big, big + 1)
            .getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("big.safetensors");
    PlainFile.writeRaw(file, header, new byte[0]);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {42}), channel.size() + big);
    }
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(big, checkpoint.map("a").byteSize());
      assertEquals(42, checkpoint.map("b").get(ValueLayout.JAVA_BYTE, 0));
    }
  }

  @Test
  void closedCheckpointsSaySo() {
    Checkpoint checkpoint = Checkpoint.open(Goldens.root().resolve("models/a"));
    MemorySegment mapped = checkpoint.map("lm_head.weight");
    checkpoint.close();
    checkpoint.close();
    assertThrows(IllegalStateException.class, () -> checkpoint.map("lm_head.weight"));
    assertThrows(IllegalStateException.class, () -> mapped.get(ValueLayout.JAVA_BYTE, 0));
  }

  /// A Hugging Face cache links its snapshots to blobs beside them, out of the snapshot's folder.
  @Test
  void readsHubSnapshots() throws IOException {
    Path repository = folder.resolve("models--org--name");
    Path blobs = Files.createDirectories(repository.resolve("blobs"));
    Path snapshot = Files.createDirectories(repository.resolve("snapshots/0a1b"));
    PlainFile.write(blobs.resolve("abc"), Map.of("a", PlainFile.f32(new long[] {1}, 1)));
    Files.createSymbolicLink(snapshot.resolve("s.safetensors"), Path.of("../../blobs/abc"));
    Files.writeString(
        snapshot.resolve("model.safetensors.index.json"),
        "{\"weight_map\":{\"a\":\"s.safetensors\"}}");
    try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
      assertEquals(4, checkpoint.bytes());
    }
  }

  @Test
  void writesWhatItReads() throws IOException {
    for (long maxShardBytes : new long[] {0, 20_000}) {
      Path copy = folder.resolve("copy" + maxShardBytes);
      try (Checkpoint checkpoint = Checkpoint.open(Goldens.root().resolve("models/a"))) {
        CheckpointWriter writer = new CheckpointWriter().metadata("made by", "a test \"here\"");
        for (TensorEntry entry : checkpoint.tensors().values()) {
          writer.add(entry.name(), entry.type(), entry.shape(), checkpoint.map(entry.name()));
        }
        writer.write(copy, maxShardBytes, false);
        assertEquals("a test \"here\"", readBack(copy, checkpoint).metadata().get("made by"));
      }
      assertEquals(
          maxShardBytes == 0, Files.exists(copy.resolve("model.safetensors")), copy.toString());
    }
    var index =
        new ObjectMapper()
            .readTree(folder.resolve("copy20000/model.safetensors.index.json").toFile());
    assertEquals(117632, index.get("metadata").get("total_size").longValue());
    assertEquals(
        "model-00001-of-00007.safetensors", index.get("weight_map").get("lm_head.weight").asText());
  }

  private static Checkpoint readBack(Path copy, Checkpoint original) throws IOException {
    try (Checkpoint read = Checkpoint.open(copy)) {
      assertEquals(original.tensors().keySet(), read.tensors().keySet());
      for (String name : original.tensors().keySet()) {
        assertEquals(-1, original.map(name).mismatch(read.map(name)), name);
      }
      for (Path file : read.files()) {
        ByteBuffer start = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(0, (8 + start.getLong()) % 4096, "data of " + file);
      }
      return read;
    }
  }

  /// What fills cache lines comes first in a file, then what has wider types, so that every tensor
  // is
  /// aligned to cache lines if it can be and to its elements in any case.
  @Test
  void alignsTensors() {
    try (Arena arena = Arena.ofConfined()) {
      new CheckpointWriter()
          .add("byte", StorageType.U8, new long[] {3}, arena.allocate(3))
          .add("double", StorageType.F64, new long[] {2}, arena.allocate(16))
          .add("bytes", StorageType.U8, new long[] {2, 64}, arena.allocate(128))
          .add("half", StorageType.F16, new long[] {1}, arena.allocate(2))
          .add("doubles", StorageType.F64, new long[] {8}, arena.allocate(64))
          .write(folder.resolve("m"), 0, false);
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("m"))) {
      assertEquals(
          List.of("bytes", "doubles", "double", "half", "byte"),
          List.copyOf(checkpoint.tensors().keySet()));
    }
  }

  @Test
  void writerRefusesMistakes() {
    CheckpointWriter writer = new CheckpointWriter();
    MemorySegment four = MemorySegment.ofArray(new byte[4]);
    writer.add("x", StorageType.F32, new long[] {1}, four);
    assertThrows(
        IllegalArgumentException.class,
        () -> writer.add("x", StorageType.F32, new long[] {1}, four));
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () -> writer.add("y", StorageType.F32, new long[] {2}, four))
            .getMessage()
            .contains("shape [2] of F32 needs 8 bytes, not 4"));
    writer.write(folder.resolve("m"), 0, false);
    assertTrue(
        assertThrows(CheckpointException.class, () -> writer.write(folder.resolve("m"), 0, false))
            .getMessage()
            .contains("exists already"));
  }
}

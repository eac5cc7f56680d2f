// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Files that must not be believed.
class MalformedCheckpointTest {
  @TempDir Path folder;

  private static String tensor(String name, String dtype, String shape, String offsets) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, dtype, shape, offsets);
  }

  static Stream<Arguments> headers() {
    String x = tensor("x", "F32", "[2]", "[0,8]");
    return Stream.of(
        arguments(
            "overlap",
            "{" + x + "," + tensor("y", "F32", "[2]", "[4,12]") + "}",
            12,
            "tensor 'y': overlaps tensor 'x'"),
        arguments(
            "gap",
            "{" + x + "," + tensor("y", "F32", "[1]", "[12,16]") + "}",
            16,
            "tensor 'y': a gap of 4 bytes"),
        arguments(
            "gap at the start",
            "{" + tensor("x", "F32", "[1]", "[4,8]") + "}",
            8,
            "tensor 'x': a gap of 4 bytes"),
        arguments("rest at the end", "{" + x + "}", 9, "1 bytes follow the last tensor"),
        arguments("out of range", "{" + x + "}", 7, "tensor 'x': ends at byte 8"),
        arguments(
            "reversed",
            "{" + tensor("x", "F32", "[0]", "[8,0]") + "}",
            8,
            "tensor 'x': data_offsets [8, 0] are not a range"),
        arguments(
            "three offsets",
            "{" + tensor("x", "F32", "[2]", "[0,8,8]") + "}",
            8,
            "tensor 'x': data_offsets [0, 8, 8]"),
        arguments(
            "shape and bytes",
            "{" + tensor("x", "F32", "[3]", "[0,8]") + "}",
            8,
            "tensor 'x': shape [3] of F32 needs 12 bytes, but data_offsets hold 8"),
        arguments(
            "elements overflow",
            "{" + tensor("x", "F32", "[4294967296,4294967296]", "[0,8]") + "}",
            8,
            "tensor 'x': shape [4294967296, 4294967296] of F32 has no size"),
        arguments(
            "bytes overflow",
            "{" + tensor("x", "F32", "[4611686018427387904]", "[0,8]") + "}",
            8,
            "tensor 'x': shape [4611686018427387904] of F32 has no size"),
        arguments(
            "number overflow",
            "{" + tensor("x", "F32", "[18446744073709551616]", "[0,8]") + "}",
            8,
            "tensor 'x': shape holds 18446744073709551616"),
        arguments(
            "negative size",
            "{" + tensor("x", "F32", "[-2]", "[0,8]") + "}",
            8,
            "tensor 'x': shape holds -2"),
        arguments(
            "fraction",
            "{" + tensor("x", "F32", "[2.0]", "[0,8]") + "}",
            8,
            "tensor 'x': shape holds 2.0"),
        arguments(
            "half bytes",
            "{" + tensor("x", "F4", "[3]", "[0,2]") + "}",
            2,
            "tensor 'x': shape [3] of F4 has no size in whole bytes"),
        arguments(
            "unknown dtype",
            "{" + tensor("x", "Q4_K", "[2]", "[0,8]") + "}",
            8,
            "tensor 'x': unknown dtype 'Q4_K'. Convert it to one of F64, F32"),
        arguments(
            "dtype of another kind",
            "{\"x\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}",
            8,
            "tensor 'x': its dtype is not a string"),
        arguments("duplicate name", "{" + x + "," + x + "}", 8, "Duplicate field 'x'"),
        arguments(
            "duplicate key",
            "{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            8,
            "Duplicate field 'dtype'"),
        arguments(
            "unknown key",
            "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"a\":1}}",
            8,
            "tensor 'x': its entry has an unknown key 'a'"),
        arguments(
            "missing key",
            "{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}",
            8,
            "tensor 'x': its entry lacks data_offsets"),
        arguments("entry of another kind", "{\"x\":1}", 8, "tensor 'x': its entry is not"),
        arguments(
            "metadata of another kind",
            "{\"__metadata__\":{\"a\":1}," + x + "}",
            8,
            "metadata 'a' is not a string"),
        arguments("not an object", "[1]", 8, "does not start with '{'"),
        arguments("unfinished", "{" + x, 8, "not valid JSON"),
        arguments("two objects", "{" + x + "}{}", 8, "goes on after the closing brace"),
        arguments(
            "half of a surrogate pair",
            "{" + tensor("\\ud800", "F32", "[2]", "[0,8]") + "}",
            8,
            "tensor '\\ud800': its name holds half of a surrogate pair"),
        arguments(
            "terminal escapes and line breaks",
            "{" + tensor("\\u001b[2J\\n", "F32", "[3]", "[0,8]") + "}",
            8,
            "tensor '\\u001b[2J\\u000a': shape [3]"),
        arguments(
            "product that wraps to nothing",
            "{" + tensor("x", "F32", "[4294967296,4294967296]", "[0,0]") + "}",
            0,
            "tensor 'x': shape [4294967296, 4294967296] of F32 has no size"),
        arguments(
            "many dimensions",
            "{" + tensor("x", "U8", "[" + "1,".repeat(64) + "1]", "[0,1]") + "}",
            1,
            "tensor 'x': shape holds more than 64 numbers"),
        arguments("deep", "{\"x\":".repeat(2000), 8, "not"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("headers")
  void headerIsRefused(String name, String header, int data, String message) throws IOException {
    Path file = folder.resolve("model.safetensors");
    PlainFile.writeRaw(file, header.getBytes(StandardCharsets.UTF_8), new byte[data]);
    refused(file, message);
  }

  @Test
  void lengthsThatLie() throws IOException {
    Path file = folder.resolve("x.safetensors");
    byte[] header = "{}".getBytes(StandardCharsets.UTF_8);
    Files.write(file, new byte[0]);
    refused(file, "is empty");
    Files.write(file, new byte[7]);
    refused(file, "has 7 bytes, too few");
    PlainFile.writeRaw(file, 3, header, new byte[0]);
    refused(file, "claims 3 bytes, but only 2 follow: the file is truncated");
    PlainFile.writeRaw(file, 100_000_001, header, new byte[0]);
    refused(file, "claims 100000001 bytes, more than the 100000000");
    PlainFile.writeRaw(file, -1, header, new byte[0]);
    refused(file, "claims 18446744073709551615 bytes");
    PlainFile.writeRaw(file, 0, header, new byte[0]);
    refused(file, "does not start with '{'");
  }

  @Test
  void headerThatIsNotUtf8() throws IOException {
    Path file = folder.resolve("x.safetensors");
    byte[] header = "{\"é\":1}".getBytes(StandardCharsets.ISO_8859_1);
    PlainFile.writeRaw(file, header, new byte[0]);
    refused(file, "its header is not UTF-8 text");
  }

  /// Whatever is wrong with a header, it is a CheckpointException or a checkpoint.
  @Test
  void mutatedHeaders() throws IOException {
    long seed = 20260101;
    Random random = new Random(seed);
    Path good = Goldens.root().resolve("models/a/model.safetensors");
    byte[] original = Files.readAllBytes(good);
    Path file = folder.resolve("x.safetensors");
    for (int round = 0; round < 300; round++) {
      byte[] bytes = original.clone();
      for (int k = 0; k < 1 + round % 3; k++) {
        bytes[random.nextInt(3024)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        assertTrue(checkpoint.bytes() <= bytes.length, "seed " + seed + ", round " + round);
      } catch (CheckpointException e) {
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
      }
    }
  }

  // ---- folders and indexes ----------------------------------------------------------------------

  private Path sharded(String index) throws IOException {
    PlainFile.write(
        folder.resolve("one.safetensors"), Map.of("a", PlainFile.f32(new long[] {1}, 1)));
    PlainFile.write(
        folder.resolve("two.safetensors"), Map.of("b", PlainFile.f32(new long[] {1}, 2)));
    Files.writeString(folder.resolve("model.safetensors.index.json"), index);
    return folder;
  }

  @Test
  void indexesThatAreWrong() throws IOException {
    String map = "{\"weight_map\":{\"a\":\"%s\",\"b\":\"%s\"}}";
    Files.createDirectories(folder.resolve("sub"));
    Path outside = Files.createTempFile("sinter", ".safetensors");
    try {
      PlainFile.write(outside, Map.of("b", PlainFile.f32(new long[] {1}, 2)));
      Files.createSymbolicLink(folder.resolve("link.safetensors"), outside);
      refused(
          sharded(map.formatted("one.safetensors", "three.safetensors")),
          "names the shard 'three.safetensors', which is missing");
      refused(
          sharded(map.formatted("one.safetensors", "../two.safetensors")),
          "'../two.safetensors', which lies outside its folder");
      refused(sharded(map.formatted("one.safetensors", outside)), "which lies outside its folder");
      refused(
          sharded(map.formatted("one.safetensors", "sub/../../x")),
          "which lies outside its folder");
      refused(
          sharded(map.formatted("one.safetensors", "link.safetensors")),
          "'link.safetensors', which lies outside its folder");
      refused(
          sharded(map.formatted("two.safetensors", "one.safetensors")),
          "tensor 'a' is not in two.safetensors but in one.safetensors");
      refused(
          sharded(
              "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\","
                  + "\"c\":\"two.safetensors\"}}"),
          "tensor 'c' is not in two.safetensors nor in any other shard");
      PlainFile.write(
          folder.resolve("more.safetensors"),
          Map.of("b", PlainFile.f32(new long[] {1}, 2), "d", PlainFile.f32(new long[] {1}, 2)));
      refused(
          sharded(map.formatted("one.safetensors", "more.safetensors")),
          "tensor 'd' of more.safetensors is not in its weight_map");
      refused(
          sharded(
              "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\","
                  + "\"d\":\"more.safetensors\"}}"),
          "is also in");
      refused(sharded("{}"), "has no weight_map");
      refused(sharded("{\"weight_map\":{\"a\":1}}"), "tensor 'a': its place is not a file name");
      refused(sharded("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}"), "cannot be read as JSON");
      refused(sharded("[]"), "does not hold a JSON object");
    } finally {
      Files.delete(outside);
    }
  }

  /// Whatever leads out of the folder, by name or by link; what stays inside may take any way.
  @Test
  void shardsOutsideTheFolder(@TempDir Path elsewhere) throws IOException {
    String map = "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"%s\"}}";
    PlainFile.write(
        elsewhere.resolve("b.safetensors"), Map.of("b", PlainFile.f32(new long[] {1}, 2)));
    Files.createSymbolicLink(folder.resolve("out"), elsewhere);
    Files.createDirectory(folder.resolve("sub"));
    Files.createSymbolicLink(folder.resolve("sub/up"), folder.getParent());
    for (String shard :
        new String[] {
          "out/b.safetensors",
          "sub/up/" + elsewhere.getFileName() + "/b.safetensors",
          "..",
          ".",
          "",
          "sub/..",
          "two.safetensors/../../two.safetensors",
          "a\\u0000b"
        }) {
      refused(sharded(map.formatted(shard)), "which lies outside its folder");
    }
    try (Checkpoint checkpoint =
        Checkpoint.open(sharded(map.formatted("sub/../two.safetensors")))) {
      assertEquals(2, checkpoint.tensors().size());
    }
    refused(
        sharded("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}x"),
        "cannot be read as JSON");
  }

  @Test
  void foldersWithoutAModel() throws IOException {
    refused(folder, "holds no safetensors file");
    refused(folder.resolve("none"), "no such file or folder");
    PlainFile.write(folder.resolve("a.safetensors"), Map.of());
    PlainFile.write(folder.resolve("b.safetensors"), Map.of());
    refused(folder, "holds 2 safetensors files and no model.safetensors.index.json");
    PlainFile.write(folder.resolve("model.safetensors"), Map.of());
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{}");
    refused(folder, "holds both");
  }

  private static void refused(Path path, String message) {
    String actual =
        assertThrows(CheckpointException.class, () -> Checkpoint.open(path)).getMessage();
    assertAll(
        () -> assertTrue(actual.contains(message), actual),
        () -> assertTrue(actual.contains(path.toString()), actual),
        () -> assertTrue(actual.endsWith("."), actual),
        () -> assertTrue(actual.lines().count() == 1, actual));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/// A plain reader and writer of small safetensors files, apart from the one under test.
final class Weights {

  private Weights() {}

  /// The bytes of each tensor.
  static Map<String, ByteBuffer> bytes(byte[] file) {
    try {
      ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
      int header = Math.toIntExact(buffer.getLong(0));
      JsonNode entries = new ObjectMapper().readTree(file, Long.BYTES, header);
      Map<String, ByteBuffer> tensors = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : entries.properties()) {
        if (!entry.getKey().equals("__metadata__")) {
          JsonNode offsets = entry.getValue().get("data_offsets");
          int from = offsets.get(0).asInt();
          int to = offsets.get(1).asInt();
          tensors.put(
              entry.getKey(),
              buffer.slice(Long.BYTES + header + from, to - from).order(ByteOrder.LITTLE_ENDIAN));
        }
      }
      return tensors;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The elements of each tensor of a file of float32 tensors.
  static Map<String, float[]> floats(byte[] file) {
    Map<String, float[]> tensors = new TreeMap<>();
    bytes(file)
        .forEach(
            (name, data) -> {
              float[] values = new float[data.remaining() / Float.BYTES];
              data.asFloatBuffer().get(values);
              tensors.put(name, values);
            });
    return tensors;
  }

  /// Writes a model folder with one float32 vector of `elements` zeros, which take no room on disks
  /// that keep holes.
  static void writeZeros(Path folder, String tensor, long elements) throws IOException {
    Files.createDirectories(folder);
    long bytes = elements * Float.BYTES;
    Map<String, Object> header = new LinkedHashMap<>();
    header.put(
        tensor,
        Map.of(
            "dtype", "F32", "shape", new long[] {elements}, "data_offsets", new long[] {0, bytes}));
    byte[] json = new ObjectMapper().writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("model.safetensors");
    Files.write(
        file,
        ByteBuffer.allocate(Long.BYTES + json.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json)
            .array());
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[1]), Long.BYTES + json.length + bytes - 1);
    }
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"mlp\"}");
  }
}

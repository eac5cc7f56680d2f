// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// Safetensors files read and written in the plainest way, apart from the code under test.
final class PlainFile {
  private PlainFile() {}

  /// A tensor, whole in memory.
  record Plain(String dtype, long[] shape, byte[] bytes) {
    /// The elements of a floating-point tensor.
    double[] values() {
      ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      int size = size(dtype);
      double[] values = new double[bytes.length / size];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (dtype) {
              case "F64" -> data.getDouble(i * 8);
              case "F32" -> data.getFloat(i * 4);
              case "F16" -> Float.float16ToFloat(data.getShort(i * 2));
              case "BF16" -> Float.intBitsToFloat(data.getShort(i * 2) << 16);
              default -> throw new IllegalArgumentException(dtype);
            };
      }
      return values;
    }
  }

  static int size(String dtype) {
    return switch (dtype) {
      case "F64", "I64" -> 8;
      case "F32", "I32" -> 4;
      case "F16", "BF16" -> 2;
      case "U8", "BOOL", "F8_E4M3" -> 1;
      default -> throw new IllegalArgumentException(dtype);
    };
  }

  static Plain f32(long[] shape, float... values) {
    ByteBuffer data = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putFloat(value);
    }
    return new Plain("F32", shape, data.array());
  }

  /// The upper halves of the values, which must need no more.
  static Plain bf16(long[] shape, float... values) {
    ByteBuffer data = ByteBuffer.allocate(values.length * 2).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    return new Plain("BF16", shape, data.array());
  }

  static Plain f16(long[] shape, float... values) {
    ByteBuffer data = ByteBuffer.allocate(values.length * 2).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putShort(Float.floatToFloat16(value));
    }
    return new Plain("F16", shape, data.array());
  }

  static Plain i64(long... values) {
    ByteBuffer data = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      data.putLong(value);
    }
    return new Plain("I64", new long[] {values.length}, data.array());
  }

  static Map<String, Plain> read(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    JsonNode tree =
        new ObjectMapper().readTree(new String(bytes, 8, header, StandardCharsets.UTF_8));
    Map<String, Plain> tensors = new LinkedHashMap<>();
    for (var entry : tree.properties()) {
      if (entry.getKey().equals("__metadata__")) {
        continue;
      }
      JsonNode offsets = entry.getValue().get("data_offsets");
      long[] shape = new long[entry.getValue().get("shape").size()];
      for (int i = 0; i < shape.length; i++) {
        shape[i] = entry.getValue().get("shape").get(i).longValue();
      }
      tensors.put(
          entry.getKey(),
          new Plain(
              entry.getValue().get("dtype").textValue(),
              shape,
              Arrays.copyOfRange(
                  bytes,
                  8 + header + offsets.get(0).intValue(),
                  8 + header + offsets.get(1).intValue())));
    }
    return tensors;
  }

  /// All tensors of a folder's safetensors files.
  static Map<String, Plain> readFolder(Path folder) throws IOException {
    Map<String, Plain> tensors = new LinkedHashMap<>();
    try (var files = Files.newDirectoryStream(folder, "*.safetensors")) {
      for (Path file : files) {
        tensors.putAll(read(file));
      }
    }
    return tensors;
  }

  /// Writes a model folder with one file.
  static Path model(Path folder, Map<String, Plain> tensors) throws IOException {
    Files.createDirectories(folder);
    write(folder.resolve("model.safetensors"), tensors);
    return folder;
  }

  static void write(Path file, Map<String, Plain> tensors) throws IOException {
    StringBuilder header = new StringBuilder("{");
    long offset = 0;
    for (var entry : tensors.entrySet()) {
      Plain tensor = entry.getValue();
      header
          .append(header.length() > 1 ? "," : "")
          .append('"' + entry.getKey() + "\":{\"dtype\":\"" + tensor.dtype() + "\",\"shape\":")
          .append(Arrays.toString(tensor.shape()).replace(" ", ""))
          .append(",\"data_offsets\":[" + offset + "," + (offset + tensor.bytes().length) + "]}");
      offset += tensor.bytes().length;
    }
    byte[] data = new byte[(int) offset];
    offset = 0;
    for (Plain tensor : tensors.values()) {
      System.arraycopy(tensor.bytes(), 0, data, (int) offset, tensor.bytes().length);
      offset += tensor.bytes().length;
    }
    writeRaw(file, header.append("}").toString().getBytes(StandardCharsets.UTF_8), data);
  }

  /// Writes a file of a header and data as they are, sensible or not.
  static void writeRaw(Path file, byte[] header, byte[] data) throws IOException {
    writeRaw(file, header.length, header, data);
  }

  static void writeRaw(Path file, long length, byte[] header, byte[] data) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file, bytes.putLong(length).put(header).put(data).array());
  }
}

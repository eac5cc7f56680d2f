// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// Array files written in the plainest way, apart from the code under test.
final class ArrayFiles {
  private ArrayFiles() {}

  /// What NumPy writes before the elements.
  static byte[] npyHeader(int version, String dictionary) {
    int fields = version == 1 ? 2 : 4;
    ByteBuffer head =
        ByteBuffer.allocate(8 + fields + dictionary.length()).order(ByteOrder.LITTLE_ENDIAN);
    head.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
    head.put((byte) version).put((byte) 0);
    if (version == 1) {
      head.putShort((short) dictionary.length());
    } else {
      head.putInt(dictionary.length());
    }
    return head.put(dictionary.getBytes(StandardCharsets.UTF_8)).array();
  }

  static Path npy(Path file, String descr, String shape, byte[] data) throws IOException {
    String dictionary =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }   \n".formatted(descr, shape);
    return Files.write(file, join(npyHeader(1, dictionary), data));
  }

  /// One tensor.
  static Path safetensors(Path file, String name, String dtype, String shape, byte[] data)
      throws IOException {
    return safetensors(
        file,
        "{\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[0,%d]}}"
            .formatted(name, dtype, shape, data.length),
        data);
  }

  static Path safetensors(Path file, String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    byte[] length =
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array();
    return Files.write(file, join(length, json, data));
  }

  static byte[] ints(int bytes, long... values) {
    ByteBuffer data = ByteBuffer.allocate(bytes * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      for (int i = 0; i < bytes; i++) {
        data.put((byte) (value >> 8 * i));
      }
    }
    return data.array();
  }

  static byte[] floats(float... values) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putFloat(value);
    }
    return data.array();
  }

  static byte[] doubles(double... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      data.putDouble(value);
    }
    return data.array();
  }

  static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    Arrays.stream(parts).forEach(all::writeBytes);
    return all.toByteArray();
  }
}

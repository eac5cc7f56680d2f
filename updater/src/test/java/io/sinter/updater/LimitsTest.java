// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.sinter.updater.internal.Quoted;
import java.io.ByteArrayInputStream;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/// Inputs as large as they may be, and one larger: larger than the fuzzer makes them. No file is
/// written for them.
class LimitsTest {
  private static final Path FILE = Path.of("x.safetensors");
  private static final long MEGABYTE = 1L << 20;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /// A header of JSON and spaces behind it, up to its length, and `data` bytes of data.
  private static Header read(byte[] json, long length, long data) {
    byte[] prefix = new byte[8 + json.length];
    ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json);
    ReadAt source =
        (position, target) -> {
          target.fill((byte) ' ');
          long known = Math.min(target.byteSize(), prefix.length - position);
          if (known > 0) {
            MemorySegment.copy(MemorySegment.ofArray(prefix), position, target, 0, known);
          }
        };
    return Header.read(FILE, 8 + length + data, source);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] object(String head, int entries, IntFunction<String> entry, String tail) {
    StringBuilder json = new StringBuilder(head);
    for (int i = 0; i < entries; i++) {
      json.append(i == 0 ? "" : ",").append(entry.apply(i));
    }
    return utf8(json.append(tail).toString());
  }

  private static void refused(String message, Runnable reader) {
    String actual = assertThrows(CheckpointException.class, reader::run).getMessage();
    assertTrue(actual.contains(message), actual);
    assertTrue(actual.length() < 2 * Quoted.MAX_CHARS, () -> actual.length() + " characters");
  }

  private static long used() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /// A header that is mostly padding costs what is in it, not what it is long.
  @Test
  void headerAtTheFormatsLimit() {
    byte[] json = utf8("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    read(json, json.length, 1); // Loads classes.
    long before = THREADS.getCurrentThreadAllocatedBytes();
    Header header = read(json, Header.MAX_BYTES, 1);
    long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
    assertEquals("a", header.tensors().getFirst().name());
    assertEquals(8 + Header.MAX_BYTES, header.tensors().getFirst().offset());
    assertTrue(allocated < 4 * MEGABYTE, () -> allocated + " bytes allocated");
    refused("claims 100000001 bytes, more than the 100000000", () -> read(json, 100_000_001, 1));
  }

  @Test
  void asManyTensorsAsMayBe() {
    IntFunction<String> tensor =
        i ->
            "\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}"
                .formatted(i, i, i + 1);
    byte[] most = object("{", Header.MAX_TENSORS, tensor, "}");
    long before = used();
    Header header = read(most, most.length, Header.MAX_TENSORS);
    long live = used() - before;
    assertEquals(Header.MAX_TENSORS, header.tensors().size());
    assertTrue(
        live < 2L * most.length + 64 * MEGABYTE, () -> live + " bytes are live for " + most.length);
    byte[] more = object("{", Header.MAX_TENSORS + 1, tensor, "}");
    refused(
        "holds more than 524288 tensors", () -> read(more, more.length, Header.MAX_TENSORS + 1));
  }

  @Test
  void asMuchMetadataAsMayBe() {
    IntFunction<String> entry = i -> "\"" + i + "\":\"\"";
    byte[] most = object("{\"__metadata__\":{", 100_000, entry, "}}");
    assertEquals(100_000, read(most, most.length, 0).metadata().size());
    byte[] more = object("{\"__metadata__\":{", 100_001, entry, "}}");
    refused("more than 100000 entries of metadata", () -> read(more, more.length, 0));
    byte[] one = utf8("{\"__metadata__\":{\"a\":\"" + "x".repeat((1 << 24) + 100_000) + "\"}}");
    refused("String value length", () -> read(one, one.length, 0));
  }

  @Test
  void asManyDimensionsAsMayBe() {
    IntFunction<byte[]> json =
        rank ->
            utf8(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":["
                    + "1,".repeat(rank - 1)
                    + "1],\"data_offsets\":[0,1]}}");
    assertEquals(
        64, read(json.apply(64), json.apply(64).length, 1).tensors().getFirst().shape().length);
    refused(
        "shape holds more than 64 numbers", () -> read(json.apply(65), json.apply(65).length, 1));
    byte[] vast = json.apply(10_000_000);
    refused("shape holds more than 64 numbers", () -> read(vast, vast.length, 1));
  }

  @Test
  void indexOfAsManyTensorsAsMayBe() {
    IntFunction<String> entry = i -> "\"t" + i + "\":\"a.safetensors\"";
    byte[] most = object("{\"weight_map\":{", Header.MAX_TENSORS, entry, "}}");
    long before = used();
    ShardIndex index = ShardIndex.read(FILE, new ByteArrayInputStream(most));
    long live = used() - before;
    assertEquals(Header.MAX_TENSORS, index.weightMap().size());
    assertTrue(live < 2L * most.length + 64 * MEGABYTE, () -> live + " for " + most.length);
    byte[] more = object("{\"weight_map\":{", Header.MAX_TENSORS + 1, entry, "}}");
    refused(
        "names more than 524288 tensors",
        () -> ShardIndex.read(FILE, new ByteArrayInputStream(more)));
  }

  @Test
  void treesOfManyValues() {
    byte[] json = object("{\"a\":[", 600_000, _ -> "0", "]}");
    refused("cannot be read as JSON", () -> Json.object(FILE, json));
  }
}

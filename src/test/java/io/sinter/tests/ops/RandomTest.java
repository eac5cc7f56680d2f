// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.ops.Philox;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.View;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Philox: the published known answers, tensors against single blocks, and statistics.
class RandomTest {
  private static final double WORDS = 4294967296.0;

  static List<Device> devices() {
    return Devices.all();
  }

  /// From Random123's `kat_vectors`, philox4x32 10.
  @Test
  void knownAnswers() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, Philox.words(0, 0, 0));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, Philox.words(-1, -1, -1));
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        Philox.words(0x85a308d3243f6a88L, 0x0370734413198a2eL, 0x299f31d0a4093822L));
  }

  /// The generator again, in plain Java, over counters that cross 32 bits.
  @Test
  void blocksAreAsPublished() {
    SplittableRandom random = Seeds.of("philox");
    for (int k = 0; k < 1000; k++) {
      long low = random.nextLong() >>> random.nextInt(64);
      long high = random.nextLong() >>> random.nextInt(64);
      long key = random.nextLong();
      assertArrayEquals(block(low, high, key), Philox.words(low, high, key));
    }
  }

  static int[] block(long low, long high, long key) {
    long mask = 0xffffffffL;
    long[] c = {low & mask, low >>> 32, high & mask, high >>> 32};
    long k0 = key & mask;
    long k1 = key >>> 32;
    for (int round = 0; round < 10; round++) {
      long p0 = 0xd2511f53L * c[0];
      long p1 = 0xcd9e8d57L * c[2];
      c = new long[] {p1 >>> 32 ^ c[1] ^ k0, p1 & mask, p0 >>> 32 ^ c[3] ^ k1, p0 & mask};
      k0 = k0 + 0x9e3779b9L & mask;
      k1 = k1 + 0xbb67ae85L & mask;
    }
    return new int[] {(int) c[0], (int) c[1], (int) c[2], (int) c[3]};
  }

  static long word(long key, long index) {
    return block(index / 4, 0, key)[(int) (index % 4)] & 0xffffffffL;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void tensorsHoldTheWordsInOrder(Device device) {
    SplittableRandom random = Seeds.of("random tensors");
    try (Stream stream = device.stream()) {
      int[] counts = {0, 1, 2, 3, 5, 31, 33, 255, 257, 4095, 4097, 30011, 200003};
      for (int count : counts) {
        for (DType type : DType.values()) {
          if (count > 5000 && Devices.slow(device) && type != DType.BF16) {
            continue;
          }
          long key = random.nextLong();
          double[] expected = new double[count];
          for (int i = 0; i < count; i++) {
            expected[i] = word(key, i) / WORDS;
          }
          View.Kind kind = View.Kind.values()[random.nextInt(View.Kind.values().length)];
          View view = View.of(kind, count, random);
          try (Operand out = Operand.output(stream, type, view, random)) {
            Philox.random(stream, key, out.tensor());
            stream.synchronize();
            out.check(
                stream,
                Elements.of(type, expected),
                "random " + type + "[" + count + "] on " + device + " (" + Seeds.note() + ")");
          }
        }
      }
    }
  }

  @Test
  void threadsDoNotMatter() {
    SplittableRandom random = Seeds.of("random threads");
    int count = 300_007;
    Elements first = null;
    for (int threads = 1; threads <= 3; threads++) {
      try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads));
          Operand out = Operand.output(stream, DType.F64, View.flat(count), random)) {
        Philox.random(stream, 77, out.tensor());
        Elements elements = out.elements(stream);
        first = first == null ? elements : first;
        assertArrayEquals(first.bits(), elements.bits());
      }
    }
    double sum = 0;
    for (double x : first.values()) {
      sum += x;
    }
    // Of a uniform number: mean 1/2, variance 1/12.
    assertTrue(Math.abs(sum / count - 0.5) < 4 / Math.sqrt(12.0 * count), "mean " + sum / count);
  }

  @Test
  void keysDependOnAllTheyAreMadeOf() {
    long key = Philox.key(1, 2, "model.norm.weight");
    assertEquals(key, Philox.key(1, 2, "model.norm.weight"));
    assertNotEquals(key, Philox.key(2, 2, "model.norm.weight"));
    assertNotEquals(key, Philox.key(1, 3, "model.norm.weight"));
    assertNotEquals(key, Philox.key(1, 2, "model.norm.bias"));
  }
}

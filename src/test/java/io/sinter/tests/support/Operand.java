// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/// One tensor of a call, and every byte around it: afterwards the elements must be the expected
/// ones, and all other bytes the ones that were there before.
///
/// On the CPU an input ends at a guard page. An output begins as NaN between canaries.
public final class Operand implements AutoCloseable {
  private static final byte CANARY = (byte) 0xa5;
  private static final byte NAN = (byte) 0xff; // a NaN of every type, and never the canonical one
  private static final int MARGIN = 19;

  private final DType type;
  private final View view;
  private final int[] places;
  private final byte[] before;
  private final GuardedMemory memory;
  private final Tensor host;
  private final Tensor flat;
  private final Tensor tensor;

  private Operand(Stream stream, DType type, View view, int lead, int trail, int gap, long[] bits) {
    this.type = type;
    this.view = view;
    places = view.places();
    for (int i = 0; i < places.length; i++) {
      places[i] += lead;
    }
    int count = lead + view.outerCount() + trail;
    before = new byte[count * type.bytes()];
    Arrays.fill(before, CANARY);
    if (bits.length == places.length) {
      write(before, bits);
    } else {
      for (int place : places) {
        Arrays.fill(before, place * type.bytes(), (place + 1) * type.bytes(), NAN);
      }
    }
    memory = new GuardedMemory(before.length, gap);
    MemorySegment.copy(before, 0, memory.memory(), ValueLayout.JAVA_BYTE, 0, before.length);
    host = Tensor.of(memory.memory(), type, count);
    if (stream.device().isCpu()) {
      flat = host;
    } else {
      flat = stream.allocate(type, count);
      stream.copy(host, flat);
    }
    tensor = view.of(flat.slice(0, lead, lead + view.outerCount()));
  }

  /// An input, flush against the guard page or, one time in two, a few odd bytes before it.
  public static Operand input(
      Stream stream, Elements elements, View view, SplittableRandom random) {
    int gap = random.nextBoolean() ? 0 : 2 * random.nextInt(4) + 1;
    int lead = random.nextInt(5);
    return new Operand(stream, elements.type(), view, lead, 0, gap, elements.bits());
  }

  /// An input that will be the output as well: canaries on both sides.
  public static Operand inPlace(
      Stream stream, Elements elements, View view, SplittableRandom random) {
    int lead = MARGIN + random.nextInt(8);
    return new Operand(
        stream, elements.type(), view, lead, MARGIN, random.nextInt(8), elements.bits());
  }

  /// An output.
  public static Operand output(Stream stream, DType type, View view, SplittableRandom random) {
    int lead = MARGIN + random.nextInt(8);
    return new Operand(stream, type, view, lead, MARGIN, random.nextInt(8), new long[0]);
  }

  public Tensor tensor() {
    return tensor;
  }

  /// Fails unless nothing was written.
  public void checkUntouched(Stream stream, String what) {
    check(stream, before, what);
  }

  /// Fails unless exactly these elements were written, and nothing else.
  public void check(Stream stream, Elements expected, String what) {
    byte[] image = before.clone();
    write(image, expected.bits());
    check(stream, image, what);
  }

  private void check(Stream stream, byte[] expected, String what) {
    if (flat != host) {
      stream.copy(flat, host);
      stream.synchronize();
    }
    long at = MemorySegment.ofArray(expected).mismatch(memory.memory());
    if (at < 0) {
      return;
    }
    int place = (int) at / type.bytes();
    int index = index(place);
    byte[] actual = memory.memory().toArray(ValueLayout.JAVA_BYTE);
    throw new AssertionError(
        what
            + ": "
            + (index >= 0 ? "element " + index : "not an element, but byte " + at)
            + " of "
            + places.length
            + ": expected "
            + show(expected, place)
            + ", was "
            + show(actual, place)
            + "; "
            + type
            + " in "
            + view);
  }

  private int index(int place) {
    for (int i = 0; i < places.length; i++) {
      if (places[i] == place) {
        return i;
      }
    }
    return -1;
  }

  private String show(byte[] image, int place) {
    long bits = read(image, place);
    return Long.toHexString(bits) + " (" + Codec.decode(type, bits) + ")";
  }

  /// The elements as they are now.
  public Elements elements(Stream stream) {
    if (flat != host) {
      stream.copy(flat, host);
      stream.synchronize();
    }
    byte[] now = memory.memory().toArray(ValueLayout.JAVA_BYTE);
    long[] bits = new long[places.length];
    Arrays.setAll(bits, i -> read(now, places[i]));
    return new Elements(type, bits);
  }

  private void write(byte[] image, long[] bits) {
    if (bits.length != places.length) {
      throw new AssertionError(bits.length + " elements for " + places.length + " places");
    }
    int size = type.bytes();
    for (int i = 0; i < bits.length; i++) {
      long rest = bits[i];
      int at = places[i] * size;
      for (int k = 0; k < size; k++) {
        image[at + k] = (byte) rest;
        rest >>>= 8;
      }
    }
  }

  private long read(byte[] image, int place) {
    long bits = 0;
    for (int k = type.bytes() - 1; k >= 0; k--) {
      bits = bits << 8 | image[place * type.bytes() + k] & 0xff;
    }
    return bits;
  }

  @Override
  public void close() {
    if (flat != host) {
      flat.close();
    }
    host.close();
    memory.close();
  }
}

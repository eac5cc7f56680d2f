// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Problem;
import io.sinter.tests.support.Problem.Operation;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Trial;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Casts where they are hardest: every narrow element there is, and both sides of every boundary
/// between two neighbours.
class ConversionTest {
  private static final List<DType> NARROW =
      List.of(DType.F16, DType.BF16, DType.F8_E4M3, DType.F8_E5M2);

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyNarrowElementToEveryType() {
    return tests(
        NARROW,
        List.of(DType.values()),
        (stream, in, out) -> {
          long[] all = LongStream.range(0, Codec.patterns(in)).toArray();
          cast(stream, new Elements(in, all), out);
        });
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> bothSidesOfEveryBoundary() {
    return tests(
        List.of(DType.F32, DType.F64),
        NARROW,
        (stream, in, out) -> cast(stream, boundaries(in, out), out));
  }

  /// Half-way between each element and the next larger one, past the largest too, and the nearest
  /// inputs on both sides.
  private static Elements boundaries(DType in, DType out) {
    int step = Devices.all().size() > 1 && out.bytes() > 1 && !Seeds.full() ? 3 : 1;
    int elements = (int) (Codec.largest(out) / step) + 1;
    long[] bits = new long[elements * 6];
    for (int k = 0; k < elements; k++) {
      double low = Codec.decode(out, (long) k * step);
      double high =
          (long) k * step < Codec.largest(out)
              ? Codec.decode(out, (long) k * step + 1)
              : 2 * low - Codec.decode(out, (long) k * step - 1);
      long middle = Codec.encode(in, low + (high - low) / 2);
      for (int side = 0; side < 3; side++) {
        bits[6 * k + side] = middle + side - 1;
        bits[6 * k + 3 + side] = middle + side - 1 | Codec.signBit(in);
      }
    }
    return new Elements(in, bits);
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> doublesBetweenFloats() {
    return tests(
        List.of(DType.F64),
        List.of(DType.F32),
        (stream, in, out) -> {
          SplittableRandom random = Seeds.of("doubles between floats");
          long[] floats = Values.RANGE.elements(DType.F32, 50_000, random).bits();
          long[] bits = new long[3 * floats.length];
          for (int k = 0; k < floats.length; k++) {
            double low = Codec.decode(DType.F32, floats[k]);
            double high = Math.nextUp((float) low);
            long middle = Double.doubleToRawLongBits(low + (high - low) / 2);
            for (int side = 0; side < 3; side++) {
              bits[3 * k + side] = middle + side - 1;
            }
          }
          cast(stream, new Elements(in, bits), out);
        });
  }

  /// Floats a prime apart, over all of them; every one of them where all cases are asked for.
  @TestFactory
  java.util.stream.Stream<DynamicNode> floatsOfEveryKind() {
    return tests(
        List.of(DType.F32),
        NARROW,
        (stream, in, out) -> {
          long step = Devices.slow(stream.device()) ? 65_537 : Seeds.full() ? 1 : 4_099;
          int block = step > 10_000 ? 1 << 16 : 1 << 20;
          try (Tensor host = stream.allocatePinned(in, block);
              Tensor floats = stream.allocate(in, block);
              Tensor cast = stream.allocate(out, block);
              Tensor back = stream.allocatePinned(out, block)) {
            for (long from = 0; from < 1L << 32; from += step * block) {
              MemorySegment bits = host.segment();
              for (int k = 0; k < block; k++) {
                bits.setAtIndex(ValueLayout.JAVA_INT, k, (int) (from + k * step));
              }
              stream.copy(host, floats);
              Conversion.cast(stream, floats, cast);
              stream.copy(cast, back);
              stream.synchronize();
              checkEncoded(bits, back.segment(), block, out);
            }
          }
        });
  }

  private static void checkEncoded(MemorySegment floats, MemorySegment cast, int count, DType out) {
    for (int k = 0; k < count; k++) {
      float value = floats.getAtIndex(ValueLayout.JAVA_FLOAT, k);
      long expected = Codec.encode(out, value);
      long actual =
          out.bytes() == 1
              ? cast.get(ValueLayout.JAVA_BYTE, k) & 0xffL
              : cast.getAtIndex(ValueLayout.JAVA_SHORT, k) & 0xffffL;
      if (expected != actual) {
        throw new AssertionError(
            String.format(
                "%s of %s (%08x): expected %x, was %x",
                out, value, Float.floatToRawIntBits(value), expected, actual));
      }
    }
  }

  private static void cast(Stream stream, Elements in, DType out) {
    Problem problem =
        new Problem(
            Operation.CAST, List.of(in), new double[0], 1, false, out, Reference.Mode.DEFAULT);
    Trial.run(stream, List.of(problem), View.Kind.CONTIGUOUS, Seeds.of("cast"));
  }

  private interface Body {
    void run(Stream stream, DType in, DType out);
  }

  private static java.util.stream.Stream<DynamicNode> tests(
      List<DType> ins, List<DType> outs, Body body) {
    return Devices.all().stream()
        .flatMap(device -> ins.stream().flatMap(in -> tests(device, in, outs, body)));
  }

  private static java.util.stream.Stream<DynamicNode> tests(
      Device device, DType in, List<DType> outs, Body body) {
    return outs.stream()
        .map(
            out ->
                DynamicTest.dynamicTest(
                    in + " to " + out + " on " + device,
                    () -> {
                      try (Stream stream = device.stream()) {
                        body.run(stream, in, out);
                      }
                    }));
  }
}

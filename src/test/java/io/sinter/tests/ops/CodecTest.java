// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import java.math.BigDecimal;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The reference codec against the platform's own conversions, the published limits of each format,
/// and the definition of nearest-even in exact arithmetic. Needs no library.
class CodecTest {
  @Test
  void agreesWithThePlatformOnHalf() {
    for (int h = 0; h < 1 << 16; h++) {
      double expected = Float.float16ToFloat((short) h);
      assertEquals(expected, Codec.decode(DType.F16, h), "f16 " + Integer.toHexString(h));
    }
    SplittableRandom random = Seeds.of("half");
    for (int i = 0; i < 100_000; i++) {
      float f = Float.intBitsToFloat(random.nextInt());
      if (!Float.isNaN(f)) {
        assertEquals(Float.floatToFloat16(f) & 0xffffL, Codec.encode(DType.F16, f), "f16 of " + f);
      }
    }
  }

  @Test
  void agreesWithThePlatformOnFloatAndItsUpperHalf() {
    SplittableRandom random = Seeds.of("float");
    for (int i = 0; i < 100_000; i++) {
      double d = Double.longBitsToDouble(random.nextLong());
      double scaled = Math.scalb(d, -random.nextInt(2000) + 1000);
      for (double x : new double[] {d, scaled, (float) d * (1 + 0x1p-24), (float) d * 0x1p-140}) {
        if (!Double.isNaN(x)) {
          long expected = Float.floatToRawIntBits((float) x) & 0xffffffffL;
          assertEquals(expected, Codec.encode(DType.F32, x), "f32 of " + x);
        }
      }
      int bits = random.nextInt();
      double value = Float.intBitsToFloat(bits);
      assertEquals(value, Codec.decode(DType.F32, bits & 0xffffffffL));
      assertEquals(
          (double) Float.intBitsToFloat(bits & 0xffff0000),
          Codec.decode(DType.BF16, bits >>> 16 & 0xffffL));
    }
  }

  @Test
  void hasThePublishedLimits() {
    assertEquals(448, Codec.decode(DType.F8_E4M3, 0x7e));
    assertEquals(0x1p-9, Codec.smallest(DType.F8_E4M3));
    assertEquals(0x1p-6, Codec.decode(DType.F8_E4M3, 0x08));
    assertTrue(Double.isNaN(Codec.decode(DType.F8_E4M3, 0xff)));
    assertEquals(57344, Codec.decode(DType.F8_E5M2, 0x7b));
    assertEquals(0x1p-16, Codec.smallest(DType.F8_E5M2));
    assertEquals(Double.NEGATIVE_INFINITY, Codec.decode(DType.F8_E5M2, 0xfc));
    assertTrue(Double.isNaN(Codec.decode(DType.F8_E5M2, 0x7d)));
    assertEquals(65504, Codec.decode(DType.F16, 0x7bff));
    assertEquals(0x1p-24, Codec.smallest(DType.F16));
    assertEquals(0x1p-133, Codec.smallest(DType.BF16));
  }

  @Test
  void saturatesOnlyFloat8AndOnlyBeyondTheLastHalfway() {
    assertEquals(0x7e, Codec.encode(DType.F8_E4M3, 464));
    assertTrue(!Codec.saturates(DType.F8_E4M3, 464));
    assertTrue(Codec.saturates(DType.F8_E4M3, Math.nextUp(464.0)));
    assertEquals(0xfe, Codec.encode(DType.F8_E4M3, Double.NEGATIVE_INFINITY));
    assertTrue(!Codec.saturates(DType.F8_E5M2, Math.nextDown(61440.0)));
    assertTrue(Codec.saturates(DType.F8_E5M2, 61440));
    assertEquals(0x7b, Codec.encode(DType.F8_E5M2, Double.POSITIVE_INFINITY));
    assertEquals(0x7f, Codec.encode(DType.F8_E5M2, Double.NaN));
    assertEquals(0x7c00, Codec.encode(DType.F16, 65520));
    assertEquals(0x7bff, Codec.encode(DType.F16, Math.nextDown(65520.0)));
    assertTrue(!Codec.saturates(DType.F16, 1e9));
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void decodingThenEncodingGivesTheElementBack(DType type) {
    SplittableRandom random = Seeds.of("round trip " + type);
    boolean all = type.bytes() <= 2;
    long count = all ? Codec.patterns(type) : 200_000;
    for (long i = 0; i < count; i++) {
      long bits = all ? i : Values.BITS.elements(type, 1, random).bits()[0];
      double value = Codec.decode(type, bits);
      long expected = bits;
      if (Double.isNaN(value)) {
        expected = Codec.canonicalNaN(type);
      } else if (Double.isInfinite(value) && type.bytes() == 1) {
        expected = bits & Codec.signBit(type) | Codec.largest(type);
      }
      assertEquals(expected, Codec.encode(type, value), type + " " + Long.toHexString(bits));
    }
  }

  /// The neighbour that is nearer in exact arithmetic, or the even one.
  @ParameterizedTest
  @EnumSource(value = DType.class, names = "F64", mode = EnumSource.Mode.EXCLUDE)
  void encodingIsNearestEven(DType type) {
    SplittableRandom random = Seeds.of("nearest " + type);
    for (int i = 0; i < 50_000; i++) {
      long below = random.nextLong(Codec.largest(type));
      double low = Codec.decode(type, below);
      double high = Codec.decode(type, below + 1);
      double middle = low + (high - low) / 2; // exact: at most one more bit
      long even = below % 2 == 0 ? below : below + 1;
      assertEquals(even, Codec.encode(type, middle), "tie of " + low + " and " + high);
      assertEquals(below, Codec.encode(type, Math.nextDown(middle)));
      assertEquals(below + 1, Codec.encode(type, Math.nextUp(middle)));
      double between = low + (high - low) * random.nextDouble();
      BigDecimal x = new BigDecimal(between);
      int side = x.subtract(new BigDecimal(low)).compareTo(new BigDecimal(high).subtract(x));
      long nearest = side == 0 ? even : side < 0 ? below : below + 1;
      assertEquals(nearest, Codec.encode(type, between));
      assertEquals(nearest | Codec.signBit(type), Codec.encode(type, -between));
    }
  }
}

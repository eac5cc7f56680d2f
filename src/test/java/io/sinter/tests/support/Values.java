// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import java.util.SplittableRandom;

/// Kinds of element values.
public enum Values {
  /// Standard normal.
  NORMAL,
  /// As weights are: normal, a fiftieth in scale.
  WEIGHTS,
  /// Multiples, up to 2, of half the distance between elements at 1: sums and halves of them fall
  /// between two elements.
  TIES,
  /// Every finite magnitude, denormal to largest, alike likely by its exponent.
  RANGE,
  /// Normal, and one in three a NaN with a payload, an infinity, a zero, a denormal or an extreme.
  SPECIAL,
  /// Every bit pattern alike likely.
  BITS;

  /// Whether all elements of this kind are finite and their squares sum to a finite double.
  public boolean tame() {
    return this == NORMAL || this == WEIGHTS || this == TIES;
  }

  public Elements elements(DType type, int count, SplittableRandom random) {
    long[] bits = new long[count];
    for (int i = 0; i < count; i++) {
      bits[i] = element(type, random);
    }
    return new Elements(type, bits);
  }

  private long element(DType type, SplittableRandom random) {
    return switch (this) {
      case NORMAL -> Codec.encode(type, random.nextGaussian());
      case WEIGHTS -> Codec.encode(type, random.nextGaussian() * 0.02);
      case TIES -> {
        double step = Codec.unitRoundoff(type);
        long steps = (long) (2 / step);
        double multiple = random.nextLong(-steps, steps + 1) * step;
        yield Codec.encode(type, Math.scalb(multiple, -random.nextInt(4)));
      }
      case RANGE -> sign(type, random) | random.nextLong(Codec.largest(type) + 1);
      case SPECIAL ->
          random.nextInt(3) > 0 ? Codec.encode(type, random.nextGaussian()) : special(type, random);
      case BITS -> pattern(type, random);
    };
  }

  private static long sign(DType type, SplittableRandom random) {
    return random.nextBoolean() ? Codec.signBit(type) : 0;
  }

  private static long pattern(DType type, SplittableRandom random) {
    long bits = random.nextLong();
    return type == DType.F64 ? bits : bits & (Codec.patterns(type) - 1);
  }

  private static long special(DType type, SplittableRandom random) {
    long largest = Codec.largest(type);
    long magnitude =
        switch (random.nextInt(8)) {
          case 0 -> 0;
          case 1 -> 1;
          case 2 -> random.nextLong(1, 8);
          case 3 -> largest;
          case 4 -> largest - 1;
          case 5, 6 -> largest + 1; // infinity, or float8 e4m3's NaN
          default -> nan(type, random);
        };
    return sign(type, random) | magnitude;
  }

  /// Any NaN, quiet or signalling.
  private static long nan(DType type, SplittableRandom random) {
    if (type == DType.F8_E4M3) {
      return 0x7f;
    }
    long end = type == DType.F64 ? Long.MAX_VALUE : Codec.signBit(type);
    return random.nextLong(Codec.largest(type) + 2, end);
  }
}

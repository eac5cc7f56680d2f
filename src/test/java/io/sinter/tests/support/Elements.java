// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The elements of one tensor in row-major order, as bits: what references read and produce.
public record Elements(DType type, long[] bits) {
  /// Elements of a type nearest to some values.
  public static Elements of(DType type, double... values) {
    return new Elements(
        type, Arrays.stream(values).mapToLong(v -> Codec.encode(type, v)).toArray());
  }

  public int count() {
    return bits.length;
  }

  public double value(int index) {
    return Codec.decode(type, bits[index]);
  }

  public double[] values() {
    return Arrays.stream(bits).mapToDouble(b -> Codec.decode(type, b)).toArray();
  }

  /// The elements rounded to another type, as by a cast; the same bytes where the type is the same.
  public Elements cast(DType to) {
    if (to == type) {
      return this;
    }
    return new Elements(
        to, Arrays.stream(bits).map(b -> Codec.encode(to, Codec.decode(type, b))).toArray());
  }

  /// Elements as they are after a "cast on load" (`null` leaves them as stored).
  Elements loaded(@Nullable DType dtype) {
    return dtype == null ? this : cast(dtype);
  }

  /// How many elements are NaN or infinite.
  public long nonFinite() {
    return Arrays.stream(bits).filter(b -> !Double.isFinite(Codec.decode(type, b))).count();
  }
}

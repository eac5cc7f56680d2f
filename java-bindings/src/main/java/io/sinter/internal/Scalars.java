// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Functions of the library that take and give numbers.
public final class Scalars {
  private Scalars() {}

  /// Writes the weights of `a` and `b`; whether the interpolation is linear.
  public static boolean slerpWeights(double aa, double ab, double bb, double t, double[] weights) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment results = arena.allocate(ValueLayout.JAVA_DOUBLE, 2);
      MemorySegment linear = arena.allocate(ValueLayout.JAVA_INT);
      Status.check(
          Abi.sinter_slerp_weights(
              aa, ab, bb, t, results, results.asSlice(Double.BYTES), linear, error),
          error);
      weights[0] = results.get(ValueLayout.JAVA_DOUBLE, 0);
      weights[1] = results.getAtIndex(ValueLayout.JAVA_DOUBLE, 1);
      return linear.get(ValueLayout.JAVA_INT, 0) == 1;
    }
  }

  /// One block of Philox4x32-10.
  public static int[] philox(long counterLow, long counterHigh, long key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment words = arena.allocate(ValueLayout.JAVA_INT, 4);
      Status.check(Abi.sinter_philox(counterLow, counterHigh, key, words, error), error);
      return words.toArray(ValueLayout.JAVA_INT);
    }
  }

  /// The p-value of McNemar's exact test.
  public static double mcnemar(long negative, long positive) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment p = arena.allocate(ValueLayout.JAVA_DOUBLE);
      Status.check(Abi.sinter_mcnemar(negative, positive, p, error), error);
      return p.get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }
}

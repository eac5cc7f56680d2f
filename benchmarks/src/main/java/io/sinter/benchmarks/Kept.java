// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import java.util.stream.IntStream;

/// Which differences are among the k of largest magnitude, of equal ones the first: by sorting one
/// period.
///
/// @param threshold the k-th magnitude
/// @param cutoff the index from which differences of that magnitude are not
record Kept(float threshold, long cutoff) {
  /// Of a model's differences from the first input.
  static Kept of(Pattern pattern, int model, long k) {
    return of(pattern, model, 0, k);
  }

  /// Of input `model`'s differences from input `base`, or, where that is -1, of its elements.
  static Kept of(Pattern pattern, int model, int base, long k) {
    float[] magnitudes = new float[pattern.period()];
    for (int j = 0; j < magnitudes.length; j++) {
      magnitudes[j] = magnitude(pattern.value(model, j), base < 0 ? 0 : pattern.value(base, j));
    }
    int[] order =
        IntStream.range(0, magnitudes.length)
            .boxed()
            .sorted((a, b) -> Float.compare(magnitudes[b], magnitudes[a]))
            .mapToInt(Integer::intValue)
            .toArray();
    long above = 0;
    for (int from = 0; from < order.length; ) {
      int to = from;
      long group = 0;
      while (to < order.length && magnitudes[order[to]] == magnitudes[order[from]]) {
        group += pattern.times(order[to++]);
      }
      if (above + group >= k) {
        int[] places = IntStream.of(order).skip(from).limit(to - from).sorted().toArray();
        long last = k - above - 1;
        long cutoff =
            last / places.length * pattern.period() + places[(int) (last % places.length)] + 1;
        return new Kept(magnitudes[order[from]], cutoff);
      }
      above += group;
      from = to;
    }
    throw new IllegalArgumentException(k + " is more than there are");
  }

  /// {@return as the operation computes it}
  static float magnitude(double x, double base) {
    return Math.abs((float) x - (float) base);
  }

  boolean keeps(float magnitude, long index) {
    return magnitude > threshold || (magnitude == threshold && index < cutoff);
  }
}

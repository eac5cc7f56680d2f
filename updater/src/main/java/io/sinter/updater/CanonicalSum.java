// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.util.ArrayList;
import java.util.List;

/// The canonical reduction of a tensor (see `sinter_sum` in `sinter.h`) from its chunks' sums,
// which
/// come one after the other: in the memory of a few thousand numbers, however many come.
final class CanonicalSum {
  /// Elements of a chunk, and numbers that are reduced to one at each level above.
  static final int CHUNK = 4096;

  private static final int LANES = 64;

  private final List<double[]> levels = new ArrayList<>();
  private final List<Integer> counts = new ArrayList<>();

  /// Takes the next chunk's sum.
  void add(double sum) {
    add(0, sum);
  }

  private void add(int level, double value) {
    if (level == levels.size()) {
      levels.add(new double[CHUNK]);
      counts.add(0);
    }
    int count = counts.get(level);
    levels.get(level)[count] = value;
    if (count + 1 < CHUNK) {
      counts.set(level, count + 1);
    } else {
      counts.set(level, 0);
      add(level + 1, reduce(levels.get(level), CHUNK));
    }
  }

  /// The sum of all chunks; 0 where none came. Starts over.
  double finish() {
    double sum = 0;
    for (int level = 0; level < levels.size(); level++) {
      int count = counts.get(level);
      if (count > 0) {
        counts.set(level, 0);
        sum = reduce(levels.get(level), count);
        if (level + 1 < levels.size()) {
          add(level + 1, sum);
        }
      }
    }
    for (int level = 0; level < levels.size(); level++) {
      counts.set(level, 0);
    }
    return sum;
  }

  private static double reduce(double[] values, int count) {
    double[] lanes = new double[LANES];
    for (int i = 0; i < count; i++) {
      lanes[i % LANES] += values[i];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; lane++) {
        lanes[lane] += lanes[lane + half];
      }
    }
    return lanes[0];
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Tensor;
import io.sinter.ops.Mixture;
import io.sinter.ops.TaskVectors;
import java.util.Arrays;
import java.util.List;

/// DELLA of one model in rows of 4096: 2 reads for the ranks, 2 reads and 1 write.
public class DellaBenchmark extends MergeBenchmark {
  private static final double DENSITY = 0.5;
  private static final double EPSILON = 0.15;
  private static final long KEY = 0x0123456789ABCDEFL;
  private static final int COLUMNS = 4096;

  private long rows() {
    return elements / COLUMNS;
  }

  private Tensor grid(Tensor tensor) {
    return tensor.slice(0, 0, rows() * COLUMNS).reshape(rows(), COLUMNS);
  }

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected int passes() {
    return 2;
  }

  @Override
  void verify(Pattern pattern) {
    long[] order = new long[COLUMNS]; // of the row at hand: magnitude's bits, then column
    int[] ranks = new int[COLUMNS];
    pattern.checkEach(
        stream(),
        out().slice(0, 0, rows() * COLUMNS),
        (index, place, x) -> {
          int column = (int) (index % COLUMNS);
          if (column == 0) {
            for (int c = 0; c < COLUMNS; c++) {
              int at = (place + c) % pattern.period();
              float magnitude = Kept.magnitude(pattern.value(1, at), pattern.value(0, at));
              order[c] = (long) Float.floatToIntBits(magnitude) << 32 | c;
            }
            Arrays.sort(order);
            for (int r = 0; r < COLUMNS; r++) {
              ranks[(int) order[r]] = r;
            }
          }
          double p = DENSITY - EPSILON + 2 * EPSILON * ranks[column] / (COLUMNS - 1);
          double margin = PlainPhilox.word(KEY, index) - p * 0x1p32;
          if (Math.abs(margin) < 1024) {
            return Double.NaN; // either: p is rounded on the way
          }
          return margin < 0 ? x[1] : x[0];
        });
  }

  @Override
  protected void operate() {
    TaskVectors.della(
        stream(),
        grid(input(0)),
        List.of(grid(input(1))),
        new double[] {1},
        new double[] {DENSITY},
        new double[] {EPSILON},
        new long[] {KEY},
        1,
        Mixture.DEFAULT,
        grid(out()));
  }
}

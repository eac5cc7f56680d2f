// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Selection;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Ranks of magnitudes in rows of 4096, as f32: 1 read, 1 write.
public class RankBenchmark extends MergeBenchmark {
  private @Nullable Tensor ranks;
  private static final int COLUMNS = 4096;

  private long rows() {
    return elements / COLUMNS;
  }

  private Tensor grid(Tensor tensor) {
    return tensor.slice(0, 0, rows() * COLUMNS).reshape(rows(), COLUMNS);
  }

  @Override
  protected int reads() {
    return 1;
  }

  @Override
  protected void prepare() {
    ranks = own(stream().allocate(DType.F32, rows(), COLUMNS));
  }

  @Override
  void verify(Pattern pattern) {
    try (Tensor row = stream().allocatePinned(DType.F32, 1, COLUMNS)) {
      boolean[] seen = new boolean[COLUMNS];
      for (long r = 0; r < rows(); r += Math.max(1, rows() / 1000)) {
        stream().copy(ranks.slice(0, r, r + 1), row);
        stream().synchronize();
        MemorySegment segment = row.segment();
        int[] columns = new int[COLUMNS];
        Arrays.fill(seen, false);
        for (int c = 0; c < COLUMNS; c++) {
          int rank = (int) segment.getAtIndex(ValueLayout.JAVA_FLOAT, c);
          if (seen[rank]) {
            throw new AssertionError("row " + r + " has rank " + rank + " twice");
          }
          seen[rank] = true;
          columns[rank] = c;
        }
        for (int i = 1; i < COLUMNS; i++) {
          double before = magnitude(pattern, r, columns[i - 1]);
          double after = magnitude(pattern, r, columns[i]);
          if (before > after || (before == after && columns[i - 1] > columns[i])) {
            throw new AssertionError("row " + r + " is out of order at rank " + i);
          }
        }
      }
    }
  }

  private static double magnitude(Pattern pattern, long row, int column) {
    return Math.abs(pattern.value(0, (int) ((row * COLUMNS + column) % pattern.period())));
  }

  @Override
  protected void operate() {
    Selection.rank(stream(), grid(input(0)), ranks);
  }
}

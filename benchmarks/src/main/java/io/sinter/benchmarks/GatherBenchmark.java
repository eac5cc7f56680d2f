// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Tensor;
import io.sinter.ops.Gather;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Param;

/// A matrix with rows of 4096, its rows, its columns or both in another order, alone or
// interpolated
/// from a reference: 1 or 2 reads, 1 write.
public class GatherBenchmark extends MergeBenchmark {
  private static final int WIDTH = 4096;

  /// Axes whose elements change places.
  public enum Axes {
    /// The first.
    ROWS,
    /// The second.
    COLUMNS,
    /// The two of them.
    BOTH
  }

  /// Which axes are gathered along.
  @Param({"ROWS", "COLUMNS", "BOTH"})
  public Axes axes = Axes.ROWS;

  /// Whether half of a reference is mixed in.
  @Param({"false", "true"})
  public boolean lerp;

  private int width;
  private int @Nullable [] rows;
  private int @Nullable [] columns;

  @Override
  protected int reads() {
    return lerp ? 2 : 1;
  }

  @Override
  protected void prepare() {
    SplittableRandom random = new SplittableRandom(7);
    width = (int) Math.min(WIDTH, elements);
    rows = axes == Axes.COLUMNS ? null : permutation((int) (elements / width), random);
    columns = axes == Axes.ROWS ? null : permutation(width, random);
  }

  private static int[] permutation(int n, SplittableRandom random) {
    int[] order = new int[n];
    Arrays.setAll(order, i -> i);
    for (int i = n - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int moved = order[i];
      order[i] = order[j];
      order[j] = moved;
    }
    return order;
  }

  /// Whole rows only.
  private Tensor matrix(Tensor flat) {
    return flat.slice(0, 0, elements / width * width).reshape(elements / width, width);
  }

  @Override
  protected void operate() {
    List<int @Nullable []> indices = Arrays.asList(rows, columns);
    if (lerp) {
      Gather.lerp(stream(), matrix(input(0)), matrix(input(1)), indices, 0.5, matrix(out()));
    } else {
      Gather.gather(stream(), matrix(input(0)), indices, matrix(out()));
    }
  }

  @Override
  void verify(Pattern pattern) {
    pattern.allow(4); // of a reference's place, where the gathered element is another
    int moved = lerp ? 1 : 0;
    pattern.checkEach(
        stream(),
        out().slice(0, 0, elements / width * width),
        (index, place, x) -> {
          long row = index / width;
          int column = (int) (index % width);
          long from =
              (rows == null ? row : rows[(int) row]) * width
                  + (columns == null ? column : columns[column]);
          double gathered = pattern.value(moved, (int) (from % pattern.period()));
          return lerp ? (x[0] + gathered) / 2 : gathered;
        });
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Tensor;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Detail;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Labels;
import org.jspecify.annotations.Nullable;

/// Counts of flips from two models' logits of 1000 classes: 2 reads.
public class CompatibilityBenchmark extends MergeBenchmark {
  private static final int CLASSES = 1000;

  private @Nullable Tensor old;
  private @Nullable Tensor updated;
  private @Nullable Labels labels;
  private @Nullable Flips found;

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected boolean writes() {
    return false;
  }

  @Override
  protected void prepare() {
    int rows = (int) (elements / CLASSES);
    old = input(0).slice(0, 0, (long) rows * CLASSES).reshape(rows, CLASSES);
    updated = input(1).slice(0, 0, (long) rows * CLASSES).reshape(rows, CLASSES);
    int[] numbers = new int[rows];
    for (int r = 0; r < rows; r++) {
      numbers[r] = label(r);
    }
    labels = own(Labels.of(stream(), numbers));
  }

  private static int label(int row) {
    return (int) (row * 2_654_435_761L % CLASSES);
  }

  @Override
  void verify(Pattern pattern) {
    long[] counts = new long[5];
    for (int r = 0; r < elements / CLASSES; r++) {
      int before = argmax(pattern, 0, r);
      int after = argmax(pattern, 1, r);
      int right = label(r);
      if (before == right) {
        counts[after == right ? 0 : 1]++;
      } else {
        counts[after == right ? 2 : before == after ? 3 : 4]++;
      }
    }
    Flips expected = new Flips(counts[0], counts[1], counts[2], counts[3], counts[4]);
    if (!expected.equals(found)) {
      throw new AssertionError(found + " in place of " + expected);
    }
  }

  private static int argmax(Pattern pattern, int model, int row) {
    int best = 0;
    double most = Double.NEGATIVE_INFINITY;
    int place = (int) ((long) row * CLASSES % pattern.period());
    for (int c = 0; c < CLASSES; c++) {
      double x = pattern.value(model, place);
      if (x > most) {
        most = x;
        best = c;
      }
      place = place + 1 == pattern.period() ? 0 : place + 1;
    }
    return best;
  }

  @Override
  protected void operate() {
    found = Compatibility.flips(stream(), old, updated, labels, Detail.NONE).flips();
  }
}

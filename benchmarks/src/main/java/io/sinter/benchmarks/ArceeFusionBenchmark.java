// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Tensor;
import io.sinter.ops.TaskVectors;
import java.util.Arrays;

/// Arcee fusion in rows of 4096: 2 reads for the softmaxes, 2 for the quantiles, 2 reads and 1
/// write.
///
/// Verified in full up to 4 M elements; above, sorting the importances would take longer than
/// everything else, and only that each element is the base or the model.
public class ArceeFusionBenchmark extends MergeBenchmark {
  private static final long SORTED = 1 << 22;
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
    return 3;
  }

  @Override
  void verify(Pattern pattern) {
    int n = (int) (rows() * COLUMNS <= SORTED ? rows() * COLUMNS : 0);
    double[] importances = new double[n];
    for (int from = 0; from < n; from += COLUMNS) {
      rowImportances(pattern, from, importances);
    }
    double[] sorted = importances.clone();
    Arrays.sort(sorted);
    double threshold =
        n == 0
            ? 0
            : sorted[(n - 1) / 2] + 1.5 * (sorted[(int) (0.75 * (n - 1))] - sorted[(n - 1) / 4]);
    pattern.checkEach(
        stream(),
        out().slice(0, 0, rows() * COLUMNS),
        (index, place, x) -> {
          if (n == 0 || Math.abs(importances[(int) index] - threshold) < 1e-4 * threshold) {
            return Double.NaN; // either: the importances are rounded on the way
          }
          return importances[(int) index] >= threshold ? x[1] : x[0];
        });
  }

  private static void rowImportances(Pattern pattern, int from, double[] importances) {
    double[][] softmax = new double[2][COLUMNS];
    for (int k = 0; k < 2; k++) {
      double sum = 0;
      for (int c = 0; c < COLUMNS; c++) {
        softmax[k][c] = Math.exp(pattern.value(k, (from + c) % pattern.period()));
        sum += softmax[k][c];
      }
      for (int c = 0; c < COLUMNS; c++) {
        softmax[k][c] = softmax[k][c] / sum + 1e-8;
      }
    }
    double divergence = 0;
    for (int c = 0; c < COLUMNS; c++) {
      divergence += softmax[1][c] * Math.log(softmax[1][c] / softmax[0][c]);
    }
    for (int c = 0; c < COLUMNS; c++) {
      int at = (from + c) % pattern.period();
      importances[from + c] =
          Kept.magnitude(pattern.value(1, at), pattern.value(0, at)) * divergence;
    }
  }

  @Override
  protected void operate() {
    TaskVectors.arceeFusion(stream(), grid(input(0)), grid(input(1)), grid(out()));
  }
}

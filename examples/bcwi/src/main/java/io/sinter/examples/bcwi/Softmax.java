// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

/// Probabilities of classes.
final class Softmax {
  private Softmax() {}

  /// Turns one row of logits into probabilities, in place.
  static void of(float[] logits, int offset, int classes) {
    float max = logits[offset];
    for (int c = 1; c < classes; c++) {
      max = Math.max(max, logits[offset + c]);
    }
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      double e = Math.exp(logits[offset + c] - max);
      logits[offset + c] = (float) e;
      sum += e;
    }
    for (int c = 0; c < classes; c++) {
      logits[offset + c] = (float) (logits[offset + c] / sum);
    }
  }

  /// The probabilities of all rows.
  static float[] rows(float[] logits, int classes) {
    float[] probabilities = logits.clone();
    for (int offset = 0; offset < probabilities.length; offset += classes) {
      of(probabilities, offset, classes);
    }
    return probabilities;
  }

  /// The class of the largest entry of each row, the first of equals.
  static int[] largest(float[] rows, int classes) {
    int[] largest = new int[rows.length / classes];
    for (int i = 0; i < largest.length; i++) {
      largest[i] = largest(rows, i * classes, classes);
    }
    return largest;
  }

  /// The class of the largest entry of a row, the first of equals.
  static int largest(float[] values, int offset, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++) {
      if (values[offset + c] > values[offset + best]) {
        best = c;
      }
    }
    return best;
  }
}

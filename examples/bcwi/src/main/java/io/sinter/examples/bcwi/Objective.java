// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

/// What a model is trained for.
@FunctionalInterface
interface Objective {

  /// Puts the gradient of the mean loss of a batch in the place of its logits.
  ///
  /// @param sample what is trained on
  /// @param order positions in the sample
  /// @param from where in `order` the batch begins
  /// @param to where it ends, exclusive
  /// @param logits `[to - from, classes]`
  /// @param classes the width of a row
  void gradient(Sample sample, int[] order, int from, int to, float[] logits, int classes);

  /// Cross-entropy with the labels.
  static Objective crossEntropy() {
    return (sample, order, from, to, logits, classes) -> {
      int count = to - from;
      for (int i = 0; i < count; i++) {
        Softmax.of(logits, i * classes, classes);
        logits[i * classes + sample.label(order[from + i])] -= 1f;
      }
      scale(logits, count, classes);
    };
  }

  /// Distillation: `(1 - weight)` times the cross-entropy with the labels, and `weight` times that
  /// with the teacher's probabilities (Hinton et al., 2015; temperature 1).
  ///
  /// @param teacher the old model's probabilities for each example of the sample
  static Objective distillation(float[] teacher, float weight) {
    return (sample, order, from, to, logits, classes) -> {
      int count = to - from;
      for (int i = 0; i < count; i++) {
        Softmax.of(logits, i * classes, classes);
        for (int c = 0; c < classes; c++) {
          logits[i * classes + c] -= weight * teacher[order[from + i] * classes + c];
        }
        logits[i * classes + sample.label(order[from + i])] -= 1f - weight;
      }
      scale(logits, count, classes);
    };
  }

  private static void scale(float[] logits, int count, int classes) {
    for (int i = 0; i < count * classes; i++) {
      logits[i] /= count;
    }
  }
}

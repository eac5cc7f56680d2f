// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.lang.foreign.MemorySegment;

/// Labelled examples of a data set, as rows of numbers.
///
/// @param features float32 `[examples, inputs]`, in native memory
/// @param inputs numbers of one example
/// @param labels the class of each example
/// @param classes the number of classes
record Examples(MemorySegment features, int inputs, int[] labels, int classes) {

  Examples {
    if (features.byteSize() != 4L * inputs * labels.length) {
      throw new IllegalArgumentException(
          "%d bytes of features for %d examples of %d inputs"
              .formatted(features.byteSize(), labels.length, inputs));
    }
    for (int label : labels) {
      if (label < 0 || label >= classes) {
        throw new IllegalArgumentException(
            "label %d is not one of 0 to %d".formatted(label, classes - 1));
      }
    }
  }

  int count() {
    return labels.length;
  }

  /// All examples, in order.
  Sample all() {
    int[] rows = new int[count()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i;
    }
    return new Sample(this, rows);
  }
}

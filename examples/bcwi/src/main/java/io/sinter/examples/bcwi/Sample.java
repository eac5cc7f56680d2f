// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntPredicate;

/// Some examples of a data set.
///
/// @param examples the data set
/// @param rows which of its examples, in this order
record Sample(Examples examples, int[] rows) {

  int count() {
    return rows.length;
  }

  int label(int i) {
    return examples.labels()[rows[i]];
  }

  int[] labels() {
    int[] labels = new int[rows.length];
    Arrays.setAll(labels, this::label);
    return labels;
  }

  /// Copies the features of the `i`-th example to row `row` of `out`.
  void copyTo(int i, MemorySegment out, int row) {
    long bytes = 4L * examples.inputs();
    MemorySegment.copy(examples.features(), rows[i] * bytes, out, row * bytes, bytes);
  }

  /// The examples from the `from`-th up to the `to`-th, exclusive.
  Sample range(int from, int to) {
    return new Sample(examples, Arrays.copyOfRange(rows, from, to));
  }

  /// The examples whose label satisfies the predicate, in order.
  Sample labelled(IntPredicate predicate) {
    return new Sample(
        examples,
        Arrays.stream(rows).filter(row -> predicate.test(examples.labels()[row])).toArray());
  }

  /// These examples, then those.
  Sample and(Sample more) {
    int[] both = Arrays.copyOf(rows, rows.length + more.rows.length);
    System.arraycopy(more.rows, 0, both, rows.length, more.rows.length);
    return new Sample(examples, both);
  }
}

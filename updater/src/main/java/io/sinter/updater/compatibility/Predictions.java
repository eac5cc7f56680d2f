// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The class that a model gives each example.
public final class Predictions {
  private final Columns columns;

  Predictions(Columns columns) {
    this.columns = columns;
  }

  /// Predictions that a program has.
  ///
  /// @param classes numbered from 0
  /// @throws IllegalArgumentException where there are none, or a number is out of range
  public static Predictions of(int... classes) {
    return new Predictions(Columns.of("predictions", classes));
  }

  /// The predictions that logits make: each row's largest, the first of equal ones.
  ///
  /// @param logits `[examples][classes]`
  /// @throws IllegalArgumentException where there are none, rows are of different lengths, or one
  ///     holds NaN
  public static Predictions ofLogits(float[][] logits) {
    int classes = logits.length == 0 ? 0 : logits[0].length;
    if (classes == 0) {
      throw new IllegalArgumentException("there are no logits; a row needs at least one");
    }
    ArrayData.Largest largest = new ArrayData.Largest("logits", "the array", classes);
    for (int i = 0; i < logits.length; i++) {
      if (logits[i].length != classes) {
        throw new IllegalArgumentException(
            "row "
                + i
                + " has "
                + logits[i].length
                + " logits, and row 0 has "
                + classes
                + "; each needs one for each class");
      }
      for (float logit : logits[i]) {
        try {
          largest.add(logit);
        } catch (CompatibilityException e) {
          throw new IllegalArgumentException(e.getMessage(), e);
        }
      }
    }
    return new Predictions(new Columns("logits", null, largest.predictions(), classes, List.of()));
  }

  /// Reads predictions or logits; docs/compatibility.md has the formats.
  ///
  /// @param file `.safetensors` with a tensor `predictions` or `logits`, `.npy`, or `.csv`
  /// @throws CompatibilityException where it is missing, malformed or empty, or a class number is
  ///     out of range, or a logit is NaN
  public static Predictions read(Path file) throws CompatibilityException {
    return new Predictions(Columns.read(file, Columns.Wanted.PREDICTIONS));
  }

  /// How many examples there are.
  public int size() {
    return columns.numbers().length;
  }

  /// The class of an example.
  public int get(int example) {
    return columns.numbers()[example];
  }

  /// The classes of all examples.
  public int[] toArray() {
    return columns.numbers().clone();
  }

  /// What messages call them: their file.
  public String origin() {
    return columns.origin();
  }

  /// How many classes the logits were of; 0 where there were none.
  public int classes() {
    return columns.width();
  }

  Columns columns() {
    return columns;
  }

  @Nullable Ids ids() {
    return columns.ids();
  }
}

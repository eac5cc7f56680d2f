// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.CheckpointException;
import io.sinter.updater.internal.Failures;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What a file says of its examples: a class number each, and what else belongs to them.
///
/// @param origin the file, as messages call it
/// @param ids names of the examples, where it has them
/// @param numbers the class numbers; empty where only groups were asked for
/// @param width how many classes the logits were of; 0 where there were none
record Columns(
    String origin, @Nullable Ids ids, int[] numbers, int width, List<Grouping> groupings) {

  /// Classes that a comparison may have: what is counted by class fits into memory.
  static final int MAX_CLASSES = 1 << 20;

  /// Values of one grouping: what has more is a name, not a group.
  static final int MAX_GROUPS = 1000;

  private static final String NONE = "Write one class number for each example";

  /// What is asked of a file.
  enum Wanted {
    PREDICTIONS("prediction", "predictions"),
    LABELS("label", "labels"),
    GROUPS("group", "groups");

    private final String column;
    private final String tensor;

    Wanted(String column, String tensor) {
      this.column = column;
      this.tensor = tensor;
    }

    /// The column of a CSV file.
    String column() {
      return column;
    }

    /// The tensor of a safetensors file.
    String tensor() {
      return tensor;
    }
  }

  /// Class numbers that a program has.
  ///
  /// @throws IllegalArgumentException where there are none, or one is out of range
  static Columns of(String what, int[] classes) {
    if (classes.length == 0) {
      throw new IllegalArgumentException(what + " are empty; there must be at least one example");
    }
    for (int i = 0; i < classes.length; i++) {
      if (!isClass(classes[i])) {
        throw new IllegalArgumentException(
            outOfRange(what, "number " + i, Integer.toString(classes[i])).getMessage());
      }
    }
    return new Columns(what, null, classes.clone(), 0, List.of());
  }

  /// Reads a file of any kind.
  static Columns read(Path file, Wanted wanted) {
    String origin = file.toString();
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    String kind = name.contains(".") ? name.substring(name.lastIndexOf('.') + 1) : "";
    try {
      return switch (kind) {
        case "safetensors" -> TensorFile.read(file, wanted);
        case "npy" -> {
          try (InputStream in = Files.newInputStream(file)) {
            yield NpyFile.read(origin, in, wanted);
          }
        }
        case "csv" -> {
          try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            yield CsvFile.read(origin, in, wanted);
          }
        }
        default ->
            throw CompatibilityException.of(
                origin,
                "is of a kind that is not known",
                "Known are .safetensors, .npy and .csv"
                    + (kind.equals("npz") ? "; write the array alone with numpy.save" : ""));
      };
    } catch (CheckpointException e) {
      throw new CompatibilityException(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw unreadable(origin, e);
    }
  }

  static CompatibilityException unreadable(String origin, IOException e) {
    return CompatibilityException.of(
        origin, "cannot be read (" + Failures.reason(e) + ")", "Check the file and its rights", e);
  }

  static CompatibilityException empty(String origin) {
    return CompatibilityException.of(origin, "holds no examples", NONE);
  }

  static CompatibilityException tooMany(String origin) {
    return CompatibilityException.of(
        origin,
        "holds more than " + IntColumn.MAX + " examples",
        "Compare them in parts, and add the counts");
  }

  /// Why a number is no class, where it is not.
  static boolean isClass(long number) {
    return number >= 0 && number < MAX_CLASSES;
  }

  static CompatibilityException outOfRange(String origin, String place, String number) {
    return CompatibilityException.of(
        origin,
        place + " is " + number + ", and class numbers are 0 to " + (MAX_CLASSES - 1),
        "Correct it, or leave that example out");
  }
}

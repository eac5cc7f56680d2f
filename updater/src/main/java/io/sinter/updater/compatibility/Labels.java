// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The class that each example is really of, and the groups that it belongs to.
public final class Labels {
  private final Columns columns;

  private Labels(Columns columns) {
    this.columns = columns;
  }

  /// Labels that a program has.
  ///
  /// @param classes numbered from 0
  /// @throws IllegalArgumentException where there are none, or a number is out of range
  public static Labels of(int... classes) {
    return new Labels(Columns.of("labels", classes));
  }

  /// Reads labels; docs/compatibility.md has the formats.
  ///
  /// @param file `.safetensors` with a tensor `labels`, `.npy`, or `.csv`, whose other columns are
  ///     groupings
  /// @throws CompatibilityException where it is missing, malformed or empty, or a class number is
  ///     out of range
  public static Labels read(Path file) throws CompatibilityException {
    return new Labels(Columns.read(file, Columns.Wanted.LABELS));
  }

  /// The same labels with groupings of the same examples.
  ///
  /// @param file `.csv` with a header, each of whose columns but `id` is a grouping;
  ///     `.safetensors`, each of whose tensors is one; or `.npy`, which is one
  /// @throws CompatibilityException where it is missing or malformed, or of other examples
  public Labels withGroups(Path file) throws CompatibilityException {
    Columns groups = Columns.read(file, Columns.Wanted.GROUPS);
    int[] from = Matching.order(columns, groups, groups.groupings().getFirst().size());
    Labels labels = this;
    for (Grouping grouping : groups.groupings()) {
      if (grouping.size() != groups.groupings().getFirst().size()) {
        throw Matching.lengths(columns, groups.origin(), grouping.size());
      }
      labels = labels.with(from == null ? grouping : grouping.ordered(from));
    }
    return labels;
  }

  /// The same labels with one more grouping.
  ///
  /// @throws CompatibilityException where it is of another number of examples, or there is one of
  ///     that name
  public Labels with(Grouping grouping) throws CompatibilityException {
    if (grouping.size() != size()) {
      throw Matching.lengths(columns, "grouping '" + grouping.name() + "'", grouping.size());
    }
    if (groupings().stream().anyMatch(other -> other.name().equals(grouping.name()))) {
      throw CompatibilityException.of(
          origin(),
          "there are two groupings '" + grouping.name() + "'",
          "Give one of them another name");
    }
    List<Grouping> all = new ArrayList<>(groupings());
    all.add(grouping);
    return new Labels(
        new Columns(columns.origin(), columns.ids(), columns.numbers(), 0, List.copyOf(all)));
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

  /// How the examples are split into groups.
  public List<Grouping> groupings() {
    return columns.groupings();
  }

  /// What messages call them: their file.
  public String origin() {
    return columns.origin();
  }

  Columns columns() {
    return columns;
  }

  @Nullable Ids ids() {
    return columns.ids();
  }
}

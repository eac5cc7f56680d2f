// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Confusion;
import io.sinter.ops.Compatibility.Detail;
import io.sinter.ops.Compatibility.FlipTable;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.ops.Compatibility.Outcomes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The old and the new model's answers to the same examples, compared: what the update repaired and
/// what it broke.
///
/// Counts are by [Compatibility]; docs/compatibility.md says what each measure is.
public final class Comparison {
  /// Confusion of more classes is not counted: its table would be larger than what it says.
  public static final int MAX_CONFUSION = 1024;

  /// Classes at most: what is counted by class fits into memory.
  public static final int MAX_CLASSES = Columns.MAX_CLASSES;

  /// Resamples at most: their measures are kept, to be sorted.
  public static final long MAX_RESAMPLES = 4_000_000;

  private final Labels labels;
  private final int[] old;
  private final int[] updated;
  private final int classes;
  private final FlipTable table;
  private final List<Group> groups;

  private Comparison(
      Labels labels, int[] old, int[] updated, int classes, FlipTable table, List<Group> groups) {
    this.labels = labels;
    this.old = old;
    this.updated = updated;
    this.classes = classes;
    this.table = table;
    this.groups = groups;
  }

  /// One group of one grouping.
  ///
  /// @param grouping what the examples are split by
  /// @param group which of its groups
  /// @param flips of the examples in it
  public record Group(String grouping, String group, Flips flips) {}

  /// Compares two models.
  ///
  /// Examples are matched by their ids where both files have ids, else by their places.
  ///
  /// @param old the old model's predictions
  /// @param updated the new model's
  /// @param labels what is right
  /// @throws CompatibilityException where the examples are not the same, or a number is of no class
  public static Comparison of(Predictions old, Predictions updated, Labels labels)
      throws CompatibilityException {
    return of(old, updated, labels, 0);
  }

  /// Compares two models.
  ///
  /// @param classes how many classes there are, to refuse numbers beyond them; 0 takes as many as
  ///     the new model has logits, or, without logits, as the numbers need
  /// @throws CompatibilityException where the examples are not the same, or a number is of no class
  public static Comparison of(Predictions old, Predictions updated, Labels labels, int classes)
      throws CompatibilityException {
    if (classes < 0 || classes > Columns.MAX_CLASSES) {
      throw new IllegalArgumentException(
          "there are " + classes + " classes; there must be 1 to " + Columns.MAX_CLASSES);
    }
    int[] before = Matching.numbers(labels.columns(), old.columns());
    int[] after = Matching.numbers(labels.columns(), updated.columns());
    int[] right = labels.columns().numbers();
    int limit = classes > 0 ? classes : updated.classes();
    if (limit > 0) {
      requireBelow(limit, labels.columns(), "label", right, updated, classes);
      requireBelow(limit, old.columns(), "prediction", old.columns().numbers(), updated, classes);
      requireBelow(
          limit, updated.columns(), "prediction", updated.columns().numbers(), updated, classes);
    }
    int most = Math.max(largest(right), Math.max(largest(before), largest(after))) + 1;
    int count = Math.max(limit, most);
    try (Stream stream = Device.cpu().stream();
        io.sinter.ops.Labels oldNumbers = io.sinter.ops.Labels.of(stream, before);
        io.sinter.ops.Labels newNumbers = io.sinter.ops.Labels.of(stream, after);
        io.sinter.ops.Labels rightNumbers = io.sinter.ops.Labels.of(stream, right)) {
      FlipTable table =
          Compatibility.flips(
              stream,
              oldNumbers,
              newNumbers,
              rightNumbers,
              count,
              Detail.NONE
                  .withByClass(true)
                  .withConfusion(count <= MAX_CONFUSION)
                  .withOutcomes(true));
      List<Group> groups = new ArrayList<>();
      for (Grouping grouping : labels.groupings()) {
        try (io.sinter.ops.Labels of = io.sinter.ops.Labels.of(stream, grouping.toArray())) {
          List<Flips> byGroup =
              Compatibility.flips(
                      stream,
                      oldNumbers,
                      newNumbers,
                      rightNumbers,
                      count,
                      Detail.NONE.withGroups(of, grouping.groups().size()))
                  .byGroup();
          for (int i = 0; i < byGroup.size(); i++) {
            groups.add(new Group(grouping.name(), grouping.groups().get(i), byGroup.get(i)));
          }
        }
      }
      return new Comparison(labels, before, after, count, table, List.copyOf(groups));
    }
  }

  /// How a candidate does, beside the old model.
  ///
  /// @throws CompatibilityException where the examples are not the same, or a number is of no class
  public static Evaluation evaluation(Predictions old, Predictions candidate, Labels labels)
      throws CompatibilityException {
    Flips flips = of(old, candidate, labels).flips();
    return Evaluation.of(flips.newAccuracy(), flips.nfr(), flips.pfr(), flips.examples());
  }

  private static int largest(int[] numbers) {
    return Arrays.stream(numbers).max().orElseThrow();
  }

  private static void requireBelow(
      int limit, Columns columns, String what, int[] numbers, Predictions updated, int classes) {
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] >= limit) {
        throw CompatibilityException.of(
            columns.origin(),
            what
                + " "
                + numbers[i]
                + " of example "
                + (columns.ids() == null ? i : "'" + columns.ids().get(i) + "'")
                + " is out of range: "
                + (classes > 0
                    ? "there are " + classes + " classes"
                    : updated.origin() + " has logits of " + limit + " classes"),
            "Number the classes from 0 as the model does");
      }
    }
  }

  /// How many examples there are.
  public int examples() {
    return old.length;
  }

  /// How many classes were counted by.
  public int classes() {
    return classes;
  }

  /// How many examples had which outcome; all measures follow from these.
  public Flips flips() {
    return table.flips();
  }

  /// Confidence intervals of all measures: those of [#intervals(Flips, BootstrapOptions)] for all
  /// examples.
  public Map<Measure, Interval> intervals(BootstrapOptions options) {
    return intervals(flips(), options);
  }

  /// Confidence intervals of all measures by the paired bootstrap; of a share that is 0 or 1, whose
  /// resamples are all alike, by the exact binomial interval of Clopper and Pearson instead.
  ///
  /// @param flips of at least one example: of all, of a class or of a group
  /// @param options how many resamples, level, seed
  public static Map<Measure, Interval> intervals(Flips flips, BootstrapOptions options) {
    return Intervals.of(flips, EnumSet.allOf(Measure.class), options);
  }

  /// The p-value of McNemar's exact test: how likely flips would be so uneven if both models were
  /// equally often right.
  public double mcnemar() {
    return Compatibility.mcnemar(flips());
  }

  /// The same by label: one for each class, which may have no examples.
  public List<Flips> byClass() {
    return table.byClass();
  }

  /// The same by group, for every grouping of the labels.
  public List<Group> byGroup() {
    return groups;
  }

  /// Examples by label and old prediction; empty beyond [#MAX_CONFUSION] classes.
  public Optional<Confusion> labelToOld() {
    return Optional.ofNullable(table.labelToOld());
  }

  /// Examples by label and new prediction; empty beyond [#MAX_CONFUSION] classes.
  public Optional<Confusion> labelToNew() {
    return Optional.ofNullable(table.labelToNew());
  }

  /// Examples by old and new prediction; empty beyond [#MAX_CONFUSION] classes.
  public Optional<Confusion> oldToNew() {
    return Optional.ofNullable(table.oldToNew());
  }

  /// One example.
  ///
  /// @param place where the labels have it, from 0
  /// @param id its id; its place where there are no ids
  /// @param groups its group in each grouping of the labels
  public record Example(
      int place,
      String id,
      int label,
      int old,
      int updated,
      Outcome outcome,
      List<String> groups) {}

  /// What became of an example.
  ///
  /// @param place where the labels have it, from 0
  public Example example(int place) {
    Ids ids = labels.ids();
    return new Example(
        place,
        ids == null ? Integer.toString(place) : ids.get(place),
        labels.get(place),
        old[place],
        updated[place],
        outcomes().get(place),
        labels.groupings().stream().map(g -> g.groups().get(g.group(place))).toList());
  }

  /// Names of the groupings, in the order of an example's groups.
  public List<String> groupings() {
    return labels.groupings().stream().map(Grouping::name).toList();
  }

  /// The places of the examples that had one of some outcomes, ascending.
  public int[] examples(Outcome first, Outcome... more) {
    return examples(EnumSet.of(first, more));
  }

  int[] examples(Set<Outcome> wanted) {
    Outcomes outcomes = outcomes();
    return IntStream.range(0, outcomes.size())
        .filter(i -> wanted.contains(outcomes.get(i)))
        .toArray();
  }

  private Outcomes outcomes() {
    @Nullable Outcomes outcomes = table.outcomes();
    return Objects.requireNonNull(outcomes);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a new model must keep to be deployed: bounds on measures, over all examples, in every class
/// and in every group.
///
/// docs/compatibility.md shows the YAML. With `ci` a rule is judged by the end of the measure's
/// confidence interval that is worse for it, so that few examples do not pass by chance; without,
// by
/// the measure itself.
public final class Gate {
  private final String origin;
  private final OptionalDouble ci;
  private final @Nullable Long seed;
  private final @Nullable Long resamples;
  private final List<Rule> rules;
  private final long minClassExamples;
  private final long minGroupExamples;

  Gate(
      String origin,
      OptionalDouble ci,
      @Nullable Long seed,
      @Nullable Long resamples,
      List<Rule> rules,
      long minClassExamples,
      long minGroupExamples) {
    this.origin = origin;
    this.ci = ci;
    this.seed = seed;
    this.resamples = resamples;
    this.rules = List.copyOf(rules);
    this.minClassExamples = minClassExamples;
    this.minGroupExamples = minGroupExamples;
  }

  /// Where a rule holds.
  public enum Scope {
    /// Over all examples.
    ALL,
    /// In each class.
    CLASS,
    /// In each group of each grouping.
    GROUP
  }

  /// A bound.
  ///
  /// @param scope where it holds
  /// @param measure of what; `null` for the number of examples
  /// @param upper whether it is the most, else it is the least that may be
  /// @param line where the gate's file has it
  public record Rule(
      Scope scope, @Nullable Measure measure, boolean upper, double bound, int line) {

    /// As a file has it: `nfr max 0.01`, `accuracy min_change -0.002`, `classes: nfr max 0.05`.
    public String text() {
      String key = measure == Measure.ACCURACY_CHANGE ? "min_change" : upper ? "max" : "min";
      String prefix =
          switch (scope) {
            case ALL -> "";
            case CLASS -> "classes: ";
            case GROUP -> "groups: ";
          };
      return prefix + GateParser.name(measure) + " " + key + " " + GateParser.plain(bound);
    }
  }

  /// What became of a rule, in one class or group where it holds in those.
  ///
  /// @param where the class or group, such as `class 3` or `lang=de`; empty for all examples
  /// @param flips of the examples there
  /// @param value of the measure, or the number of examples
  /// @param interval of the measure; `null` for the number of examples
  /// @param judged what was compared with the bound: the value, or an end of the interval
  public record Judgement(
      Rule rule,
      String where,
      Flips flips,
      double value,
      @Nullable Interval interval,
      double judged) {

    /// Whether the rule holds.
    public boolean passed() {
      return rule.upper() ? judged <= rule.bound() : judged >= rule.bound();
    }

    /// One line for people.
    public String text() {
      StringBuilder text = new StringBuilder(passed() ? "holds: " : "fails: ");
      text.append(rule.text()).append(where.isEmpty() ? "" : " in " + where).append(": it is ");
      if (interval == null) {
        return text.append((long) value).toString();
      }
      text.append(number(value))
          .append(", ")
          .append(GateParser.plain(100 * interval.level()))
          .append(" % interval ")
          .append(number(interval.low()))
          .append(" to ")
          .append(number(interval.high()));
      if (judged != value) {
        text.append("; its ").append(rule.upper() ? "upper" : "lower").append(" end is judged");
      }
      if (!where.isEmpty()) {
        text.append("; of ").append(flips.examples()).append(" examples");
      }
      return text.toString();
    }

    private static String number(double value) {
      return String.format(Locale.ROOT, "%.5f", value);
    }
  }

  /// What became of all rules.
  ///
  /// @param judgements of every rule, in every class and group that has enough examples
  /// @param tooFew how many classes and groups had rules, and fewer examples than are judged
  public record Verdict(List<Judgement> judgements, int tooFew) {

    /// Whether all rules hold.
    public boolean passed() {
      return judgements.stream().allMatch(Judgement::passed);
    }

    /// The rules that do not hold.
    public List<Judgement> failures() {
      return judgements.stream().filter(judgement -> !judgement.passed()).toList();
    }
  }

  /// Reads a gate's file.
  ///
  /// @throws CompatibilityException where it cannot be read, or a key or value in it cannot be
  public static Gate read(Path file) throws CompatibilityException {
    byte[] bytes;
    try {
      try (var in = Files.newInputStream(file)) {
        bytes = in.readNBytes(GateParser.MAX_CHARS + 1);
      }
    } catch (IOException e) {
      throw CompatibilityException.of(
          file.toString(),
          "cannot be read (" + Failures.reason(e) + ")",
          "Check the file and its rights",
          e);
    }
    return parse(bytes, file.toString());
  }

  static Gate parse(byte[] utf8, String origin) {
    try {
      return parse(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString(), origin);
    } catch (CharacterCodingException e) {
      throw CompatibilityException.of(origin, "is not UTF-8 text", "Save the gate as UTF-8", e);
    }
  }

  /// A gate from its YAML.
  ///
  /// @param origin what to call it in messages
  /// @throws CompatibilityException where a key or value cannot be
  public static Gate parse(String yaml, String origin) throws CompatibilityException {
    return new GateParser(origin).parse(yaml);
  }

  /// What messages call it: its file.
  public String origin() {
    return origin;
  }

  /// The bounds: over all examples, then in classes, then in groups.
  public List<Rule> rules() {
    return rules;
  }

  /// The level of the intervals that rules are judged by; empty where they are judged by the
  /// measures themselves.
  public OptionalDouble ci() {
    return ci;
  }

  /// How intervals are drawn: as the gate says where it does, else as is given.
  public BootstrapOptions options(BootstrapOptions otherwise) {
    return new BootstrapOptions(
        resamples == null ? otherwise.resamples() : resamples,
        ci.orElse(otherwise.level()),
        seed == null ? otherwise.seed() : seed);
  }

  /// Judges a comparison.
  ///
  /// @param otherwise how intervals are drawn where the gate does not say
  /// @throws CompatibilityException where there are rules for groups, and no groups
  public Verdict judge(Comparison comparison, BootstrapOptions otherwise)
      throws CompatibilityException {
    BootstrapOptions options = options(otherwise);
    List<Judgement> judgements = new ArrayList<>();
    judge(Scope.ALL, "", comparison.flips(), options, judgements);
    int tooFew = 0;
    if (has(Scope.CLASS)) {
      List<Flips> classes = comparison.byClass();
      for (int i = 0; i < classes.size(); i++) {
        if (classes.get(i).examples() >= minClassExamples) {
          judge(Scope.CLASS, where(i), classes.get(i), options, judgements);
        } else if (classes.get(i).examples() > 0) {
          tooFew++;
        }
      }
    }
    if (has(Scope.GROUP)) {
      if (comparison.byGroup().isEmpty()) {
        throw CompatibilityException.of(
            origin,
            "has rules for groups, and the labels have none",
            "Give groups, or remove these rules");
      }
      for (Comparison.Group group : comparison.byGroup()) {
        if (group.flips().examples() >= minGroupExamples) {
          judge(
              Scope.GROUP,
              where(group.grouping(), group.group()),
              group.flips(),
              options,
              judgements);
        } else {
          tooFew++;
        }
      }
    }
    return new Verdict(List.copyOf(judgements), tooFew);
  }

  private static String where(int label) {
    return "class " + label;
  }

  private static String where(String grouping, String group) {
    return grouping + "=" + group;
  }

  private boolean has(Scope scope) {
    return rules.stream().anyMatch(rule -> rule.scope() == scope);
  }

  private void judge(
      Scope scope, String where, Flips flips, BootstrapOptions options, List<Judgement> to) {
    Set<Measure> measures = EnumSet.noneOf(Measure.class);
    List<Rule> here = rules.stream().filter(rule -> rule.scope() == scope).toList();
    for (Rule rule : here) {
      if (rule.measure() != null) {
        measures.add(rule.measure());
      }
    }
    Map<Measure, Interval> intervals =
        measures.isEmpty() ? Map.of() : Intervals.of(flips, measures, options);
    for (Rule rule : here) {
      Measure measure = rule.measure();
      if (measure == null) {
        to.add(new Judgement(rule, where, flips, flips.examples(), null, flips.examples()));
      } else {
        Interval interval = intervals.get(measure);
        double value = flips.measure(measure);
        double worse = rule.upper() ? interval.high() : interval.low();
        to.add(new Judgement(rule, where, flips, value, interval, ci.isPresent() ? worse : value));
      }
    }
  }

  /// The examples behind the rules that do not hold: those that count against them, in the classes
  /// and groups where they fail.
  ///
  /// @return their places, ascending
  public int[] failing(Comparison comparison, Verdict verdict) {
    // By the class or group; "" is all examples.
    Map<String, Set<Outcome>> against = new HashMap<>();
    Set<Outcome> any = EnumSet.noneOf(Outcome.class);
    for (Judgement judgement : verdict.failures()) {
      Set<Outcome> outcomes = against(judgement.rule());
      against
          .computeIfAbsent(judgement.where(), _ -> EnumSet.noneOf(Outcome.class))
          .addAll(outcomes);
      any.addAll(outcomes);
    }
    return Arrays.stream(comparison.examples(any))
        .filter(place -> counts(comparison, comparison.example(place), against))
        .toArray();
  }

  private static boolean counts(
      Comparison comparison, Comparison.Example example, Map<String, Set<Outcome>> against) {
    boolean counts =
        against.getOrDefault("", Set.of()).contains(example.outcome())
            || against.getOrDefault(where(example.label()), Set.of()).contains(example.outcome());
    for (int i = 0; i < example.groups().size() && !counts; i++) {
      String group = where(comparison.groupings().get(i), example.groups().get(i));
      counts = against.getOrDefault(group, Set.of()).contains(example.outcome());
    }
    return counts;
  }

  /// The outcomes of examples that make a measure worse for a rule.
  private static Set<Outcome> against(Rule rule) {
    return switch (rule.measure()) {
      case null -> EnumSet.noneOf(Outcome.class);
      case NFR, NFI, BTC, ACCURACY_CHANGE -> EnumSet.of(Outcome.NEGATIVE_FLIP);
      case NFR_MC -> EnumSet.of(Outcome.NEGATIVE_FLIP, Outcome.WRONG_DIFFERENT);
      case NEW_ACCURACY ->
          EnumSet.of(Outcome.NEGATIVE_FLIP, Outcome.WRONG_SAME, Outcome.WRONG_DIFFERENT);
      case PFR, OLD_ACCURACY -> EnumSet.noneOf(Outcome.class);
    };
  }
}

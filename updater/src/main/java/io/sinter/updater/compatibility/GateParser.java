// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.ops.Compatibility.Measure;
import io.sinter.updater.compatibility.Gate.Rule;
import io.sinter.updater.compatibility.Gate.Scope;
import io.sinter.updater.internal.Quoted;
import io.sinter.updater.internal.YamlReader;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/// Turns YAML into a [Gate], or says on which line it cannot.
final class GateParser extends YamlReader {
  static final int MAX_CHARS = 1 << 16;

  private static final Kind GATE =
      new Kind(
          "a gate",
          MAX_CHARS,
          "Write fewer rules.",
          1 << 12,
          "A gate has at least one rule, such as 'nfr: {max: 0.01}'.");

  private static final Map<String, Measure> MEASURES = new LinkedHashMap<>();

  static {
    MEASURES.put("accuracy", Measure.NEW_ACCURACY);
    MEASURES.put("nfr", Measure.NFR);
    MEASURES.put("pfr", Measure.PFR);
    MEASURES.put("nfi", Measure.NFI);
    MEASURES.put("btc", Measure.BTC);
    MEASURES.put("nfr_mc", Measure.NFR_MC);
  }

  private static final String EXAMPLES = "examples";
  private static final String MIN_EXAMPLES = "min_examples";

  private final String origin;
  private final List<Rule> rules = new ArrayList<>();

  GateParser(String origin) {
    super(GATE);
    this.origin = origin;
  }

  /// What a gate calls a measure; `null` is the number of examples.
  static String name(@Nullable Measure measure) {
    return measure == null
        ? EXAMPLES
        : MEASURES.entrySet().stream()
            .filter(entry -> entry.getValue() == measure)
            .map(Map.Entry::getKey)
            .findFirst()
            .orElse("accuracy");
  }

  /// A number without an exponent or needless digits.
  static String plain(double number) {
    return BigDecimal.valueOf(number).stripTrailingZeros().toPlainString();
  }

  Gate parse(String yaml) {
    List<String> known = new ArrayList<>(MEASURES.keySet());
    known.addAll(List.of(EXAMPLES, "classes", "groups", "ci", "seed", "resamples"));
    Fields top = mapping(compose(origin, yaml), "the gate", known);
    rules(top, Scope.ALL);
    top.get(EXAMPLES).ifPresent(this::examples);
    long minClass = scoped(top, "classes", Scope.CLASS);
    long minGroup = scoped(top, "groups", Scope.GROUP);
    if (rules.isEmpty()) {
      throw error(line(top.node()), "has no rules. Add one, such as 'nfr: {max: 0.01}'.");
    }
    return new Gate(
        origin,
        top.get("ci").map(node -> OptionalDouble.of(ci(node))).orElse(OptionalDouble.empty()),
        top.get("seed").map(node -> whole(node, "seed", Long.MIN_VALUE)).orElse(null),
        top.get("resamples").map(this::resamples).orElse(null),
        rules,
        minClass,
        minGroup);
  }

  /// The rules of one scope; returns how many examples a class or group must have to be judged.
  private long scoped(Fields top, String key, Scope scope) {
    Optional<Node> node = top.get(key);
    if (node.isEmpty()) {
      return 1;
    }
    List<String> known = new ArrayList<>(MEASURES.keySet());
    known.add(MIN_EXAMPLES);
    Fields fields = mapping(node.get(), key, known);
    int before = rules.size();
    rules(fields, scope);
    if (rules.size() == before) {
      throw error(line(node.get()), key + " has no rules. Add one, such as 'nfr: {max: 0.05}'.");
    }
    return fields.get(MIN_EXAMPLES).map(min -> whole(min, MIN_EXAMPLES, 1)).orElse(1L);
  }

  private void rules(Fields fields, Scope scope) {
    fields
        .byKey()
        .forEach(
            (name, node) -> {
              Measure measure = MEASURES.get(name);
              if (measure != null) {
                rules(name, measure, node, scope);
              }
            });
  }

  private void rules(String name, Measure measure, Node node, Scope scope) {
    boolean accuracy = measure == Measure.NEW_ACCURACY;
    Fields bounds =
        mapping(node, name, accuracy ? List.of("min", "max", "min_change") : List.of("min", "max"));
    if (bounds.byKey().isEmpty()) {
      throw error(line(node), name + " has no bound. Add 'max: SHARE' or 'min: SHARE'.");
    }
    bounds
        .byKey()
        .forEach(
            (key, value) -> {
              boolean change = key.equals("min_change");
              double bound = share(value, name + "." + key, change ? -1 : 0);
              rules.add(
                  new Rule(
                      scope,
                      change ? Measure.ACCURACY_CHANGE : measure,
                      key.equals("max"),
                      bound,
                      line(value)));
            });
    Node min = bounds.byKey().get("min");
    Node max = bounds.byKey().get("max");
    if (min != null && max != null && number(min, "min") > number(max, "max")) {
      throw error(line(max), name + ".max is below its min. No model could pass; correct one.");
    }
  }

  private void examples(Node node) {
    Fields bounds = mapping(node, EXAMPLES, List.of("min"));
    Node min = bounds.byKey().get("min");
    if (min == null) {
      throw error(line(node), "examples has no bound. Add 'min: NUMBER'.");
    }
    rules.add(new Rule(Scope.ALL, null, false, whole(min, "examples.min", 1), line(min)));
  }

  private double share(Node node, String what, double least) {
    double share = number(node, what);
    if (!(share >= least && share <= 1)) {
      throw error(
          line(node),
          what
              + " is "
              + plain(share)
              + ", and must be a share from "
              + plain(least)
              + " to 1, not a percentage. Correct it.");
    }
    return share;
  }

  private double ci(Node node) {
    double level = number(node, "ci");
    if (!(level > 0 && level < 1)) {
      throw error(
          line(node),
          "ci is " + plain(level) + ", and must be between 0 and 1, such as 0.95. Correct it.");
    }
    return level;
  }

  private long resamples(Node node) {
    long resamples = whole(node, "resamples", 1);
    if (resamples > Comparison.MAX_RESAMPLES) {
      throw error(
          line(node),
          "resamples is "
              + resamples
              + ", and may be at most "
              + Comparison.MAX_RESAMPLES
              + ". Correct it.");
    }
    return resamples;
  }

  private long whole(Node node, String what, long least) {
    String text = string(node, what);
    try {
      long number = Long.parseLong(text);
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Said below, with the line.
    }
    throw error(
        line(node),
        what
            + " is "
            + describe(node)
            + ", and must be a whole number"
            + (least == Long.MIN_VALUE ? " of 64 bits" : " from " + least)
            + ". Correct it.");
  }

  @Override
  protected CompatibilityException error(int line, String problem) {
    return new CompatibilityException(
        origin + (line > 0 ? ":" + line : "") + ": " + Quoted.text(problem));
  }
}

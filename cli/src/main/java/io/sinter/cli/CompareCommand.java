// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility.Confusion;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.updater.compatibility.Comparison;
import io.sinter.updater.compatibility.Gate;
import io.sinter.updater.compatibility.Gate.Judgement;
import io.sinter.updater.compatibility.Gate.Verdict;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `sinter compare`.
@Command(
    name = "compare",
    description = {
      "Compare the old and the new model's predictions on the same examples: what the update"
          + " repaired and what it broke.",
      "Files are .safetensors, .npy or .csv; docs/compatibility.md has their formats, the measures"
          + " and the gate's."
    },
    exitCodeOnExecutionException = Main.USAGE,
    exitCodeList = {
      "0:compared; the gate, if there is one, passes",
      "1:the gate fails",
      "2:wrong usage, or nothing that can be compared"
    })
final class CompareCommand implements Callable<Integer> {
  /// Rows of classes and groups that a table shows at most: those with the highest rates.
  private static final int MAX_ROWS = 20;

  /// Classes whose confusion is printed as a matrix of JSON at most.
  private static final int MAX_MATRIX = 128;

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Option(
      names = "--old",
      required = true,
      paramLabel = "PREDS",
      description = "The old model's predictions or logits.")
  private Path old;

  @Option(
      names = "--new",
      required = true,
      paramLabel = "PREDS",
      description = "The new model's predictions or logits.")
  private Path updated;

  @Option(
      names = "--labels",
      required = true,
      paramLabel = "LABELS",
      description = "What is right; other columns of a CSV file are groups.")
  private Path labels;

  @Option(
      names = "--groups",
      paramLabel = "FILE",
      description = "Groups of the examples: by each, flips are counted too.")
  private @Nullable Path groups;

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "How many classes there are: numbers beyond are refused.")
  private @Nullable Integer classes;

  @Option(
      names = "--gate",
      paramLabel = "GATE.yml",
      description = "Rules that the new model must keep; the exit code is 1 where it does not.")
  private @Nullable Path gate;

  @Option(
      names = "--failures",
      paramLabel = "FILE",
      description = {
        "Write the failing examples as CSV: those behind the rules that fail;",
        "without a gate, all negative flips."
      })
  private @Nullable Path failures;

  @Option(
      names = "--resamples",
      paramLabel = "N",
      defaultValue = "100000",
      description = "Resamples of the bootstrap intervals (default: ${DEFAULT-VALUE}).")
  private long resamples;

  @Option(
      names = "--ci",
      paramLabel = "LEVEL",
      defaultValue = "0.95",
      description = "Level of the intervals (default: ${DEFAULT-VALUE}); a gate's own goes first.")
  private double level;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of the bootstrap (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    BootstrapOptions given = options();
    Gate rules = gate == null ? null : Gate.read(gate);
    Labels right = Labels.read(labels);
    if (groups != null) {
      right = right.withGroups(groups);
    }
    Comparison comparison =
        Comparison.of(
            Predictions.read(old), Predictions.read(updated), right, classes == null ? 0 : classes);
    BootstrapOptions options = rules == null ? given : rules.options(given);
    Verdict verdict = rules == null ? null : rules.judge(comparison, given);
    Map<Measure, Interval> intervals = comparison.intervals(options);
    int[] failing =
        rules == null || verdict == null
            ? comparison.examples(Outcome.NEGATIVE_FLIP)
            : rules.failing(comparison, verdict);
    if (failures != null) {
      write(comparison, failing, failures);
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.of(asMap(comparison, intervals, options, verdict, failing)));
    } else {
      print(comparison, intervals, options, out);
      if (rules != null && verdict != null) {
        print(rules, verdict, failing, out);
      }
      if (failures != null) {
        out.printf("%d failing examples: %s%n", failing.length, failures);
      }
    }
    return verdict == null || verdict.passed() ? Main.DONE : Main.FAILED;
  }

  private BootstrapOptions options() {
    if (resamples < 1 || resamples > Comparison.MAX_RESAMPLES) {
      throw wrong("--resamples " + resamples, "1 to " + Comparison.MAX_RESAMPLES);
    }
    if (!(level > 0 && level < 1)) {
      throw wrong("--ci " + level, "between 0 and 1, such as 0.95");
    }
    if (classes != null && (classes < 1 || classes > Comparison.MAX_CLASSES)) {
      throw wrong("--classes " + classes, "1 to " + Comparison.MAX_CLASSES);
    }
    return new BootstrapOptions(resamples, level, seed);
  }

  private ParameterException wrong(String option, String range) {
    return new ParameterException(spec.commandLine(), option + ": it must be " + range);
  }

  // ---- for people -------------------------------------------------------------------------------

  private static String name(Measure measure) {
    return switch (measure) {
      case OLD_ACCURACY -> "old accuracy";
      case NEW_ACCURACY -> "new accuracy";
      case ACCURACY_CHANGE -> "accuracy change";
      case NFR -> "NFR";
      case PFR -> "PFR";
      case NFI -> "NFI";
      case BTC -> "BTC";
      case NFR_MC -> "NFR-MC";
    };
  }

  private static String share(double share) {
    return Double.isNaN(share) ? "-" : String.format(Locale.ROOT, "%.5f", share);
  }

  private static void print(
      Comparison comparison,
      Map<Measure, Interval> intervals,
      BootstrapOptions options,
      PrintWriter out) {
    Flips flips = comparison.flips();
    out.printf("%d examples, %d classes%n%n", comparison.examples(), comparison.classes());
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"measure", "value", number(100 * options.level()) + " % from", "to"});
    intervals.forEach(
        (measure, interval) ->
            rows.add(
                new String[] {
                  name(measure),
                  share(interval.estimate()),
                  share(interval.low()),
                  share(interval.high())
                }));
    Table.print(rows, 1, out);
    out.printf(Locale.ROOT, "McNemar's exact p-value: %.4g%n%n", comparison.mcnemar());
    Table.print(
        List.of(
            new String[] {"", "new right", "new wrong"},
            new String[] {"old right", "" + flips.bothRight(), "" + flips.negative()},
            new String[] {
              "old wrong", "" + flips.positive(), "" + (flips.wrongSame() + flips.wrongDifferent())
            }),
        1,
        out);
    out.printf(
        "both wrong: %d the same, %d different%n", flips.wrongSame(), flips.wrongDifferent());
    print(comparison, out);
  }

  private static String number(double number) {
    return String.format(Locale.ROOT, "%.6g", number).replaceAll("\\.?0+$", "");
  }

  /// One row of a breakdown.
  private record Part(String name, Flips flips) {}

  private static void print(Comparison comparison, PrintWriter out) {
    List<Part> byClass =
        IntStream.range(0, comparison.byClass().size())
            .mapToObj(i -> new Part(Integer.toString(i), comparison.byClass().get(i)))
            .filter(part -> part.flips().examples() > 0)
            .toList();
    print("class", byClass, out);
    for (String grouping : comparison.groupings()) {
      print(
          grouping,
          comparison.byGroup().stream()
              .filter(group -> group.grouping().equals(grouping))
              .map(group -> new Part(group.group(), group.flips()))
              .toList(),
          out);
    }
  }

  /// A table of all parts, or of those with the highest negative flip rates where there are many.
  private static void print(String title, List<Part> parts, PrintWriter out) {
    List<Part> shown = new ArrayList<>(parts);
    if (parts.size() > MAX_ROWS) {
      shown.sort(Comparator.comparingDouble(part -> -part.flips().nfr()));
      shown = shown.subList(0, MAX_ROWS);
    }
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {title, "examples", "old accuracy", "new accuracy", "NFR", "PFR"});
    for (Part part : shown) {
      Flips flips = part.flips();
      rows.add(
          new String[] {
            Terminal.plain(part.name()),
            Long.toString(flips.examples()),
            share(flips.oldAccuracy()),
            share(flips.newAccuracy()),
            share(flips.nfr()),
            share(flips.pfr())
          });
    }
    out.println();
    Table.print(rows, 1, out);
    if (shown.size() < parts.size()) {
      out.printf("(the %d of %d with the highest NFR)%n", shown.size(), parts.size());
    }
  }

  private static void print(Gate gate, Verdict verdict, int[] failing, PrintWriter out) {
    out.println();
    List<Judgement> shown =
        verdict.judgements().stream()
            .filter(judgement -> judgement.where().isEmpty() || !judgement.passed())
            .toList();
    shown.forEach(judgement -> out.println(Terminal.plain(judgement.text())));
    int elsewhere = verdict.judgements().size() - shown.size();
    if (elsewhere > 0) {
      out.printf("holds in %d more classes and groups%n", elsewhere);
    }
    if (verdict.tooFew() > 0) {
      out.printf("%d classes and groups have too few examples%n", verdict.tooFew());
    }
    out.printf(
        "gate %s: %s%n",
        gate.origin(),
        verdict.passed()
            ? "passed"
            : "FAILED, " + verdict.failures().size() + " of " + verdict.judgements().size());
    if (!verdict.passed()) {
      out.printf("examples behind that: %d%n", failing.length);
    }
  }

  // ---- for programs -----------------------------------------------------------------------------

  private static String key(Measure measure) {
    return switch (measure) {
      case OLD_ACCURACY -> "oldAccuracy";
      case NEW_ACCURACY -> "newAccuracy";
      case ACCURACY_CHANGE -> "accuracyChange";
      case NFR -> "nfr";
      case PFR -> "pfr";
      case NFI -> "nfi";
      case BTC -> "btc";
      case NFR_MC -> "nfrMc";
    };
  }

  private static Map<String, Object> asMap(
      Comparison comparison,
      Map<Measure, Interval> intervals,
      BootstrapOptions options,
      @Nullable Verdict verdict,
      int[] failing) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("examples", comparison.examples());
    object.put("classes", comparison.classes());
    object.put("counts", counts(comparison.flips()));
    Map<String, Object> measures = new LinkedHashMap<>();
    intervals.forEach((measure, interval) -> measures.put(key(measure), asMap(interval)));
    object.put("measures", measures);
    object.put(
        "bootstrap",
        ordered(
            "resamples", options.resamples(), "level", options.level(), "seed", options.seed()));
    object.put("mcnemar", comparison.mcnemar());
    List<Map<String, Object>> byClass = new ArrayList<>();
    for (int i = 0; i < comparison.byClass().size(); i++) {
      Flips flips = comparison.byClass().get(i);
      if (flips.examples() > 0) {
        byClass.add(with(ordered("class", i), flips));
      }
    }
    object.put("byClass", byClass);
    object.put(
        "byGroup",
        comparison.byGroup().stream()
            .map(
                group ->
                    with(
                        ordered("grouping", group.grouping(), "group", group.group()),
                        group.flips()))
            .toList());
    if (comparison.classes() <= MAX_MATRIX) {
      comparison.labelToOld().ifPresent(c -> object.put("labelToOld", matrix(c)));
      comparison.labelToNew().ifPresent(c -> object.put("labelToNew", matrix(c)));
      comparison.oldToNew().ifPresent(c -> object.put("oldToNew", matrix(c)));
    }
    if (verdict != null) {
      Map<String, Object> gate = ordered("passed", verdict.passed(), "tooFew", verdict.tooFew());
      gate.put("rules", verdict.judgements().stream().map(CompareCommand::asMap).toList());
      object.put("gate", gate);
    }
    object.put("failing", failing.length);
    return object;
  }

  private static Map<String, Object> asMap(Interval interval) {
    return ordered(
        "value", finite(interval.estimate()),
        "low", finite(interval.low()),
        "high", finite(interval.high()));
  }

  private static Map<String, Object> asMap(Judgement judgement) {
    Map<String, Object> object =
        ordered("rule", judgement.rule().text(), "passed", judgement.passed());
    if (!judgement.where().isEmpty()) {
      object.put("where", judgement.where());
    }
    object.put("line", judgement.rule().line());
    object.put("value", finite(judgement.value()));
    if (judgement.interval() != null) {
      object.put("low", finite(judgement.interval().low()));
      object.put("high", finite(judgement.interval().high()));
    }
    object.put("judged", finite(judgement.judged()));
    object.put("bound", judgement.rule().bound());
    object.put("text", judgement.text());
    return object;
  }

  /// JSON knows no NaN.
  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static Map<String, Object> with(Map<String, Object> object, Flips flips) {
    object.putAll(counts(flips));
    return object;
  }

  private static Map<String, Object> counts(Flips flips) {
    return ordered(
        "bothRight", flips.bothRight(),
        "negativeFlips", flips.negative(),
        "positiveFlips", flips.positive(),
        "wrongSame", flips.wrongSame(),
        "wrongDifferent", flips.wrongDifferent());
  }

  private static List<long[]> matrix(Confusion confusion) {
    return IntStream.range(0, confusion.classes())
        .mapToObj(
            from ->
                IntStream.range(0, confusion.classes())
                    .mapToLong(to -> confusion.count(from, to))
                    .toArray())
        .toList();
  }

  private static Map<String, Object> ordered(Object... keysAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }

  // ---- failing examples -------------------------------------------------------------------------

  private static void write(Comparison comparison, int[] places, Path file) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      line(
          out,
          Stream.concat(
              Stream.of("example", "id", "label", "old", "new", "outcome"),
              comparison.groupings().stream()));
      for (int place : places) {
        Comparison.Example example = comparison.example(place);
        line(
            out,
            Stream.concat(
                Stream.of(
                    Integer.toString(example.place()),
                    example.id(),
                    Integer.toString(example.label()),
                    Integer.toString(example.old()),
                    Integer.toString(example.updated()),
                    example.outcome().name().toLowerCase(Locale.ROOT)),
                example.groups().stream()));
      }
    } catch (IOException e) {
      throw new IOException(
          "the failing examples cannot be written to " + file + " (" + e.getMessage() + ")", e);
    }
  }

  private static void line(BufferedWriter out, Stream<String> cells) throws IOException {
    List<String> quoted = cells.map(CompareCommand::quoted).toList();
    out.write(String.join(",", quoted));
    out.write('\n');
  }

  /// A cell as RFC 4180 writes it.
  private static String quoted(String cell) {
    return cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
        ? '"' + cell.replace("\"", "\"\"") + '"'
        : cell;
  }
}

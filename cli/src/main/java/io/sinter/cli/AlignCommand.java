// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.Realignment;
import io.sinter.updater.Recipe;
import io.sinter.updater.alignment.Alignment;
import io.sinter.updater.alignment.AlignmentListener;
import io.sinter.updater.alignment.AlignmentOptions;
import io.sinter.updater.alignment.AlignmentReport;
import io.sinter.updater.alignment.Architectures;
import io.sinter.updater.alignment.Group;
import io.sinter.updater.alignment.Permutation;
import io.sinter.updater.alignment.PermutationSpec;
import io.sinter.updater.alignment.Similarity;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `sinter align`.
@Command(
    name = "align",
    description = {
      "Rename the units of a model so that it comes as close as possible to another one that was"
          + " trained apart: the function stays the same, and the two can then be merged.",
      "Units are matched by their weights, or by activations on the same samples, on the CPU. The"
          + " output appears whole or not at all."
    })
final class AlignCommand implements Callable<Integer> {

  private static final String TABLE = "";

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Option(
      names = "--reference",
      required = true,
      paramLabel = "DIR",
      description = "The model whose order of units is kept.")
  private Path reference;

  @Option(names = "--model", paramLabel = "DIR", description = "The model to rename.")
  private @Nullable Path model;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder to write the renamed model to.")
  private @Nullable Path out;

  @Option(
      names = "--merge-alpha",
      paramLabel = "A",
      description =
          "Write what lies between the two instead: 1 is the renamed model (default), 0 the"
              + " reference.")
  private @Nullable Double alpha;

  @Option(
      names = "--spec",
      paramLabel = "FILE",
      description =
          "Which axes of which tensors name the same units, as YAML (default: recognised from"
              + " config.json and the tensors' names).")
  private @Nullable Path rules;

  @Option(
      names = "--activations",
      arity = "2",
      paramLabel = "FILE",
      description = {
        "Match by activations instead of weights: the reference's and the model's on the same"
            + " samples, two safetensors files. A tensor [..., units] is named after its group (as"
            + " --explain has it), of heads with a role behind (layers.0.attention.output); several"
            + " taps of a group differ in what follows an @."
      })
  private @Nullable List<Path> activations;

  @Option(
      names = "--cross-moment",
      description =
          "With --activations: compare units by the mean of their product, not by correlation.")
  private boolean crossMoment;

  @Option(
      names = "--report",
      arity = "0..1",
      fallbackValue = TABLE,
      paramLabel = "FILE",
      description =
          "Print what each group came to; with a FILE, write that and the permutations there, as"
              + " JSON.")
  private @Nullable String report;

  @Option(
      names = "--explain",
      description = "Print the groups, their sizes and the tensors they touch, and do nothing.")
  private boolean explain;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the order in which groups are solved (default: 0).")
  private long seed;

  @Option(
      names = "--max-sweeps",
      paramLabel = "N",
      description = "Stop after so many rounds over all groups (default: ${DEFAULT-VALUE}).")
  private int maxSweeps = AlignmentOptions.DEFAULT.maxSweeps();

  @Mixin private MergeFlags flags;

  @Mixin private SingleMergeFlags single;

  @Override
  public Integer call() {
    flags.check();
    if (explain) {
      explain();
      return Main.DONE;
    }
    Path other = model;
    Path target = out;
    if (other == null) {
      throw wrong("Missing required option: '--model=DIR' (or --explain, to see the groups)");
    }
    if (target == null && !single.plan()) {
      throw wrong("Missing required option: '--out=DIR' (or --plan, to see what would be done)");
    }
    if (alpha != null && !Double.isFinite(alpha)) {
      throw wrong("--merge-alpha " + alpha + ": it must be a finite number");
    }
    if (crossMoment && activations == null) {
      throw wrong("--cross-moment says how activations are compared; give --activations too");
    }
    if (maxSweeps < 1) {
      throw wrong("--max-sweeps " + maxSweeps + ": there must be at least 1");
    }
    return single.run(
        SinterCommand.of(spec),
        spec.commandLine(),
        "sinter align",
        () -> recipe(other, target),
        flags,
        target);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /// Matches, tells of it, and makes the recipe.
  private Recipe recipe(Path other, @Nullable Path target) {
    MergeOptions options = flags.options();
    if (target != null && Files.exists(target) && !options.force() && !single.plan()) {
      // Before the work that it would be the end of.
      throw new IllegalStateException(
          target + ": exists already. Choose another output, or pass --force to replace it.");
    }
    SinterCommand sinter = SinterCommand.of(spec);
    AlignmentListener listener = (_, _, _) -> sinter.cancellation().check();
    Alignment alignment;
    AlignmentOptions how =
        AlignmentOptions.DEFAULT
            .withSeed(seed)
            .withMaxSweeps(maxSweeps)
            .withThreads(options.threads());
    try (Checkpoint first = Checkpoint.open(reference);
        Checkpoint second = Checkpoint.open(other)) {
      PermutationSpec found = Architectures.of(first, rules);
      alignment =
          activations == null
              ? Alignment.weights(found, first, second, how, listener)
              : byActivations(found, second, activations, how, listener);
    }
    tell(alignment);
    return Realignment.of(reference, other, alignment)
        .withAlpha(alpha == null ? 1 : alpha)
        .recipe();
  }

  private Alignment byActivations(
      PermutationSpec found,
      Checkpoint second,
      List<Path> files,
      AlignmentOptions how,
      AlignmentListener listener) {
    found.requireShapesOf(second);
    try (Checkpoint mine = Checkpoint.open(files.get(0));
        Checkpoint others = Checkpoint.open(files.get(1))) {
      return Alignment.activations(
          found,
          mine,
          others,
          crossMoment ? Similarity.CROSS_MOMENT : Similarity.CORRELATION,
          how,
          listener);
    }
  }

  private void tell(Alignment alignment) {
    PrintWriter to = spec.commandLine().getOut();
    if (report != null && !report.equals(TABLE)) {
      write(Path.of(report), Json.of(asMap(alignment)) + "\n");
    }
    if (single.json()) {
      if (!single.plan()) {
        new JsonLines(to, System::nanoTime).event("alignment", asMap(alignment.report()));
      }
      return;
    }
    AlignmentReport found = alignment.report();
    to.printf(
        Locale.ROOT,
        "Matched %d %s of %s in %d %s%s: objective %.6g, was %.6g%n",
        found.groups().size(),
        found.groups().size() == 1 ? "group" : "groups",
        found.architecture(),
        found.sweeps(),
        found.sweeps() == 1 ? "sweep" : "sweeps",
        found.converged() ? "" : " (it had not come to rest)",
        found.after(),
        found.before());
    to.printf(
        Locale.ROOT,
        "  %.2f s, of these %.2f s in products and %.2f s in assignments; solved %d, skipped %d%n",
        found.seconds(),
        found.productSeconds(),
        found.assignmentSeconds(),
        found.solved(),
        found.skipped());
    if (TABLE.equals(report)) {
      print(found, to);
    }
  }

  private static void print(AlignmentReport report, PrintWriter to) {
    List<String[]> rows = new ArrayList<>();
    rows.add(
        new String[] {
          "group", "solved by", "units", "moved", "before", "after", "gap", "certified"
        });
    for (AlignmentReport.OfGroup group : report.groups()) {
      rows.add(
          new String[] {
            group.group().name(),
            group.method().toLowerCase(Locale.ROOT).replace('_', ' '),
            Integer.toString(group.units()),
            Integer.toString(group.moved()),
            String.format(Locale.ROOT, "%.6g", group.before()),
            String.format(Locale.ROOT, "%.6g", group.after()),
            String.format(Locale.ROOT, "%.1e", group.gap()),
            certified(group)
          });
    }
    Table.print(rows, 2, to);
  }

  /// What alternates is optimal step by step, and not as a whole.
  private static String certified(AlignmentReport.OfGroup group) {
    return !group.isCertified() ? "no" : group.method().equals("ALTERNATION") ? "steps" : "yes";
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new IllegalStateException(
          file + ": cannot be written (" + e + "). Choose another place for --report.", e);
    }
  }

  // ---- for programs -----------------------------------------------------------------------------

  private static Map<String, Object> asMap(Alignment alignment) {
    Map<String, Object> object = asMap(alignment.report());
    Map<String, Object> permutations = new LinkedHashMap<>();
    alignment
        .permutations()
        .forEach((name, permutation) -> permutations.put(name, asValue(permutation)));
    object.put("permutations", permutations);
    return object;
  }

  private static Object asValue(Permutation permutation) {
    return switch (permutation) {
      case Permutation.Units units -> units.order();
      case Permutation.Heads heads -> {
        Map<String, Object> levels = new LinkedHashMap<>();
        levels.put("groups", heads.groups());
        levels.put("queries", heads.queries());
        levels.put("keys", heads.keys());
        levels.put("values", heads.values());
        yield levels;
      }
    };
  }

  private static Map<String, Object> asMap(AlignmentReport report) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("architecture", report.architecture());
    object.put("before", report.before());
    object.put("after", report.after());
    object.put("sweeps", report.sweeps());
    object.put("converged", report.converged());
    object.put("solved", report.solved());
    object.put("skipped", report.skipped());
    object.put("seconds", report.seconds());
    object.put("productSeconds", report.productSeconds());
    object.put("assignmentSeconds", report.assignmentSeconds());
    List<Map<String, Object>> groups = new ArrayList<>();
    for (AlignmentReport.OfGroup group : report.groups()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("group", group.group().name());
      entry.put("before", group.before());
      entry.put("after", group.after());
      entry.put("units", group.units());
      entry.put("moved", group.moved());
      entry.put("solved", group.solved());
      entry.put("gap", group.gap());
      entry.put("spread", group.spread());
      entry.put("certified", group.isCertified());
      entry.put("method", group.method());
      groups.add(entry);
    }
    object.put("groups", groups);
    return object;
  }

  // ---- --explain --------------------------------------------------------------------------------

  private void explain() {
    PermutationSpec found;
    try (Checkpoint first = Checkpoint.open(reference)) {
      found = Architectures.of(first, rules);
    }
    PrintWriter to = spec.commandLine().getOut();
    if (single.json()) {
      to.println(Json.of(asMap(found)));
      return;
    }
    to.printf(
        "%s: %d %s%n",
        found.architecture(),
        found.groups().size(),
        found.groups().size() == 1 ? "group" : "groups");
    found
        .groups()
        .forEach(
            (name, group) -> {
              to.println(name + ": " + words(group));
              found.uses(name).forEach(use -> to.println("  " + use));
            });
  }

  private static String words(Group group) {
    return switch (group) {
      case Group.Units units -> units.size() + (units.size() == 1 ? " unit" : " units");
      case Group.Heads heads ->
          heads.groups()
              + " key/value groups of "
              + heads.queries()
              + (heads.queries() == 1 ? " query head" : " query heads")
              + " of "
              + heads.size()
              + (heads.rotary() ? ", rotated" : "");
    };
  }

  private static Map<String, Object> asMap(PermutationSpec spec) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("architecture", spec.architecture());
    List<Map<String, Object>> groups = new ArrayList<>();
    spec.groups()
        .forEach(
            (name, group) -> {
              Map<String, Object> entry = new LinkedHashMap<>();
              entry.put("group", name);
              switch (group) {
                case Group.Units units -> entry.put("units", units.size());
                case Group.Heads heads -> {
                  entry.put("keyValueGroups", heads.groups());
                  entry.put("queryHeadsOfEach", heads.queries());
                  entry.put("headSize", heads.size());
                  entry.put("rotary", heads.rotary());
                }
              }
              entry.put("places", spec.uses(name).stream().map(Object::toString).toList());
              groups.add(entry);
            });
    object.put("groups", groups);
    return object;
  }
}

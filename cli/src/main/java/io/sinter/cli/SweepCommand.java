// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.Sweep;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.Evaluator;
import io.sinter.updater.compatibility.Evaluators;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import io.sinter.updater.compatibility.ProcessEvaluator;
import io.sinter.updater.compatibility.StoredEvaluator;
import io.sinter.updater.compatibility.SweepReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `sinter sweep`.
@Command(
    name = "sweep",
    description = {
      "Update a model at every alpha of a grid, reading the checkpoints once, evaluate each"
          + " candidate, and take the one with the fewest negative flips that is as accurate as the"
          + " new model.",
      "The candidates need room for as many models. The output appears whole or not at all, with"
          + " sweep.csv, sweep.json, sweep.png and sweep.svg beside its weights."
    })
final class SweepCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Mixin private UpdateFlags what;

  @Option(
      names = "--alphas",
      split = ",",
      paramLabel = "A",
      description =
          "The old model's shares to try, 0 among them (default: 0,.1,...,1; with --fisher also"
              + " .85,.92,.94,.96,.98).")
  private @Nullable List<Double> alphas;

  @Option(
      names = "--epsilon",
      paramLabel = "E",
      defaultValue = "0",
      description =
          "How much accuracy may be given up for fewer flips, as a share: .002 is 0.2 points"
              + " (default: ${DEFAULT-VALUE}).")
  private double epsilon;

  @Option(
      names = "--evaluator",
      paramLabel = "COMMAND",
      description =
          "Program that evaluates a candidate: it gets the candidate's folder as its last argument"
              + " and prints one line of JSON (docs/compatibility.md).")
  private @Nullable String evaluator;

  @Option(
      names = "--time-limit",
      paramLabel = "SECONDS",
      description = "How long the program may take for a candidate (default: 3600).")
  private @Nullable Long timeLimit;

  @Option(
      names = "--evaluator-class",
      paramLabel = "NAME",
      description =
          "Class that evaluates candidates: an io.sinter.updater.compatibility.Evaluator.")
  private @Nullable String evaluatorClass;

  @Option(
      names = "--evaluator-path",
      split = ":",
      paramLabel = "JAR",
      description = "Jars and folders in which that class is.")
  private List<Path> evaluatorPath = new ArrayList<>();

  @Option(
      names = "--logits-dir",
      paramLabel = "DIR",
      description =
          "Folder with the predictions or logits of every candidate, such as 0.3.npy: nothing is"
              + " run. Needs --labels.")
  private @Nullable Path logitsDir;

  @Option(
      names = "--labels",
      paramLabel = "FILE",
      description = "The examples' labels: .safetensors, .npy or .csv.")
  private @Nullable Path labels;

  @Option(
      names = "--old-predictions",
      paramLabel = "FILE",
      description =
          "The old model's predictions or logits for these examples (default with --logits-dir: the"
              + " file of alpha 1).")
  private @Nullable Path oldPredictions;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Folder for the candidates (default: a temporary one beside OUT).")
  private @Nullable Path work;

  @Option(
      names = "--keep-candidates",
      description = "Leave the candidates that were not chosen in the --work folder.")
  private boolean keepCandidates;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder to write the chosen model to.")
  private Path out;

  @Mixin private MergeFlags flags;

  @Option(
      names = "--json",
      description =
          "Print what happens as JSON, an object a line, whose 'event' is progress, warning,"
              + " merged, evaluated, done or error.")
  private boolean json;

  @Override
  public Integer call() {
    flags.check();
    check();
    Sweep sweep = sweep();
    SinterCommand sinter = SinterCommand.of(spec);
    if (!json) {
      run(sinter, sweep, null);
      return Main.DONE;
    }
    JsonLines lines = new JsonLines(spec.commandLine().getOut(), System::nanoTime);
    try {
      run(sinter, sweep, lines);
    } catch (ParameterException e) {
      throw e; // Wrong usage, like what picocli finds: nothing has happened yet.
    } catch (RuntimeException | Error e) {
      lines.message("error", Errors.message(sinter, e));
      throw e;
    }
    return Main.DONE;
  }

  private void check() {
    long given =
        Stream.of(evaluator, evaluatorClass, logitsDir).filter(option -> option != null).count();
    if (given != 1) {
      throw wrong("give one of --evaluator, --evaluator-class and --logits-dir");
    }
    if (timeLimit != null && (evaluator == null || timeLimit < 1)) {
      throw wrong("--time-limit goes with --evaluator, and is at least 1 second");
    }
    if (!evaluatorPath.isEmpty() && evaluatorClass == null) {
      throw wrong("--evaluator-path goes with --evaluator-class");
    }
    if (evaluatorClass != null && (labels != null || oldPredictions != null)) {
      throw wrong("--labels and --old-predictions are of no use to --evaluator-class");
    }
    if (logitsDir != null && labels == null) {
      throw wrong("--logits-dir needs --labels");
    }
    if (evaluator != null && (labels == null) != (oldPredictions == null)) {
      throw wrong("--labels and --old-predictions belong together with --evaluator");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /// What cannot be meant is wrong usage.
  private Sweep sweep() {
    try {
      Sweep sweep = Sweep.of(what.update(0)).withEpsilon(epsilon).withWork(work, keepCandidates);
      return alphas == null ? sweep : sweep.withAlphas(alphas);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  private Evaluator evaluator(SinterCommand sinter) {
    if (logitsDir != null && labels != null) {
      return oldPredictions == null
          ? StoredEvaluator.of(logitsDir, Labels.read(labels))
          : StoredEvaluator.of(logitsDir, Predictions.read(oldPredictions), Labels.read(labels));
    }
    if (evaluatorClass != null) {
      return Evaluators.load(evaluatorPath, evaluatorClass);
    }
    ProcessEvaluator process =
        ProcessEvaluator.of(String.valueOf(evaluator)).watched(sinter.cancellation()::check);
    if (timeLimit != null) {
      process = process.within(Duration.ofSeconds(timeLimit));
    }
    return labels == null || oldPredictions == null
        ? process
        : process.comparing(Predictions.read(oldPredictions), Labels.read(labels));
  }

  private void run(SinterCommand sinter, Sweep sweep, @Nullable JsonLines lines) {
    Device.Selection selection = flags.device().select();
    MergeOptions options = flags.options();
    Evaluator evaluates = evaluator(sinter);
    PrintWriter err = spec.commandLine().getErr();
    Sweep.Result result;
    try (Progress progress = new Progress(err, sinter.terminal(), System::nanoTime)) {
      result =
          sweep.run(
              out,
              evaluates,
              options,
              new Sweep.Listener() {
                @Override
                public void progress(long bytesDone, long bytesTotal) {
                  sinter.cancellation().check();
                  progress.update(bytesDone, bytesTotal);
                  if (lines != null) {
                    lines.progress(bytesDone, bytesTotal);
                  }
                }

                @Override
                public void warning(String message) {
                  if (lines != null) {
                    lines.message("warning", message);
                  } else {
                    progress.close();
                    err.println("warning: " + message);
                  }
                }

                @Override
                public void merged(int candidates, long read, long written, double seconds) {
                  progress.close();
                  if (lines != null) {
                    Map<String, Object> fields = new LinkedHashMap<>();
                    fields.put("candidates", candidates);
                    fields.put("bytesRead", read);
                    fields.put("bytesWritten", written);
                    fields.put("seconds", seconds);
                    lines.event("merged", fields);
                  }
                }

                @Override
                public void evaluated(SweepReport.Row row) {
                  sinter.cancellation().check();
                  if (lines != null) {
                    lines.event("evaluated", asMap(row));
                  }
                }

                @Override
                public void chosen(SweepReport report, SweepReport.Row row, Path folder)
                    throws IOException {
                  SweepChart.draw(report, epsilon, folder, this::warning);
                }

                @Override
                public void left(String message) {
                  sinter.left(message);
                }
              });
    }
    if (lines != null) {
      lines.event("done", asMap(result, selection.reason()));
    } else {
      print(result, flags.device().brief(selection), spec.commandLine().getOut());
    }
  }

  private void print(Sweep.Result result, String reason, PrintWriter to) {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"alpha", "accuracy", "NFR", "PFR", ""});
    for (SweepReport.Row row : result.report().rows()) {
      Evaluation evaluation = row.evaluation();
      rows.add(
          new String[] {
            Double.toString(row.alpha()),
            share(evaluation.accuracy()),
            share(evaluation.nfr()),
            evaluation.pfr().isPresent() ? share(evaluation.pfr().getAsDouble()) : "-",
            row.equals(result.chosen()) ? "<" : ""
          });
    }
    Table.print(rows, 0, to);
    to.println();
    Evaluation updated = result.report().row(0).orElseThrow().evaluation();
    Evaluation chosen = result.chosen().evaluation();
    to.printf(
        Locale.ROOT,
        "Took alpha %s: accuracy %s (new model %s), negative flips %s (%s)%n",
        result.chosen().alpha(),
        share(chosen.accuracy()),
        share(updated.accuracy()),
        share(chosen.nfr()),
        share(updated.nfr()));
    to.printf(
        Locale.ROOT,
        "Merged %d candidates in %.2f s, evaluated them in %.2f s; wrote %s%n",
        result.report().rows().size(),
        result.mergeSeconds(),
        result.evaluateSeconds(),
        Units.bytes(result.bytesWritten()));
    result
        .read()
        .forEach((model, bytes) -> to.printf("  read %s of %s%n", Units.bytes(bytes), model));
    to.printf("  device %s (%s)%n", result.merge().device(), reason);
    result
        .merge()
        .files()
        .forEach(
            file ->
                to.printf(
                    "  %s  %s  %s %s%n",
                    file.path(), Units.bytes(file.bytes()), file.algorithm(), file.hash()));
  }

  private static String share(double value) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * value);
  }

  private static Map<String, Object> asMap(SweepReport.Row row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("alpha", row.alpha());
    fields.put("accuracy", row.evaluation().accuracy());
    fields.put("nfr", row.evaluation().nfr());
    row.evaluation().pfr().ifPresent(pfr -> fields.put("pfr", pfr));
    row.evaluation().examples().ifPresent(examples -> fields.put("examples", examples));
    fields.putAll(row.evaluation().further());
    return fields;
  }

  private Map<String, Object> asMap(Sweep.Result result, String reason) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("output", out.toString());
    fields.put("method", result.report().method());
    fields.put("chosen", result.chosen().alpha());
    fields.put("rows", result.report().rows().stream().map(SweepCommand::asMap).toList());
    Map<String, Object> read = new LinkedHashMap<>();
    result.read().forEach((model, bytes) -> read.put(model.toString(), bytes));
    fields.put("read", read);
    fields.put("bytesRead", result.bytesRead());
    fields.put("bytesWritten", result.bytesWritten());
    fields.put("mergeSeconds", result.mergeSeconds());
    fields.put("evaluateSeconds", result.evaluateSeconds());
    fields.put("device", result.merge().device());
    fields.put("deviceReason", reason);
    fields.put("files", MergeRun.files(result.merge()));
    fields.put("warnings", result.merge().warnings());
    return fields;
  }
}

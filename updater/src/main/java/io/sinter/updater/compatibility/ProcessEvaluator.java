// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A program as an evaluator: run once for each candidate, it prints one line of JSON.
///
/// It is run with the candidate's folder as its last argument, and in its environment
/// `SINTER_CANDIDATE`, the same folder, and `SINTER_ALPHA`. It has no input. On stdout it prints
/// one JSON object in one line: `accuracy` and `nfr`, shares from 0 to 1, and if it likes `pfr`,
/// `examples` and further numbers; or, in place of these, `predictions` or `logits`, a file of what
/// the candidate gives for the labels' examples. What it prints on stderr is shown where it fails.
/// docs/compatibility.md has the whole protocol.
///
/// Whatever it has started is ended when it ends, or its time does, or its evaluation is
/// interrupted.
public final class ProcessEvaluator implements Evaluator {
  /// How long an evaluation may take where nothing else is said.
  public static final Duration DEFAULT_LIMIT = Duration.ofHours(1);

  private final List<String> command;
  private final Duration limit;
  private final @Nullable Predictions old;
  private final @Nullable Labels labels;
  private final Runnable watch;

  private ProcessEvaluator(
      List<String> command,
      Duration limit,
      @Nullable Predictions old,
      @Nullable Labels labels,
      Runnable watch) {
    this.command = command;
    this.limit = limit;
    this.old = old;
    this.labels = labels;
    this.watch = watch;
  }

  /// A program and its first arguments.
  ///
  /// @throws IllegalArgumentException where there is no program
  public static ProcessEvaluator of(List<String> command) {
    if (command.isEmpty() || command.getFirst().isEmpty()) {
      throw new IllegalArgumentException("the command is empty; name a program");
    }
    return new ProcessEvaluator(List.copyOf(command), DEFAULT_LIMIT, null, null, () -> {});
  }

  /// A program and its first arguments in one string. It is split at white space; single quotes,
  /// double quotes and backslashes keep words together as in a shell. No shell takes part:
  /// variables, patterns, pipes and redirections mean themselves.
  ///
  /// @throws IllegalArgumentException where there is no program, or a quote is not closed
  public static ProcessEvaluator of(String command) {
    return of(CommandWords.split(command));
  }

  /// The same with another limit for each candidate.
  ///
  /// @throws IllegalArgumentException where it is not positive
  public ProcessEvaluator within(Duration limit) {
    if (limit.isNegative() || limit.isZero()) {
      throw new IllegalArgumentException("the time limit is " + limit + "; it must be positive");
    }
    return new ProcessEvaluator(command, limit, old, labels, watch);
  }

  /// The same for a program that prints the name of a file of predictions or logits.
  ///
  /// @param old the old model's predictions
  public ProcessEvaluator comparing(Predictions old, Labels labels) {
    return new ProcessEvaluator(command, limit, old, labels, watch);
  }

  /// The same, watched: `watch` is called several times a second while the program runs, and what
  /// it throws ends the program.
  public ProcessEvaluator watched(Runnable watch) {
    return new ProcessEvaluator(command, limit, old, labels, watch);
  }

  @Override
  public Evaluation evaluate(Candidate candidate) throws EvaluationException {
    String origin =
        "evaluator "
            + String.join(" ", command)
            + " at alpha "
            + Evaluators.alpha(candidate.alpha());
    Path folder = candidate.folder().toAbsolutePath();
    List<String> words = new ArrayList<>(command);
    words.add(folder.toString());
    ChildProcess.Outcome outcome;
    try {
      outcome =
          ChildProcess.run(
              words,
              Map.of(
                  "SINTER_CANDIDATE",
                  folder.toString(),
                  "SINTER_ALPHA",
                  Evaluators.alpha(candidate.alpha())),
              limit,
              watch);
    } catch (IOException e) {
      throw Evaluators.bad(
          origin,
          "cannot be started (" + Failures.reason(e) + ")",
          "Check the program's name and rights",
          e);
    }
    if (outcome.timedOut()) {
      throw Evaluators.bad(
          origin,
          "was not done within " + text(limit) + ", and was ended" + tail(outcome),
          "Allow it more time, or find out what it waits for");
    }
    if (outcome.tooMuch()) {
      throw Evaluators.bad(
          origin,
          "printed more than " + ChildProcess.MAX_OUTPUT + " bytes, and was ended",
          "Print one line with one JSON object on stdout, and everything else on stderr");
    }
    if (outcome.exitCode() != 0) {
      throw Evaluators.bad(
          origin,
          "failed with exit code " + outcome.exitCode() + tail(outcome),
          "Run it by hand with " + folder + " as its last argument");
    }
    EvaluationLine line = EvaluationLine.parse(origin, outcome.output());
    if (line.evaluation() != null) {
      return line.evaluation();
    }
    return compare(origin, String.valueOf(line.predictions())).with(line.further());
  }

  private Evaluation compare(String origin, String file) {
    if (old == null || labels == null) {
      throw Evaluators.bad(
          origin,
          "printed a file of predictions, and there are no labels and old predictions to compare"
              + " them with",
          "Give both, or have it print accuracy and nfr");
    }
    try {
      return Comparison.evaluation(old, Predictions.read(Path.of(file)), labels);
    } catch (CompatibilityException e) {
      throw new EvaluationException(origin + ": " + e.getMessage(), e);
    }
  }

  private static String text(Duration limit) {
    return limit.toMillis() % 1000 == 0 ? limit.toSeconds() + " s" : limit.toMillis() + " ms";
  }

  private static String tail(ChildProcess.Outcome outcome) {
    return outcome.tail().isEmpty()
        ? ""
        : "; it said: " + outcome.tail().replaceAll("\\s*\\R\\s*", "; ");
  }
}

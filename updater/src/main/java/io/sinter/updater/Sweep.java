// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Device;
import io.sinter.updater.compatibility.Candidate;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.EvaluationException;
import io.sinter.updater.compatibility.Evaluator;
import io.sinter.updater.compatibility.SweepReport;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.concurrent.CancellationException;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// An update at every alpha of a grid: the checkpoints are read once and all candidates written on
/// the way, then each is evaluated, and the best one becomes the output.
///
/// ```java
/// Sweep.Result result =
///     Sweep.of(Update.of(Path.of("old"), Path.of("new")))
///         .run(Path.of("updated"), evaluator, MergeOptions.DEFAULT, new Sweep.Listener() {});
/// ```
///
/// The candidate that is taken is that with the fewest negative flips among those at least as
/// accurate as the new model less epsilon: [SweepReport#choose]. Beside its files, `sweep.csv` and
/// `sweep.json` tell of all candidates. The output appears whole or not at all; candidates are
/// removed, whatever happens short of a kill, unless they are to be kept.
///
/// @param update what is merged; its alpha is of no matter
/// @param alphas the grid, ascending; alpha 0, which the others are compared with, is in it
/// @param epsilon how much accuracy may be given up, as a share
/// @param work where candidates are written, a folder each; `null` for a temporary folder beside
///     the output
/// @param keepCandidates whether those that are not chosen stay in `work`
public record Sweep(
    Update update,
    List<Double> alphas,
    double epsilon,
    @Nullable Path work,
    boolean keepCandidates) {
  private static final double[] GRID = {0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1};

  /// Where weights by Fisher information, most of them far below the mean, still change.
  private static final double[] FISHER_GRID = {.85, .92, .94, .96, .98};

  /// A pass takes an eighth of it: see [Room].
  private static final long CPU_MEMORY = 64L << 20;

  public Sweep {
    alphas = alphas.stream().map(alpha -> alpha + 0.0).sorted().toList(); // -0 is 0.
    if (!alphas.contains(0.0)) {
      throw new IllegalArgumentException(
          "the alphas "
              + alphas
              + " lack 0, the new model, which others are compared with; add it");
    }
    if (alphas.stream().distinct().count() < alphas.size()) {
      throw new IllegalArgumentException(
          "the alphas " + alphas + " have one twice; give each once");
    }
    if (!update.extrapolate() && (alphas.getFirst() < 0 || alphas.getLast() > 1)) {
      throw new IllegalArgumentException(
          "the alphas "
              + alphas
              + " go beyond 0, the new model, and 1, the old one; correct them, or allow it"
              + " (--extrapolate)");
    }
    if (!(epsilon >= 0 && epsilon <= 1)) {
      throw new IllegalArgumentException(
          "epsilon is " + epsilon + "; it must be a share from 0 to 1");
    }
    if (keepCandidates && work == null) {
      throw new IllegalArgumentException(
          "candidates are to be kept, and there is no folder to keep them in; name one (--work)");
    }
  }

  /// Over 0, .1, ..., 1, and with a Fisher diagonal also .85, .92, .94, .96 and .98, giving up no
  /// accuracy.
  public static Sweep of(Update update) {
    DoubleStream grid = DoubleStream.of(GRID);
    if (update.fisher() != null) {
      grid = DoubleStream.concat(grid, DoubleStream.of(FISHER_GRID));
    }
    return new Sweep(update, grid.boxed().toList(), 0, null, false);
  }

  public Sweep withAlphas(List<Double> value) {
    return new Sweep(update, value, epsilon, work, keepCandidates);
  }

  public Sweep withEpsilon(double value) {
    return new Sweep(update, alphas, value, work, keepCandidates);
  }

  /// Candidates go to a folder of one's choice.
  ///
  /// @param keep whether those that are not chosen stay there
  public Sweep withWork(@Nullable Path value, boolean keep) {
    return new Sweep(update, alphas, epsilon, value, keep);
  }

  /// Hears of a sweep while it runs, on the thread that runs it.
  public interface Listener extends MergeListener {
    /// All candidates are written.
    ///
    /// @param seconds that took
    default void merged(int candidates, long bytesRead, long bytesWritten, double seconds) {}

    /// A candidate was evaluated.
    default void evaluated(SweepReport.Row row) {}

    /// The output is complete but for its name.
    ///
    /// @param folder where its files are; more may be put there, such as charts
    default void chosen(SweepReport report, SweepReport.Row row, Path folder) throws IOException {}
  }

  /// What a sweep came to.
  ///
  /// @param report how every candidate did
  /// @param chosen the one that became the output
  /// @param read bytes of the tensors of each checkpoint that were read for the merges
  /// @param bytesWritten bytes of the safetensors files of all candidates
  /// @param mergeSeconds how long reading, computing and writing all candidates took
  /// @param evaluateSeconds how long evaluating them took
  /// @param merge of the candidate that was chosen; its files are now the output's
  public record Result(
      SweepReport report,
      SweepReport.Row chosen,
      SequencedMap<Path, Long> read,
      long bytesWritten,
      double mergeSeconds,
      double evaluateSeconds,
      MergeReport merge) {
    /// Bytes read of all checkpoints.
    public long bytesRead() {
      return read.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /// Runs the sweep.
  ///
  /// @param output the folder to make
  /// @param options how to merge; statistics of tensors are not taken, and nothing is resumed
  /// @throws RecipeException where the update makes no sense
  /// @throws CheckpointException where the output exists and replacing it was not asked for, cannot
  ///     be written, or a model cannot be read
  /// @throws EvaluationException where a candidate cannot be evaluated: it names the candidate and
  ///     its alpha; there is no output then
  public Result run(Path output, Evaluator evaluator, MergeOptions options, Listener listener) {
    MergeOptions plain = small(options).withStatistics(false).withResume(false);
    List<Recipe> recipes = alphas.stream().map(a -> update.withAlpha(a).recipe()).toList();
    try (Merge merge = Merge.plan(recipes.getFirst(), plain)) {
      merge.checkOutput(output);
      for (Path stale : OutputFolder.stale(output)) {
        listener.warning(stale + " was left by a run that was interrupted: delete it");
      }
      OutputFolder target = new OutputFolder(output, options.force());
      try (target) {
        Path root = work == null ? target.file("candidates") : work;
        try (Candidates candidates = new Candidates(root, keepCandidates)) {
          return run(merge, recipes, target, candidates, evaluator, listener);
        }
      } catch (RuntimeException | Error e) {
        listener.left(target.left());
        throw e;
      }
    }
  }

  /// On the CPU with passes so small that their inputs stay in the cache for every candidate.
  private static MergeOptions small(MergeOptions options) {
    List<Device> devices = options.devices();
    boolean cpu = (devices.isEmpty() ? Device.best().device() : devices.getFirst()).isCpu();
    boolean more = options.memory() == 0 || options.memory() > CPU_MEMORY;
    return cpu && more ? options.withMemory(CPU_MEMORY) : options;
  }

  private Result run(
      Merge merge,
      List<Recipe> recipes,
      OutputFolder target,
      Candidates candidates,
      Evaluator evaluator,
      Listener listener) {
    long start = System.nanoTime();
    List<Merge.Variant> variants = new ArrayList<>();
    for (int i = 0; i < alphas.size(); i++) {
      double alpha = alphas.get(i);
      variants.add(
          new Merge.Variant(
              recipes.get(i), merge.plan().with("alpha", alpha), candidates.add(alpha)));
    }
    Merge.Together together = merge.run(variants, listener);
    double mergeSeconds = (System.nanoTime() - start) / 1e9;
    long written = together.reports().stream().mapToLong(MergeReport::bytesWritten).sum();
    long read = together.read().values().stream().mapToLong(Long::longValue).sum();
    listener.merged(variants.size(), read, written, mergeSeconds);
    start = System.nanoTime();
    List<SweepReport.Row> rows = new ArrayList<>();
    for (int i = 0; i < alphas.size(); i++) {
      rows.add(evaluate(evaluator, new Candidate(variants.get(i).output(), alphas.get(i))));
      listener.evaluated(rows.getLast());
    }
    double evaluateSeconds = (System.nanoTime() - start) / 1e9;
    SweepReport report = new SweepReport(update.method(), rows);
    SweepReport.Row chosen = report.choose(epsilon);
    int index = alphas.indexOf(chosen.alpha());
    try {
      take(variants.get(index).output(), target);
      Path folder = target.file("sweep.json").getParent();
      report.write(folder, epsilon);
      candidates.close(); // They may lie in what is to appear.
      listener.chosen(report, chosen, folder);
      target.force();
    } catch (IOException e) {
      throw CheckpointException.of(
          target.target(),
          "cannot be written (" + Failures.reason(e) + ")",
          "Make room, check the disk, or choose another output",
          e);
    }
    target.commit().ifPresent(listener::warning);
    return new Result(
        report,
        chosen,
        together.read(),
        written,
        mergeSeconds,
        evaluateSeconds,
        together.reports().get(index).in(target.target()));
  }

  private static SweepReport.Row evaluate(Evaluator evaluator, Candidate candidate) {
    Evaluation evaluation;
    try {
      evaluation = evaluator.evaluate(candidate);
    } catch (EvaluationException e) {
      throw failed(candidate, String.valueOf(e.getMessage()), e);
    } catch (CancellationException e) {
      throw e; // The user's doing, not the evaluator's.
    } catch (RuntimeException e) {
      throw failed(candidate, "the evaluator failed (" + e + "). Correct it.", e);
    }
    return new SweepReport.Row(candidate.alpha(), evaluation);
  }

  private static EvaluationException failed(Candidate candidate, String why, Exception cause) {
    return new EvaluationException(
        "alpha " + candidate.alpha() + ", candidate " + candidate.folder() + ": " + why, cause);
  }

  private static void take(Path candidate, OutputFolder target) throws IOException {
    List<Path> files;
    try (Stream<Path> entries = Files.list(candidate)) {
      files = entries.sorted().toList();
    }
    for (Path file : files) {
      target.take(file);
    }
    Files.delete(candidate);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.examples.bcwi.Panel.Trial;
import io.sinter.examples.bcwi.Results.PanelResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/// Runs panels, some repetitions at a time. What they give does not depend on how many.
///
/// @param threads repetitions at a time, a core each
/// @param progress is told a line after each
/// @param models where the first repetition of some panels leaves its models and sweeps them by
///     their files, as an update is done in production; empty to do all in memory
record Study(int threads, Consumer<String> progress, Optional<Path> models) {

  private static final Set<String> DEPLOYED = Set.of(Panels.MAIN, "add_classes");

  private record Task(Panel panel, int seed, int[] soups) {}

  Results run(List<Panel> panels, Panel.Scale scale, String form) throws InterruptedException {
    List<Task> tasks = new ArrayList<>();
    for (Panel panel : panels) {
      for (int seed = 1; seed <= scale.seeds(); seed++) {
        boolean cooks = panel.trials().contains(Trial.SOUP) && seed <= scale.soupSeeds();
        tasks.add(new Task(panel, seed, cooks ? scale.soups() : new int[0]));
      }
    }
    // The longest first, so that the threads end together.
    List<Task> order = new ArrayList<>(tasks);
    order.sort(Comparator.comparingInt(task -> -task.soups().length));
    Map<Task, Future<Repetition>> running = new IdentityHashMap<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      try {
        for (Task task : order) {
          running.put(task, pool.submit(() -> repeat(task)));
        }
        List<PanelResult> results = new ArrayList<>();
        for (Panel panel : panels) {
          List<Repetition> repetitions = new ArrayList<>();
          for (Task task : tasks) {
            if (task.panel() == panel) {
              repetitions.add(running.get(task).get());
            }
          }
          results.add(
              new PanelResult(
                  panel.id(), panel.title(), panel.split().apply(1).test().count(), repetitions));
        }
        return new Results(form, results);
      } catch (ExecutionException e) {
        throw new IllegalStateException("a repetition failed: " + e.getCause(), e.getCause());
      } finally {
        pool.shutdownNow();
      }
    }
  }

  private Repetition repeat(Task task) {
    long begun = System.nanoTime();
    Optional<Deployment> deployment =
        task.seed() == 1 && DEPLOYED.contains(task.panel().id())
            ? models.map(folder -> new Deployment(folder.resolve(task.panel().id())))
            : Optional.empty();
    try (Run run = new Run(task.panel(), task.seed(), task.soups(), deployment)) {
      Repetition repetition = run.run();
      progress.accept(
          String.format(
              Locale.ROOT,
              "%s, seed %d: %.1f s",
              task.panel().id(),
              task.seed(),
              (System.nanoTime() - begun) / 1e9));
      return repetition;
    }
  }
}

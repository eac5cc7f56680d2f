// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.MergeOptions;
import io.sinter.updater.Recipe;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/// What commands that make one output have in common beside [MergeFlags].
final class SingleMergeFlags {

  @Option(
      names = "--resume",
      description = {
        "Go on from what an interrupted run of the same merge left beside OUT: what it had finished"
            + " is read back and verified, and the rest computed. Recipe, inputs and shard size"
            + " must be the same; threads, device and ways of reading may differ. Where there is"
            + " nothing to go on from, the merge begins anew.",
        "If this run is interrupted in turn, what it finished is kept."
      })
  private boolean resume;

  @Option(
      names = "--no-statistics",
      description = "Leave the statistics of tensors out of sinter.json.")
  private boolean noStatistics;

  @Option(
      names = "--plan",
      description = "Print what would be done, tensor by tensor, and do nothing.")
  private boolean plan;

  @Option(
      names = "--json",
      description = {
        "Print what happens as JSON, an object a line, whose 'event' is plan, progress, warning,"
            + " done or error; with --plan, the plan as one object."
      })
  private boolean json;

  /// Whether nothing is to be done.
  boolean plan() {
    return plan;
  }

  /// Whether programs are told.
  boolean json() {
    return json;
  }

  /// Plans or merges.
  ///
  /// @param origin what programs are told the recipe is from
  /// @param out `null` only where nothing is to be done
  int run(
      SinterCommand sinter,
      CommandLine command,
      String origin,
      Supplier<Recipe> recipe,
      MergeFlags flags,
      @Nullable Path out) {
    Supplier<MergeOptions> options =
        () -> flags.options().withResume(resume).withStatistics(!noStatistics);
    MergeRun run = new MergeRun(sinter, command, origin, flags.device(), json);
    if (out == null || plan) {
      run.plan(recipe, options);
    } else {
      run.run(recipe, options, out);
    }
    return Main.DONE;
  }
}

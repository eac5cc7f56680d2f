// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Recipe;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sinter merge`.
@Command(
    name = "merge",
    description = {
      "Merge checkpoints as a recipe says.",
      "The output folder appears whole or not at all; an existing one is refused without --force.",
      "Until then it is built beside its place, as .OUT.sinter-*.partial. An error, Ctrl-C or"
          + " SIGTERM removes that again, or with --resume keeps it; what a crash or a kill leaves"
          + " is never deleted unasked."
    })
final class MergeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Parameters(
      index = "0",
      paramLabel = "RECIPE",
      description = "YAML file; model paths in it are relative to the working directory.")
  private Path recipe;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "OUT",
      description = "Folder to write the merged model to.")
  private @Nullable Path out;

  @Mixin private MergeFlags flags;

  @Mixin private SingleMergeFlags single;

  @Override
  public Integer call() {
    flags.check();
    Path target = out;
    if (target == null && !single.plan()) {
      throw new ParameterException(
          spec.commandLine(),
          "Missing required parameter: 'OUT' (or --plan, to see what would be done)");
    }
    return single.run(
        SinterCommand.of(spec),
        spec.commandLine(),
        recipe.toString(),
        () -> Recipe.read(recipe),
        flags,
        target);
  }
}

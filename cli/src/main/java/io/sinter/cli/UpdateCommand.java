// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Update;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `sinter update`.
@Command(
    name = "update",
    description = {
      "Replace a model without breaking what it had right: interpolate the old version back into"
          + " the new one (BCWI).",
      "A merge like others: the output appears whole or not at all, --resume goes on where one was"
          + " interrupted, sinter.json tells what was done. 'sinter sweep' finds the alpha."
    })
final class UpdateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Mixin private UpdateFlags what;

  @Option(
      names = "--alpha",
      required = true,
      paramLabel = "A",
      description = "The old model's share: 0 is the new model, 1 the old one.")
  private double alpha;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder to write the updated model to.")
  private @Nullable Path out;

  @Mixin private MergeFlags flags;

  @Mixin private SingleMergeFlags single;

  @Override
  public Integer call() {
    flags.check();
    if (!Double.isFinite(alpha)) {
      throw new ParameterException(
          spec.commandLine(), "--alpha " + alpha + ": it must be a finite number");
    }
    Path target = out;
    if (target == null && !single.plan()) {
      throw new ParameterException(
          spec.commandLine(),
          "Missing required option: '--out=DIR' (or --plan, to see what would be done)");
    }
    Update update = what.update(alpha);
    return single.run(
        SinterCommand.of(spec), spec.commandLine(), "sinter update", update::recipe, flags, target);
  }
}

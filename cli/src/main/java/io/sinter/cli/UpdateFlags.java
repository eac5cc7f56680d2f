// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Update;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// What to update by what: what `update` and `sweep` have in common.
final class UpdateFlags {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--old",
      required = true,
      paramLabel = "DIR",
      description = "The deployed model, whose right answers are to stay right.")
  private Path old;

  @Option(
      names = "--new",
      required = true,
      paramLabel = "DIR",
      description =
          "The model that replaces it; given several times, the mean of several. Names, shapes and"
              + " configuration files are those of the first.")
  private List<Path> updated;

  @Option(
      names = "--fisher",
      paramLabel = "FILE",
      description =
          "The old model's Fisher diagonal: more of the old model where its answers depend on a"
              + " parameter, less elsewhere.")
  private @Nullable Path fisher;

  @Option(
      names = "--labels-old",
      paramLabel = "FILE",
      description =
          "The label of each row of the old model's head, where the new one has other classes: a"
              + " config.json with id2label, a JSON list, or text with a label on each line.")
  private @Nullable Path labelsOld;

  @Option(
      names = "--labels-new",
      paramLabel = "FILE",
      description = "The new model's, likewise. Rows of labels that the old one lacks are kept.")
  private @Nullable Path labelsNew;

  @Option(
      names = "--head",
      paramLabel = "NAME",
      description =
          "What the names of the head's tensors start with (default: those with as many rows as"
              + " there are labels).")
  private @Nullable String head;

  @Option(
      names = "--extrapolate",
      description = "Allow alpha below 0 and above 1; not with --fisher.")
  private boolean extrapolate;

  /// The update, at an alpha.
  Update update(double alpha) {
    if ((labelsOld == null) != (labelsNew == null)) {
      throw wrong("--labels-old and --labels-new belong together; give both or neither");
    }
    if (head != null && labelsOld == null) {
      throw wrong("--head says whose rows have labels; give --labels-old and --labels-new too");
    }
    if (extrapolate && fisher != null) {
      throw wrong("--extrapolate is not possible with --fisher; leave out one of them");
    }
    return new Update(
        old,
        updated,
        alpha,
        fisher,
        labelsOld == null || labelsNew == null
            ? null
            : new Update.Labels(labelsOld, labelsNew, head),
        extrapolate);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

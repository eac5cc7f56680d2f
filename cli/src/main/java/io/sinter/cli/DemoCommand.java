// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.examples.FashionMnist;
import io.sinter.examples.UpdateSweep;
import io.sinter.examples.UpdateSweep.Outcome;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sinter demo`.
@Command(
    name = "demo",
    description = {
      "Merge two versions of a small classifier and measure what that does to an update.",
      "Every number is measured when it is printed, on 2 000 images of Fashion-MNIST."
    })
final class DemoCommand implements Callable<Integer> {

  /// The share of the old version that the closing line speaks of; fixed before it was measured.
  private static final int TENTHS_OF_OLD = 3;

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      converter = DeviceName.Converter.class,
      description = DeviceName.DESCRIPTION)
  private DeviceName device;

  @Override
  public Integer call() {
    Device.Selection selection = device.select();
    FashionMnist data = FashionMnist.load();
    UpdateSweep sweep;
    try (Stream stream = selection.device().stream()) {
      sweep = UpdateSweep.run(stream, data);
    }
    print(
        sweep,
        selection.device() + " (" + device.brief(selection) + ")",
        spec.commandLine().getOut());
    return Main.DONE;
  }

  private static void print(UpdateSweep sweep, String where, PrintWriter out) {
    Outcome oldVersion = sweep.oldVersion();
    Outcome newVersion = sweep.newVersion();
    Outcome merged = sweep.merged().get(TENTHS_OF_OLD);
    out.printf(
        Locale.ROOT,
        "A classifier of clothes was updated. Old, new, and alpha old + (1 - alpha) new on %d"
            + " test%nimages of Fashion-MNIST, merged on %s:%n%n",
        newVersion.examples(),
        where);
    out.printf("  %-6s %10s %10s %10s%n", "alpha", "accuracy", "NFR", "PFR");
    row("old", oldVersion, out);
    row("new", newVersion, out);
    for (Outcome outcome : sweep.merged()) {
      row(String.format(Locale.ROOT, "%.1f", outcome.alpha()), outcome, out);
    }
    out.printf(
        "%nNFR: images that the old version had right and this one has wrong; PFR: the reverse.%n");
    out.printf(
        Locale.ROOT,
        "At alpha = %.1f the update breaks %d of the old version's right answers instead of %d"
            + " (%.0f %% fewer),%nat accuracy %.2f %% (new %.2f %%, old %.2f %%).%n",
        merged.alpha(),
        merged.negativeFlips(),
        newVersion.negativeFlips(),
        100 - 100.0 * merged.negativeFlips() / newVersion.negativeFlips(),
        100 * merged.accuracy(),
        100 * newVersion.accuracy(),
        100 * oldVersion.accuracy());
  }

  private static void row(String name, Outcome outcome, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "  %-6s %8.2f %% %8.2f %% %8.2f %%%n",
        name,
        100 * outcome.accuracy(),
        100 * outcome.negativeFlipRate(),
        100 * outcome.positiveFlipRate());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.MergeReport.OutputFile;
import io.sinter.updater.Recipe;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// A merge on the command line: planned or run, and told of, whatever its recipe comes from.
///
/// @param origin what programs are told the recipe is from: its file, or the command that made it
/// @param device where to compute, as it was asked for
/// @param json whether programs are told
record MergeRun(
    SinterCommand sinter, CommandLine command, String origin, DeviceName device, boolean json) {

  /// Prints what would be done.
  void plan(Supplier<Recipe> recipe, Supplier<MergeOptions> options) {
    Recipe parsed = recipe.get();
    Device first = device.select().device();
    MergeOptions how = options.get();
    try (Merge merge = Merge.plan(parsed, how)) {
      PlanView view = PlanView.of(parsed, merge, first, how.threads());
      PrintWriter stdout = command.getOut();
      if (json) {
        stdout.println(Json.of(view.asMap()));
      } else {
        view.print(stdout);
      }
    }
  }

  /// Merges.
  void run(Supplier<Recipe> recipe, Supplier<MergeOptions> options, Path out) {
    if (!json) {
      run(recipe, options, out, null);
      return;
    }
    JsonLines lines = new JsonLines(command.getOut(), System::nanoTime);
    try {
      run(recipe, options, out, lines);
    } catch (ParameterException e) {
      throw e; // Wrong usage, like what picocli finds: nothing has happened yet.
    } catch (RuntimeException | Error e) {
      lines.message("error", Errors.message(sinter, e));
      throw e;
    }
  }

  private void run(
      Supplier<Recipe> recipe,
      Supplier<MergeOptions> options,
      Path out,
      @Nullable JsonLines lines) {
    Recipe parsed = recipe.get();
    Device.Selection selection = device.select();
    MergeReport report;
    try (Merge merge = Merge.plan(parsed, options.get());
        Progress progress = new Progress(command.getErr(), sinter.terminal(), System::nanoTime)) {
      if (lines != null) {
        lines.event("plan", asMap(merge, selection));
      }
      report =
          merge.run(
              out,
              new MergeListener() {
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
                  }
                }

                @Override
                public void left(String message) {
                  sinter.left(message);
                }
              });
    }
    if (lines != null) {
      lines.event("done", asMap(report, out, selection.reason()));
    } else {
      print(report, parsed, out, device.brief(selection));
    }
  }

  private void print(MergeReport report, Recipe parsed, Path out, String reason) {
    PrintWriter to = command.getOut();
    to.printf(
        Locale.ROOT,
        "Merged %d %s into %s: read %s, wrote %s in %.2f s (%.2f GB/s)%n",
        report.tensors(),
        report.tensors() == 1 ? "tensor" : "tensors",
        out,
        Units.bytes(report.bytesRead()),
        Units.bytes(report.bytesWritten()),
        report.seconds(),
        gigabytesPerSecond(report));
    to.printf("  device            %s (%s)%n", report.device(), reason);
    if (report.bytesResumed() > 0) {
      to.printf("  resumed from      %s%n", Units.bytes(report.bytesResumed()));
    }
    to.printf("  non-finite values %d%n", report.nonFinite());
    to.printf("  saturated values  %d%n", report.saturated());
    if (report.fallbacks() > 0) {
      to.printf("  fallbacks         %d, to %s%n", report.fallbacks(), parsed.method().fallback());
    }
    for (OutputFile file : report.files()) {
      to.printf(
          "  %s  %s  %s %s%n",
          file.path(), Units.bytes(file.bytes()), file.algorithm(), file.hash());
    }
    for (String warning : report.warnings()) {
      to.println("  warning: " + warning);
    }
  }

  private Map<String, Object> asMap(Merge merge, Device.Selection selection) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("recipe", origin);
    object.put("method", merge.plan().method());
    object.put("models", merge.models().stream().map(Path::toString).toList());
    object.put("tensors", merge.plan().tensors().size());
    object.put("passes", merge.plan().passes().size());
    object.put("bytesRead", merge.plan().bytesRead());
    object.put("bytesWritten", merge.plan().bytesWritten());
    object.put("files", merge.plan().files());
    object.put("device", selection.device().toString());
    return object;
  }

  private Map<String, Object> asMap(MergeReport report, Path out, String reason) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("recipe", origin);
    object.put("output", out.toString());
    object.put("tensors", report.tensors());
    object.put("bytesRead", report.bytesRead());
    object.put("bytesWritten", report.bytesWritten());
    object.put("bytesResumed", report.bytesResumed());
    object.put("device", report.device());
    object.put("deviceReason", reason);
    object.put("seconds", report.seconds());
    object.put("gigabytesPerSecond", gigabytesPerSecond(report));
    object.put("nonFinite", report.nonFinite());
    object.put("saturated", report.saturated());
    object.put("fallbacks", report.fallbacks());
    object.put("files", files(report));
    object.put("warnings", report.warnings());
    return object;
  }

  /// The files of a report, for programs.
  static List<Map<String, Object>> files(MergeReport report) {
    List<Map<String, Object>> files = new ArrayList<>();
    for (OutputFile file : report.files()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("path", file.path().toString());
      entry.put("bytes", file.bytes());
      entry.put("algorithm", file.algorithm());
      entry.put("hash", file.hash());
      files.add(entry);
    }
    return files;
  }

  private static double gigabytesPerSecond(MergeReport report) {
    return (report.bytesRead() + report.bytesWritten()) / report.seconds() / 1e9;
  }
}

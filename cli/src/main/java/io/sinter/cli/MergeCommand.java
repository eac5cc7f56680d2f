// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.updater.IoMode;
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
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      converter = DeviceName.Converter.class,
      description = DeviceName.DESCRIPTION_OF_SEVERAL)
  private DeviceName device;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      defaultValue = "5GB",
      converter = Units.SizeConverter.class,
      description =
          "Split the weights into files of at most this size (default: ${DEFAULT-VALUE}).")
  private long maxShardSize;

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads to use (default: all).")
  private @Nullable Integer threads;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "1GB",
      converter = Units.SizeConverter.class,
      description =
          "Keep at most this much of the tensors in memory at a time, mapped files aside (default:"
              + " ${DEFAULT-VALUE}).")
  private long memory;

  @Option(
      names = "--device-memory",
      paramLabel = "SIZE",
      converter = Units.SizeConverter.class,
      description = "Take at most this much of a GPU's memory (default: as much as is free).")
  private @Nullable Long deviceMemory;

  @Option(
      names = "--io",
      paramLabel = "MODE",
      defaultValue = "mmap",
      description = "How inputs are read: mmap or pread (default: ${DEFAULT-VALUE}).")
  private IoMode io;

  @Option(
      names = "--models",
      paramLabel = "DIR",
      description = "Folder in which models named by hub id are also looked up.")
  private @Nullable Path models;

  @Option(names = "--force", description = "Replace an existing output folder, in one step.")
  private boolean force;

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

  @Option(names = "--sha256", description = "Hash the written files with SHA-256.")
  private boolean sha256;

  @Option(
      names = "--hash-inputs",
      description = "Hash the input files too, which reads them once more.")
  private boolean hashInputs;

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

  @Override
  public Integer call() {
    if (threads != null && threads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads " + threads + ": there must be at least 1");
    }
    Path target = out;
    if (target == null && !plan) {
      throw new ParameterException(
          spec.commandLine(),
          "Missing required parameter: 'OUT' (or --plan, to see what would be done)");
    }
    SinterCommand sinter = SinterCommand.of(spec);
    if (!json || target == null || plan) {
      return call(sinter, target, null);
    }
    JsonLines lines = new JsonLines(spec.commandLine().getOut(), System::nanoTime);
    try {
      return call(sinter, target, lines);
    } catch (ParameterException e) {
      throw e; // Wrong usage, like what picocli finds: nothing has happened yet.
    } catch (RuntimeException | Error e) {
      lines.message("error", Errors.message(sinter, e));
      throw e;
    }
  }

  private int call(SinterCommand sinter, @Nullable Path target, @Nullable JsonLines lines) {
    Recipe parsed = Recipe.read(recipe);
    Device.Selection selection = device.select();
    MergeOptions options =
        MergeOptions.DEFAULT
            .withDevices(device.devices())
            .withMaxShardBytes(maxShardSize)
            .withThreads(threads == null ? 0 : threads)
            .withMemory(bound("--memory", memory))
            .withDeviceMemory(deviceMemory == null ? 0 : bound("--device-memory", deviceMemory))
            .withForce(force)
            .withResume(resume)
            .withSha256(sha256)
            .withHashInputs(hashInputs)
            .withStatistics(!noStatistics)
            .withIo(io)
            .withModelsDirectory(models);
    if (target == null || plan) {
      printPlan(parsed, options, selection.device());
      return Main.DONE;
    }
    MergeReport report;
    try (Merge merge = Merge.plan(parsed, options);
        Progress progress =
            new Progress(spec.commandLine().getErr(), sinter.terminal(), System::nanoTime)) {
      if (lines != null) {
        lines.event("plan", asMap(merge, selection));
      }
      report =
          merge.run(
              target,
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
    PrintWriter stdout = spec.commandLine().getOut();
    if (lines != null) {
      lines.event("done", asMap(report, selection.reason()));
    } else {
      print(report, parsed, device.brief(selection), stdout);
    }
    return Main.DONE;
  }

  private long bound(String option, long bytes) {
    if (bytes < MergeOptions.LEAST_MEMORY) {
      throw new ParameterException(
          spec.commandLine(),
          option
              + ": "
              + Units.bytes(bytes)
              + " is too little to work with; give at least "
              + Units.bytes(MergeOptions.LEAST_MEMORY));
    }
    return bytes;
  }

  private void printPlan(Recipe parsed, MergeOptions options, Device device) {
    try (Merge merge = Merge.plan(parsed, options)) {
      PlanView view = PlanView.of(parsed, merge, device, options.threads());
      PrintWriter stdout = spec.commandLine().getOut();
      if (json) {
        stdout.println(Json.of(view.asMap()));
      } else {
        view.print(stdout);
      }
    }
  }

  private void print(MergeReport report, Recipe parsed, String reason, PrintWriter to) {
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
    object.put("recipe", recipe.toString());
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

  private Map<String, Object> asMap(MergeReport report, String reason) {
    List<Map<String, Object>> files = new ArrayList<>();
    for (OutputFile file : report.files()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("path", file.path().toString());
      entry.put("bytes", file.bytes());
      entry.put("algorithm", file.algorithm());
      entry.put("hash", file.hash());
      files.add(entry);
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("recipe", recipe.toString());
    object.put("output", String.valueOf(out));
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
    object.put("files", files);
    object.put("warnings", report.warnings());
    return object;
  }

  private static double gigabytesPerSecond(MergeReport report) {
    return (report.bytesRead() + report.bytesWritten()) / report.seconds() / 1e9;
  }
}

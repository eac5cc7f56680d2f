// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.IoMode;
import io.sinter.updater.MergeOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// How to merge: what all commands that do have in common.
final class MergeFlags {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

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
      names = "--force-fisher",
      description = "Use a Fisher diagonal even if it belongs to a model of another hash.")
  private boolean forceFisher;

  @Option(names = "--sha256", description = "Hash the written files with SHA-256.")
  private boolean sha256;

  @Option(
      names = "--hash-inputs",
      description = "Hash the input files too, which reads them once more.")
  private boolean hashInputs;

  /// Where to compute.
  DeviceName device() {
    return device;
  }

  /// Refuses what can be seen to be wrong before anything is read.
  void check() {
    if (threads != null && threads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads " + threads + ": there must be at least 1");
    }
  }

  /// These flags as options; what no flag says is left at its default.
  MergeOptions options() {
    return MergeOptions.DEFAULT
        .withDevices(device.devices())
        .withMaxShardBytes(maxShardSize)
        .withThreads(threads == null ? 0 : threads)
        .withMemory(bound("--memory", memory))
        .withDeviceMemory(deviceMemory == null ? 0 : bound("--device-memory", deviceMemory))
        .withForce(force)
        .withForceFisher(forceFisher)
        .withSha256(sha256)
        .withHashInputs(hashInputs)
        .withIo(io)
        .withModelsDirectory(models);
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
}

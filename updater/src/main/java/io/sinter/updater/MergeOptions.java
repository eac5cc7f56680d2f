// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// How to run a merge. None of this changes a byte of the tensors.
///
/// @param devices where to compute: none leaves the choice to [Device#best], and several, which
// must
///     be CUDA devices, share the tensors by their bytes
/// @param maxShardBytes the most bytes of tensors in an output file; 0 writes a single file
/// @param threads the CPU device's threads; 0 for all
/// @param force whether an existing output is replaced
/// @param sha256 whether output files are hashed by SHA-256 instead of XXH3-128
/// @param hashInputs whether `sinter.json` tells the hashes of whole input files too, for which
// they
///     are read once more
/// @param statistics whether `sinter.json` tells the statistics of every tensor
/// @param io how inputs are read for the CPU device
/// @param memory the most bytes of host memory for what is on its way through, mapped files and the
///     JVM's own not counted; 0 for 1 GB
/// @param deviceMemory the most bytes of a CUDA device's memory; 0 for what is free there
/// @param resume whether what an earlier, interrupted run finished is taken over, and what this one
///     finishes is kept where it is interrupted
/// @param forceFisher whether a Fisher diagonal may belong to a model of another hash
/// @param workingDirectory what relative model paths are relative to
/// @param modelsDirectory where else models are looked up, or `null`
public record MergeOptions(
    List<Device> devices,
    long maxShardBytes,
    int threads,
    boolean force,
    boolean sha256,
    boolean hashInputs,
    boolean statistics,
    IoMode io,
    long memory,
    long deviceMemory,
    boolean resume,
    boolean forceFisher,
    Path workingDirectory,
    @Nullable Path modelsDirectory) {

  /// The least that a bound on memory may be: below it passes would be too small to be worth their
  /// launch.
  public static final long LEAST_MEMORY = 10_000_000;

  /// The best device with all its threads, shards of 5 GB, nothing replaced.
  public static final MergeOptions DEFAULT =
      new MergeOptions(
          List.of(),
          5_000_000_000L,
          0,
          false,
          false,
          false,
          true,
          IoMode.MMAP,
          0,
          0,
          false,
          false,
          Path.of(""),
          null);

  public MergeOptions {
    devices = List.copyOf(devices);
    if (devices.size() > 1 && devices.stream().anyMatch(Device::isCpu)) {
      throw new IllegalArgumentException(
          "devices is " + devices + "; the CPU does not share a merge with others: name it alone");
    }
    if (Set.copyOf(devices).size() < devices.size()) {
      throw new IllegalArgumentException("devices is " + devices + "; name each once");
    }
    if (maxShardBytes < 0) {
      throw new IllegalArgumentException(
          "maxShardBytes is " + maxShardBytes + "; give 0 for a single file, or more");
    }
    if (threads < 0) {
      throw new IllegalArgumentException("threads is " + threads + "; give 0 for all, or more");
    }
    requireBound("memory", memory);
    requireBound("deviceMemory", deviceMemory);
  }

  private static void requireBound(String name, long bytes) {
    if (bytes != 0 && bytes < LEAST_MEMORY) {
      throw new IllegalArgumentException(
          name + " is " + bytes + "; give 0, or at least " + LEAST_MEMORY);
    }
  }

  /// One device; `null` leaves the choice to [Device#best].
  public MergeOptions withDevice(@Nullable Device value) {
    return withDevices(value == null ? List.of() : List.of(value));
  }

  public MergeOptions withDevices(List<Device> value) {
    return with(draft -> draft.devices = value);
  }

  public MergeOptions withMaxShardBytes(long value) {
    return with(draft -> draft.maxShardBytes = value);
  }

  public MergeOptions withThreads(int value) {
    return with(draft -> draft.threads = value);
  }

  public MergeOptions withForce(boolean value) {
    return with(draft -> draft.force = value);
  }

  public MergeOptions withSha256(boolean value) {
    return with(draft -> draft.sha256 = value);
  }

  public MergeOptions withHashInputs(boolean value) {
    return with(draft -> draft.hashInputs = value);
  }

  public MergeOptions withStatistics(boolean value) {
    return with(draft -> draft.statistics = value);
  }

  public MergeOptions withIo(IoMode value) {
    return with(draft -> draft.io = value);
  }

  public MergeOptions withMemory(long value) {
    return with(draft -> draft.memory = value);
  }

  public MergeOptions withDeviceMemory(long value) {
    return with(draft -> draft.deviceMemory = value);
  }

  public MergeOptions withResume(boolean value) {
    return with(draft -> draft.resume = value);
  }

  public MergeOptions withForceFisher(boolean value) {
    return with(draft -> draft.forceFisher = value);
  }

  public MergeOptions withWorkingDirectory(Path value) {
    return with(draft -> draft.workingDirectory = value);
  }

  public MergeOptions withModelsDirectory(@Nullable Path value) {
    return with(draft -> draft.modelsDirectory = value);
  }

  /// These options with a change.
  private MergeOptions with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.done();
  }

  private static final class Draft {
    private List<Device> devices;
    private long maxShardBytes;
    private int threads;
    private boolean force;
    private boolean sha256;
    private boolean hashInputs;
    private boolean statistics;
    private IoMode io;
    private long memory;
    private long deviceMemory;
    private boolean resume;
    private boolean forceFisher;
    private Path workingDirectory;
    private @Nullable Path modelsDirectory;

    Draft(MergeOptions options) {
      devices = options.devices;
      maxShardBytes = options.maxShardBytes;
      threads = options.threads;
      force = options.force;
      sha256 = options.sha256;
      hashInputs = options.hashInputs;
      statistics = options.statistics;
      io = options.io;
      memory = options.memory;
      deviceMemory = options.deviceMemory;
      resume = options.resume;
      forceFisher = options.forceFisher;
      workingDirectory = options.workingDirectory;
      modelsDirectory = options.modelsDirectory;
    }

    MergeOptions done() {
      return new MergeOptions(
          devices,
          maxShardBytes,
          threads,
          force,
          sha256,
          hashInputs,
          statistics,
          io,
          memory,
          deviceMemory,
          resume,
          forceFisher,
          workingDirectory,
          modelsDirectory);
    }
  }
}

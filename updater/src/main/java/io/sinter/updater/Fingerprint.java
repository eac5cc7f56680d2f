// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Sinter;
import io.sinter.internal.ffi.Abi;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.internal.Failures;
import io.sinter.updater.methods.Computation;
import io.sinter.updater.methods.Kernel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.UUID;

/// Everything that decides the bytes of an output's files, by name. Two merges of one fingerprint
/// write the same files, so one can go on where the other was interrupted. Not part of it is what
/// changes no byte: the device, the threads, the memory, how files are read.
final class Fingerprint {
  private static final String VERSION = "version";
  private static final String HASH = "hash";
  private static final String TENSORS = "tensors";
  private static final String FILES = "files";
  private static final String CODE = "code";
  private static final String INPUT = "input ";

  private Fingerprint() {}

  static SequencedMap<String, String> of(
      MergePlan plan, ShardLayout layout, List<Checkpoint> models, boolean sha256) {
    SequencedMap<String, String> values = new TreeMap<>();
    values.put(VERSION, Sinter.buildInfo() + ", ABI " + Abi.HASH);
    values.put(HASH, hash(sha256).algorithm());
    values.put(TENSORS, tensors(plan));
    values.put(FILES, files(layout));
    if (plan.tensors().stream()
        .anyMatch(output -> Passes.kernel(output) instanceof Kernel kernel && kernel.cpuOnly())) {
      values.put(CODE, UUID.randomUUID().toString()); // The caller's, which cannot be compared.
    }
    for (int i = 0; i < models.size(); i++) {
      for (InputStamp stamp : models.get(i).stamps()) {
        // Without the key: an inode's device may have another number after the machine starts anew.
        values.put(
            INPUT + i + " " + real(stamp.file()), stamp.size() + " bytes of " + stamp.modified());
      }
    }
    return Collections.unmodifiableSequencedMap(values);
  }

  static ContentHash hash(boolean sha256) {
    return sha256 ? ContentHash.sha256() : ContentHash.xxh3();
  }

  /// What differs between the merge that wrote a journal and this one; empty where nothing does.
  static Optional<String> difference(Map<String, String> theirs, Map<String, String> ours) {
    for (Map.Entry<String, String> entry : ours.entrySet()) {
      if (!entry.getValue().equals(theirs.get(entry.getKey()))) {
        return Optional.of(words(entry.getKey(), theirs));
      }
    }
    return theirs.size() == ours.size()
        ? Optional.empty()
        : Optional.of("it was made from other inputs");
  }

  private static String words(String key, Map<String, String> theirs) {
    return switch (key) {
      case VERSION -> "it was made by another version of Sinter";
      case HASH -> "its files were hashed by another algorithm";
      case TENSORS -> "it was made by another recipe";
      case FILES -> "its files are cut at other places";
      case CODE -> "its method is written in Java, and whether that has changed cannot be seen";
      default ->
          theirs.containsKey(key)
              ? key.substring(key.indexOf('/')) + " has changed since"
              : "it was made from other inputs";
    };
  }

  private static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "has gone (" + Failures.reason(e) + ")", "Restore it and run again", e);
    }
  }

  /// How every tensor is made, wherever it lies.
  private static String tensors(MergePlan plan) {
    ContentHash hash = ContentHash.sha256();
    plan.tensors().stream()
        .sorted(Comparator.comparing(Output::name))
        .forEach(output -> update(hash, describe(output)));
    return hash.hex();
  }

  private static String describe(Output output) {
    StringBuilder text = new StringBuilder();
    text.append(output.name()).append('\n');
    text.append(output.type().code()).append(Arrays.toString(output.shape())).append('\n');
    text.append(output.dtype()).append(' ').append(output.deltaDtype()).append('\n');
    if (output.operation() instanceof Computation computation) {
      Kernel kernel = computation.kernel();
      text.append(kernel.getClass().getName()).append(' ');
      text.append(kernel.cpuOnly() ? "" : kernel).append(' ');
      text.append(computation.based()).append(computation.keys()).append('\n');
      text.append(computation.fishers()).append('\n');
      new TreeMap<>(computation.numbers())
          .forEach(
              (name, values) -> text.append(name).append(Arrays.toString(values)).append('\n'));
    }
    for (MergePlan.Input input : output.operation().inputs()) {
      TensorEntry entry = input.entry();
      text.append(input.model()).append(' ').append(entry.file().getFileName()).append(' ');
      text.append(entry.name()).append(' ').append(entry.type().code());
      text.append(Arrays.toString(entry.shape())).append(entry.offset()).append('\n');
      if (input.rows() != null) {
        text.append(input.rows()).append('\n');
      }
    }
    return text.append('\n').toString();
  }

  private static String files(ShardLayout layout) {
    ContentHash hash = ContentHash.sha256();
    for (ShardLayout.Shard shard : layout.shards()) {
      update(hash, shard.file() + " " + shard.bytes() + "\n");
      hash.update(MemorySegment.ofArray(shard.header()));
    }
    return hash.hex();
  }

  private static void update(ContentHash hash, String text) {
    hash.update(MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8)));
  }
}

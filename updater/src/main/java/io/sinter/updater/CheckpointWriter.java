// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/// Writes tensors that are in memory as a checkpoint: a folder with one safetensors file, or with
/// shards and their index.
///
/// ```java
/// new CheckpointWriter().add("weight", StorageType.F32, new long[] {2, 3}, bytes).write(folder, 0,
/// false);
/// ```
public final class CheckpointWriter {
  private record Added(Header.Planned planned, MemorySegment bytes) {}

  private final SequencedMap<String, Added> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", "pt"));

  /// Starts with no tensor.
  public CheckpointWriter() {}

  /// Adds free text to the files' headers.
  public CheckpointWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /// Adds a tensor. Its bytes, row-major and little-endian, are read when the checkpoint is
  /// written.
  ///
  /// @throws IllegalArgumentException where the bytes do not fill the shape, or the name is taken
  public CheckpointWriter add(String name, StorageType type, long[] shape, MemorySegment bytes) {
    long needed = type.bytes(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    if (needed != bytes.byteSize()) {
      throw new IllegalArgumentException(
          String.format(
              "tensor '%s': shape %s of %s needs %d bytes, not %d",
              name, Arrays.toString(shape), type.code(), needed, bytes.byteSize()));
    }
    Header.Planned planned = new Header.Planned(name, type, shape.clone(), needed);
    if (tensors.putIfAbsent(name, new Added(planned, bytes)) != null) {
      throw new IllegalArgumentException("tensor '" + name + "' was added before");
    }
    return this;
  }

  /// Writes the folder; it appears whole or not at all.
  ///
  /// @param maxShardBytes the most bytes of tensors in a file; 0 puts all into one
  /// @param force whether an existing folder is replaced
  /// @throws CheckpointException where it exists and `force` is not set, or cannot be written
  public void write(Path folder, long maxShardBytes, boolean force) {
    ShardLayout layout =
        ShardLayout.of(
            tensors.values().stream().map(Added::planned).toList(), maxShardBytes, metadata);
    try (OutputFolder output = new OutputFolder(folder, force);
        Arena arena = Arena.ofConfined()) {
      for (ShardLayout.Shard shard : layout.shards()) {
        try (OutputFile file = output.create(shard.file())) {
          file.write(0, arena.allocateFrom(ValueLayout.JAVA_BYTE, shard.header()));
          long position = shard.header().length;
          for (Header.Planned tensor : shard.tensors()) {
            file.write(position, tensors.get(tensor.name()).bytes());
            position += tensor.bytes();
          }
          file.sync();
          file.requireSize(shard.bytes());
        }
      }
      layout.index().ifPresent(index -> output.write(Checkpoint.INDEX, index));
      output.commit();
    }
  }
}

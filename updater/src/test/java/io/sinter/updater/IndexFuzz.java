// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.io.ByteArrayInputStream;
import java.nio.file.Path;

/// The index of a sharded model, and where it says that the shards lie.
public final class IndexFuzz {
  private static final Path FOLDER = Path.of("/models/a/b");
  private static final Path FILE = FOLDER.resolve(Checkpoint.INDEX);

  private IndexFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(
            FILE.toString(),
            input.length,
            CheckpointException.class,
            () -> ShardIndex.read(FILE, new ByteArrayInputStream(input)))
        .ifPresent(index -> check(index, input.length));
  }

  private static void check(ShardIndex index, int inputBytes) {
    Reading.require(!index.weightMap().isEmpty(), () -> "an empty index is accepted");
    Reading.require(
        index.weightMap().values().stream().allMatch(index.shards()::contains),
        () -> "shards are lost");
    for (String shard : index.shards()) {
      Reading.of(FILE.toString(), inputBytes, CheckpointException.class, () -> index.place(shard))
          .ifPresent(place -> check(shard, place));
    }
  }

  /// Step by step, as the operating system goes: never above the folder, and not the folder itself.
  private static void check(String shard, Path place) {
    Path at = FOLDER;
    for (Path step : place) {
      at = step.toString().equals("..") ? at.getParent() : at.resolve(step.toString());
    }
    at = at.normalize();
    Path end = at;
    Reading.require(
        !place.isAbsolute() && end.startsWith(FOLDER) && !end.equals(FOLDER),
        () -> "'" + shard + "' leads to " + end);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Where a sweep's candidates are until one is chosen: a folder each, which are removed again, by
/// `close` and by a shutdown hook, unless they are to be kept.
final class Candidates implements AutoCloseable {
  private final Path root;
  private final boolean keep;
  private final boolean made;
  private final List<Path> folders = new ArrayList<>();
  private final Thread hook = new Thread(this::remove, "sinter-remove-candidates");
  private boolean removed;

  /// @param root made where it is missing
  Candidates(Path root, boolean keep) {
    this.root = OutputFolder.resolve(root);
    this.keep = keep;
    try {
      made = !Files.exists(this.root);
      if (made) {
        Files.createDirectory(this.root);
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          this.root,
          "cannot be created (" + Failures.reason(e) + ")",
          "Choose another folder for the candidates",
          e);
    }
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /// The folder of a candidate, which does not exist yet.
  synchronized Path add(double alpha) {
    Path folder = root.resolve("alpha-" + alpha);
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw CheckpointException.of(
          folder, "exists already", "Delete it, or choose another folder for the candidates");
    }
    folders.add(folder);
    return folder;
  }

  private synchronized void remove() {
    if (removed || keep) {
      return;
    }
    removed = true;
    for (Path folder : folders) {
      if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
        OutputFolder.deleteRecursively(folder);
      }
    }
    if (made) {
      OutputFolder.deleteRecursively(root);
    }
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is going down: the hook runs, finds nothing more to do or does it.
    }
    remove();
  }
}

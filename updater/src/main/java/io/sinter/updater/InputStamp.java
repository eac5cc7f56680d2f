// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What tells a changed file from an unchanged one without reading it again.
///
/// @param key the file's identity on its file system, such as its inode
record InputStamp(Path file, long size, FileTime modified, @Nullable Object key) {
  /// The stamp that a file has now. Taken before it is opened, so that a file that is replaced in
  /// between counts as changed.
  static InputStamp of(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    return new InputStamp(
        file, attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
  }

  /// @throws CheckpointException where the file has changed, or has gone
  void requireUnchanged() {
    InputStamp now;
    try {
      now = of(file);
    } catch (IOException e) {
      throw changed("can no longer be looked at (" + Failures.reason(e) + ")");
    }
    if (size != now.size) {
      throw changed("had " + size + " bytes when it was opened, and has " + now.size + " now");
    }
    if (!Objects.equals(key, now.key)) {
      throw changed("was replaced by another file while it was read");
    }
    if (!modified.equals(now.modified)) {
      throw changed(
          "was changed while it was read: modified at "
              + now.modified
              + ", and when it was opened at "
              + modified);
    }
  }

  private CheckpointException changed(String how) {
    return CheckpointException.of(
        file, how, "What was computed from it is discarded; run again when nothing writes to it");
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

/// Hears of a merge while it runs, on the thread that runs it.
public interface MergeListener {
  /// Does nothing.
  MergeListener NONE = new MergeListener() {};

  /// Bytes read and written so far, of those to read and write in all.
  default void progress(long bytesDone, long bytesTotal) {}

  /// The merge has failed, or was interrupted, after its output was begun: says what is left of it
  /// and how to go on. The exception follows.
  default void left(String message) {}

  /// Something that the user should know and that does not stop the merge. The report repeats it.
  default void warning(String message) {}
}

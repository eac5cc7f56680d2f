// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

/// Hears of a merge while it runs, on the thread that runs it.
public interface MergeListener {
  /// Does nothing.
  MergeListener NONE = new MergeListener() {};

  /// Bytes read and written so far, of those to read and write in all.
  default void progress(long bytesDone, long bytesTotal) {}

  /// Something that the user should know and that does not stop the merge. The report repeats it.
  default void warning(String message) {}
}

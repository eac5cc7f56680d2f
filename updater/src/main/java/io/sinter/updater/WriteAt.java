// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.MemorySegment;

/// A place where bytes can be written at any position, from any thread.
interface WriteAt {
  /// Writes all of `source` from `position` on.
  ///
  /// @throws CheckpointException where they cannot be written
  void write(long position, MemorySegment source);
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.MemorySegment;

/// Bytes that can be read at any position, from any thread.
interface ReadAt {
  /// Fills `target` with the bytes from `position` on.
  ///
  /// @throws CheckpointException where there are fewer, or they cannot be read
  void read(long position, MemorySegment target);
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// One input file, open for reading.
final class FileReader implements ReadAt, AutoCloseable {
  /// A ByteBuffer addresses at most 2 GiB; larger reads go in steps.
  private static final long STEP = 1L << 30;

  private final Path file;
  private final FileChannel channel;
  private final long size;

  FileReader(Path file) {
    this.file = file;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      size = channel.size();
    } catch (IOException e) {
      throw CheckpointException.of(
          file,
          "cannot be opened (" + Failures.reason(e) + ")",
          "Check the path and its rights",
          e);
    }
  }

  long size() {
    return size;
  }

  @Override
  public void read(long position, MemorySegment target) {
    long done = 0;
    try {
      while (done < target.byteSize()) {
        ByteBuffer step =
            target.asSlice(done, Math.min(STEP, target.byteSize() - done)).asByteBuffer();
        int n = channel.read(step, position + done);
        if (n < 0) {
          throw truncated(file, position + done);
        }
        done += n;
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          file,
          "cannot be read at byte " + (position + done) + " (" + Failures.reason(e) + ")",
          "Check the disk",
          e);
    }
  }

  MemorySegment map(Arena arena) {
    try {
      if (channel.size() < size) {
        throw truncated(file, channel.size());
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be mapped (" + Failures.reason(e) + ")", "Try --io pread", e);
    }
  }

  /// What to say of a file that has become shorter than it was when it was opened.
  static CheckpointException truncated(Path file, long position) {
    return CheckpointException.of(
        file,
        "ends at or before byte "
            + position
            + ", which its header places inside a tensor: it was"
            + " truncated while being read",
        "Restore the file and run again");
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be closed (" + Failures.reason(e) + ")", "Check the disk", e);
    }
  }
}

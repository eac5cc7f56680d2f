// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// One file, open for reading.
final class FileReader implements ReadAt, AutoCloseable {
  /// A ByteBuffer addresses at most 2 GiB; larger reads go in steps.
  private static final long STEP = 1L << 30;

  private final Path file;
  private final InputStamp stamp;
  private final FileChannel channel;
  private final long size;

  FileReader(Path file) {
    this.file = file;
    try {
      stamp = InputStamp.of(file);
      channel = FileChannel.open(file, StandardOpenOption.READ);
    } catch (IOException e) {
      throw unopened(file, e);
    }
    try {
      size = channel.size();
    } catch (IOException e) {
      CheckpointException failure = unopened(file, e);
      try (channel) {
        throw failure;
      } catch (IOException suppressed) {
        failure.addSuppressed(suppressed);
        throw failure;
      }
    }
  }

  private static CheckpointException unopened(Path file, IOException e) {
    return CheckpointException.of(
        file, "cannot be opened (" + Failures.reason(e) + ")", "Check the path and its rights", e);
  }

  /// What the file was like when it was opened.
  InputStamp stamp() {
    return stamp;
  }

  long size() {
    return size;
  }

  @Override
  public void read(long position, MemorySegment target) {
    long done = 0;
    try {
      int idle = 0;
      while (done < target.byteSize()) {
        ByteBuffer step =
            target.asSlice(done, Math.min(STEP, target.byteSize() - done)).asByteBuffer();
        if (channel.read(step, position + done) < 0) {
          throw truncated(file, position + done);
        }
        idle = OutputFile.idle(step, idle);
        done += step.position();
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

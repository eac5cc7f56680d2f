// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// One new file.
final class OutputFile implements WriteAt, AutoCloseable {
  /// A ByteBuffer addresses at most 2 GiB; larger writes go in steps.
  private static final long STEP = 1L << 30;

  private final Path file;
  private final FileChannel channel;

  OutputFile(Path file) {
    this.file = file;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw failure("cannot be created", e);
    }
  }

  @Override
  public void write(long position, MemorySegment source) {
    long done = 0;
    try {
      while (done < source.byteSize()) {
        ByteBuffer step =
            source.asSlice(done, Math.min(STEP, source.byteSize() - done)).asByteBuffer();
        done += channel.write(step, position + done);
      }
    } catch (IOException e) {
      throw failure("cannot be written", e);
    }
  }

  /// Forces what was written to the disk.
  void sync() {
    try {
      channel.force(true);
    } catch (IOException e) {
      throw failure("cannot be forced to the disk", e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failure("cannot be closed", e);
    }
  }

  private CheckpointException failure(String what, IOException e) {
    return CheckpointException.of(
        file,
        what + " (" + Failures.reason(e) + ")",
        "Make room or choose another output; nothing was left behind",
        e);
  }
}

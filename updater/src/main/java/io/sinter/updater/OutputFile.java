// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.sun.nio.file.ExtendedOpenOption;
import io.sinter.MemoryFaultException;
import io.sinter.internal.ffi.PosixFiles;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// One file of an output.
final class OutputFile implements WriteAt, AutoCloseable {
  /// A ByteBuffer addresses at most 2 GiB; larger writes go in steps.
  private static final long STEP = 1L << 30;

  /// So often in a row a file system may move no byte without saying why.
  private static final int PATIENCE = 100;

  /// What writes past the page cache are aligned to: in the file, in memory and in size.
  static final int PAGE = 4096;

  /// Writes of less than this go through the cache.
  private static final long DIRECT_BYTES = 1L << 20;

  private final Path file;
  private final FileChannel channel;
  private @Nullable FileChannel direct;

  private OutputFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Makes a file, which must not exist.
  static OutputFile create(Path file) {
    try {
      return new OutputFile(
          file,
          FileChannel.open(
              file,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE));
    } catch (IOException e) {
      throw failure(file, "cannot be created", e);
    }
  }

  /// Opens a file that an earlier run made.
  static OutputFile reopen(Path file) {
    try {
      return new OutputFile(
          file,
          FileChannel.open(
              file, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
    } catch (IOException e) {
      throw failure(file, "cannot be opened again", e);
    }
  }

  /// The same file, whose folder was renamed.
  OutputFile renamed(Path to) {
    return new OutputFile(to, channel);
  }

  /// Keeps other processes from taking this file for a dead one's. Where the file system has no
  /// locks, the name of the folder must do.
  ///
  /// @return whether no other holds it
  boolean lock() {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true; // No locks here.
    }
  }

  /// From here on large writes go past the page cache, where the file system knows how: the disk is
  /// then the only wire, where pages of the cache would first be found, filled and later copied
  // once
  /// more.
  void goPastCache() {
    try {
      direct = FileChannel.open(file, StandardOpenOption.WRITE, ExtendedOpenOption.DIRECT);
    } catch (IOException | UnsupportedOperationException e) {
      direct = null; // All of it then goes through the cache.
    }
  }

  /// Pages that `source` fills go past the cache where it lies in memory as it does in the file,
  /// counted in pages; its ends, and everything else, go through the cache.
  @Override
  public void write(long position, MemorySegment source) {
    try {
      FileChannel past = direct;
      long from = Math.ceilDiv(position, PAGE) * PAGE - position;
      long to = (position + source.byteSize()) / PAGE * PAGE - position;
      if (past == null
          || to - from < DIRECT_BYTES
          || !source.isNative()
          || (source.address() + from) % PAGE != 0) {
        write(channel, position, source);
        return;
      }
      MemorySegment pages = source.asSlice(from, to - from);
      write(channel, position, source.asSlice(0, from));
      try {
        write(past, position + from, pages);
      } catch (IOException e) {
        direct = null; // What the disk itself has against it shows again through the cache.
        write(channel, position + from, pages);
      }
      write(channel, position + to, source.asSlice(to));
    } catch (IOException e) {
      throw failure(file, "cannot be written", e);
    }
  }

  private static void write(FileChannel channel, long position, MemorySegment source)
      throws IOException {
    long done = 0;
    int idle = 0;
    while (done < source.byteSize()) {
      ByteBuffer step =
          source.asSlice(done, Math.min(STEP, source.byteSize() - done)).asByteBuffer();
      channel.write(step, position + done);
      idle = idle(step, idle);
      done += step.position();
    }
  }

  /// Makes a part of the file that can be written in memory. Its space is reserved first: a disk
  // that
  /// is full says so here.
  Region map(long position, long bytes) {
    Arena arena = Arena.ofShared();
    try {
      PosixFiles.allocate(file, position, bytes);
      return new Region(
          file, channel.map(FileChannel.MapMode.READ_WRITE, position, bytes, arena), arena);
    } catch (IOException e) {
      arena.close();
      throw failure(file, "cannot be extended by " + bytes + " bytes", e);
    }
  }

  /// A part of a file in memory.
  record Region(Path file, MemorySegment bytes, Arena arena) implements AutoCloseable {
    boolean holds(long address) {
      return address >= bytes.address() && address < bytes.address() + bytes.byteSize();
    }

    CheckpointException failure(MemoryFaultException cause) {
      return CheckpointException.of(
          file, "cannot be written", "Check the disk, or choose another output", cause);
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /// How often in a row no byte was moved.
  ///
  /// @throws IOException where that was often enough to take it for a failure
  static int idle(ByteBuffer step, int before) throws IOException {
    if (step.position() > 0) {
      return 0;
    }
    if (before + 1 == PATIENCE) {
      throw new IOException("the file system moved no byte in " + PATIENCE + " attempts");
    }
    return before + 1;
  }

  /// Cuts off what lies behind the first `bytes` bytes.
  void truncate(long bytes) {
    try {
      channel.truncate(bytes);
    } catch (IOException e) {
      throw failure(file, "cannot be cut to " + bytes + " bytes", e);
    }
  }

  /// Forces what was written to the disk.
  void sync() {
    try {
      channel.force(true);
    } catch (IOException e) {
      throw failure(file, "cannot be forced to the disk", e);
    }
  }

  /// @throws CheckpointException where the file does not hold as many bytes as were written
  void requireSize(long bytes) {
    try {
      if (channel.size() != bytes) {
        throw new IOException(
            "the file system says it has " + channel.size() + " bytes, of " + bytes + " written");
      }
    } catch (IOException e) {
      throw failure(file, "is not what was written", e);
    }
  }

  @Override
  public void close() {
    try (FileChannel past = direct) {
      channel.close();
    } catch (IOException e) {
      throw failure(file, "cannot be closed", e);
    }
  }

  private static CheckpointException failure(Path file, String what, IOException e) {
    return CheckpointException.of(
        file,
        what + " (" + Failures.reason(e) + ")",
        "Make room, check the disk, or choose another output",
        e);
  }
}

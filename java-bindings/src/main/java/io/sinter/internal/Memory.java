// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.internal.ffi.Abi;
import io.sinter.internal.ffi.Downcalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The memory behind a tensor and its views: a buffer of the library, or a caller's segment.
public abstract sealed class Memory {
  /// A thread that never runs: what is accessible to it is not confined to another.
  private static final Thread NOBODY = Thread.ofPlatform().unstarted(() -> {});

  private final int device;
  private final long address;
  private final long bytes;

  private Memory(int device, long address, long bytes) {
    this.device = device;
    this.address = address;
    this.bytes = bytes;
  }

  /// The device the address is on.
  public final int device() {
    return device;
  }

  final long address() {
    return address;
  }

  /// The size.
  public final long bytes() {
    return bytes;
  }

  /// Marks the memory as used by the call that occupies `stream`.
  ///
  /// @throws IllegalStateException if it is closed
  abstract void use(StreamState stream, View view);

  abstract boolean isReadOnly();

  /// The memory as a segment; host memory only.
  ///
  /// @throws IllegalStateException if it is closed
  public abstract MemorySegment segment(View view);

  /// Ends the memory's life; its work enqueued so far still finds it.
  public abstract void close();

  private static IllegalStateException closed(View view) {
    return new IllegalStateException(view + " is closed");
  }

  /// Allocates a buffer in a stream's order. `kind` is a `sinter_memory`.
  public static Memory allocate(StreamState stream, int kind, long bytes, String what) {
    stream.enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment pointer = arena.allocate(Abi.POINTER);
      Status.check(Abi.sinter_buffer_create(stream.handle(), kind, bytes, pointer, error), error);
      MemorySegment buffer = pointer.get(Abi.POINTER, 0);
      Status.check(Abi.sinter_buffer_data(buffer, pointer, error), error);
      int device = kind == Abi.SINTER_MEMORY_PINNED ? Abi.SINTER_CPU : stream.device();
      long address = pointer.get(Abi.POINTER, 0).address();
      return new Owned(device, address, bytes, new Buffer(buffer, stream, what));
    } finally {
      stream.leave();
    }
  }

  /// A caller's native segment, used in place.
  public static Memory of(MemorySegment segment) {
    return new Foreign(segment);
  }

  /// Memory of a CUDA device that stays its owner's.
  public static Memory of(int device, long address, long bytes) {
    return new Borrowed(device, address, bytes);
  }

  /// The address.
  ///
  /// @throws IllegalStateException if the memory is closed
  abstract long address(View view);

  /// A buffer, and the streams that used it since it was created.
  private static final class Buffer extends Leaks.Resource {
    private final MemorySegment handle;
    private final StreamState home;
    private final String what;
    private final List<StreamState> others = new ArrayList<>(0);

    Buffer(MemorySegment handle, StreamState home, String what) {
      this.handle = handle;
      this.home = home;
      this.what = what;
    }

    void usedBy(StreamState stream) {
      if (stream != home && !others.contains(stream)) {
        others.removeIf(StreamState::isClosed);
        others.add(stream);
      }
    }

    @Override
    void free() {
      new Release(handle, home, others).advance();
    }

    @Override
    public String toString() {
      return what + " on " + home;
    }
  }

  private static final class Owned extends Memory {
    private final Buffer buffer;
    private @Nullable Arena arena;
    private @Nullable MemorySegment segment;
    private boolean closed;

    Owned(int device, long address, long bytes, Buffer buffer) {
      super(device, address, bytes);
      this.buffer = buffer;
      buffer.trackFor(this);
    }

    @Override
    synchronized void use(StreamState stream, View view) {
      if (closed) {
        throw closed(view);
      }
      buffer.usedBy(stream);
    }

    @Override
    synchronized long address(View view) {
      if (closed) {
        throw closed(view);
      }
      return address();
    }

    @Override
    boolean isReadOnly() {
      return false;
    }

    @Override
    public synchronized MemorySegment segment(View view) {
      if (closed) {
        throw closed(view);
      }
      if (segment == null) {
        arena = Arena.ofShared();
        segment = Downcalls.hostMemory(address(), bytes(), arena, this);
      }
      return segment;
    }

    @Override
    public synchronized void close() {
      if (!closed) {
        if (arena != null) {
          arena.close();
        }
        closed = true;
        buffer.close();
      }
    }
  }

  private static final class Foreign extends Memory {
    private final MemorySegment segment;
    private volatile boolean closed;

    Foreign(MemorySegment segment) {
      super(Abi.SINTER_CPU, segment.address(), segment.byteSize());
      this.segment = segment;
    }

    @Override
    void use(StreamState stream, View view) {
      segment(view);
      if (!segment.isAccessibleBy(Thread.currentThread())) {
        throw new IllegalStateException(
            view + " lies in an arena confined to another thread; use a shared or automatic arena");
      }
      if (stream.device() != Abi.SINTER_CPU) {
        if (!segment.isAccessibleBy(NOBODY)) {
          throw new IllegalArgumentException(
              view
                  + " lies in a confined arena, which may be closed before "
                  + stream
                  + " has copied it; use a shared or automatic arena");
        }
        stream.hold(segment);
      }
    }

    @Override
    long address(View view) {
      segment(view);
      return address();
    }

    @Override
    boolean isReadOnly() {
      return segment.isReadOnly();
    }

    @Override
    public MemorySegment segment(View view) {
      if (closed) {
        throw closed(view);
      }
      if (!segment.scope().isAlive()) {
        throw new IllegalStateException(view + " lies in an arena that is closed");
      }
      return segment;
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  /// Memory of a device that others allocated: nothing is freed, and nobody tells of its end.
  private static final class Borrowed extends Memory {
    private volatile boolean closed;

    Borrowed(int device, long address, long bytes) {
      super(device, address, bytes);
    }

    @Override
    void use(StreamState stream, View view) {
      address(view);
    }

    @Override
    long address(View view) {
      if (closed) {
        throw closed(view);
      }
      return address();
    }

    @Override
    boolean isReadOnly() {
      return false;
    }

    @Override
    public MemorySegment segment(View view) {
      throw new AssertionError(view + " is not host memory");
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}

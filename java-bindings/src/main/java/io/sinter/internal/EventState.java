// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/// A native event. Calls share it; closing waits for them.
public final class EventState extends Leaks.Resource {
  private final int device;
  private final MemorySegment handle;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private EventState(int device, MemorySegment handle) {
    this.device = device;
    this.handle = handle;
  }

  /// Records an event, whose life ends with `holder`'s, on a stream.
  public static EventState record(Object holder, StreamState stream) {
    stream.enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment pointer = arena.allocate(Abi.POINTER);
      Status.check(Abi.sinter_event_create(stream.device(), pointer, error), error);
      EventState event = new EventState(stream.device(), pointer.get(Abi.POINTER, 0));
      int status = Abi.sinter_event_record(event.handle, stream.handle(), error);
      if (status != Abi.SINTER_OK) {
        event.free();
        throw Status.exception(status, error);
      }
      event.trackFor(holder);
      return event;
    } finally {
      stream.leave();
    }
  }

  /// Makes a stream's later work wait for the event.
  public void awaitOn(StreamState stream) {
    stream.enter();
    try {
      use((handle, error) -> Abi.sinter_stream_wait(stream.handle(), handle, error));
    } finally {
      stream.leave();
    }
  }

  /// Whether the work before the event is done.
  public boolean isDone() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment done = arena.allocate(ValueLayout.JAVA_INT);
      use((handle, error) -> Abi.sinter_event_query(handle, done, error));
      return done.get(ValueLayout.JAVA_INT, 0) == 1;
    }
  }

  /// Blocks until the work before the event is done.
  public void synchronize() {
    use(Abi::sinter_event_synchronize);
  }

  /// Closes the event.
  public void closeEvent() {
    lock.writeLock().lock();
    try {
      closed = true;
      close();
    } finally {
      lock.writeLock().unlock();
    }
  }

  private interface Operation {
    int run(MemorySegment handle, MemorySegment error);
  }

  private void use(Operation operation) {
    lock.readLock().lock();
    try (Arena arena = Arena.ofConfined()) {
      if (closed) {
        throw new IllegalStateException(this + " is closed");
      }
      MemorySegment error = Status.error(arena);
      Status.check(operation.run(handle, error), error);
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  void free() {
    Abi.sinter_event_destroy(handle);
  }

  @Override
  public String toString() {
    return "event on " + Devices.name(device);
  }
}

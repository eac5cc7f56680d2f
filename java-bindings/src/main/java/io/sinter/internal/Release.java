// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The end of a buffer: after the last use on every stream that touched it, without blocking.
///
/// It visits the streams one by one. Each but the last records an event; the last waits for the
/// events, and frees the buffer in stream order.
final class Release {
  private static final System.Logger LOG = System.getLogger("io.sinter");

  private final MemorySegment buffer;
  private final List<StreamState> route;
  private final List<MemorySegment> events = new ArrayList<>(0);
  private int next;

  Release(MemorySegment buffer, StreamState home, List<StreamState> others) {
    this.buffer = buffer;
    route = new ArrayList<>(others);
    route.add(home);
    if (home.isClosed()) {
      // Another stream of the device can free the buffer in order; without one the work of the
      // others is waited for.
      for (StreamState other : others) {
        if (other.device() == home.device() && !other.isClosed()) {
          route.remove(other);
          route.add(other);
          break;
        }
      }
    }
  }

  /// Goes to the next stream, if there is one.
  void advance() {
    if (next < route.size()) {
      route.get(next).submit(this);
    }
  }

  /// Does what is to be done on the present stream, which the caller occupies.
  void step(StreamState stream) {
    next++;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      if (next < route.size()) {
        mark(stream, arena, error);
      } else {
        free(stream, error);
      }
    } catch (RuntimeException e) {
      // The caller may be another thread's call or the garbage collector: there is nobody to tell.
      LOG.log(System.Logger.Level.WARNING, "a tensor's memory was not released in order", e);
    }
  }

  private void mark(StreamState stream, Arena arena, MemorySegment error) {
    if (stream.isClosed() || stream.device() == Abi.SINTER_CPU) {
      return; // its work is done
    }
    MemorySegment pointer = arena.allocate(Abi.POINTER);
    Status.check(Abi.sinter_event_create(stream.device(), pointer, error), error);
    MemorySegment event = pointer.get(Abi.POINTER, 0);
    events.add(event);
    Status.check(Abi.sinter_event_record(event, stream.handle(), error), error);
  }

  private void free(StreamState stream, MemorySegment error) {
    boolean closed = stream.isClosed();
    try {
      for (MemorySegment event : events) {
        int status =
            closed
                ? Abi.sinter_event_synchronize(event, error)
                : Abi.sinter_stream_wait(stream.handle(), event, error);
        Status.check(status, error);
      }
    } finally {
      events.forEach(Abi::sinter_event_destroy);
      MemorySegment in = closed ? MemorySegment.NULL : stream.handle();
      Status.check(Abi.sinter_buffer_destroy(buffer, in, error), error);
    }
  }
}

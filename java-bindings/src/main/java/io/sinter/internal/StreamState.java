// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.StreamOptions;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;

/// A native stream, and who may touch it.
///
/// One call at a time occupies a stream: that of its owner, or the release of a tensor, which may
/// come from any thread and from the garbage collector. A release never waits for the owner: it is
/// left in a queue, which whoever occupies the stream works off on the way out.
public final class StreamState extends Leaks.Resource {
  private static final int FREE = 0;
  private static final int CALL = 1;
  private static final int RELEASE = 2;
  private static final VarHandle OCCUPANT;

  static {
    try {
      OCCUPANT = MethodHandles.lookup().findVarHandle(StreamState.class, "occupant", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final int device;
  private final MemorySegment handle;

  /// Whether the native stream under the library's is somebody else's.
  private final boolean wrapped;

  private final Queue<Release> releases = new ConcurrentLinkedQueue<>();

  /// Keeps host memory that enqueued work may still read or write; only touched while occupied.
  private final Set<MemorySegment.Scope> held = new HashSet<>();

  private volatile int occupant;
  private volatile boolean closed;

  private StreamState(int device, MemorySegment handle, boolean wrapped) {
    this.device = device;
    this.handle = handle;
    this.wrapped = wrapped;
  }

  /// Creates a stream whose life ends with `holder`'s.
  public static StreamState create(Object holder, int device, StreamOptions chosen) {
    return create(holder, device, MemorySegment.NULL, chosen);
  }

  /// Creates a stream over a native one that stays its owner's, whose life ends with `holder`'s.
  public static StreamState wrap(Object holder, int device, long address, StreamOptions chosen) {
    return create(holder, device, MemorySegment.ofAddress(address), chosen);
  }

  private static StreamState create(
      Object holder, int device, MemorySegment under, StreamOptions chosen) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment options = arena.allocate(Abi.sinter_stream_options.LAYOUT);
      Abi.sinter_stream_options.struct_size(options, 0, options.byteSize());
      Abi.sinter_stream_options.threads(options, 0, chosen.threads());
      Abi.sinter_stream_options.workspace_limit(options, 0, chosen.workspaceLimit());
      MemorySegment handle = arena.allocate(Abi.POINTER);
      boolean wrapped = under.address() != 0;
      Status.check(
          wrapped
              ? Abi.sinter_stream_wrap(device, under, options, handle, error)
              : Abi.sinter_stream_create(device, options, handle, error),
          error);
      StreamState stream = new StreamState(device, handle.get(Abi.POINTER, 0), wrapped);
      stream.trackFor(holder);
      return stream;
    }
  }

  /// The device's number.
  public int device() {
    return device;
  }

  MemorySegment handle() {
    return handle;
  }

  /// The address of the native stream under the library's.
  ///
  /// @throws IllegalStateException if the stream is closed or in use by another thread
  /// @throws io.sinter.DeviceException if the device has no native streams
  public long address() {
    enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment address = arena.allocate(Abi.POINTER);
      Status.check(Abi.sinter_stream_native(handle, address, error), error);
      return address.get(Abi.POINTER, 0).address();
    } finally {
      leave();
    }
  }

  boolean isClosed() {
    return closed;
  }

  /// Starts a call of the owner.
  void enter() {
    while (!OCCUPANT.compareAndSet(this, FREE, CALL)) {
      if (occupant == CALL) {
        throw new IllegalStateException(
            this + " is in use by another thread; a stream belongs to one thread at a time");
      }
      Thread.yield(); // a release is short
    }
    if (closed) {
      leave();
      throw new IllegalStateException(this + " is closed");
    }
  }

  /// Ends a call of the owner.
  void leave() {
    occupant = FREE;
    workOff();
  }

  /// Closes the stream. Its work is done when this returns.
  public void closeStream() {
    while (!OCCUPANT.compareAndSet(this, FREE, CALL)) {
      if (occupant == CALL) {
        throw new IllegalStateException(this + " is in use by another thread and cannot be closed");
      }
      Thread.yield();
    }
    try {
      close();
    } finally {
      leave();
    }
  }

  @Override
  void free() {
    if (occupant == CALL) { // closeStream
      destroy();
      return;
    }
    // The garbage collector: there is no owner any more, but there may be a release.
    if (wrapped) {
      return; // what is under it may be gone: a little memory is lost rather than the process
    }
    while (!OCCUPANT.compareAndSet(this, FREE, RELEASE)) {
      Thread.yield();
    }
    try {
      destroy();
    } finally {
      leave();
    }
  }

  private void destroy() {
    Abi.sinter_stream_destroy(handle);
    closed = true;
    held.clear();
  }

  /// Keeps host memory reachable until the stream's work so far is done.
  void hold(MemorySegment memory) {
    held.add(memory.scope());
  }

  /// Lets go of it: all of the stream's work is done.
  void letGo() {
    held.clear();
  }

  /// Takes a release's next step on this stream: now, or when the present call has ended.
  void submit(Release release) {
    releases.add(release);
    workOff();
  }

  private void workOff() {
    List<Release> done = new ArrayList<>(0);
    while (!releases.isEmpty() && OCCUPANT.compareAndSet(this, FREE, RELEASE)) {
      try {
        for (Release release; (release = releases.poll()) != null; done.add(release)) {
          release.step(this);
        }
      } finally {
        occupant = FREE;
      }
    }
    done.forEach(Release::advance);
  }

  @Override
  public String toString() {
    return "stream on " + Devices.name(device);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.EventState;
import io.sinter.internal.StreamState;

/// A point in a stream's work, from [Stream#record]: the only edge between streams.
///
/// An event may be used from many threads. Closing it twice is fine, and work that awaits it still
/// does; use after close throws [IllegalStateException].
public final class Event implements AutoCloseable {
  private final EventState state;

  Event(StreamState stream) {
    state = EventState.record(this, stream);
  }

  EventState state() {
    return state;
  }

  /// {@return whether the work before this point is done}
  ///
  /// @throws DeviceException if the device failed
  public boolean isDone() {
    return state.isDone();
  }

  /// Blocks until the work before this point is done.
  ///
  /// @throws DeviceException if the device failed
  public void synchronize() {
    state.synchronize();
  }

  /// Lets go of the event. Waits for calls of other threads on it.
  @Override
  public void close() {
    state.closeEvent();
  }

  /// For example `event on cuda:0`.
  @Override
  public String toString() {
    return state.toString();
  }
}

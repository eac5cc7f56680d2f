// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.Bridge;
import io.sinter.internal.Call;
import io.sinter.internal.Memory;
import io.sinter.internal.StreamState;
import io.sinter.internal.View;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;
import java.util.Objects;

/// A queue of work on one device.
///
/// On a CUDA device an operation is enqueued and the call returns; only [#synchronize] blocks. On
/// the CPU an operation is done when the call returns. A stream belongs to one thread at a time and
/// may be handed from one to the next, virtual threads included; a call while another thread is
/// inside throws [IllegalStateException]. Different streams work side by side, and an [Event] is
/// the only order between them.
///
/// Closing a stream waits for its work. Tensors that it allocated stay valid.
public final class Stream implements AutoCloseable {
  static {
    Bridge.streams(stream -> stream.state, Stream::new);
  }

  private final Device device;
  private final StreamState state;

  Stream(Device device, StreamOptions options) {
    this.device = device;
    this.state = StreamState.create(this, device.ordinal(), options);
  }

  /// Over a native stream.
  private Stream(Device device, long address, StreamOptions options) {
    this.device = device;
    this.state = StreamState.wrap(this, device.ordinal(), address, options);
  }

  /// {@return the device}
  public Device device() {
    return device;
  }

  /// Allocates a contiguous tensor on the stream's device, in stream order: other streams may use
  /// it after an [Event] recorded here. Its elements are undefined.
  ///
  /// @param dtype the elements' type
  /// @param shape at most 8 dimensions, 0 or more each; none for a scalar
  /// @return the tensor, to be closed
  /// @throws IllegalArgumentException if the shape is out of range
  /// @throws DeviceOutOfMemoryException if there is too little memory
  public Tensor allocate(DType dtype, long... shape) {
    return allocate(Abi.SINTER_MEMORY_DEVICE, dtype, shape);
  }

  /// Allocates a contiguous tensor in host memory from and to which the stream's device copies at
  /// full speed (page-locked). Its elements are undefined.
  ///
  /// @param dtype the elements' type
  /// @param shape at most 8 dimensions, 0 or more each; none for a scalar
  /// @return the tensor, to be closed; its device is the CPU
  /// @throws IllegalArgumentException if the shape is out of range
  /// @throws DeviceOutOfMemoryException if there is too little memory
  public Tensor allocatePinned(DType dtype, long... shape) {
    return allocate(Abi.SINTER_MEMORY_PINNED, dtype, shape);
  }

  private Tensor allocate(int kind, DType dtype, long[] shape) {
    long bytes = View.bytes(Objects.requireNonNull(dtype, "dtype"), shape);
    String what =
        (kind == Abi.SINTER_MEMORY_PINNED ? "pinned tensor " : "tensor ")
            + View.describe(dtype, shape);
    try {
      return Tensor.owning(Memory.allocate(state, kind, bytes, what), dtype, shape);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /// Copies a tensor's bytes to another of the same dtype and shape, between any two of the host
  /// and the stream's device; `src[...] -> dst[...]`. Between host and device both are contiguous.
  /// Host memory should be [pinned][#allocatePinned]; other memory is copied at a fraction of the
  /// speed.
  ///
  /// @param src the source
  /// @param dst the destination
  /// @throws IllegalArgumentException if dtypes, shapes or devices do not fit
  public void copy(Tensor src, Tensor dst) {
    copy(List.of(src), List.of(dst));
  }

  /// Copies tensors as [#copy(Tensor, Tensor)] does, all in one call.
  ///
  /// @param src the sources
  /// @param dst the destinations
  /// @throws IllegalArgumentException if dtypes, shapes or devices do not fit
  public void copy(List<Tensor> src, List<Tensor> dst) {
    try (Call call = Call.on(this, "copy", src.size())) {
      MemorySegment sources = call.copies("src", src, false);
      MemorySegment destinations = call.copies("dst", dst, true);
      for (int k = 0; k < src.size(); k++) {
        if (src.get(k).dtype() != dst.get(k).dtype()) {
          throw call.mistake(
              "src["
                  + k
                  + "] is "
                  + src.get(k)
                  + ", and dst["
                  + k
                  + "] is "
                  + dst.get(k)
                  + ": their dtypes differ; use Conversion.cast");
        }
      }
      call.check(Abi.sinter_copy(call.stream(), call.count(), sources, destinations, call.error()));
    }
  }

  /// {@return a new event at the end of the work enqueued so far, to be closed}
  ///
  /// @throws DeviceException if the device failed
  public Event record() {
    try {
      return new Event(state);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /// Makes later work on this stream wait for an event, of this or another device. Does not block.
  ///
  /// @param event the event
  /// @throws IllegalStateException if the event is closed
  public void await(Event event) {
    event.state().awaitOn(state);
    Reference.reachabilityFence(event);
    Reference.reachabilityFence(this);
  }

  /// Blocks until the stream's work is done, and reports the first failure since the last call.
  ///
  /// @throws DeviceException if the device failed
  /// @throws NumericException if an operation met a non-finite value it cannot reduce
  public void synchronize() {
    try (Call call = Call.on(this, "synchronize", 0)) {
      call.synchronize();
    }
  }

  /// Waits for the stream's work and ends it. A failure of that work is not reported;
  /// [#synchronize] reports it.
  ///
  /// @throws IllegalStateException if another thread is inside a call
  @Override
  public void close() {
    state.closeStream();
    Reference.reachabilityFence(this);
  }

  /// For example `stream on cuda:0`.
  @Override
  public String toString() {
    return state.toString();
  }
}

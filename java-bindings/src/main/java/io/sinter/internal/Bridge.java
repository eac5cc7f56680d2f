// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import java.lang.invoke.MethodHandles;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What stands behind the public classes, for the operations in other packages and for modules that
/// bring streams and memory of other libraries. The classes themselves fill it in when they are
/// initialised, and so before there is an instance to ask about.
public final class Bridge {
  private static volatile @Nullable Function<Stream, StreamState> states;
  private static volatile @Nullable StreamFactory streams;
  private static volatile @Nullable Function<Tensor, View> views;
  private static volatile @Nullable TensorFactory tensors;

  private Bridge() {}

  /// Makes a stream over a native one.
  public interface StreamFactory {
    /// A stream on `device` over the native stream at `address`.
    Stream wrap(Device device, long address, StreamOptions options);
  }

  /// Makes a contiguous tensor.
  public interface TensorFactory {
    /// A tensor over all of `memory`.
    Tensor over(Memory memory, DType dtype, long[] shape);
  }

  /// Called by [Stream].
  public static void streams(Function<Stream, StreamState> accessor, StreamFactory factory) {
    states = accessor;
    streams = factory;
  }

  /// Called by [Tensor].
  public static void tensors(Function<Tensor, View> accessor, TensorFactory factory) {
    views = accessor;
    tensors = factory;
  }

  /// A stream over the native one at `address`, which stays its owner's.
  public static Stream wrap(Device device, long address, StreamOptions options) {
    initialize(Stream.class);
    return require(streams).wrap(device, address, options);
  }

  /// A contiguous tensor over a device's memory at `address`, which stays its owner's.
  public static Tensor wrap(Device device, long address, DType dtype, long... shape) {
    initialize(Tensor.class);
    Memory memory = Memory.of(device.ordinal(), address, View.bytes(dtype, shape));
    return require(tensors).over(memory, dtype, shape);
  }

  /// What is behind a stream.
  public static StreamState state(Stream stream) {
    return require(states).apply(stream);
  }

  /// What is behind a tensor.
  public static View view(Tensor tensor) {
    return require(views).apply(tensor);
  }

  private static void initialize(Class<?> type) {
    try {
      MethodHandles.lookup().ensureInitialized(type);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }

  private static <T> T require(@Nullable T accessor) {
    if (accessor == null) {
      throw new AssertionError("an instance exists, and its class was never initialised");
    }
    return accessor;
  }
}

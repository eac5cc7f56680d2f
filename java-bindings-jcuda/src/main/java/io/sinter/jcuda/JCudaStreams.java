// SPDX-License-Identifier: Apache-2.0
package io.sinter.jcuda;

import io.sinter.Device;
import io.sinter.DeviceException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.internal.Bridge;
import java.lang.reflect.Constructor;
import java.util.Objects;
import jcuda.NativePointerObject;
import jcuda.driver.CUstream;
import jcuda.runtime.cudaStream_t;

/// CUDA streams of one side on the other.
public final class JCudaStreams {
  private JCudaStreams() {}

  /// Makes a stream over one of JCuda's driver API. Work of both sides runs in the order in which
  /// it was enqueued.
  ///
  /// Closing it waits for its work and leaves `stream`, which must outlive it.
  ///
  /// @param device the stream's device
  /// @param stream a stream of the device's primary context; `CU_STREAM_LEGACY` for the default one
  /// @return a stream to be closed
  /// @throws IllegalArgumentException if the stream was not created, or is of another device
  /// @throws DeviceException if the device is the CPU
  public static Stream stream(Device device, CUstream stream) {
    return stream(device, stream, StreamOptions.DEFAULT);
  }

  /// Makes a stream as [#stream(Device, CUstream)] does.
  ///
  /// @param device the stream's device
  /// @param stream a stream of the device's primary context
  /// @param options how it works
  /// @return a stream to be closed
  /// @throws IllegalArgumentException if the stream was not created, or is of another device
  /// @throws DeviceException if the device is the CPU
  public static Stream stream(Device device, CUstream stream, StreamOptions options) {
    return wrap(device, stream, options);
  }

  /// Makes a stream over one of JCuda's runtime API, as [#stream(Device, CUstream)] does.
  ///
  /// @param device the stream's device
  /// @param stream a stream of the device
  /// @return a stream to be closed
  /// @throws IllegalArgumentException if the stream was not created, or is of another device
  /// @throws DeviceException if the device is the CPU
  public static Stream stream(Device device, cudaStream_t stream) {
    return stream(device, stream, StreamOptions.DEFAULT);
  }

  /// Makes a stream over one of JCuda's runtime API, as [#stream(Device, CUstream)] does.
  ///
  /// @param device the stream's device
  /// @param stream a stream of the device
  /// @param options how it works
  /// @return a stream to be closed
  /// @throws IllegalArgumentException if the stream was not created, or is of another device
  /// @throws DeviceException if the device is the CPU
  public static Stream stream(Device device, cudaStream_t stream, StreamOptions options) {
    return wrap(device, stream, options);
  }

  private static Stream wrap(Device device, NativePointerObject stream, StreamOptions options) {
    Objects.requireNonNull(options, "options");
    long address = Address.of(Objects.requireNonNull(stream, "stream"));
    if (address == 0) {
      throw new IllegalArgumentException(
          "stream "
              + stream
              + " was not created; create it, or pass CU_STREAM_LEGACY for the default stream");
    }
    return Bridge.wrap(device, address, options);
  }

  /// The stream under one of Sinter's, for JCuda's driver API. It stays Sinter's and ends with
  /// `stream`: do not destroy it.
  ///
  /// @param stream a stream on a CUDA device
  /// @return its native stream
  /// @throws DeviceException if the stream is on the CPU
  /// @throws IllegalStateException if it is closed
  public static CUstream driverStream(Stream stream) {
    return create(Bridge.state(stream).address());
  }

  /// The stream under one of Sinter's, for JCuda's runtime API and the libraries over it. It stays
  /// Sinter's and ends with `stream`: do not destroy it.
  ///
  /// @param stream a stream on a CUDA device
  /// @return its native stream
  /// @throws DeviceException if the stream is on the CPU
  /// @throws IllegalStateException if it is closed
  public static cudaStream_t runtimeStream(Stream stream) {
    return new cudaStream_t(driverStream(stream));
  }

  private static CUstream create(long address) {
    try {
      // JCuda has no public way: only its own constants are made from addresses.
      Constructor<CUstream> constructor = CUstream.class.getDeclaredConstructor(long.class);
      constructor.setAccessible(true);
      return constructor.newInstance(address);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(
          "this version of JCuda has no CUstream(long); io.sinter.jcuda was made for 12.6.0", e);
    }
  }
}

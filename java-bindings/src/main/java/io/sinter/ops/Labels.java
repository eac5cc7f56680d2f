// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Class numbers on one device: labels, predictions or groups, one for each example.
///
/// They are whole numbers of 32 bits, and no [Tensor]: nothing else computes with these. Closing
/// frees the memory after its last use, as with tensors.
public final class Labels implements AutoCloseable {
  /// Elements of four bytes; what is in them is never read as floating point.
  private final Tensor words;

  private Labels(Tensor words) {
    this.words = words;
  }

  /// Brings numbers to a stream's device.
  ///
  /// @param stream the stream
  /// @param values one for each example
  /// @return the numbers, to be closed
  public static Labels of(Stream stream, int... values) {
    Tensor host = stream.allocatePinned(DType.F32, values.length);
    MemorySegment.copy(values, 0, host.segment(), ValueLayout.JAVA_INT, 0, values.length);
    if (stream.device().isCpu()) {
      return new Labels(host);
    }
    try (host) {
      Tensor words = stream.allocate(DType.F32, values.length);
      stream.copy(host, words);
      return new Labels(words);
    }
  }

  /// {@return how many there are}
  public long size() {
    return words.elements();
  }

  /// {@return the device they are on}
  public Device device() {
    return words.device();
  }

  /// {@return the numbers}
  ///
  /// @param stream a stream of their device, which is synchronised
  public int[] read(Stream stream) {
    if (device().isCpu()) {
      return words.segment().toArray(ValueLayout.JAVA_INT);
    }
    try (Tensor host = stream.allocatePinned(DType.F32, words.shape())) {
      stream.copy(words, host);
      stream.synchronize();
      return host.segment().toArray(ValueLayout.JAVA_INT);
    }
  }

  Tensor words() {
    return words;
  }

  /// Frees the memory after its last use. Does not block.
  @Override
  public void close() {
    words.close();
  }

  /// For example `12 labels on cpu`.
  @Override
  public String toString() {
    return size() + " labels on " + device();
  }
}

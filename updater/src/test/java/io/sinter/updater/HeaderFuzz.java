// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The header of a safetensors file.
///
/// The input is 8 bytes of how much data the file has behind its header, 8 bytes of how far the
/// header's length is wrong, and the header: so that a header stays whole when it grows by a byte,
/// and no data need exist.
public final class HeaderFuzz {
  private static final Path FILE = Path.of("x.safetensors");

  private HeaderFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    if (input.length < 16) {
      return;
    }
    ByteBuffer fields = ByteBuffer.wrap(input).order(ByteOrder.LITTLE_ENDIAN);
    long data = fields.getLong(0) & Long.MAX_VALUE >> 1;
    int length = input.length - 16;
    byte[] file = Arrays.copyOfRange(input, 8, input.length);
    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length ^ fields.getLong(8));
    long size = file.length + data;
    Reading.of(
            FILE.toString(),
            input.length,
            CheckpointException.class,
            () -> Header.read(FILE, size, source(file)))
        .ifPresent(
            header -> check(header, ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN), size));
  }

  /// A file's beginning. What lies behind it is data, which no reader of headers may ask for.
  private static ReadAt source(byte[] file) {
    return (position, target) -> {
      if (position + target.byteSize() > file.length) {
        throw FileReader.truncated(FILE, file.length);
      }
      MemorySegment.copy(MemorySegment.ofArray(file), position, target, 0, target.byteSize());
    };
  }

  /// What is accepted lies in the file, tensor after tensor, and can be written again.
  private static void check(Header header, ByteBuffer file, long size) {
    long end = 8 + file.getLong(0);
    Set<String> names = new HashSet<>();
    List<Header.Planned> planned = new ArrayList<>();
    for (TensorEntry tensor : header.tensors()) {
      Reading.require(names.add(tensor.name()), () -> "twice: " + tensor);
      Reading.require(tensor.file().equals(FILE), () -> "elsewhere: " + tensor);
      Reading.require(tensor.offset() == end, () -> "a gap or an overlap: " + tensor);
      end = Math.addExact(end, tensor.bytes());
      Reading.require(
          product(tensor.shape()) * tensor.type().bits() == tensor.bytes() * 8.0,
          () -> "of another size than its shape: " + tensor);
      planned.add(new Header.Planned(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes()));
    }
    long last = end;
    Reading.require(last == size, () -> "ends at " + last + " of " + size);

    byte[] written = Header.encode(planned, header.metadata(), 64);
    Header again = Header.read(FILE, written.length + sum(planned), source(written));
    Reading.require(
        again.metadata().equals(header.metadata()), () -> "metadata change: " + again.metadata());
    Reading.require(planned.size() == again.tensors().size(), () -> "tensors are lost");
    for (int i = 0; i < planned.size(); i++) {
      TensorEntry before = header.tensors().get(i);
      TensorEntry after = again.tensors().get(i);
      Reading.require(
          before.name().equals(after.name())
              && before.type() == after.type()
              && Arrays.equals(before.shape(), after.shape())
              && before.bytes() == after.bytes(),
          () -> before + " becomes " + after);
    }
  }

  /// In floating point, whose rounding no wrapped product would meet.
  private static double product(long[] shape) {
    return Arrays.stream(shape).asDoubleStream().reduce(1, (a, b) -> a * b);
  }

  private static long sum(List<Header.Planned> tensors) {
    return tensors.stream().mapToLong(Header.Planned::bytes).sum();
  }
}

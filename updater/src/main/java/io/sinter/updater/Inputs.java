// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.MergePlan.Piece;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Brings the inputs of passes to where kernels take them: maps of their files, host memory they
// are
/// read into, or a device they are sent to from there.
final class Inputs {
  private static final long ALIGNMENT = 256;

  private final MergePlan plan;
  private final List<Checkpoint> models;
  private final boolean onCpu;
  private final boolean mapped;
  private final long[] brought;

  /// @param mapped whether kernels read maps; only on the CPU
  Inputs(MergePlan plan, List<Checkpoint> models, boolean onCpu, boolean mapped) {
    this.plan = plan;
    this.models = models;
    this.onCpu = onCpu;
    this.mapped = mapped;
    this.brought = new long[models.size()];
  }

  /// Bytes of each model that were read, or mapped for kernels to read, so far.
  long[] brought() {
    return brought.clone();
  }

  /// Bytes of staging for all inputs of a pass.
  long stagedBytes(Pass pass) {
    int operands =
        plan.tensors().get(pass.pieces().getFirst().tensor()).operation().inputs().size();
    long bytes = operands * ALIGNMENT;
    for (Piece piece : pass.pieces()) {
      bytes += Passes.inputBytes(plan.tensors().get(piece.tensor()), piece);
    }
    return bytes;
  }

  /// The inputs of a pass as the kernels take them: `[operand][piece]`. Closing frees what was
  /// allocated on the device.
  record Operands(List<List<Tensor>> tensors, List<Tensor> owned) implements AutoCloseable {
    @Override
    public void close() {
      owned.forEach(Tensor::close);
    }
  }

  /// @param staging host memory through which inputs go that are not read in place
  Operands operands(Pass pass, Stream stream, MemorySegment staging) {
    Operands operands = new Operands(new ArrayList<>(), new ArrayList<>());
    int count = plan.tensors().get(pass.pieces().getFirst().tensor()).operation().inputs().size();
    boolean inPlace = onCpu && (mapped || stagedBytes(pass) > staging.byteSize());
    boolean gathered =
        pass.pieces().stream()
            .flatMap(piece -> plan.tensors().get(piece.tensor()).operation().inputs().stream())
            .anyMatch(input -> input.rows() != null);
    Staging host = new Staging(stream, staging);
    try {
      for (int operand = 0; operand < count; operand++) {
        if (inPlace && !gathered) {
          operands.tensors().add(mappedOperand(pass, operand));
          continue;
        }
        DType dtype = input(pass.pieces().getFirst(), operand).entry().type().dtype().orElseThrow();
        long elements = pass.pieces().stream().mapToLong(Piece::elements).sum();
        Tensor whole;
        if (inPlace) {
          whole = stream.allocate(dtype, elements);
          operands.owned().add(whole);
          read(pass, operand, 0, whole.segment());
        } else if (onCpu) {
          MemorySegment bytes = host.take(elements * dtype.bytes(), dtype.bytes());
          read(pass, operand, 0, bytes);
          whole = Tensor.of(bytes, dtype, elements);
        } else {
          whole = stream.allocate(dtype, elements);
          operands.owned().add(whole);
          upload(pass, operand, host, whole);
        }
        operands.tensors().add(cut(whole, pass));
      }
      return operands;
    } catch (RuntimeException | Error e) {
      operands.close();
      throw e;
    }
  }

  /// Page-locked memory that is filled from its start, and from its start again when its bytes have
  /// gone to the device.
  private static final class Staging {
    private final Stream stream;
    private final MemorySegment room;
    private long used;

    Staging(Stream stream, MemorySegment room) {
      this.stream = stream;
      this.room = room;
    }

    /// Room for as many as possible of so many bytes, a multiple of `width` of them.
    MemorySegment take(long bytes, int width) {
      if (room.byteSize() - used < Math.min(bytes, room.byteSize())) {
        stream.synchronize();
        used = 0;
      }
      long taken = Math.min(bytes, room.byteSize() / width * width);
      MemorySegment slice = room.asSlice(used, taken);
      used = Math.min(room.byteSize(), Math.ceilDiv(used + taken, ALIGNMENT) * ALIGNMENT);
      return slice;
    }
  }

  private void upload(Pass pass, int operand, Staging host, Tensor whole) {
    int width = whole.dtype().bytes();
    long bytes = whole.elements() * width;
    for (long at = 0; at < bytes; ) {
      MemorySegment part = host.take(bytes - at, width);
      read(pass, operand, at, part);
      long elements = part.byteSize() / width;
      host.stream.copy(
          Tensor.of(part, whole.dtype(), elements),
          whole.slice(0, at / width, at / width + elements));
      at += part.byteSize();
    }
  }

  private Input input(Piece piece, int operand) {
    return plan.tensors().get(piece.tensor()).operation().inputs().get(operand);
  }

  private List<Tensor> mappedOperand(Pass pass, int operand) {
    Flight.Read event = new Flight.Read();
    event.begin();
    long mappedBytes = 0;
    List<Tensor> tensors = new ArrayList<>();
    for (Piece piece : pass.pieces()) {
      Input input = input(piece, operand);
      DType dtype = input.entry().type().dtype().orElseThrow();
      MemorySegment bytes =
          models
              .get(input.model())
              .map(input.entry())
              .asSlice(piece.from() * dtype.bytes(), piece.elements() * dtype.bytes());
      tensors.add(shaped(Tensor.of(bytes, dtype, piece.elements()), piece));
      mappedBytes += bytes.byteSize();
      brought[input.model()] += bytes.byteSize();
    }
    event.done(input(pass.pieces().getFirst(), operand).entry(), mappedBytes, true);
    return tensors;
  }

  /// Reads bytes `from` and on of an operand's pieces, one after the other.
  void read(Pass pass, int operand, long from, MemorySegment host) {
    Flight.Read event = new Flight.Read();
    event.begin();
    long start = 0;
    for (Piece piece : pass.pieces()) {
      Input input = input(piece, operand);
      StorageType type = input.entry().type();
      long bytes = type.bytes(piece.elements());
      long begin = Math.max(from, start);
      long end = Math.min(from + host.byteSize(), start + bytes);
      if (begin < end) {
        read(
            input,
            type.bytes(piece.from()) + begin - start,
            host.asSlice(begin - from, end - begin));
      }
      start += bytes;
    }
    event.done(input(pass.pieces().getFirst(), operand).entry(), host.byteSize(), false);
  }

  /// Reads bytes of an input from `from` on, its rows in the output's order: zeros where it has
  /// none.
  private void read(Input input, long from, MemorySegment host) {
    List<Integer> rows = input.rows();
    if (rows == null) {
      models.get(input.model()).read(input.entry(), from, host);
      brought[input.model()] += host.byteSize();
      return;
    }
    long rowBytes = input.entry().bytes() / Math.max(1, input.entry().shape()[0]);
    long end = from + host.byteSize();
    for (long at = from; at < end; ) {
      int row = Math.toIntExact(at / rowBytes);
      int source = rows.get(row);
      int next = row + 1;
      // Neighbours in both are read together.
      while (next < rows.size() && rows.get(next) == (source < 0 ? -1 : source + next - row)) {
        next++;
      }
      long stop = Math.min(end, next * rowBytes);
      MemorySegment part = host.asSlice(at - from, stop - at);
      if (source >= 0) {
        long first = source * rowBytes + at - row * rowBytes;
        models.get(input.model()).read(input.entry(), first, part);
        brought[input.model()] += part.byteSize();
      } else {
        part.fill((byte) 0);
      }
      at = stop;
    }
  }

  /// One tensor per piece, of a tensor that holds them one after the other.
  List<Tensor> cut(Tensor whole, Pass pass) {
    List<Tensor> tensors = new ArrayList<>();
    long at = 0;
    for (Piece piece : pass.pieces()) {
      tensors.add(shaped(whole.slice(0, at, at + piece.elements()), piece));
      at += piece.elements();
    }
    return tensors;
  }

  /// A piece under its tensor's name, and in its shape where it is all of it.
  private Tensor shaped(Tensor flat, Piece piece) {
    Output output = plan.tensors().get(piece.tensor());
    return (Passes.whole(output) ? flat.reshape(output.shape()) : flat).named(output.name());
  }
}

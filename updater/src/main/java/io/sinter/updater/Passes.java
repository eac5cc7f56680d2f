// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.MergePlan.ApplyPass;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.MergePlan.Piece;
import io.sinter.updater.MergePlan.ReducePass;
import io.sinter.updater.methods.Computation;
import io.sinter.updater.methods.Kernel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Cuts the output, in the order of its files' bytes, into passes: as many pieces to a pass as fit
/// the budget and have the same types, large tensors in several pieces where their kernel allows.
final class Passes {
  private static final int MAX_PIECES = 4096;

  /// Pieces of a tensor start at multiples of this many elements.
  private static final long GRAIN = 1L << 16;

  private final List<Output> outputs;
  private final long budget;
  private final List<Pass> passes = new ArrayList<>();
  private final List<Piece> pieces = new ArrayList<>();
  private @Nullable Kind kind;
  private long batchBytes;
  private long end;

  private Passes(List<Output> outputs, long budget) {
    this.outputs = outputs;
    this.budget = budget;
  }

  /// What the pieces of a pass have in common.
  private record Kind(
      int file,
      @Nullable Kernel kernel,
      boolean based,
      int fishers,
      List<StorageType> inputs,
      StorageType output,
      @Nullable DType dtype,
      @Nullable DType deltaDtype) {
    static Kind of(Output output) {
      boolean computed = output.operation() instanceof Computation;
      return new Kind(
          output.file(),
          computed ? Passes.kernel(output) : null,
          computed && ((Computation) output.operation()).based(),
          computed ? ((Computation) output.operation()).fishers() : 0,
          output.operation().inputs().stream().map(input -> input.entry().type()).toList(),
          output.type(),
          output.dtype(),
          output.deltaDtype());
    }
  }

  /// What computes an output; `null` for copied bytes.
  static @Nullable Kernel kernel(Output output) {
    return output.operation() instanceof Computation computation ? computation.kernel() : null;
  }

  /// Whether an output is computed in one piece.
  static boolean whole(Output output) {
    return kernel(output) instanceof Kernel kernel && kernel.whole();
  }

  /// @param budget the most bytes of input and output of a pass, unless it is one piece that cannot
  // be
  ///     smaller
  static List<Pass> of(List<Output> outputs, long budget) {
    Passes builder = new Passes(outputs, budget);
    for (int i = 0; i < outputs.size(); i++) {
      builder.add(i);
    }
    builder.flush();
    return builder.passes;
  }

  /// Bytes of input that a piece reads.
  static long inputBytes(Output output, Piece piece) {
    long bytes = 0;
    for (Input input : output.operation().inputs()) {
      bytes += input.entry().type().bytes(piece.elements());
    }
    return bytes;
  }

  private void add(int tensor) {
    Output output = outputs.get(tensor);
    if (output.elements() == 0) {
      return;
    }
    long chunk = chunk(output);
    for (long from = 0; from < output.elements(); from += chunk) {
      Piece piece = new Piece(tensor, from, Math.min(chunk, output.elements() - from));
      long bytes = inputBytes(output, piece) + output.type().bytes(piece.elements());
      Kind next = Kind.of(output);
      if (!next.equals(kind) || batchBytes + bytes > budget || pieces.size() == MAX_PIECES) {
        flush();
        kind = next;
      }
      pieces.add(piece);
      batchBytes += bytes;
      end = output.offset() + output.type().bytes(from + piece.elements());
    }
  }

  /// Bytes of input that a pass reads; kernels that read twice count twice.
  static long bytesRead(List<Output> outputs, Pass pass) {
    long bytes = 0;
    for (Piece piece : pass.pieces()) {
      Output output = outputs.get(piece.tensor());
      boolean applied = pass instanceof ApplyPass && kernel(output) != null;
      bytes += inputBytes(output, piece) * (applied ? kernel(output).reads() : 1);
    }
    return bytes;
  }

  /// Elements of the pieces of a tensor. Packed types are not cut: their elements share bytes.
  private long chunk(Output output) {
    if (output.type().bits() < 8 || whole(output)) {
      return output.elements();
    }
    long bytes = output.type().bits() / 8L;
    for (Input input : output.operation().inputs()) {
      bytes += input.entry().type().bits() / 8L;
    }
    return Math.max(GRAIN, budget / bytes / GRAIN * GRAIN);
  }

  /// A pass in two, or none where it is one piece that cannot be smaller.
  static List<ApplyPass> halves(List<Output> outputs, ApplyPass pass) {
    List<Piece> first = new ArrayList<>();
    List<Piece> second = new ArrayList<>();
    int count = pass.pieces().size();
    if (count > 1) {
      first.addAll(pass.pieces().subList(0, count / 2));
      second.addAll(pass.pieces().subList(count / 2, count));
    } else {
      Piece piece = pass.pieces().getFirst();
      Output output = outputs.get(piece.tensor());
      long half = Math.ceilDiv(piece.elements() / 2, GRAIN) * GRAIN;
      if (output.type().bits() < 8 || whole(output) || half >= piece.elements()) {
        return List.of();
      }
      first.add(new Piece(piece.tensor(), piece.from(), half));
      second.add(new Piece(piece.tensor(), piece.from() + half, piece.elements() - half));
    }
    long bytes = 0;
    for (Piece piece : first) {
      bytes += outputs.get(piece.tensor()).type().bytes(piece.elements());
    }
    return List.of(
        new ApplyPass(pass.file(), pass.offset(), bytes, first),
        new ApplyPass(pass.file(), pass.offset() + bytes, pass.bytes() - bytes, second));
  }

  /// Whether passes may be cut so that one ends these bytes into a tensor.
  static boolean mayCut(Output output, long bytes) {
    int bits = output.type().bits();
    return bits >= 8 && !whole(output) && bytes % (bits / 8L * GRAIN) == 0;
  }

  private void flush() {
    if (pieces.isEmpty()) {
      return;
    }
    for (Piece piece : pieces) {
      if (piece.from() == 0 && kernel(outputs.get(piece.tensor())) instanceof Kernel.Reduced) {
        reduce(piece.tensor());
      }
    }
    Piece first = pieces.getFirst();
    Output output = outputs.get(first.tensor());
    long offset = output.offset() + output.type().bytes(first.from());
    passes.add(new ApplyPass(output.file(), offset, end - offset, List.copyOf(pieces)));
    pieces.clear();
    batchBytes = 0;
  }

  /// Adds the reduction of a tensor, to the last pass where that is one and has room.
  private void reduce(int tensor) {
    Output output = outputs.get(tensor);
    for (long from = 0; from < output.elements(); from += MergePlan.REDUCE_ELEMENTS) {
      Piece piece =
          new Piece(tensor, from, Math.min(MergePlan.REDUCE_ELEMENTS, output.elements() - from));
      List<Piece> together = new ArrayList<>();
      if (!passes.isEmpty() && passes.getLast() instanceof ReducePass last) {
        long bytes = inputBytes(output, piece);
        for (Piece other : last.pieces()) {
          bytes += inputBytes(outputs.get(other.tensor()), other);
        }
        if (bytes <= budget && sameTypes(last.pieces().getFirst().tensor(), tensor)) {
          together.addAll(last.pieces());
          passes.removeLast();
        }
      }
      together.add(piece);
      passes.add(new ReducePass(List.copyOf(together)));
    }
  }

  private boolean sameTypes(int a, int b) {
    Kind left = Kind.of(outputs.get(a));
    Kind right = Kind.of(outputs.get(b));
    return left.kernel().equals(right.kernel())
        && left.inputs().equals(right.inputs())
        && left.dtype() == right.dtype();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Event;
import io.sinter.MemoryFaultException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Interpolation;
import io.sinter.ops.Reductions;
import io.sinter.ops.TaskVectors;
import io.sinter.updater.MergePlan.ApplyPass;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.MergePlan.Piece;
import io.sinter.updater.MergePlan.ReducePass;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Runs a plan's passes on one device, in order, and hands their bytes to a [ShardWriter].
///
/// A few slots of page-locked host memory go round: this thread fills one with a pass's results
/// (and first with its inputs, unless the CPU reads them in place from maps) while the writer's
/// thread hashes and writes the one before. On a CUDA device uploads, kernels and downloads of a
/// slot are enqueued without waiting; the writer waits for the slot's event.
final class Pipeline implements AutoCloseable {
  private static final int SLOTS = 3;
  private static final long ALIGNMENT = 256;

  private final MergePlan plan;
  private final List<Checkpoint> models;
  private final boolean mapped;
  private final boolean onCpu;
  private final Stream stream;
  private final List<Tensor> buffers = new ArrayList<>();
  private final BlockingQueue<Slot> free = new ArrayBlockingQueue<>(SLOTS);
  private final Tensor reduceStaging;
  private final Map<Integer, double[]> partials = new HashMap<>();
  private final Map<Integer, Interpolation.SlerpWeights> arcs = new HashMap<>();

  Pipeline(MergePlan plan, List<Checkpoint> models, Device device, int threads, IoMode io) {
    this.plan = plan;
    this.models = models;
    this.onCpu = device.isCpu();
    this.mapped = onCpu && io == IoMode.MMAP;
    this.stream = device.stream(StreamOptions.DEFAULT.withThreads(threads));
    long inputs = 0;
    long outputs = 0;
    long reduced = 0;
    int pieces = 1;
    for (Pass pass : plan.passes()) {
      switch (pass) {
        case ApplyPass apply -> {
          inputs = Math.max(inputs, stagedBytes(apply));
          outputs = Math.max(outputs, apply.bytes());
          pieces = Math.max(pieces, apply.pieces().size());
        }
        case ReducePass reduce -> reduced = Math.max(reduced, stagedBytes(reduce));
      }
    }
    try {
      reduceStaging = pinned(mapped ? 0 : reduced);
      for (int i = 0; i < SLOTS; i++) {
        long countBytes = pieces * 3L * Double.BYTES;
        free.add(new Slot(pinned(mapped ? 0 : inputs), pinned(outputs), pinned(countBytes)));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /// Host memory for one pass on its way through.
  record Slot(Tensor inputs, Tensor outputs, Tensor counts) {
    MemorySegment output(ApplyPass pass) {
      return outputs.segment().asSlice(0, pass.bytes());
    }

    MemorySegment counts(int pieces) {
      return counts.segment().asSlice(0, pieces * 3L * Double.BYTES);
    }
  }

  /// A pass whose results are in its slot, or will be when `done` is.
  ///
  /// @param done `null` where they are there already
  /// @param counted whether the slot's counts are of this pass
  record Ready(Slot slot, ApplyPass pass, @Nullable Event done, boolean counted) {}

  private Tensor pinned(long bytes) {
    Tensor buffer = stream.allocatePinned(DType.F64, Math.ceilDiv(bytes, Double.BYTES));
    buffers.add(buffer);
    return buffer;
  }

  private long stagedBytes(Pass pass) {
    int operands =
        plan.tensors().get(pass.pieces().getFirst().tensor()).operation().inputs().size();
    long bytes = operands * ALIGNMENT;
    for (Piece piece : pass.pieces()) {
      bytes += Passes.inputBytes(plan.tensors().get(piece.tensor()), piece);
    }
    return bytes;
  }

  /// Where slots wait to be filled; a writer gives them back to it.
  BlockingQueue<Slot> free() {
    return free;
  }

  /// Runs all passes.
  ///
  /// @param progress told of bytes read and written so far
  void run(ShardWriter writer, LongConsumer progress) {
    long read = 0;
    for (Pass pass : plan.passes()) {
      switch (pass) {
        case ReducePass reduce -> guarded(() -> reduce(reduce));
        case ApplyPass apply -> {
          Slot slot = writer.take();
          guarded(() -> writer.submit(apply(slot, apply)));
        }
      }
      for (Piece piece : pass.pieces()) {
        read += Passes.inputBytes(plan.tensors().get(piece.tensor()), piece);
      }
      progress.accept(read + writer.bytesWritten());
    }
    writer.finish();
    progress.accept(read + writer.bytesWritten());
  }

  /// Says which file a memory fault lies in.
  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (MemoryFaultException e) {
      for (Checkpoint model : models) {
        var place = model.locate(e.address());
        if (place.isPresent()) {
          CheckpointException named =
              FileReader.truncated(place.get().file(), place.get().offset());
          named.initCause(e);
          throw named;
        }
      }
      throw e;
    }
  }

  // ---- operands ---------------------------------------------------------------------------------

  /// The inputs of a pass as the kernels take them: `[operand][piece]`. Closing frees what was
  /// allocated on the device.
  private record Operands(List<List<Tensor>> tensors, List<Tensor> owned) implements AutoCloseable {
    /// `[piece][operand]`, operands `from` on.
    List<List<Tensor>> byPiece(int from, List<Integer> pieces) {
      return pieces.stream()
          .map(
              piece ->
                  tensors.subList(from, tensors.size()).stream()
                      .map(operand -> operand.get(piece))
                      .toList())
          .toList();
    }

    @Override
    public void close() {
      owned.forEach(Tensor::close);
    }
  }

  private Operands operands(Pass pass, MemorySegment staging) {
    Operands operands = new Operands(new ArrayList<>(), new ArrayList<>());
    int count = plan.tensors().get(pass.pieces().getFirst().tensor()).operation().inputs().size();
    long used = 0;
    try {
      for (int operand = 0; operand < count; operand++) {
        if (mapped) {
          operands.tensors().add(mappedOperand(pass, operand));
          continue;
        }
        DType dtype = input(pass.pieces().getFirst(), operand).entry().type().dtype().orElseThrow();
        long elements = pass.pieces().stream().mapToLong(Piece::elements).sum();
        MemorySegment host = staging.asSlice(used, elements * dtype.bytes());
        readOperand(pass, operand, host);
        used = Math.ceilDiv(used + host.byteSize(), ALIGNMENT) * ALIGNMENT;
        Tensor whole = Tensor.of(host, dtype, elements);
        if (!onCpu) {
          Tensor uploaded = stream.allocate(dtype, elements);
          operands.owned().add(uploaded);
          stream.copy(whole, uploaded);
          whole = uploaded;
        }
        operands.tensors().add(cut(whole, pass));
      }
      return operands;
    } catch (RuntimeException | Error e) {
      operands.close();
      throw e;
    }
  }

  private Input input(Piece piece, int operand) {
    return plan.tensors().get(piece.tensor()).operation().inputs().get(operand);
  }

  private List<Tensor> mappedOperand(Pass pass, int operand) {
    List<Tensor> tensors = new ArrayList<>();
    for (Piece piece : pass.pieces()) {
      Input input = input(piece, operand);
      DType dtype = input.entry().type().dtype().orElseThrow();
      MemorySegment bytes =
          models
              .get(input.model())
              .map(input.entry())
              .asSlice(piece.from() * dtype.bytes(), piece.elements() * dtype.bytes());
      tensors.add(
          Tensor.of(bytes, dtype, piece.elements())
              .named(plan.tensors().get(piece.tensor()).name()));
    }
    return tensors;
  }

  private void readOperand(Pass pass, int operand, MemorySegment host) {
    long at = 0;
    for (Piece piece : pass.pieces()) {
      Input input = input(piece, operand);
      StorageType type = input.entry().type();
      long bytes = type.bytes(piece.elements());
      models
          .get(input.model())
          .read(input.entry(), type.bytes(piece.from()), host.asSlice(at, bytes));
      at += bytes;
    }
  }

  /// One tensor per piece, of a tensor that holds them one after the other.
  private List<Tensor> cut(Tensor whole, Pass pass) {
    List<Tensor> tensors = new ArrayList<>();
    long at = 0;
    for (Piece piece : pass.pieces()) {
      tensors.add(
          whole
              .slice(0, at, at + piece.elements())
              .named(plan.tensors().get(piece.tensor()).name()));
      at += piece.elements();
    }
    return tensors;
  }

  // ---- passes -----------------------------------------------------------------------------------

  private void reduce(ReducePass pass) {
    int count = pass.pieces().size();
    @Nullable DType dtype = plan.tensors().get(pass.pieces().getFirst().tensor()).dtype();
    try (Operands operands = operands(pass, reduceStaging.segment());
        Tensor dots = stream.allocate(DType.F64, count, 3);
        Tensor host = stream.allocatePinned(DType.F64, count, 3)) {
      Reductions.dots(stream, operands.tensors().get(0), operands.tensors().get(1), dtype, dots);
      stream.copy(dots, host);
      stream.synchronize();
      double[] values = host.segment().toArray(ValueLayout.JAVA_DOUBLE);
      for (int i = 0; i < count; i++) {
        collect(pass.pieces().get(i), values, 3 * i);
      }
    }
  }

  /// Keeps a piece's three sums, and turns those of a whole tensor into its weights.
  private void collect(Piece piece, double[] values, int at) {
    Output output = plan.tensors().get(piece.tensor());
    int count = Math.toIntExact(Math.ceilDiv(output.elements(), MergePlan.REDUCE_ELEMENTS));
    int index = Math.toIntExact(piece.from() / MergePlan.REDUCE_ELEMENTS);
    double[] sums = partials.computeIfAbsent(piece.tensor(), _ -> new double[3 * count]);
    for (int k = 0; k < 3; k++) {
      sums[k * count + index] = values[at + k];
    }
    if (index == count - 1) {
      partials.remove(piece.tensor());
      double[] total = count == 1 ? sums : total(sums, count);
      requireFinite(output, 0, total[0]);
      requireFinite(output, 1, total[2]);
      double t = ((MergePlan.Slerp) output.operation()).t();
      arcs.put(piece.tensor(), Interpolation.slerpWeights(total[0], total[1], total[2], t));
    }
  }

  /// The canonical sum of the pieces' sums, which is the sum over the tensor.
  private static double[] total(double[] sums, int count) {
    try (Stream cpu = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(1));
        Tensor in = cpu.allocate(DType.F64, 3, count);
        Tensor out = cpu.allocate(DType.F64, 3)) {
      MemorySegment.copy(sums, 0, in.segment(), ValueLayout.JAVA_DOUBLE, 0, sums.length);
      List<Tensor> rows = new ArrayList<>();
      for (int k = 0; k < 3; k++) {
        rows.add(in.slice(0, k, k + 1));
      }
      Reductions.sum(cpu, rows, null, out);
      cpu.synchronize();
      return out.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }
  }

  private static void requireFinite(Output output, int operand, double squares) {
    if (!Double.isFinite(squares)) {
      TensorEntry entry = output.operation().inputs().get(operand).entry();
      throw CheckpointException.of(
          entry.file(),
          entry.name(),
          "holds a NaN or an infinity, and slerp needs the length of the whole tensor",
          "Repair the model, or merge this tensor by another method");
    }
  }

  private Ready apply(Slot slot, ApplyPass pass) {
    MemorySegment output = slot.output(pass);
    Output first = plan.tensors().get(pass.pieces().getFirst().tensor());
    if (first.operation() instanceof MergePlan.Copy) {
      readOperand(pass, 0, output);
      return new Ready(slot, pass, null, false);
    }
    DType dtype = first.type().dtype().orElseThrow();
    int count = pass.pieces().size();
    Tensor host = Tensor.of(output, dtype, pass.bytes() / dtype.bytes());
    Tensor hostCounts = Tensor.of(slot.counts(count), DType.F64, count, 3);
    try (Operands operands = operands(pass, slot.inputs().segment())) {
      if (onCpu) {
        compute(pass, operands, cut(host, pass), hostCounts);
        return new Ready(slot, pass, null, true);
      }
      try (Tensor result = stream.allocate(dtype, pass.bytes() / dtype.bytes());
          Tensor counts = stream.allocate(DType.F64, count, 3)) {
        compute(pass, operands, cut(result, pass), counts);
        stream.copy(result, host);
        stream.copy(counts, hostCounts);
        return new Ready(slot, pass, stream.record(), true);
      }
    }
  }

  private void compute(ApplyPass pass, Operands operands, List<Tensor> outs, Tensor counts) {
    Output first = plan.tensors().get(pass.pieces().getFirst().tensor());
    Arithmetic arithmetic = new Arithmetic(first.dtype(), first.deltaDtype(), counts);
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < outs.size(); i++) {
      all.add(i);
    }
    switch (first.operation()) {
      case MergePlan.Linear linear ->
          Interpolation.linear(
              stream,
              operands.byPiece(0, all),
              weights(pass),
              linear.normalize(),
              outs,
              arithmetic);
      case MergePlan.TaskArithmetic task ->
          TaskVectors.taskArithmetic(
              stream,
              operands.tensors().getFirst(),
              operands.byPiece(1, all),
              weights(pass),
              pass.pieces().stream()
                  .mapToDouble(piece -> ((MergePlan.TaskArithmetic) operation(piece)).lambda())
                  .toArray(),
              task.normalize(),
              outs,
              arithmetic);
      case MergePlan.Slerp _ -> slerp(pass, operands, outs, counts, arithmetic);
      case MergePlan.Copy _ -> throw new IllegalStateException("copies are not computed");
    }
  }

  private MergePlan.Operation operation(Piece piece) {
    return plan.tensors().get(piece.tensor()).operation();
  }

  private double[][] weights(ApplyPass pass) {
    return pass.pieces().stream()
        .map(
            piece ->
                switch (operation(piece)) {
                  case MergePlan.Linear linear -> linear.weights();
                  case MergePlan.TaskArithmetic task -> task.weights();
                  case MergePlan.Slerp _, MergePlan.Copy _ -> List.<Double>of();
                })
        .map(list -> list.stream().mapToDouble(Double::doubleValue).toArray())
        .toArray(double[][]::new);
  }

  /// Pieces of tensors that are nearly parallel are interpolated linearly, the others on their
  /// arcs.
  private void slerp(
      ApplyPass pass, Operands operands, List<Tensor> outs, Tensor counts, Arithmetic arithmetic) {
    List<Integer> straight = new ArrayList<>();
    List<Integer> curved = new ArrayList<>();
    for (int i = 0; i < outs.size(); i++) {
      (arc(pass, i).linear() ? straight : curved).add(i);
    }
    if (!straight.isEmpty()) {
      Interpolation.lerp(
          stream,
          straight.stream().map(operands.tensors().get(0)::get).toList(),
          straight.stream().map(operands.tensors().get(1)::get).toList(),
          straight.stream()
              .mapToDouble(i -> ((MergePlan.Slerp) operation(pass.pieces().get(i))).t())
              .toArray(),
          straight.stream().map(outs::get).toList(),
          new Arithmetic(arithmetic.dtype(), null, counts.slice(0, 0, straight.size())));
    }
    if (!curved.isEmpty()) {
      Interpolation.linear(
          stream,
          operands.byPiece(0, curved),
          curved.stream()
              .map(i -> new double[] {arc(pass, i).a(), arc(pass, i).b()})
              .toArray(double[][]::new),
          false,
          curved.stream().map(outs::get).toList(),
          new Arithmetic(arithmetic.dtype(), null, counts.slice(0, straight.size(), outs.size())));
    }
  }

  private Interpolation.SlerpWeights arc(ApplyPass pass, int piece) {
    return arcs.get(pass.pieces().get(piece).tensor());
  }

  @Override
  public void close() {
    try (stream) {
      buffers.forEach(Tensor::close);
    }
  }
}

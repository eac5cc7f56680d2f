// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Event;
import io.sinter.MemoryFaultException;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Reductions;
import io.sinter.updater.MergePlan.ApplyPass;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.MergePlan.Piece;
import io.sinter.updater.MergePlan.ReducePass;
import io.sinter.updater.methods.Batch;
import io.sinter.updater.methods.Computation;
import io.sinter.updater.methods.Kernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

  /// Host memory that slots may take in all: where several of the largest pass's size would take
  /// more, there are fewer of them.
  private static final long STAGING = 1L << 30;

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
  private final Map<Integer, double[]> coefficients = new HashMap<>();
  private Map<Integer, double[]> thresholds = Map.of();
  private final NonFinite nonFinite;
  private final int threads;

  Pipeline(MergePlan plan, List<Checkpoint> models, Device device, int threads, IoMode io) {
    this.plan = plan;
    this.models = models;
    this.threads = threads;
    this.nonFinite = new NonFinite(plan.method(), models);
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
      long countBytes = pieces * 3L * Double.BYTES;
      long slotBytes = (mapped ? 0 : inputs) + outputs + countBytes;
      for (int i = 0; i < Math.clamp(STAGING / slotBytes, 1, SLOTS); i++) {
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
    if (Thresholds.needed(plan.tensors()) && !plan.passes().isEmpty()) {
      guarded(() -> thresholds = Thresholds.select(plan, models, nonFinite, threads));
      read += Thresholds.bytesRead(plan.tensors());
      progress.accept(read);
    }
    for (Pass pass : plan.passes()) {
      switch (pass) {
        case ReducePass reduce -> guarded(() -> reduce(reduce));
        case ApplyPass apply -> {
          Slot slot = writer.take();
          guarded(() -> writer.submit(apply(slot, apply)));
        }
      }
      read += Passes.bytesRead(plan.tensors(), pass);
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
      tensors.add(shaped(Tensor.of(bytes, dtype, piece.elements()), piece));
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

  // ---- passes -----------------------------------------------------------------------------------

  private void reduce(ReducePass pass) {
    int count = pass.pieces().size();
    Output first = plan.tensors().get(pass.pieces().getFirst().tensor());
    Kernel.Reduced kernel = (Kernel.Reduced) Objects.requireNonNull(Passes.kernel(first));
    Arithmetic arithmetic = new Arithmetic(first.dtype(), first.deltaDtype(), null);
    try (Operands operands = operands(pass, reduceStaging.segment());
        Tensor sums = stream.allocate(DType.F64, count, kernel.sums());
        Tensor host = stream.allocatePinned(DType.F64, count, kernel.sums())) {
      kernel.reduce(batch(pass, operands, List.of(), arithmetic, null), sums);
      stream.copy(sums, host);
      stream.synchronize();
      double[] values = host.segment().toArray(ValueLayout.JAVA_DOUBLE);
      for (int i = 0; i < count; i++) {
        collect(kernel, pass.pieces().get(i), values, kernel.sums() * i);
      }
    }
  }

  /// Keeps a piece's sums, and turns those of a whole tensor into what its kernel needs.
  private void collect(Kernel.Reduced kernel, Piece piece, double[] values, int at) {
    Output output = plan.tensors().get(piece.tensor());
    int count = Math.toIntExact(Math.ceilDiv(output.elements(), MergePlan.REDUCE_ELEMENTS));
    int index = Math.toIntExact(piece.from() / MergePlan.REDUCE_ELEMENTS);
    double[] sums =
        partials.computeIfAbsent(piece.tensor(), _ -> new double[kernel.sums() * count]);
    for (int k = 0; k < kernel.sums(); k++) {
      sums[k * count + index] = values[at + k];
    }
    if (index == count - 1) {
      partials.remove(piece.tensor());
      double[] totals = count == 1 ? sums : totals(sums, kernel.sums());
      try {
        coefficients.put(
            piece.tensor(),
            kernel.coefficients(((Computation) output.operation()).numbers(), totals));
      } catch (NumericException e) {
        throw nonFinite.name(List.of(output), e);
      }
    }
  }

  /// The canonical sums of the pieces' sums, which are the sums over the tensor.
  private static double[] totals(double[] sums, int kinds) {
    int count = sums.length / kinds;
    try (Stream cpu = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(1));
        Tensor in = cpu.allocate(DType.F64, kinds, count);
        Tensor out = cpu.allocate(DType.F64, kinds)) {
      MemorySegment.copy(sums, 0, in.segment(), ValueLayout.JAVA_DOUBLE, 0, sums.length);
      List<Tensor> rows = new ArrayList<>();
      for (int k = 0; k < kinds; k++) {
        rows.add(in.slice(0, k, k + 1));
      }
      Reductions.sum(cpu, rows, null, out);
      cpu.synchronize();
      return out.segment().toArray(ValueLayout.JAVA_DOUBLE);
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
    Kernel kernel = Objects.requireNonNull(Passes.kernel(first));
    Arithmetic arithmetic = new Arithmetic(first.dtype(), first.deltaDtype(), counts);
    try (Selections selections = selections(kernel, pass)) {
      kernel.run(batch(pass, operands, outs, arithmetic, selections.tensor()));
      if (kernel.whole() && !onCpu) {
        stream.synchronize(); // A failure names its tensor by the place in this pass.
      }
    } catch (NumericException e) {
      List<Output> outputs =
          pass.pieces().stream().map(piece -> plan.tensors().get(piece.tensor())).toList();
      long at = e.tensor();
      throw nonFinite.name(
          at >= 0 && at < outputs.size() ? List.of(outputs.get((int) at)) : outputs, e);
    }
  }

  private Batch batch(
      Pass pass,
      Operands operands,
      List<Tensor> outs,
      Arithmetic arithmetic,
      @Nullable Tensor selections) {
    List<Output> outputs =
        pass.pieces().stream().map(piece -> plan.tensors().get(piece.tensor())).toList();
    boolean reduced =
        pass instanceof ApplyPass
            && outputs.stream().anyMatch(output -> Passes.kernel(output) instanceof Kernel.Reduced);
    return new Batch(
        stream,
        outputs.stream().map(output -> (Computation) output.operation()).toList(),
        outputs.stream().map(Output::name).toList(),
        pass.pieces().stream().mapToLong(Piece::from).toArray(),
        operands.tensors(),
        outs,
        arithmetic,
        reduced
            ? pass.pieces().stream().map(piece -> coefficients.get(piece.tensor())).toList()
            : List.of(),
        selections,
        threads);
  }

  /// Thresholds where the kernel needs them, on its device.
  private record Selections(@Nullable Tensor tensor) implements AutoCloseable {
    @Override
    public void close() {
      if (tensor != null) {
        tensor.close();
      }
    }
  }

  private Selections selections(Kernel kernel, Pass pass) {
    if (!(kernel instanceof Kernel.Joint)) {
      return new Selections(null);
    }
    double[] values =
        pass.pieces().stream()
            .flatMapToDouble(piece -> Arrays.stream(thresholds.get(piece.tensor())))
            .toArray();
    long pieces = pass.pieces().size();
    Tensor tensor = stream.allocate(DType.F64, pieces, values.length / pieces / 2, 2);
    try (Tensor host = stream.allocatePinned(DType.F64, tensor.shape())) {
      MemorySegment.copy(values, 0, host.segment(), ValueLayout.JAVA_DOUBLE, 0, values.length);
      stream.copy(host, tensor);
      return new Selections(tensor);
    } catch (RuntimeException | Error e) {
      tensor.close();
      throw e;
    }
  }

  @Override
  public void close() {
    try (stream) {
      buffers.forEach(Tensor::close);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.Event;
import io.sinter.MemoryFaultException;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Reductions;
import io.sinter.updater.MergePlan.ApplyPass;
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
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Runs a plan's passes in order, on one device or dealt to several, and hands their bytes to a
// [ShardWriter].
///
/// A few slots of page-locked host memory go round: this thread fills one with a pass's results
/// (and first with its inputs, unless the CPU reads them in place from maps) while the writer's
/// thread hashes and writes the one before. On a CUDA device each slot has a stream: uploads,
/// kernels and downloads of a slot are enqueued without waiting, while those of the slots before it
/// still run; the writer waits for the slot's event.
///
/// Each of several devices has slots of its own. A pass goes to the next slot that is free, so that
/// a device gets as many bytes as it can take.
///
/// Several outputs that differ in parameters alone are made together: the inputs of a pass are
/// brought to where kernels take them once, and each output computed from there, one after the
/// other, into a slot of its own and for a writer of its own.
///
/// A pass that does not fit a slot (see [Room]) is one tensor that must be seen whole, or one that
// is
/// copied. The CPU computes it from maps of the inputs into a map of the output; to and from other
/// devices it goes in parts.
final class Pipeline implements AutoCloseable {
  private final MergePlan plan;
  private final List<Checkpoint> models;
  private final Inputs inputs;
  private final Room room;
  private final List<Device> devices;
  private final boolean onCpu;
  private final boolean mapped;
  private final List<Stream> streams = new ArrayList<>();
  private final List<Tensor> buffers = new ArrayList<>();
  private final BlockingQueue<Slot> free;
  private final int slots;
  private final Tensor reduceStaging;
  private final Map<Integer, double[]> partials = new HashMap<>();
  private final Map<Integer, double[]> coefficients = new HashMap<>();
  private Map<Integer, double[]> thresholds = Map.of();
  private final NonFinite nonFinite;
  private final int threads;

  Pipeline(MergePlan plan, List<Checkpoint> models, List<Device> devices, MergeOptions options) {
    this.plan = plan;
    this.models = models;
    this.room = Room.of(options, devices.size());
    this.devices = devices;
    this.slots = Room.SLOTS * devices.size();
    this.free = new ArrayBlockingQueue<>(slots);
    this.threads = options.threads();
    this.nonFinite = new NonFinite(plan.method(), models);
    this.onCpu = devices.getFirst().isCpu();
    this.mapped = onCpu && options.io() == IoMode.MMAP;
    this.inputs = new Inputs(plan, models, onCpu, mapped);
    long inputBytes = 0;
    long outputBytes = 0;
    long reduced = 0;
    int pieces = 1;
    for (Pass pass : plan.passes()) {
      switch (pass) {
        case ApplyPass apply -> {
          pieces = Math.max(pieces, apply.pieces().size());
          if (fits(apply)) {
            inputBytes = Math.max(inputBytes, inputs.stagedBytes(apply));
            outputBytes = Math.max(outputBytes, apply.bytes());
          } else if (!onCpu || copies(apply)) {
            requireDeviceRoom(apply);
            inputBytes = room.pass();
            outputBytes = room.pass();
          }
        }
        case ReducePass reduce -> reduced = Math.max(reduced, inputs.stagedBytes(reduce));
      }
    }
    try {
      StreamOptions each =
          StreamOptions.DEFAULT.withThreads(threads).withWorkspaceLimit(room.workspace());
      // The CPU's streams run their work at once: one is enough.
      for (int i = 0; i < (onCpu ? 1 : slots); i++) {
        Device device = devices.get(i % devices.size());
        streams.add(device.stream(onCpu ? each.withWorkspaceLimit(0) : each));
      }
      reduceStaging = pinned(mapped ? 0 : Math.min(reduced, room.pass()));
      for (int i = 0; i < slots; i++) {
        free.add(
            new Slot(
                streams.get(i % streams.size()),
                pinned(mapped ? 0 : inputBytes),
                pinned(outputBytes + 2L * OutputFile.PAGE),
                pinned(pieces * 3L * Double.BYTES)));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /// One output on its way.
  ///
  /// @param plan of which only what tensors are made by may differ from the pipeline's
  record Lane(MergePlan plan, ShardWriter writer) {}

  /// Host memory for one pass on its way through, and the stream that takes it through.
  record Slot(Stream stream, Tensor inputs, Tensor outputs, Tensor counts) {
    /// Where the pass's results go: at the same place in a page as in the output's file.
    MemorySegment output(ApplyPass pass) {
      MemorySegment room = outputs.segment();
      long past = Math.floorMod(-room.address(), OutputFile.PAGE);
      return room.asSlice(past + pass.offset() % OutputFile.PAGE, pass.bytes());
    }

    MemorySegment counts(int pieces) {
      return counts.segment().asSlice(0, pieces * 3L * Double.BYTES);
    }
  }

  /// A pass whose results are in its slot, or in the output's file, or will be when `done` is.
  ///
  /// @param done `null` where they are there already
  /// @param counted whether the slot's counts are of this pass
  /// @param inPlace where the results are if not in the slot
  record Ready(
      Slot slot,
      ApplyPass pass,
      @Nullable Event done,
      boolean counted,
      OutputFile.@Nullable Region inPlace) {
    MemorySegment output() {
      return inPlace == null ? slot.output(pass) : inPlace.bytes();
    }
  }

  private Tensor pinned(long bytes) {
    Tensor buffer = streams.getFirst().allocatePinned(DType.F64, Math.ceilDiv(bytes, Double.BYTES));
    buffers.add(buffer);
    return buffer;
  }

  /// Whether a pass goes through a slot.
  private boolean fits(ApplyPass pass) {
    return pass.bytes() <= room.pass() && (mapped || inputs.stagedBytes(pass) <= room.pass());
  }

  private boolean copies(ApplyPass pass) {
    return first(pass).operation() instanceof MergePlan.Copy;
  }

  private Output first(Pass pass) {
    return plan.tensors().get(pass.pieces().getFirst().tensor());
  }

  private void requireDeviceRoom(ApplyPass pass) {
    long needed = inputs.stagedBytes(pass) + pass.bytes();
    if (!copies(pass) && needed > room.alone()) {
      throw tooLarge(pass, "which may use " + room.device(), null);
    }
  }

  private DeviceOutOfMemoryException tooLarge(
      ApplyPass pass, String why, @Nullable DeviceOutOfMemoryException cause) {
    DeviceOutOfMemoryException failure =
        new DeviceOutOfMemoryException(
            "tensor '"
                + first(pass).name()
                + "': "
                + plan.method()
                + " needs "
                + (inputs.stagedBytes(pass) + pass.bytes())
                + " bytes and its workspace at once on "
                + devices.getFirst()
                + ", "
                + why
                + ". Give it more memory, or merge on the CPU (--device cpu).");
    if (cause != null) {
      failure.initCause(cause);
    }
    return failure;
  }

  /// Where slots wait to be filled; a writer gives them back to it.
  BlockingQueue<Slot> free() {
    return free;
  }

  /// A slot to fill. Fails where writing has.
  private Slot take(List<Lane> lanes) {
    try {
      while (true) {
        lanes.forEach(lane -> lane.writer().check());
        Slot slot = free.poll(50, TimeUnit.MILLISECONDS);
        if (slot != null) {
          return slot;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CheckpointException("the merge was interrupted. Run it again.", e);
    }
  }

  /// Waits until all slots are free, that is, all that was submitted is written.
  private void drain(List<Lane> lanes) {
    List<Slot> taken = new ArrayList<>();
    while (taken.size() < slots) {
      taken.add(take(lanes));
    }
    free.addAll(taken);
  }

  /// Runs all passes.
  ///
  /// @param lanes the outputs; where there are several, no kernel of theirs is [Kernel.Reduced] or
  ///     [Kernel.Joint]
  /// @param progress told of bytes read and written so far
  void run(List<Lane> lanes, LongConsumer progress) {
    if (lanes.size() > 1
        && plan.tensors().stream()
            .map(Passes::kernel)
            .anyMatch(k -> k instanceof Kernel.Reduced || k instanceof Kernel.Joint)) {
      throw new IllegalArgumentException(
          "several outputs of " + plan.method() + ", whose statistics depend on its parameters");
    }
    long read = 0;
    if (Thresholds.needed(plan.tensors()) && !plan.passes().isEmpty()) {
      guarded(() -> thresholds = Thresholds.select(plan, models, nonFinite, threads));
      read += Thresholds.bytesRead(plan.tensors());
      progress.accept(read);
    }
    for (Pass pass : plan.passes()) {
      switch (pass) {
        case ReducePass reduce -> guarded(() -> reduce(reduce));
        case ApplyPass apply -> guarded(() -> apply(apply, lanes));
      }
      read += Passes.bytesRead(plan.tensors(), pass);
      progress.accept(read + written(lanes));
    }
    lanes.forEach(lane -> lane.writer().finish());
    progress.accept(read + written(lanes));
  }

  /// Bytes of each model that were brought to kernels.
  long[] brought() {
    return inputs.brought();
  }

  private static long written(List<Lane> lanes) {
    return lanes.stream().mapToLong(lane -> lane.writer().bytesWritten()).sum();
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

  private void reduce(ReducePass pass) {
    int count = pass.pieces().size();
    Output first = first(pass);
    Kernel.Reduced kernel = (Kernel.Reduced) Objects.requireNonNull(Passes.kernel(first));
    Arithmetic arithmetic = new Arithmetic(first.dtype(), first.deltaDtype(), null);
    Stream stream = streams.getFirst();
    try (Inputs.Operands operands = inputs.operands(pass, stream, reduceStaging.segment());
        Tensor sums = stream.allocate(DType.F64, count, kernel.sums());
        Tensor host = stream.allocatePinned(DType.F64, count, kernel.sums())) {
      Flight.Kernel event = new Flight.Kernel();
      event.begin();
      kernel.reduce(batch(plan, pass, stream, operands, List.of(), arithmetic, null), sums);
      stream.copy(sums, host);
      stream.synchronize();
      event.done(plan, pass);
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

  private void apply(ApplyPass pass, List<Lane> lanes) {
    if (copies(pass)) {
      copy(pass, lanes);
    } else if (fits(pass)) {
      applyInSlots(pass, lanes);
    } else if (onCpu) {
      applyInPlace(pass, lanes);
    } else {
      applyInParts(pass, lanes);
    }
  }

  /// Computes a pass for every output, each in a slot. The inputs are in the first of the slots,
  /// or on the device: what is read there next is read by this thread, when all have been computed,
  /// and into a slot whose stream has done with them.
  private void applyInSlots(ApplyPass pass, List<Lane> lanes) {
    Slot slot = take(lanes);
    Stream stream = slot.stream();
    int submitted = 0;
    try (Inputs.Operands operands = inputs.operands(pass, stream, slot.inputs().segment())) {
      for (Lane lane : lanes) {
        if (submitted > 0) {
          slot = take(lanes);
        }
        lane.writer().submit(computeInSlot(lane.plan(), slot, stream, pass, operands));
        submitted++;
      }
    } catch (DeviceOutOfMemoryException e) {
      free.add(slot);
      applyWithLess(pass, lanes.subList(submitted, lanes.size()), e);
    }
  }

  private Ready computeInSlot(
      MergePlan of, Slot slot, Stream stream, ApplyPass pass, Inputs.Operands operands) {
    DType dtype = first(pass).type().dtype().orElseThrow();
    int count = pass.pieces().size();
    Tensor host = Tensor.of(slot.output(pass), dtype, pass.bytes() / dtype.bytes());
    Tensor hostCounts = Tensor.of(slot.counts(count), DType.F64, count, 3);
    if (onCpu) {
      compute(of, pass, stream, operands, inputs.cut(host, pass), hostCounts);
      return new Ready(slot, pass, null, true, null);
    }
    try (Tensor result = stream.allocate(dtype, pass.bytes() / dtype.bytes());
        Tensor counts = stream.allocate(DType.F64, count, 3)) {
      compute(of, pass, stream, operands, inputs.cut(result, pass), counts);
      stream.copy(result, host);
      stream.copy(counts, hostCounts);
      return new Ready(slot, pass, stream.record(), true, null);
    }
  }

  /// The device had no room for a pass: waits until it is alone there, and then halves it.
  private void applyWithLess(ApplyPass pass, List<Lane> lanes, DeviceOutOfMemoryException why) {
    if (free.size() < slots) {
      drain(lanes);
      applyInSlots(pass, lanes);
      return;
    }
    List<ApplyPass> halves = Passes.halves(plan.tensors(), pass);
    if (halves.isEmpty()) {
      throw tooLarge(pass, "which has not as much left", why);
    }
    halves.forEach(half -> apply(half, lanes));
  }

  /// Copies a tensor, in parts where it is larger than a slot, to every output.
  private void copy(ApplyPass pass, List<Lane> lanes) {
    for (long at = 0; at < pass.bytes(); at += room.pass()) {
      ApplyPass part = part(pass, at);
      Slot first = take(lanes);
      inputs.read(pass, 0, at, first.output(part));
      for (Lane lane : lanes.subList(1, lanes.size())) {
        Slot slot = take(lanes);
        slot.output(part).copyFrom(first.output(part));
        lane.writer().submit(new Ready(slot, part, null, false, null));
      }
      lanes.getFirst().writer().submit(new Ready(first, part, null, false, null));
    }
  }

  /// The bytes of a pass from `at` on that fit a slot.
  private ApplyPass part(ApplyPass pass, long at) {
    long bytes = Math.min(room.pass(), pass.bytes() - at);
    return new ApplyPass(pass.file(), pass.offset() + at, bytes, pass.pieces());
  }

  /// Computes a tensor that is larger than a slot where its bytes belong, in each output's file.
  private void applyInPlace(ApplyPass pass, List<Lane> lanes) {
    DType dtype = first(pass).type().dtype().orElseThrow();
    int count = pass.pieces().size();
    Stream stream = streams.getFirst();
    try (Inputs.Operands operands = inputs.operands(pass, stream, MemorySegment.NULL)) {
      for (Lane lane : lanes) {
        Slot slot = take(lanes);
        OutputFile.Region region = lane.writer().map(pass);
        try {
          Tensor output = Tensor.of(region.bytes(), dtype, pass.bytes() / dtype.bytes());
          Tensor counts = Tensor.of(slot.counts(count), DType.F64, count, 3);
          compute(lane.plan(), pass, stream, operands, inputs.cut(output, pass), counts);
          lane.writer().submit(new Ready(slot, pass, null, true, region));
        } catch (MemoryFaultException e) {
          region.close();
          throw region.holds(e.address()) ? region.failure(e) : e;
        } catch (RuntimeException | Error e) {
          region.close();
          throw e;
        }
      }
    }
  }

  /// Computes a tensor that is larger than a slot on a device that has room for it, alone.
  private void applyInParts(ApplyPass pass, List<Lane> lanes) {
    drain(lanes);
    Slot slot = take(lanes);
    Stream stream = slot.stream();
    DType dtype = first(pass).type().dtype().orElseThrow();
    int count = pass.pieces().size();
    try (Inputs.Operands operands = inputs.operands(pass, stream, slot.inputs().segment());
        Tensor result = stream.allocate(dtype, pass.bytes() / dtype.bytes());
        Tensor counts = stream.allocate(DType.F64, count, 3)) {
      for (Lane lane : lanes) {
        if (lane != lanes.getFirst()) {
          slot = take(lanes);
        }
        compute(lane.plan(), pass, stream, operands, inputs.cut(result, pass), counts);
        stream.copy(counts, Tensor.of(slot.counts(count), DType.F64, count, 3));
        for (long at = 0; at < pass.bytes(); at += room.pass()) {
          Slot to = at == 0 ? slot : take(lanes);
          ApplyPass part = part(pass, at);
          long from = at / dtype.bytes();
          long elements = part.bytes() / dtype.bytes();
          stream.copy(
              result.slice(0, from, from + elements), Tensor.of(to.output(part), dtype, elements));
          lane.writer().submit(new Ready(to, part, stream.record(), at == 0, null));
        }
      }
    } catch (DeviceOutOfMemoryException e) {
      throw tooLarge(pass, "which has not as much left", e);
    }
  }

  /// @param of whose parameters are meant
  private void compute(
      MergePlan of,
      ApplyPass pass,
      Stream stream,
      Inputs.Operands operands,
      List<Tensor> outs,
      Tensor counts) {
    Output first = first(pass);
    Kernel kernel = Objects.requireNonNull(Passes.kernel(first));
    Arithmetic arithmetic = new Arithmetic(first.dtype(), first.deltaDtype(), counts);
    try (Selections selections = selections(kernel, stream, pass)) {
      Flight.Kernel event = new Flight.Kernel();
      event.begin();
      kernel.run(batch(of, pass, stream, operands, outs, arithmetic, selections.tensor()));
      if (kernel.whole() && !onCpu) {
        stream.synchronize(); // A failure names its tensor by the place in this pass.
      }
      event.done(plan, pass);
    } catch (NumericException e) {
      List<Output> outputs =
          pass.pieces().stream().map(piece -> plan.tensors().get(piece.tensor())).toList();
      long at = e.tensor();
      throw nonFinite.name(
          at >= 0 && at < outputs.size() ? List.of(outputs.get((int) at)) : outputs, e);
    }
  }

  private Batch batch(
      MergePlan of,
      Pass pass,
      Stream stream,
      Inputs.Operands operands,
      List<Tensor> outs,
      Arithmetic arithmetic,
      @Nullable Tensor selections) {
    List<Output> outputs =
        pass.pieces().stream().map(piece -> of.tensors().get(piece.tensor())).toList();
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

  private Selections selections(Kernel kernel, Stream stream, Pass pass) {
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
    // The slots' memory is the first stream's, which frees it in its own order; what others still
    // copy from and to it, where a merge is broken off, their closing waits for.
    streams.stream().skip(1).forEach(Stream::close);
    buffers.forEach(Tensor::close);
    streams.stream().limit(1).forEach(Stream::close);
  }
}

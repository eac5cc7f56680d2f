// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// One call of an operation on a batch of tensors: it occupies the stream, checks and marshals the
/// operands, and keeps them reachable until it is closed.
///
/// ```java
/// try (Call call = Call.on(stream, "lerp", out.size())) {
///   MemorySegment a = call.inputs("a", as);
///   MemorySegment results = call.outputs("out", out);
///   call.check(Abi.sinter_lerp(call.stream(), call.count(), a, ..., results, call.error()));
/// }
/// ```
public final class Call implements AutoCloseable {
  private final Stream stream;
  private final StreamState state;
  private final String operation;
  private final int count;
  private final Arena arena;
  private final SegmentAllocator scratch;
  private final MemorySegment error;
  private final List<Object> reachable = new ArrayList<>();

  /// The first view of each batch entry, and the operand it belongs to.
  private final @Nullable View[] shapes;

  private @Nullable String leader;
  private int leaderModels;

  private Call(Stream stream, String operation, int count) {
    this.stream = Objects.requireNonNull(stream, "stream");
    this.state = Bridge.state(stream);
    this.operation = operation;
    this.count = count;
    this.shapes = new View[count];
    state.enter();
    this.arena = Arena.ofConfined();
    this.scratch = new Blocks(arena);
    this.error = Status.error(scratch);
  }

  /// Starts a call for `count` batch entries.
  ///
  /// @throws IllegalStateException if the stream is closed or in use by another thread
  public static Call on(Stream stream, String operation, int count) {
    return new Call(stream, operation, count);
  }

  /// The native stream.
  public MemorySegment stream() {
    return state.handle();
  }

  /// The number of batch entries.
  public long count() {
    return count;
  }

  /// The call's `sinter_error`.
  public MemorySegment error() {
    return error;
  }

  /// Input tensors, one for each batch entry, of the entry's shape.
  public MemorySegment inputs(String argument, List<Tensor> tensors) {
    checkCount(argument, tensors.size());
    return operand(argument, tensors, 0, false, false);
  }

  /// Input tensors, `models` for each batch entry, of the entry's shape.
  public MemorySegment inputs(String argument, List<List<Tensor>> tensors, int models) {
    checkCount(argument, tensors.size());
    List<Tensor> flat = new ArrayList<>(count * models);
    for (int k = 0; k < count; k++) {
      List<Tensor> entry = Objects.requireNonNull(tensors.get(k), argument + "[" + k + "]");
      if (entry.size() != models) {
        throw mistake(
            argument
                + "["
                + k
                + "] has "
                + entry.size()
                + " models, and "
                + argument
                + "[0] has "
                + models);
      }
      flat.addAll(entry);
    }
    return operand(argument, flat, models, false, false);
  }

  /// Output tensors, one for each batch entry, of the entry's shape.
  public MemorySegment outputs(String argument, List<Tensor> tensors) {
    checkCount(argument, tensors.size());
    return operand(argument, tensors, 0, true, false);
  }

  /// One side of copies, for each batch entry: tensors of the host or of the stream's device.
  public MemorySegment copies(String argument, List<Tensor> tensors, boolean output) {
    checkCount(argument, tensors.size());
    return operand(argument, tensors, 0, output, true);
  }

  /// A contiguous f64 tensor of a given shape that receives results, or NULL.
  public MemorySegment results(String argument, @Nullable Tensor tensor, long... shape) {
    if (tensor == null) {
      return MemorySegment.NULL;
    }
    View view = Bridge.view(tensor);
    if (view.dtype() != DType.F64
        || !view.isContiguous()
        || !view.hasShape(shape)
        || view.memory().isReadOnly()) {
      throw mistake(
          argument
              + " is "
              + view
              + ", and must be contiguous, writable f64"
              + Arrays.toString(shape));
    }
    if (view.device() != state.device()) {
      throw wrongDevice(argument, view);
    }
    MemorySegment struct = scratch.allocate(Abi.sinter_tensor.LAYOUT);
    use(view, struct, 0);
    return struct;
  }

  /// Numbers, one for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is NaN or infinite
  public MemorySegment numbers(String argument, double[] values) {
    checkCount(argument, values.length);
    for (int k = 0; k < count; k++) {
      if (!Double.isFinite(values[k])) {
        throw mistake(argument + "[" + k + "] is " + values[k] + "; it must be finite");
      }
    }
    return scratch.allocateFrom(ValueLayout.JAVA_DOUBLE, values);
  }

  /// Numbers, `models` for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is NaN or infinite
  public MemorySegment numbers(String argument, double[][] values, int models) {
    checkCount(argument, values.length);
    double[] flat = new double[count * models];
    for (int k = 0; k < count; k++) {
      double[] entry = Objects.requireNonNull(values[k], argument + "[" + k + "]");
      if (entry.length != models) {
        throw mistake(
            argument + "[" + k + "] has " + entry.length + " numbers for " + models + " models");
      }
      for (int i = 0; i < models; i++) {
        if (!Double.isFinite(entry[i])) {
          throw mistake(argument + "[" + k + "][" + i + "] is " + entry[i] + "; it must be finite");
        }
        flat[k * models + i] = entry[i];
      }
    }
    return scratch.allocateFrom(ValueLayout.JAVA_DOUBLE, flat);
  }

  /// A zeroed struct.
  public MemorySegment struct(StructLayout layout) {
    return scratch.allocate(layout);
  }

  /// Throws unless `status` is `SINTER_OK`.
  public void check(int status) {
    Status.check(status, error);
  }

  /// Blocks until the stream's work is done, this call's included.
  public void synchronize() {
    int status = Abi.sinter_stream_synchronize(state.handle(), error);
    state.letGo();
    check(status);
  }

  /// The caller's mistake.
  public IllegalArgumentException mistake(String message) {
    return new IllegalArgumentException(operation + ": " + message);
  }

  /// Frees the stream for its next call.
  @Override
  public void close() {
    arena.close();
    state.leave();
    Reference.reachabilityFence(reachable);
    Reference.reachabilityFence(stream);
  }

  /// The number of models of a batch, whose first entry tells it.
  public static int models(String argument, List<List<Tensor>> tensors) {
    if (tensors.isEmpty()) {
      return 1;
    }
    int models = Objects.requireNonNull(tensors.getFirst(), argument + "[0]").size();
    if (models == 0) {
      throw new IllegalArgumentException(argument + "[0] has no models; give at least one");
    }
    return models;
  }

  private void checkCount(String argument, int size) {
    if (size != count) {
      throw mistake(argument + " has " + size + " entries, and the batch has " + count);
    }
  }

  private MemorySegment operand(
      String argument, List<Tensor> tensors, int models, boolean output, boolean copy) {
    int perEntry = Math.max(1, models);
    MemorySegment array = scratch.allocate(Abi.sinter_tensor.LAYOUT, tensors.size());
    if (leader == null) {
      leader = argument;
      leaderModels = models;
    }
    for (int k = 0; k < tensors.size(); k++) {
      Tensor tensor = tensors.get(k);
      if (tensor == null) {
        throw new NullPointerException(operation + ": " + label(argument, k, models) + " is null");
      }
      View view = Bridge.view(tensor);
      int entry = k / perEntry;
      View first = shapes[entry];
      if (first == null) {
        shapes[entry] = view;
      } else if (!view.hasShapeOf(first)) {
        String other = label(leader, entry * Math.max(1, leaderModels), leaderModels);
        throw mistake(
            label(argument, k, models)
                + " is "
                + view
                + ", and "
                + other
                + " is "
                + first
                + ": their shapes differ");
      }
      if (view.device() != state.device() && !(copy && view.device() == Abi.SINTER_CPU)) {
        throw wrongDevice(label(argument, k, models), view);
      }
      if (output && view.memory().isReadOnly()) {
        throw mistake(
            label(argument, k, models) + " is " + view + " over read-only memory; it is written");
      }
      use(view, array, k);
    }
    return array;
  }

  private void use(View view, MemorySegment array, long index) {
    view.memory().use(state, view);
    reachable.add(view);
    view.describe(array, index, scratch);
  }

  private IllegalArgumentException wrongDevice(String label, View view) {
    return mistake(
        label
            + " is "
            + view
            + ", and the stream is on "
            + Devices.name(state.device())
            + "; copy it there first");
  }

  private static String label(String argument, int k, int models) {
    return models == 0
        ? argument + "[" + k + "]"
        : argument + "[" + k / models + "][" + k % models + "]";
  }

  /// Cuts small segments from zeroed blocks: one trip to the system's allocator for many names.
  private static final class Blocks implements SegmentAllocator {
    private static final long BLOCK = 4096;
    private final Arena arena;
    private MemorySegment block = MemorySegment.NULL;
    private long used;

    Blocks(Arena arena) {
      this.arena = arena;
    }

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
      if (bytes > BLOCK / 2) {
        return arena.allocate(bytes, alignment);
      }
      long start = (used + alignment - 1) / alignment * alignment;
      if (start + bytes > block.byteSize()) {
        block = arena.allocate(BLOCK, 64);
        start = 0;
      }
      used = start + bytes;
      return block.asSlice(start, bytes);
    }
  }
}

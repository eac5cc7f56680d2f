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
import java.util.function.Function;
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

  /// Input tensors, one for each batch entry, of the entry's shape; NULL where there are none.
  public MemorySegment inputsOrNull(String argument, @Nullable List<Tensor> tensors) {
    return tensors == null ? MemorySegment.NULL : inputs(argument, tensors);
  }

  /// Input tensors, one for each batch entry, whose shapes need not be the entries'.
  public MemorySegment inputsOfAnyShape(String argument, List<Tensor> tensors) {
    checkCount(argument, tensors.size());
    MemorySegment array = scratch.allocate(Abi.sinter_tensor.LAYOUT, tensors.size());
    for (int k = 0; k < tensors.size(); k++) {
      View view = Bridge.view(checkNotNull(tensors.get(k), argument, k, 0));
      if (view.device() != state.device()) {
        throw wrongDevice(label(argument, k, 0), view);
      }
      use(view, array, k);
    }
    return array;
  }

  /// A contiguous f64 tensor of a given shape that receives results, or NULL.
  public MemorySegment results(String argument, @Nullable Tensor tensor, long... shape) {
    return tensor == null ? MemorySegment.NULL : table(argument, tensor, true, shape);
  }

  /// A contiguous f64 tensor of a given shape that is read, or NULL.
  public MemorySegment parameters(String argument, @Nullable Tensor tensor, long... shape) {
    return tensor == null ? MemorySegment.NULL : table(argument, tensor, false, shape);
  }

  /// Contiguous f64 tensors that receive results, one for each batch entry, of the shapes that
  /// `shape` makes of the entries'.
  public MemorySegment results(
      String argument, List<Tensor> tensors, Function<long[], long[]> shape) {
    checkCount(argument, tensors.size());
    MemorySegment array = scratch.allocate(Abi.sinter_tensor.LAYOUT, count);
    for (int k = 0; k < count; k++) {
      View view = Bridge.view(checkNotNull(tensors.get(k), argument, k, 0));
      View entry = Objects.requireNonNull(shapes[k], "results come after the inputs");
      checkResults(label(argument, k, 0), view, true, shape.apply(entry.shape()));
      use(view, array, k);
    }
    return array;
  }

  /// The address of a contiguous tensor on the stream's device, or NULL: for plain arrays.
  public MemorySegment array(String argument, @Nullable Tensor tensor, boolean output) {
    if (tensor == null) {
      return MemorySegment.NULL;
    }
    View view = Bridge.view(tensor);
    if (!view.isContiguous()) {
      throw mistake(argument + " is " + view + ", and must be contiguous");
    }
    if (view.device() != state.device()) {
      throw wrongDevice(argument, view);
    }
    if (output && view.memory().isReadOnly()) {
      throw mistake(argument + " is " + view + " over read-only memory; it is written");
    }
    view.memory().use(state, view);
    reachable.add(view);
    return MemorySegment.ofAddress(view.address());
  }

  /// One tensor of any dtype and layout, of a given shape.
  public MemorySegment matrix(String argument, Tensor tensor, boolean output, long... shape) {
    View view = Bridge.view(tensor);
    if (!view.hasShape(shape)) {
      throw mistake(argument + " is " + view + "; its shape must be " + Arrays.toString(shape));
    }
    if (view.device() != state.device()) {
      throw wrongDevice(argument, view);
    }
    if (output && view.memory().isReadOnly()) {
      throw mistake(argument + " is " + view + " over read-only memory; it is written");
    }
    MemorySegment struct = scratch.allocate(Abi.sinter_tensor.LAYOUT);
    use(view, struct, 0);
    return struct;
  }

  private MemorySegment table(String argument, Tensor tensor, boolean output, long[] shape) {
    View view = Bridge.view(tensor);
    checkResults(argument, view, output, shape);
    MemorySegment struct = scratch.allocate(Abi.sinter_tensor.LAYOUT);
    use(view, struct, 0);
    return struct;
  }

  private void checkResults(String label, View view, boolean output, long[] shape) {
    if (view.dtype() != DType.F64
        || !view.isContiguous()
        || !view.hasShape(shape)
        || (output && view.memory().isReadOnly())) {
      throw mistake(
          label
              + " is "
              + view
              + ", and must be contiguous, "
              + (output ? "writable " : "")
              + "f64"
              + Arrays.toString(shape));
    }
    if (view.device() != state.device()) {
      throw wrongDevice(label, view);
    }
  }

  /// What numbers an argument admits; all of them are finite.
  public enum Range {
    /// Any finite number.
    FINITE("finite", Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY),
    /// 0 or more.
    NOT_NEGATIVE("finite and 0 or more", 0, Double.POSITIVE_INFINITY),
    /// From 0 to 1.
    SHARE("from 0 to 1", 0, 1);

    private final String words;
    private final double least;
    private final double most;

    Range(String words, double least, double most) {
      this.words = words;
      this.least = least;
      this.most = most;
    }

    boolean holds(double value) {
      return Double.isFinite(value) && value >= least && value <= most;
    }
  }

  /// A number for the whole batch.
  ///
  /// @throws IllegalArgumentException if it is out of range
  public double number(String argument, double value, Range range) {
    if (!range.holds(value)) {
      throw outOfRange(argument, value, range);
    }
    return value;
  }

  /// Numbers, one for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is NaN or infinite
  public MemorySegment numbers(String argument, double[] values) {
    return numbers(argument, values, Range.FINITE);
  }

  /// Numbers, one for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is out of range
  public MemorySegment numbers(String argument, double[] values, Range range) {
    checkCount(argument, values.length);
    return list(argument, values, range);
  }

  /// Numbers, as many as there are.
  ///
  /// @throws IllegalArgumentException if one is out of range, or there is none
  public MemorySegment list(String argument, double[] values, Range range) {
    if (values.length == 0 && count > 0) {
      throw mistake(argument + " has no numbers; give at least one");
    }
    for (int k = 0; k < values.length; k++) {
      if (!range.holds(values[k])) {
        throw outOfRange(argument + "[" + k + "]", values[k], range);
      }
    }
    return scratch.allocateFrom(ValueLayout.JAVA_DOUBLE, values);
  }

  /// Numbers, `models` for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is NaN or infinite
  public MemorySegment numbers(String argument, double[][] values, int models) {
    return numbers(argument, values, models, Range.FINITE);
  }

  /// Numbers, `models` for each batch entry.
  ///
  /// @throws IllegalArgumentException if one is out of range
  public MemorySegment numbers(String argument, double[][] values, int models, Range range) {
    checkCount(argument, values.length);
    double[] flat = new double[count * models];
    for (int k = 0; k < count; k++) {
      double[] entry = Objects.requireNonNull(values[k], argument + "[" + k + "]");
      checkModels(argument, k, entry.length, models);
      for (int i = 0; i < models; i++) {
        if (!range.holds(entry[i])) {
          throw outOfRange(argument + "[" + k + "][" + i + "]", entry[i], range);
        }
        flat[k * models + i] = entry[i];
      }
    }
    return scratch.allocateFrom(ValueLayout.JAVA_DOUBLE, flat);
  }

  /// Integers, one for each batch entry.
  public MemorySegment integers(String argument, long[] values) {
    checkCount(argument, values.length);
    return scratch.allocateFrom(ValueLayout.JAVA_LONG, values);
  }

  /// Integers, `models` for each batch entry.
  public MemorySegment integers(String argument, long[][] values, int models) {
    checkCount(argument, values.length);
    long[] flat = new long[count * models];
    for (int k = 0; k < count; k++) {
      long[] entry = Objects.requireNonNull(values[k], argument + "[" + k + "]");
      checkModels(argument, k, entry.length, models);
      System.arraycopy(entry, 0, flat, k * models, models);
    }
    return scratch.allocateFrom(ValueLayout.JAVA_LONG, flat);
  }

  /// Integers, as many as there are.
  public MemorySegment list(long[] values) {
    return scratch.allocateFrom(ValueLayout.JAVA_LONG, values);
  }

  /// Numbers of 32 bits, as many as there are.
  public MemorySegment list(int[] values) {
    return scratch.allocateFrom(ValueLayout.JAVA_INT, values);
  }

  /// Addresses, as many as there are.
  public MemorySegment pointers(MemorySegment[] addresses) {
    MemorySegment array = scratch.allocate(ValueLayout.ADDRESS, addresses.length);
    for (int k = 0; k < addresses.length; k++) {
      array.setAtIndex(ValueLayout.ADDRESS, k, addresses[k]);
    }
    return array;
  }

  /// One integer for the whole batch, in memory.
  public MemorySegment integer(long value) {
    return scratch.allocateFrom(ValueLayout.JAVA_LONG, value);
  }

  /// Zeroed structs, one for each batch entry.
  public MemorySegment structs(StructLayout layout) {
    return scratch.allocate(layout, count);
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

  private void checkModels(String argument, int k, int numbers, int models) {
    if (numbers != models) {
      throw mistake(argument + "[" + k + "] has " + numbers + " numbers for " + models + " models");
    }
  }

  private IllegalArgumentException outOfRange(String label, double value, Range range) {
    return mistake(label + " is " + value + "; it must be " + range.words);
  }

  private Tensor checkNotNull(@Nullable Tensor tensor, String argument, int k, int models) {
    if (tensor == null) {
      throw new NullPointerException(operation + ": " + label(argument, k, models) + " is null");
    }
    return tensor;
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
      View view = Bridge.view(checkNotNull(tensors.get(k), argument, k, models));
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

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.ops.Reductions;
import io.sinter.ops.Vectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// How two models differ, tensor by tensor.
///
/// Differences are taken in float32 (float64 where one of the two is that), and summed in float64
// in
/// one order, so that the same models give the same numbers on every machine.
///
/// @param tensors those that both have in one shape, in the order of the first's
/// @param unlike those that both have and that cannot be compared
/// @param onlyFirst names of those that the first alone has
/// @param onlySecond names of those that the second alone has
/// @param total over all of `tensors`
public record ModelDifference(
    List<Compared> tensors,
    List<Unlike> unlike,
    List<String> onlyFirst,
    List<String> onlySecond,
    Total total) {

  /// Elements looked at together.
  private static final int WINDOW = 64 * CanonicalSum.CHUNK;

  /// A tensor of both.
  ///
  /// @param first its type in the first
  /// @param second its type in the second
  /// @param numbers what was found
  public record Compared(
      String name, StorageType first, StorageType second, long[] shape, Total numbers) {
    public Compared {
      shape = shape.clone();
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }
  }

  /// Numbers of one tensor or of many. Those of types that are not computed with tell `changed`
  /// alone.
  ///
  /// @param elements how many there are; bytes where elements share them
  /// @param changed how many have other bits, or another value where the types differ
  /// @param distance the l2 norm of the differences; NaN or infinite where an element is
  /// @param cosine of the angle between the two; NaN where one is 0 or not finite
  /// @param largest the largest magnitude of a difference; NaN where an element is
  public record Total(long elements, long changed, double distance, double cosine, double largest) {
    /// The share of elements that changed; 0 where there are none.
    public double changedFraction() {
      return elements == 0 ? 0 : (double) changed / elements;
    }
  }

  /// A tensor that both have, of another shape, or of types that cannot be compared.
  ///
  /// @param first type and shape in the first
  /// @param second type and shape in the second
  public record Unlike(String name, String first, String second) {}

  public ModelDifference {
    tensors = List.copyOf(tensors);
    unlike = List.copyOf(unlike);
    onlyFirst = List.copyOf(onlyFirst);
    onlySecond = List.copyOf(onlySecond);
  }

  /// Compares two models, in the memory of a few windows.
  ///
  /// @param threads to use; 0 for all
  /// @param progress told of bytes read so far, of both
  /// @throws CheckpointException where one cannot be read
  public static ModelDifference of(
      Checkpoint first, Checkpoint second, int threads, LongConsumer progress)
      throws CheckpointException {
    try (Run run = new Run(first, second, threads, progress)) {
      return run.compare();
    }
  }

  /// Sums of squares and products, which become a [Total].
  private static final class Sums {
    private long elements;
    private long changed;
    private boolean computed = true;
    private double aa;
    private double ab;
    private double bb;
    private double squares;
    private double largest;

    void add(Sums other) {
      elements += other.elements;
      changed += other.changed;
      if (other.computed) {
        computed = true;
        aa += other.aa;
        ab += other.ab;
        bb += other.bb;
        squares += other.squares;
        largest = Math.max(largest, other.largest); // NaN stays.
      }
    }

    Total total() {
      if (!computed) {
        return new Total(elements, changed, Double.NaN, Double.NaN, Double.NaN);
      }
      double cosine = ab / (Math.sqrt(aa) * Math.sqrt(bb));
      return new Total(
          elements,
          changed,
          Math.sqrt(squares),
          squares == 0 && aa > 0 ? 1 : Math.clamp(cosine, -1, 1),
          largest);
    }
  }

  private static final class Run implements AutoCloseable {
    private final Checkpoint first;
    private final Checkpoint second;
    private final LongConsumer progress;
    private final Arena arena = Arena.ofShared();
    private final Stream stream;
    private final MemorySegment a = arena.allocate(8L * WINDOW, 64);
    private final MemorySegment b = arena.allocate(8L * WINDOW, 64);
    private final MemorySegment wideA = arena.allocate(8L * WINDOW, 64);
    private final MemorySegment wideB = arena.allocate(8L * WINDOW, 64);
    private final MemorySegment results = arena.allocate(64 * 4 * 8L, 64);
    private long done;

    Run(Checkpoint first, Checkpoint second, int threads, LongConsumer progress) {
      this.first = first;
      this.second = second;
      this.progress = progress;
      this.stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads));
    }

    ModelDifference compare() {
      List<Compared> tensors = new ArrayList<>();
      List<Unlike> unlike = new ArrayList<>();
      List<String> onlyFirst = new ArrayList<>();
      Sums total = new Sums();
      total.computed = false; // Until something is.
      for (TensorEntry left : first.tensors().values()) {
        TensorEntry right = second.tensors().get(left.name());
        if (right == null) {
          onlyFirst.add(left.name());
        } else if (!comparable(left, right)) {
          unlike.add(new Unlike(left.name(), describe(left), describe(right)));
        } else {
          Sums sums = compare(left, right);
          total.add(sums);
          tensors.add(
              new Compared(left.name(), left.type(), right.type(), left.shape(), sums.total()));
        }
      }
      List<String> onlySecond =
          second.tensors().keySet().stream()
              .filter(name -> !first.tensors().containsKey(name))
              .toList();
      return new ModelDifference(tensors, unlike, onlyFirst, onlySecond, total.total());
    }

    private static boolean comparable(TensorEntry left, TensorEntry right) {
      return Arrays.equals(left.shape(), right.shape())
          && (left.type() == right.type()
              || left.type().dtype().isPresent() && right.type().dtype().isPresent());
    }

    private static String describe(TensorEntry entry) {
      return entry.type().code() + Arrays.toString(entry.shape());
    }

    private Sums compare(TensorEntry left, TensorEntry right) {
      Sums sums = new Sums();
      @Nullable DType typeA = left.type().dtype().orElse(null);
      @Nullable DType typeB = right.type().dtype().orElse(null);
      boolean packed = !ChangedElements.separate(left.type());
      StorageType unit = packed ? StorageType.U8 : left.type();
      sums.elements = packed ? left.bytes() : left.elements();
      sums.computed = typeA != null;
      @Nullable ChangedElements bits =
          left.type() == right.type() ? new ChangedElements(unit) : null;
      List<CanonicalSum> products = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        products.add(new CanonicalSum());
      }
      for (long from = 0; from < sums.elements; from += WINDOW) {
        long count = Math.min(WINDOW, sums.elements - from);
        MemorySegment x = read(first, left, from, count, unit, a);
        MemorySegment y = read(second, right, from, count, packed ? unit : right.type(), b);
        if (bits != null) {
          bits.add(x, y);
        }
        if (typeA != null && typeB != null) {
          Tensor tensorA = Tensor.of(x, typeA, count);
          Tensor tensorB = Tensor.of(y, typeB, count);
          long whole = count / CanonicalSum.CHUNK * CanonicalSum.CHUNK;
          products(tensorA, tensorB, 0, whole, CanonicalSum.CHUNK, products);
          products(tensorA, tensorB, whole, count, count - whole, products);
          look(tensorA, tensorB, count, sums, bits == null);
        }
        done += x.byteSize() + y.byteSize();
        progress.accept(done);
      }
      if (bits != null) {
        sums.changed = bits.count();
      }
      sums.aa = products.get(0).finish();
      sums.ab = products.get(1).finish();
      sums.bb = products.get(2).finish();
      sums.squares = products.get(3).finish();
      return sums;
    }

    private static MemorySegment read(
        Checkpoint model,
        TensorEntry entry,
        long from,
        long count,
        StorageType type,
        MemorySegment to) {
      MemorySegment bytes = to.asSlice(0, type.bytes(count));
      model.read(entry, type.bytes(from), bytes);
      return bytes;
    }

    /// Chunk by chunk: `<a, a>`, `<a, b>`, `<b, b>` and the sum of the squares of `a - b`.
    private void products(
        Tensor x, Tensor y, long from, long end, long length, List<CanonicalSum> to) {
      if (from == end) {
        return;
      }
      long rows = (end - from) / length;
      Tensor left = x.slice(0, from, end).reshape(rows, length);
      Tensor right = y.slice(0, from, end).reshape(rows, length);
      MemorySegment gram = results.asSlice(0, rows * 4 * 8);
      Reductions.gram(
          stream,
          null,
          List.of(List.of(left, right)),
          Vectors.ROWS,
          null,
          null,
          List.of(Tensor.of(gram, DType.F64, rows, 2, 2)));
      stream.synchronize();
      for (int i = 0; i < rows; i++) {
        to.get(0).add(gram.getAtIndex(ValueLayout.JAVA_DOUBLE, 4L * i));
        to.get(1).add(gram.getAtIndex(ValueLayout.JAVA_DOUBLE, 4L * i + 1));
        to.get(2).add(gram.getAtIndex(ValueLayout.JAVA_DOUBLE, 4L * i + 3));
      }
      MemorySegment squares = results.asSlice(0, rows * 8);
      Reductions.gram(
          stream,
          List.of(right),
          List.of(List.of(left)),
          Vectors.ROWS,
          null,
          null,
          List.of(Tensor.of(squares, DType.F64, rows, 1, 1)));
      stream.synchronize();
      for (int i = 0; i < rows; i++) {
        to.get(3).add(squares.getAtIndex(ValueLayout.JAVA_DOUBLE, i));
      }
    }

    /// The largest difference, and how many elements have one where `values` asks for it.
    private void look(Tensor x, Tensor y, long count, Sums sums, boolean values) {
      boolean wide = x.dtype() == DType.F64 || y.dtype() == DType.F64;
      MemorySegment p = widen(x, wide, count, wideA);
      MemorySegment q = widen(y, wide, count, wideB);
      double largest = 0;
      long changed = 0;
      if (wide) {
        for (long i = 0; i < count; i++) {
          double left = p.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
          double right = q.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
          changed += left == right ? 0 : 1;
          largest = Math.max(largest, Math.abs(left - right));
        }
      } else {
        float top = 0;
        for (long i = 0; i < count; i++) {
          float left = p.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          float right = q.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          changed += left == right ? 0 : 1;
          top = Math.max(top, Math.abs(left - right));
        }
        largest = top;
      }
      sums.largest = Math.max(sums.largest, largest);
      if (values) {
        sums.changed += changed;
      }
    }

    private MemorySegment widen(Tensor x, boolean wide, long count, MemorySegment room) {
      DType dtype = wide ? DType.F64 : DType.F32;
      MemorySegment bytes = room.asSlice(0, count * dtype.bytes());
      Conversion.cast(stream, x, Tensor.of(bytes, dtype, count));
      stream.synchronize();
      return bytes;
    }

    @Override
    public void close() {
      try (arena) {
        stream.close();
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/// Takes statistics of the tensors of a checkpoint, from the bytes of its files in their order, and
/// compares them with a base.
///
/// It has a thread of its own, so that neither kernels nor writes wait for it: [#submit] returns at
/// once. Norms are canonical reductions: chunks of 4096 elements are summed natively wherever they
/// lie in what was submitted, and their sums combined as `sinter_sum` would.
final class Statistics implements AutoCloseable {
  /// Elements looked at together: few enough to stay in the cache for each look.
  private static final int WINDOW = 64 * Reductions.CHUNK;

  private static final long READ = 4L << 20;

  /// A tensor of the checkpoint.
  ///
  /// @param file index of its file
  /// @param offset where it starts in it
  /// @param base the same tensor of the base, if it has it; of the same shape
  record Place(
      String name,
      StorageType type,
      long[] shape,
      int file,
      long offset,
      long bytes,
      @Nullable TensorEntry base) {
    long elements() {
      long elements = 1;
      for (long size : shape) {
        elements *= size;
      }
      return elements;
    }
  }

  /// @param done run when the bytes are no longer needed
  private record Job(int file, long offset, @Nullable MemorySegment bytes, Runnable done) {}

  private final List<Place> places;
  private final @Nullable Checkpoint base;
  private final Stream stream;
  private final List<Tensor> buffers = new ArrayList<>();
  private final MemorySegment chunk;
  private final MemorySegment other;
  private final MemorySegment results;
  private final List<@Nullable TensorStatistics> taken = new ArrayList<>();
  private final BlockingQueue<Job> jobs = new LinkedBlockingQueue<>();
  private final Thread thread = new Thread(this::work, "sinter-statistics");
  private volatile @Nullable Throwable failure;

  private int next;
  private @Nullable Accumulator current;

  /// @param places the tensors, in the order of their bytes
  /// @param base where their bases are read from; `null` where they have none
  Statistics(List<Place> places, @Nullable Checkpoint base) {
    this.places =
        places.stream()
            .sorted(Comparator.comparingInt(Place::file).thenComparingLong(Place::offset))
            .toList();
    this.base = base;
    this.stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(1));
    try {
      this.chunk = buffer(Reductions.CHUNK);
      this.other = buffer(base == null ? 0 : WINDOW);
      this.results = buffer(6L * WINDOW / Reductions.CHUNK);
    } catch (RuntimeException | Error e) {
      buffers.forEach(Tensor::close);
      stream.close();
      throw e;
    }
    thread.setDaemon(true);
    thread.start();
  }

  /// Those of a merge's output.
  ///
  /// @param base the base model, if there is one
  static Statistics of(MergePlan plan, @Nullable Checkpoint base) {
    List<Place> places = new ArrayList<>();
    for (MergePlan.Output output : plan.tensors()) {
      TensorEntry entry = base == null ? null : base.tensors().get(output.name());
      places.add(
          new Place(
              output.name(),
              output.type(),
              output.shape(),
              output.file(),
              output.offset(),
              output.type().bytes(output.elements()),
              entry != null && Arrays.equals(entry.shape(), output.shape()) ? entry : null));
    }
    return new Statistics(places, base);
  }

  /// Those of a checkpoint, without a base.
  static Statistics of(Checkpoint checkpoint) {
    List<Path> files = checkpoint.files();
    List<Place> places = new ArrayList<>();
    for (TensorEntry entry : checkpoint.tensors().values()) {
      places.add(
          new Place(
              entry.name(),
              entry.type(),
              entry.shape(),
              files.indexOf(entry.file()),
              entry.offset(),
              entry.bytes(),
              null));
    }
    return new Statistics(places, null);
  }

  private MemorySegment buffer(long elements) {
    Tensor tensor = stream.allocate(DType.F64, elements);
    buffers.add(tensor);
    return tensor.segment();
  }

  /// Takes what an interrupted run had written, before anything is submitted.
  void readBack(OutputFolder folder, ShardLayout layout, Resumption.Finished finished) {
    if (finished.last() == null) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(READ);
      for (int file = 0; file <= finished.file(); file++) {
        ShardLayout.Shard shard = layout.shards().get(file);
        long bytes = file < finished.file() ? shard.bytes() : finished.bytes();
        try (FileReader reader = new FileReader(folder.file(shard.file()))) {
          for (long at = 0; at < bytes; at += READ) {
            MemorySegment part = buffer.asSlice(0, Math.min(READ, bytes - at));
            reader.read(at, part);
            accept(file, at, part);
          }
        }
      }
    }
  }

  /// Takes the next bytes of a file, all of which come in their order; its header may be left out.
  ///
  /// @param done run, on another thread, when the bytes are no longer needed
  void submit(int file, long offset, MemorySegment bytes, Runnable done) {
    jobs.add(new Job(file, offset, bytes, done));
  }

  /// The statistics of every tensor, in the order of the bytes, when all have come.
  List<TensorStatistics> finish() {
    stop();
    switch (failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable t -> throw new IllegalStateException(t);
    }
    skipEmpty();
    if (next < places.size()) {
      throw new IllegalStateException("bytes of " + places.get(next) + " are missing");
    }
    return taken.stream().map(Objects::requireNonNull).toList();
  }

  private void stop() {
    jobs.add(new Job(0, 0, null, () -> {}));
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // Memory may be freed only when the thread is done with it.
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void work() {
    while (true) {
      Job job;
      try {
        job = jobs.take();
      } catch (InterruptedException e) {
        continue; // Nobody has this thread but us.
      }
      try {
        if (job.bytes() == null) {
          return;
        }
        if (failure == null) {
          accept(job.file(), job.offset(), job.bytes());
        }
      } catch (Throwable t) {
        failure = t;
      } finally {
        job.done().run();
      }
    }
  }

  /// Takes the next bytes at once, on this thread; not while what was submitted is on its way.
  void accept(int file, long offset, MemorySegment bytes) {
    long end = offset + bytes.byteSize();
    while (true) {
      skipEmpty();
      if (next == places.size()) {
        return;
      }
      Place place = places.get(next);
      if (place.file() != file || place.offset() >= end) {
        return; // A header's.
      }
      Accumulator accumulator = current;
      if (accumulator == null) {
        accumulator = new Accumulator(place);
        current = accumulator;
      }
      long from = place.offset() + accumulator.done;
      if (from < offset) {
        throw new IllegalStateException("bytes of " + place + " came out of order");
      }
      long to = Math.min(end, place.offset() + place.bytes());
      accumulator.add(bytes.asSlice(from - offset, to - from));
      if (accumulator.done < place.bytes()) {
        return;
      }
      taken.add(accumulator.result());
      current = null;
      next++;
    }
  }

  private void skipEmpty() {
    while (next < places.size() && places.get(next).bytes() == 0) {
      taken.add(new Accumulator(places.get(next)).result());
      next++;
    }
  }

  /// One tensor on its way.
  private final class Accumulator {
    private final Place place;
    private final @Nullable DType dtype;
    private final @Nullable TensorEntry baseEntry;
    /// For types that are not computed with; `null` for others.
    private final @Nullable ChangedElements bits;

    private final CanonicalSum squares = new CanonicalSum();
    private final CanonicalSum differences = new CanonicalSum();
    private double least = Double.POSITIVE_INFINITY;
    private double greatest = Double.NEGATIVE_INFINITY;
    private long nonFinite;
    private long changed;

    /// Bytes taken, of which the last `held` wait in `chunk` for the rest of theirs.
    private long done;

    private long held;

    Accumulator(Place place) {
      this.place = place;
      this.dtype = place.type().dtype().orElse(null);
      TensorEntry entry = place.base();
      boolean comparable =
          entry != null
              && ChangedElements.separate(place.type())
              && (entry.type() == place.type()
                  || dtype != null && entry.type().dtype().isPresent());
      this.baseEntry = comparable ? entry : null;
      this.bits = comparable && dtype == null ? new ChangedElements(place.type()) : null;
    }

    void add(MemorySegment bytes) {
      if (!ChangedElements.separate(place.type())) {
        done += bytes.byteSize();
        return;
      }
      long unit = place.type().bytes(Reductions.CHUNK);
      long at = 0;
      while (at < bytes.byteSize()) {
        long left = bytes.byteSize() - at;
        boolean last = done + left == place.bytes();
        if (held > 0 || left < unit && !last) {
          long size = Math.min(unit - held, left);
          MemorySegment.copy(bytes, at, chunk, held, size);
          held += size;
          done += size;
          at += size;
          if (held == unit || done == place.bytes()) {
            look(chunk.asSlice(0, held), done - held);
            held = 0;
          }
        } else {
          long size = Math.min(left, place.type().bytes(WINDOW));
          if (!(last && size == left)) {
            size = size / unit * unit;
          }
          look(bytes.asSlice(at, size), done);
          done += size;
          at += size;
        }
      }
    }

    /// Whole chunks, or all that is left.
    private void look(MemorySegment bytes, long from) {
      long elements = bytes.byteSize() / place.type().bytes(1);
      @Nullable MemorySegment stored = null;
      if (baseEntry != null) {
        long size = baseEntry.type().bytes(1);
        stored = other.asSlice(0, elements * size);
        Objects.requireNonNull(base).read(baseEntry, from / place.type().bytes(1) * size, stored);
      }
      if (dtype != null) {
        Tensor in = Tensor.of(bytes, dtype, elements);
        Tensor minus =
            stored == null || baseEntry == null
                ? null
                : Tensor.of(stored, baseEntry.type().dtype().orElseThrow(), elements);
        statistics(in, minus);
      } else if (stored != null && bits != null) {
        bits.add(bytes, stored);
        changed = bits.count();
      }
    }

    private void statistics(Tensor in, @Nullable Tensor minus) {
      int numbers = minus == null ? 4 : 6;
      long chunks = Math.ceilDiv(in.elements(), Reductions.CHUNK);
      MemorySegment out = results.asSlice(0, chunks * numbers * Double.BYTES);
      Reductions.chunkStatistics(
          stream,
          List.of(in),
          minus == null ? null : List.of(minus),
          List.of(Tensor.of(out, DType.F64, chunks, numbers)));
      stream.synchronize();
      for (long at = 0; at < chunks * numbers; at += numbers) {
        double low = out.getAtIndex(ValueLayout.JAVA_DOUBLE, at);
        double high = out.getAtIndex(ValueLayout.JAVA_DOUBLE, at + 1);
        least = Double.compare(low, least) < 0 ? low : least; // -0 is below +0.
        greatest = Double.compare(high, greatest) > 0 ? high : greatest;
        squares.add(out.getAtIndex(ValueLayout.JAVA_DOUBLE, at + 2));
        nonFinite += (long) out.getAtIndex(ValueLayout.JAVA_DOUBLE, at + 3);
        if (minus != null) {
          differences.add(out.getAtIndex(ValueLayout.JAVA_DOUBLE, at + 4));
          changed += (long) out.getAtIndex(ValueLayout.JAVA_DOUBLE, at + 5);
        }
      }
    }

    TensorStatistics result() {
      return new TensorStatistics(
          place.name(),
          place.type(),
          place.shape(),
          least > greatest ? null : least,
          least > greatest ? null : greatest,
          dtype == null ? null : Math.sqrt(squares.finish()),
          nonFinite,
          baseEntry == null
              ? null
              : new TensorStatistics.Change(
                  dtype == null ? null : Math.sqrt(differences.finish()), changed));
    }
  }

  @Override
  public void close() {
    stop();
    try (stream) {
      buffers.forEach(Tensor::close);
    }
  }
}

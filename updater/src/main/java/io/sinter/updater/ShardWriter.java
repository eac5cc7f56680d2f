// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.MergePlan.ApplyPass;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/// Writes the output's files in order, on a thread of its own: waits for each pass's results,
/// hashes them, writes them and gives their slot back.
final class ShardWriter implements AutoCloseable {
  /// Files of this size and more are written past the page cache.
  private static final long DIRECT_BYTES = 64L << 20;

  /// The disk is kept busy from here on, while more is computed, instead of at the end.
  private static final long FLUSH_BYTES = 64L << 20;

  /// With `--resume` this much at most is lost to a power failure.
  private static final long SYNC_BYTES = 1L << 30;

  private final ShardLayout layout;
  private final OutputFolder folder;
  private final Journal journal;
  private final boolean resumable;
  private final boolean sha256;
  private final BlockingQueue<Pipeline.Slot> free;
  private final @Nullable Statistics statistics;
  private final BlockingQueue<Job> jobs = new LinkedBlockingQueue<>();
  private final List<MergeReport.OutputFile> written = new ArrayList<>();
  private final Thread thread = new Thread(this::work, "sinter-shard-writer");

  private volatile long bytesWritten;
  private volatile @Nullable Throwable failure;
  private long nonFinite;
  private long saturated;
  private long fallbacks;

  private int current = -1;
  private @Nullable OutputFile file;
  private @Nullable ContentHash hash;
  private long unforced;
  private long unflushed;
  private final ExecutorService flusher =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("sinter-flush").factory());
  private Future<?> flushing = CompletableFuture.completedFuture(null);

  private sealed interface Job {}

  private record Write(Pipeline.Ready ready) implements Job {}

  /// A pass is computed in the output's file.
  private record Place(ApplyPass pass, CompletableFuture<OutputFile.Region> region)
      implements Job {}

  /// No more passes will come.
  ///
  /// @param complete whether all have
  private record End(boolean complete) implements Job {}

  /// @param journal told of what is written
  /// @param finished what is there already
  /// @param resumable whether what is written is worth keeping if the merge is interrupted
  ShardWriter(
      ShardLayout layout,
      OutputFolder folder,
      Journal journal,
      Resumption.Finished finished,
      boolean resumable,
      boolean sha256,
      BlockingQueue<Pipeline.Slot> free,
      @Nullable Statistics statistics) {
    this.layout = layout;
    this.folder = folder;
    this.journal = journal;
    this.resumable = resumable;
    this.sha256 = sha256;
    this.free = free;
    this.statistics = statistics;
    if (finished.last() != null) {
      goOn(finished, finished.last());
    }
    thread.setDaemon(true);
    thread.start();
  }

  private void goOn(Resumption.Finished finished, Journal.Mark last) {
    written.addAll(finished.files());
    current = finished.file();
    file = folder.reopen(layout.shards().get(current).file());
    file.truncate(finished.bytes());
    goPastCache(file, layout.shards().get(current));
    hash = finished.hash();
    nonFinite = last.nonFinite();
    saturated = last.saturated();
    fallbacks = last.fallbacks();
    bytesWritten = finished.total();
  }

  /// The place in its file where the results of a pass belong, once all before it are written.
  OutputFile.Region map(ApplyPass pass) {
    CompletableFuture<OutputFile.Region> region = new CompletableFuture<>();
    jobs.add(new Place(pass, region));
    try {
      return region.join();
    } catch (CompletionException e) {
      check();
      throw e;
    }
  }

  /// Takes over a filled slot.
  void submit(Pipeline.Ready ready) {
    jobs.add(new Write(ready));
  }

  /// Waits until every file is written and on the disk.
  void finish() {
    stop(true);
    check();
  }

  /// Fails where writing has.
  void check() {
    switch (failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable t -> throw new IllegalStateException(t);
    }
  }

  private void stop(boolean complete) {
    jobs.add(new End(complete));
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // Slots may be freed only when the thread is done with them.
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /// Bytes written so far.
  long bytesWritten() {
    return bytesWritten;
  }

  /// Elements written that are not finite; known when finished.
  long nonFinite() {
    return nonFinite;
  }

  /// Results that float8 outputs clamped; known when finished.
  long saturated() {
    return saturated;
  }

  /// Vectors for which the method fell back; known when finished.
  long fallbacks() {
    return fallbacks;
  }

  /// The files; known when finished.
  List<MergeReport.OutputFile> files() {
    return written;
  }

  private void work() {
    while (true) {
      @Nullable Job job = null;
      try {
        job = jobs.take();
        switch (job) {
          case Write write -> {
            try {
              if (failure == null) {
                write(write.ready());
              }
            } finally {
              if (write.ready().done() != null) {
                write.ready().done().close();
              }
              release(write.ready());
            }
          }
          case Place place -> {
            try {
              if (failure != null) {
                throw failure;
              }
              advanceTo(place.pass().file());
              place
                  .region()
                  .complete(
                      Objects.requireNonNull(file)
                          .map(place.pass().offset(), place.pass().bytes()));
            } catch (Throwable t) {
              fail(t); // Before who waits for the region asks for it.
              place.region().completeExceptionally(t);
            }
          }
          case End end -> {
            try {
              if (end.complete() && failure == null) {
                advanceTo(layout.shards().size());
              }
            } finally {
              closeFile();
            }
          }
        }
      } catch (Throwable t) {
        fail(t);
      }
      if (job instanceof End) {
        return; // Whether or not that went well: who waits for the end waits for this thread.
      }
    }
  }

  /// Keeps the first failure.
  private void fail(Throwable t) {
    Throwable first = failure;
    if (first == null) {
      failure = t;
    } else if (first != t) {
      first.addSuppressed(t);
    }
  }

  /// Gives a slot back when its bytes have been seen by all.
  private void release(Pipeline.Ready ready) {
    Runnable done =
        () -> {
          try {
            if (ready.inPlace() != null) {
              ready.inPlace().close();
            }
          } finally {
            free.add(ready.slot());
          }
        };
    if (statistics == null || failure != null) {
      done.run();
    } else {
      statistics.submit(ready.pass().file(), ready.pass().offset(), ready.output(), done);
    }
  }

  private void write(Pipeline.Ready ready) {
    if (ready.done() != null) {
      ready.done().synchronize();
    }
    advanceTo(ready.pass().file());
    if (ready.inPlace() == null) {
      append(ready.pass().offset(), ready.output());
    } else {
      Flight.Write event = new Flight.Write();
      event.begin();
      count(event, ready.pass().offset(), ready.output());
    }
    if (ready.counted()) {
      double[] counts =
          ready.slot().counts(ready.pass().pieces().size()).toArray(ValueLayout.JAVA_DOUBLE);
      for (int i = 0; i < counts.length; i += 3) {
        nonFinite += (long) counts[i];
        saturated += (long) counts[i + 1];
        fallbacks += (long) counts[i + 2];
      }
    }
    finished(ready.pass().offset() + ready.pass().bytes());
    if (resumable) {
      folder.keep(true);
    }
  }

  /// Puts into the journal that the first `bytes` bytes of the current file are written.
  private void finished(long bytes) {
    journal.append(
        new Journal.Mark(
            current, bytes, Objects.requireNonNull(hash).hex(), nonFinite, saturated, fallbacks));
    if (resumable && unforced >= SYNC_BYTES) {
      force(Objects.requireNonNull(file));
      journal.sync();
      unforced = 0;
    }
  }

  private void awaitFlush() {
    try {
      flushing.get();
    } catch (ExecutionException e) {
      folder.keep(false);
      throw e.getCause() instanceof CheckpointException named
          ? named
          : new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts the writer", e);
    }
  }

  /// A file system that could not force data to the disk may show what is not there: nothing of it
  /// is kept.
  private void force(OutputFile written) {
    awaitFlush();
    try {
      written.sync();
    } catch (CheckpointException e) {
      folder.keep(false);
      throw e;
    }
  }

  /// Completes the files before number `index`, and starts that one if there is one.
  private void advanceTo(int index) {
    while (current < index) {
      if (file != null) {
        complete(file, layout.shards().get(current));
      }
      current++;
      if (current < layout.shards().size()) {
        start(layout.shards().get(current));
      }
    }
  }

  private void start(ShardLayout.Shard shard) {
    file = folder.create(shard.file());
    goPastCache(file, shard);
    hash = Fingerprint.hash(sha256);
    append(0, MemorySegment.ofArray(shard.header()));
    finished(shard.header().length);
  }

  /// Small outputs stay in the page cache for their next reader.
  private static void goPastCache(OutputFile file, ShardLayout.Shard shard) {
    if (shard.bytes() >= DIRECT_BYTES) {
      file.goPastCache();
    }
  }

  private void append(long position, MemorySegment bytes) {
    Flight.Write event = new Flight.Write();
    event.begin();
    Objects.requireNonNull(file).write(position, bytes);
    count(event, position, bytes);
  }

  private void count(Flight.Write event, long position, MemorySegment bytes) {
    Objects.requireNonNull(hash).update(bytes);
    event.done(folder.file(layout.shards().get(current).file()), position, bytes.byteSize());
    bytesWritten += bytes.byteSize();
    unforced += bytes.byteSize();
    unflushed += bytes.byteSize();
    if (unflushed >= FLUSH_BYTES && flushing.isDone()) {
      awaitFlush();
      flushing = flusher.submit(Objects.requireNonNull(file)::sync);
      unflushed = 0;
    }
  }

  private void complete(OutputFile done, ShardLayout.Shard shard) {
    force(done);
    unforced = 0;
    done.requireSize(shard.bytes());
    closeFile();
    written.add(folder.report(shard, Objects.requireNonNull(hash)));
  }

  private void closeFile() {
    OutputFile open = file;
    file = null;
    unflushed = 0;
    if (open != null) {
      open.close();
    }
  }

  @Override
  public void close() {
    stop(false);
    flusher.close();
  }
}

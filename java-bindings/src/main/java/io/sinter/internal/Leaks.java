// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Frees what was never closed, as a last resort, and says so.
///
/// `-Dsinter.leaks=trace` keeps the stack of every allocation, so that the report shows it.
public final class Leaks {
  private static final System.Logger LOG = System.getLogger("io.sinter");
  private static final boolean TRACE = "trace".equals(System.getProperty("sinter.leaks"));
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicLong OPEN = new AtomicLong();
  private static final AtomicLong LEAKED = new AtomicLong();

  private Leaks() {}

  /// Streams, events and allocated tensors that are open now.
  public static long open() {
    return OPEN.get();
  }

  /// Those that the garbage collector found open, since the start.
  public static long leaked() {
    return LEAKED.get();
  }

  /// Something to be closed. It must not refer to `holder`, whose end it waits for.
  abstract static class Resource implements Runnable {
    private final @Nullable Throwable allocation;
    private Cleaner.@Nullable Cleanable cleanable;
    private volatile boolean closing;

    Resource() {
      allocation = TRACE ? new Throwable("allocated here") : null;
    }

    final void trackFor(Object holder) {
      OPEN.incrementAndGet();
      cleanable = CLEANER.register(holder, this);
    }

    /// Frees the resource unless that has happened.
    final void close() {
      closing = true;
      if (cleanable != null) {
        cleanable.clean();
      }
    }

    /// Runs once: from `close`, or when nothing refers to the holder any more.
    @Override
    public final void run() {
      OPEN.decrementAndGet();
      if (!closing) {
        LEAKED.incrementAndGet();
        String advice = TRACE ? "" : "; -Dsinter.leaks=trace shows where it was allocated";
        LOG.log(
            System.Logger.Level.WARNING,
            "leak: " + this + " was never closed" + advice,
            allocation);
      }
      free();
    }

    abstract void free();

    /// What leaked, for the report.
    @Override
    public abstract String toString();
  }
}

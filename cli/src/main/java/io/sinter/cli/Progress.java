// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Bytes done, rate and time left: one line rewritten ten times a second on a terminal, else a line
/// every ten seconds.
final class Progress implements AutoCloseable {

  private static final long ON_TERMINAL_NANOS = 100_000_000L;
  private static final long PLAIN_NANOS = 10_000_000_000L;

  private final PrintWriter err;
  private final boolean terminal;
  private final LongSupplier nanoTime;
  private final long start;
  private long last;
  private int width;

  Progress(PrintWriter err, boolean terminal, LongSupplier nanoTime) {
    this.err = err;
    this.terminal = terminal;
    this.nanoTime = nanoTime;
    start = nanoTime.getAsLong();
    last = terminal ? start - ON_TERMINAL_NANOS : start;
  }

  /// Tells how far it is, if it is time to.
  void update(long done, long total) {
    long now = nanoTime.getAsLong();
    if (now - last < (terminal ? ON_TERMINAL_NANOS : PLAIN_NANOS)) {
      return;
    }
    last = now;
    String line = line(done, total, (now - start) / 1e9);
    if (terminal) {
      err.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
      width = line.length();
    } else {
      err.println(line);
    }
    err.flush();
  }

  /// Clears the line, for what is printed next.
  @Override
  public void close() {
    if (width > 0) {
      err.print("\r" + " ".repeat(width) + "\r");
      err.flush();
      width = 0;
    }
  }

  private static String line(long done, long total, double seconds) {
    double rate = done / seconds;
    String left = done == 0 ? "" : ", " + Units.time((total - done) / rate) + " left";
    return String.format(
        Locale.ROOT,
        "%3d %%  %s of %s, %s/s%s",
        total == 0 ? 100 : (long) (100.0 * done / total),
        Units.bytes(done),
        Units.bytes(total),
        Units.bytes(rate),
        left);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Lets a command clean up when the process is told to stop (Ctrl-C, SIGTERM): the shutdown waits,
/// for a while, until the command has noticed and returned.
final class Cancellation implements AutoCloseable {

  private static final int GRACE_SECONDS = 10;

  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean requested;

  private Cancellation() {}

  /// One that is never requested.
  static Cancellation never() {
    return new Cancellation();
  }

  /// One that is requested when the virtual machine shuts down.
  static Cancellation onShutdown() {
    Cancellation cancellation = new Cancellation();
    Runtime.getRuntime()
        .addShutdownHook(new Thread(cancellation::requestAndWait, "sinter-cancellation"));
    return cancellation;
  }

  /// Whether the command should stop.
  boolean requested() {
    return requested;
  }

  /// Throws if the command should stop.
  void check() {
    if (requested) {
      throw new CancellationException("interrupted");
    }
  }

  /// The command has returned: a shutdown need not wait for it.
  @Override
  public void close() {
    ended.countDown();
  }

  private void requestAndWait() {
    requested = true;
    try {
      ended.await(GRACE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

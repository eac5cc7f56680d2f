// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import io.sinter.internal.Leaks;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/// Fails the whole run if a test left a stream, an event or a tensor open. Registered for all
/// tests.
public final class LeakCheck implements BeforeAllCallback {
  @Override
  public void beforeAll(ExtensionContext context) {
    context
        .getRoot()
        .getStore(Namespace.create(LeakCheck.class))
        .getOrComputeIfAbsent(Report.class, _ -> new Report());
  }

  /// Closed when all tests have run.
  private static final class Report implements AutoCloseable {
    @Override
    public void close() {
      for (int i = 0; i < 50 && Leaks.open() > 0; i++) {
        System.gc();
        LockSupport.parkNanos(20_000_000);
      }
      if (Leaks.leaked() > 0 || Leaks.open() > 0) {
        throw new AssertionError(
            "leak report: "
                + Leaks.leaked()
                + " were never closed, "
                + Leaks.open()
                + " are open; -Dsinter.leaks=trace shows where they were allocated");
      }
    }
  }
}

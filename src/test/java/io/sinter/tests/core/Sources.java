// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;

/// The project's source tree, where the tests run inside it.
final class Sources {
  private Sources() {}

  /// The project's folder; skips the test where it is not at hand.
  static Path root() {
    String root = System.getProperty("sinter.sources");
    assumeTrue(root != null, "the tests do not run in the source tree (-Dsinter.sources)");
    return Path.of(root);
  }
}

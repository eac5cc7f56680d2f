// SPDX-License-Identifier: Apache-2.0

/// Whole programs on real data.
module io.sinter.examples {
  requires transitive io.sinter;
  requires io.sinter.updater;
  requires static org.jspecify;

  exports io.sinter.examples;
}

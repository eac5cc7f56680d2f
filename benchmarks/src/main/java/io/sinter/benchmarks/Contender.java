// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

/// One of those who do the same work and are timed side by side.
///
/// @param name how results call it
/// @param work runs the work a number of times and waits until it is done
record Contender(String name, Work work) {
  /// The operation itself.
  static final String SINTER = "sinter";

  /// The traffic twin.
  static final String TWIN = "twin";

  /// Work that can be repeated.
  @FunctionalInterface
  interface Work {
    void run(int repeats);
  }

  /// A contender whose work is done when it returns.
  static Contender of(String name, Runnable once) {
    return new Contender(
        name,
        repeats -> {
          for (int i = 0; i < repeats; i++) {
            once.run();
          }
        });
  }
}

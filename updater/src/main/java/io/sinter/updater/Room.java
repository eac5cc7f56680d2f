// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

/// How much of a merge may be on its way at once.
///
/// @param pass the most bytes of input and output of a pass that goes through a slot. What is
// larger
///     (a tensor that a method must see whole) is computed in mapped files on the CPU, and goes to
///     and from other devices in parts
/// @param device the most bytes of a device's memory; 0 for no bound
record Room(long pass, long device) {
  /// Slots that go round on each device: one is filled, one is computed, one is written.
  static final int SLOTS = 3;

  /// Input and output bytes of a pass: enough to hide the cost of a launch, few enough that what
  /// one stage leaves in the cache is there for the next.
  static final long MOST = 32L << 20;

  private static final long DEFAULT_MEMORY = 1_000_000_000;

  /// Every slot of a device has room for inputs and for outputs, and a reduction for its inputs.
  private static final int SHARES = 2 * SLOTS + 2;

  /// On a device: a quarter for the passes in flight, the rest for their streams' workspaces.
  private static final int DEVICE_SHARES = 4 * SLOTS;

  /// @param devices that share the merge
  static Room of(MergeOptions options, int devices) {
    long memory = options.memory() == 0 ? DEFAULT_MEMORY : options.memory();
    long pass = Math.min(MOST, memory / SHARES / devices);
    if (options.deviceMemory() > 0) {
      pass = Math.min(pass, options.deviceMemory() / DEVICE_SHARES);
    }
    return new Room(pass, options.deviceMemory());
  }

  /// The most workspace of each slot's stream on a device; 0 for no bound.
  long workspace() {
    return device / 4;
  }

  /// Bytes of a device that a pass larger than a slot may take, alone.
  long alone() {
    return device == 0 ? Long.MAX_VALUE : device - workspace();
  }
}

// SPDX-License-Identifier: Apache-2.0
import org.jspecify.annotations.NullMarked;

/// Sinter merges model weights at the speed of memory, on CPUs and on CUDA devices.
///
/// Start at [io.sinter.Device]; the operations are in [io.sinter.ops].
@NullMarked
@SuppressWarnings("module") // the qualified exports name modules that are compiled later
module io.sinter {
  requires static transitive org.jspecify;

  exports io.sinter;
  exports io.sinter.ops;
  exports io.sinter.internal to
      io.sinter.jcuda,
      io.sinter.tests;
  exports io.sinter.internal.ffi to
      io.sinter.tests,
      io.sinter.updater;
}

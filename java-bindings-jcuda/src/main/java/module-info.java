// SPDX-License-Identifier: Apache-2.0
import org.jspecify.annotations.NullMarked;

/// Memory, streams and cuBLAS handles shared with [JCuda](http://jcuda.org), without copies.
///
/// Start at [io.sinter.jcuda].
@NullMarked
module io.sinter.jcuda {
  requires transitive io.sinter;
  requires jcuda; // automatic, and so not transitive: who uses this module requires it as well
  requires static jcublas;
  requires static org.jspecify;

  exports io.sinter.jcuda;
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

/// How tensors are read for the CPU device. CUDA devices are always fed by reads into pinned
/// memory.
public enum IoMode {
  /// Kernels read memory maps of the files in place.
  MMAP,
  /// Tensors are read into reused buffers first.
  PREAD
}

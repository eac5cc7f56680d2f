// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.nio.file.Path;
import java.util.Arrays;

/// Where a checkpoint keeps one tensor: `bytes` bytes at `offset` of `file`, row-major.
public record TensorEntry(
    String name, StorageType type, long[] shape, Path file, long offset, long bytes) {

  public TensorEntry {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /// The number of elements; 1 for a scalar.
  public long elements() {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorEntry that
        && name.equals(that.name)
        && type == that.type
        && Arrays.equals(shape, that.shape)
        && file.equals(that.file)
        && offset == that.offset
        && bytes == that.bytes;
  }

  @Override
  public int hashCode() {
    return name.hashCode() * 31 + file.hashCode();
  }

  @Override
  public String toString() {
    return name + " " + type.code() + Arrays.toString(shape) + " at " + offset + " of " + file;
  }
}

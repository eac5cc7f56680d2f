// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.DType;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.Locale;

/// A typed, strided view of memory: all of a tensor but its public face.
public final class View {
  private final Memory memory;
  private final DType dtype;
  private final long offset;
  private final long[] shape;
  private final long[] strides;
  private final long elements;
  private final String name;

  private View(Memory memory, DType dtype, long offset, long[] shape, long[] strides, String name) {
    this.memory = memory;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.elements = elements(shape);
    this.name = name;
  }

  /// All of `memory`, in row-major order. The shape must have passed [#bytes(DType, long\[\])].
  public static View of(Memory memory, DType dtype, long[] shape) {
    return new View(memory, dtype, 0, shape.clone(), rowMajor(shape), "");
  }

  /// The bytes of a contiguous tensor.
  ///
  /// @throws IllegalArgumentException if the rank or a dimension is out of range
  public static long bytes(DType dtype, long[] shape) {
    if (shape.length > Abi.SINTER_MAX_RANK) {
      throw new IllegalArgumentException(
          "shape "
              + Arrays.toString(shape)
              + " has more than "
              + Abi.SINTER_MAX_RANK
              + " dimensions");
    }
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(shape) + " has a negative dimension");
      }
    }
    try {
      return Math.multiplyExact(elements(shape), dtype.bytes());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "shape " + Arrays.toString(shape) + " has more than 2^63 bytes", e);
    }
  }

  private static long elements(long[] shape) {
    long product = 1;
    for (long size : shape) {
      if (size == 0) {
        return 0;
      }
      product = Math.multiplyExact(product, size);
    }
    return product;
  }

  private static long[] rowMajor(long[] shape) {
    long[] strides = new long[shape.length];
    long step = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= Math.max(1, shape[i]);
    }
    return strides;
  }

  /// For example `bf16[3, 4]`.
  public static String describe(DType dtype, long[] shape) {
    return dtype.name().toLowerCase(Locale.ROOT) + Arrays.toString(shape);
  }

  public Memory memory() {
    return memory;
  }

  public int device() {
    return memory.device();
  }

  public DType dtype() {
    return dtype;
  }

  public long[] shape() {
    return shape.clone();
  }

  public long[] strides() {
    return strides.clone();
  }

  public int rank() {
    return shape.length;
  }

  public long elements() {
    return elements;
  }

  public long bytes() {
    return elements * dtype.bytes();
  }

  public String name() {
    return name;
  }

  boolean hasShape(long... expected) {
    return Arrays.equals(shape, expected);
  }

  boolean hasShapeOf(View other) {
    return Arrays.equals(shape, other.shape);
  }

  public View named(String newName) {
    return new View(memory, dtype, offset, shape, strides, newName);
  }

  public View slice(int axis, long from, long to) {
    if (axis < 0 || axis >= shape.length) {
      throw new IllegalArgumentException(
          this + " has no axis " + axis + "; axes are 0 to " + (shape.length - 1));
    }
    if (from < 0 || from > to || to > shape[axis]) {
      throw new IllegalArgumentException(
          "slice [" + from + ", " + to + ") is not within axis " + axis + " of " + this);
    }
    long[] sizes = shape.clone();
    sizes[axis] = to - from;
    long start = elements == 0 ? offset : offset + from * strides[axis] * dtype.bytes();
    return new View(memory, dtype, start, sizes, strides, name);
  }

  public View reshape(long... sizes) {
    long bytes = bytes(dtype, sizes);
    if (bytes != bytes()) {
      throw new IllegalArgumentException(
          this + " cannot become " + Arrays.toString(sizes) + ": the numbers of elements differ");
    }
    if (!isContiguous()) {
      throw new IllegalArgumentException(
          this + " is not contiguous and cannot be reshaped; copy it first");
    }
    return new View(memory, dtype, offset, sizes.clone(), rowMajor(sizes), name);
  }

  public View permute(int... axes) {
    boolean[] seen = new boolean[shape.length];
    boolean valid = axes.length == shape.length;
    for (int i = 0; valid && i < axes.length; i++) {
      valid = axes[i] >= 0 && axes[i] < shape.length && !seen[axes[i]];
      if (valid) {
        seen[axes[i]] = true;
      }
    }
    if (!valid) {
      throw new IllegalArgumentException(
          "axes " + Arrays.toString(axes) + " are not those of " + this + " in another order");
    }
    long[] sizes = new long[axes.length];
    long[] steps = new long[axes.length];
    for (int i = 0; i < axes.length; i++) {
      sizes[i] = shape[axes[i]];
      steps[i] = strides[axes[i]];
    }
    return new View(memory, dtype, offset, sizes, steps, name);
  }

  public boolean isContiguous() {
    long step = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && strides[i] != step) {
        return elements == 0;
      }
      step *= shape[i];
    }
    return true;
  }

  public MemorySegment segment() {
    if (memory.device() != Abi.SINTER_CPU) {
      throw new IllegalStateException(
          this + " is not host memory; copy it to a host tensor to read it");
    }
    MemorySegment whole = memory.segment(this);
    if (!isContiguous()) {
      throw new IllegalStateException(this + " is not contiguous; copy it first");
    }
    return whole.asSlice(offset, bytes());
  }

  /// The address of the first element, on its device.
  ///
  /// @throws IllegalStateException if the memory is closed
  public long address() {
    return memory.address(this) + offset;
  }

  /// Writes the view as the `sinter_tensor` at `index` of an array.
  void describe(MemorySegment array, long index, SegmentAllocator scratch) {
    Abi.sinter_tensor.struct_size(array, index, Abi.sinter_tensor.LAYOUT.byteSize());
    Abi.sinter_tensor.dtype(array, index, dtype.code());
    Abi.sinter_tensor.device(array, index, memory.device());
    Abi.sinter_tensor.rank(array, index, shape.length);
    Abi.sinter_tensor.data(array, index, MemorySegment.ofAddress(memory.address() + offset));
    if (!name.isEmpty()) {
      Abi.sinter_tensor.name(array, index, scratch.allocateFrom(name));
    }
    for (int i = 0; i < shape.length; i++) {
      Abi.sinter_tensor.shape(array, index, i, shape[i]);
      Abi.sinter_tensor.strides(array, index, i, strides[i]);
    }
  }

  /// For example `tensor "lm_head.weight" (bf16[3, 4] on cuda:0)`.
  @Override
  public String toString() {
    String type = describe(dtype, shape) + " on " + Devices.name(memory.device());
    return name.isEmpty() ? "tensor " + type : "tensor \"" + name + "\" (" + type + ")";
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.Bridge;
import io.sinter.internal.Memory;
import io.sinter.internal.View;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// A typed, strided view of memory on one device.
///
/// A tensor that a stream allocated owns its memory, and so does the same tensor under another
/// [#named name]: closing it frees the memory after the last use on every stream that touched it,
/// without blocking. Views ([#slice], [#reshape], [#permute], [#flatten]) share the owner's
/// lifetime, and closing a view does nothing. A tensor over a caller's segment ([#of]) owns
/// nothing; closing it only ends its use. Closing twice is fine; the use of a closed tensor throws
/// [IllegalStateException] and names it.
///
/// Tensors may be used from many threads and streams. An operation that writes a tensor on one
/// stream is ordered with those on another only by an [Event].
public final class Tensor implements AutoCloseable {
  static {
    Bridge.tensors(tensor -> tensor.view, Tensor::owning);
  }

  private final View view;
  private final boolean owner;

  private Tensor(View view, boolean owner) {
    this.view = view;
    this.owner = owner;
  }

  static Tensor owning(Memory memory, DType dtype, long[] shape) {
    return new Tensor(View.of(memory, dtype, shape), true);
  }

  /// Views native host memory, for example a memory map, as a contiguous tensor. CPU streams use it
  /// in place; CUDA streams copy from and to it. Its address needs no alignment.
  ///
  /// The tensor keeps the segment reachable, and every use checks that its arena is open. An arena
  /// must not be closed while an operation runs on its memory.
  ///
  /// @param memory native memory of exactly the tensor's bytes
  /// @param dtype the elements' type
  /// @param shape at most 8 dimensions, 0 or more each; none for a scalar
  /// @return a tensor on the CPU that owns nothing
  /// @throws IllegalArgumentException for a heap segment, or one of another size
  public static Tensor of(MemorySegment memory, DType dtype, long... shape) {
    Objects.requireNonNull(dtype, "dtype");
    long bytes = View.bytes(dtype, shape);
    if (!memory.isNative()) {
      throw new IllegalArgumentException(
          "memory is a heap segment, which native code cannot use; allocate it from an Arena");
    }
    if (memory.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "memory has "
              + memory.byteSize()
              + " bytes, and "
              + View.describe(dtype, shape)
              + " has "
              + bytes
              + "; take a slice of it");
    }
    return owning(Memory.of(memory), dtype, shape);
  }

  /// {@return the device the memory is on; the CPU for all host memory}
  public Device device() {
    return Device.of(view.device());
  }

  /// {@return the elements' type}
  public DType dtype() {
    return view.dtype();
  }

  /// {@return the sizes of the dimensions}
  public long[] shape() {
    return view.shape();
  }

  /// {@return the steps of the dimensions, in elements}
  public long[] strides() {
    return view.strides();
  }

  /// {@return the number of dimensions}
  public int rank() {
    return view.rank();
  }

  /// {@return the number of elements}
  public long elements() {
    return view.elements();
  }

  /// {@return the bytes of the elements}
  public long bytes() {
    return view.bytes();
  }

  /// {@return whether the elements lie side by side in row-major order}
  public boolean isContiguous() {
    return view.isContiguous();
  }

  /// {@return this tensor with a name for messages; it owns the memory where this one does}
  ///
  /// @param name the name
  public Tensor named(String name) {
    return new Tensor(view.named(Objects.requireNonNull(name, "name")), owner);
  }

  /// {@return the name, empty where none was given}
  public String name() {
    return view.name();
  }

  /// {@return a view of the elements from `from` to before `to` along an axis}
  ///
  /// @param axis the axis
  /// @param from the first index
  /// @param to the index after the last
  /// @throws IllegalArgumentException if there is no such axis or range
  public Tensor slice(int axis, long from, long to) {
    return new Tensor(view.slice(axis, from, to), false);
  }

  /// {@return a view of a contiguous tensor's elements in another shape}
  ///
  /// @param shape a shape with as many elements
  /// @throws IllegalArgumentException if the tensor is not contiguous or the number of elements
  ///     differs
  public Tensor reshape(long... shape) {
    return new Tensor(view.reshape(shape), false);
  }

  /// {@return a view with the axes in another order}
  ///
  /// @param axes for each axis of the view, the axis of this tensor
  /// @throws IllegalArgumentException if the axes are no permutation
  public Tensor permute(int... axes) {
    return new Tensor(view.permute(axes), false);
  }

  /// {@return a view of a contiguous tensor with one dimension}
  ///
  /// @throws IllegalArgumentException if the tensor is not contiguous
  public Tensor flatten() {
    return reshape(elements());
  }

  /// The elements of a contiguous host tensor, in the machine's byte order. The segment ends with
  /// the tensor. What was enqueued on a CUDA stream is there only after it was synchronised.
  ///
  /// @return the memory itself, no copy
  /// @throws IllegalStateException if the tensor is closed, not contiguous, or not in host memory
  public MemorySegment segment() {
    return view.segment();
  }

  /// Frees the memory that the tensor owns after its last use on every stream. Does not block.
  ///
  /// @throws IllegalStateException if a segment of the tensor is in use by another thread
  @Override
  public void close() {
    if (owner) {
      view.memory().close();
    }
  }

  /// For example `tensor "lm_head.weight" (bf16[3, 4] on cuda:0)`.
  @Override
  public String toString() {
    return view.toString();
  }
}

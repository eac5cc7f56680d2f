// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Elements taken along axes by indices: what permutes a layer's units, and grows or shrinks it.
///
/// Indices are arrays, one for each axis of the tensor, or null for an axis that stays as it is;
/// a list that ends early leaves the rest as they are. The output's axis is as long as its
/// indices; an index may come several times, or not at all. Tensors that share an array object pay
/// for its check and its upload once.
public final class Gather {
  private Gather() {}

  /// `out[i, j, ...] = in[p[i], q[j], ...]`, along all axes in one pass; `in[m, n, ...] -> out[r,
  // s,
  /// ...]`. Equal dtypes keep bytes, others are cast.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param indices for each axis its indices, or null
  /// @param out any dtype; apart from `in`
  /// @throws IllegalArgumentException if an index is out of range, naming tensor, axis and place
  public static void gather(Stream stream, Tensor in, List<int @Nullable []> indices, Tensor out) {
    gather(stream, List.of(in), List.of(indices), List.of(out), null);
  }

  /// Gathers a batch as [#gather(Stream, Tensor, List, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param in any dtypes
  /// @param indices for each tensor and axis its indices, or null
  /// @param out any dtypes
  /// @param counts a contiguous f64 tensor `[outputs, 3]` or null; see [Arithmetic#counts]
  public static void gather(
      Stream stream,
      List<Tensor> in,
      List<List<int @Nullable []>> indices,
      List<Tensor> out,
      @Nullable Tensor counts) {
    try (Call call = Call.on(stream, "gather", in.size())) {
      MemorySegment inputs = call.inputsOfAnyShape("in", in);
      MemorySegment outputs = call.outputs("out", out);
      MemorySegment lists = lists(call, in, indices, out);
      MemorySegment counted = call.results("counts", counts, call.count(), 3);
      call.check(
          Abi.sinter_gather(
              call.stream(), call.count(), inputs, lists, outputs, counted, call.error()));
    }
  }

  /// `out = lerp(reference, gathered, alpha)`: interpolates from `reference` towards what
  /// [#gather(Stream, Tensor, List, Tensor)] makes of `in`, without its ever being written.
  ///
  /// @param stream the stream
  /// @param reference `[r, s, ...]`, any dtype
  /// @param in `[m, n, ...]`, any dtype
  /// @param indices for each axis of `in` its indices, or null
  /// @param alpha any finite number: 0 copies `reference`, 1 what is gathered
  /// @param out `[r, s, ...]`, any dtype; may be `reference`, and is apart from `in`
  public static void lerp(
      Stream stream,
      Tensor reference,
      Tensor in,
      List<int @Nullable []> indices,
      double alpha,
      Tensor out) {
    lerp(
        stream,
        List.of(reference),
        List.of(in),
        List.of(indices),
        new double[] {alpha},
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#lerp(Stream, Tensor, Tensor, List, double, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param reference any dtypes
  /// @param in any dtypes
  /// @param indices for each tensor and axis its indices, or null
  /// @param alpha one finite number for each tensor
  /// @param out any dtypes, of the shapes of `reference`
  /// @param arithmetic how elements are computed
  public static void lerp(
      Stream stream,
      List<Tensor> reference,
      List<Tensor> in,
      List<List<int @Nullable []>> indices,
      double[] alpha,
      List<Tensor> out,
      Arithmetic arithmetic) {
    try (Call call = Call.on(stream, "gatherLerp", in.size())) {
      MemorySegment references = call.inputs("reference", reference);
      MemorySegment inputs = call.inputsOfAnyShape("in", in);
      MemorySegment outputs = call.outputs("out", out);
      MemorySegment lists = lists(call, in, indices, out);
      MemorySegment numbers = call.numbers("alpha", alpha);
      call.check(
          Abi.sinter_gather_lerp(
              call.stream(),
              call.count(),
              references,
              inputs,
              lists,
              numbers,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// `[count][SINTER_MAX_RANK]` pointers; each array object is copied once.
  private static MemorySegment lists(
      Call call, List<Tensor> in, List<List<int @Nullable []>> indices, List<Tensor> out) {
    if (indices.size() != in.size()) {
      throw call.mistake(
          "indices has " + indices.size() + " entries, and the batch has " + in.size());
    }
    int most = Abi.SINTER_MAX_RANK;
    MemorySegment[] pointers = new MemorySegment[most * in.size()];
    Arrays.fill(pointers, MemorySegment.NULL);
    Map<int[], MemorySegment> known = new IdentityHashMap<>();
    for (int k = 0; k < in.size(); k++) {
      List<int @Nullable []> entry = Objects.requireNonNull(indices.get(k), "indices");
      Tensor from = in.get(k);
      Tensor to = out.get(k);
      if (from.rank() != to.rank() || entry.size() > from.rank()) {
        throw call.mistake(
            "in["
                + k
                + "] is "
                + from
                + " with indices for "
                + entry.size()
                + " axes, and out["
                + k
                + "] is "
                + to
                + "; give tensors of one rank, and no more indices than that");
      }
      for (int axis = 0; axis < from.rank(); axis++) {
        int[] list = axis < entry.size() ? entry.get(axis) : null;
        long size = list == null ? from.shape()[axis] : list.length;
        if (to.shape()[axis] != size) {
          throw call.mistake(
              "out["
                  + k
                  + "] is "
                  + to
                  + ", and in["
                  + k
                  + "], "
                  + from
                  + ", gives "
                  + size
                  + (list == null ? " without" : " by its")
                  + " indices along axis "
                  + axis);
        }
        if (list != null) {
          // An empty list needs an address all the same: no address means an axis that stays.
          pointers[most * k + axis] =
              known.computeIfAbsent(list, l -> call.list(l.length > 0 ? l : new int[1]));
        }
      }
    }
    return call.pointers(pointers);
  }
}

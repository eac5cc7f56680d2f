// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.ops.Gather;
import io.sinter.ops.Reductions;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.StorageType;
import io.sinter.updater.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Two models of one spec: checked to belong together, and read block by block in the type that
/// matching computes in, so that neither is ever in memory as a whole.
final class Pair {
  /// A block of a tensor holds about so many bytes; one that cannot be cut holds all of it.
  private static final long BLOCK = 1L << 26;

  private final PermutationSpec spec;
  private final Checkpoint reference;
  private final Checkpoint model;
  private final Stream stream;
  private final DType dtype;

  /// @throws SpecException where the models or the spec do not fit together, naming the tensor
  Pair(PermutationSpec spec, Checkpoint reference, Checkpoint model, Stream stream) {
    this.spec = spec;
    this.reference = reference;
    this.model = model;
    this.stream = stream;
    spec.requireShapesOf(reference);
    spec.requireShapesOf(model);
    boolean wide = false;
    for (Map.Entry<String, List<Axis>> tensor : spec.tensors().entrySet()) {
      if (tensor.getValue().stream().anyMatch(Axis::permuted)) {
        wide |= reference.tensor(tensor.getKey()).type() == StorageType.F64;
        wide |= model.tensor(tensor.getKey()).type() == StorageType.F64;
      }
    }
    this.dtype = wide ? DType.F64 : DType.F32;
  }

  /// What is computed in: float64 where a tensor of either model is, else float32.
  DType dtype() {
    return dtype;
  }

  Stream stream() {
    return stream;
  }

  /// Whether a tensor says which units belong together: one that a group names and that was
  /// learned. Batch norms' running statistics move with their units and say nothing of them.
  boolean counts(String tensor) {
    return !tensor.endsWith("running_mean")
        && !tensor.endsWith("running_var")
        && spec.tensors().get(tensor).stream().anyMatch(Axis::permuted);
  }

  /// A part of a tensor in both models, the model's renamed.
  interface Consumer {
    void accept(Tensor reference, Tensor model);
  }

  /// Gives out a tensor of both in blocks along its first axis.
  ///
  /// @param kept an axis along which the model is not renamed; it is not cut. -1 for none
  /// @param group whose units stay in their places there
  void blocks(
      String tensor,
      int kept,
      @Nullable String group,
      Map<String, Permutation> permutations,
      Consumer to) {
    List<Axis> axes = spec.tensors().get(tensor);
    List<int @Nullable []> indices = new ArrayList<>();
    for (int a = 0; a < axes.size(); a++) {
      indices.add(indices(axes.get(a), a == kept ? group : null, permutations));
    }
    Tensor left = whole(reference, tensor);
    Tensor right = whole(model, tensor);
    long[] shape = left.shape();
    long rows = shape.length == 0 ? 1 : shape[0];
    long rowBytes = Math.max(1, left.elements() / Math.max(1, rows) * dtype.bytes());
    long step = kept == 0 || shape.length == 0 ? rows : Math.max(1, BLOCK / rowBytes);
    for (long from = 0; from < rows; from += step) {
      long to0 = Math.min(rows, from + step);
      Tensor partOfLeft = shape.length == 0 ? left : left.slice(0, from, to0);
      try (Block a = converted(partOfLeft);
          Block b = renamed(right, indices, from, to0)) {
        to.accept(a.tensor(), b.tensor());
      }
    }
  }

  private int @Nullable [] indices(
      Axis axis, @Nullable String group, Map<String, Permutation> permutations) {
    if (!axis.permuted()) {
      return null;
    }
    Map<String, Permutation> all = permutations;
    if (group != null) {
      all = new HashMap<>(permutations);
      all.put(group, Permutation.identity(Objects.requireNonNull(spec.groups().get(group))));
    }
    int[] indices = spec.indices(axis, all);
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] != i) {
        return indices;
      }
    }
    return null;
  }

  private static Tensor whole(Checkpoint of, String name) {
    TensorEntry entry = of.tensor(name);
    return Tensor.of(of.map(name), entry.type().dtype().orElseThrow(), entry.shape()).named(name);
  }

  /// A part of a tensor, and whether it is memory of ours.
  private record Block(Tensor tensor, boolean owned) implements AutoCloseable {
    @Override
    public void close() {
      if (owned) {
        tensor.close();
      }
    }
  }

  private Block converted(Tensor part) {
    MemorySegment bytes = part.segment();
    if (part.dtype() == dtype && bytes.address() % dtype.bytes() == 0) {
      return new Block(part, false);
    }
    Tensor out = stream.allocate(dtype, part.shape());
    Conversion.cast(stream, part, out);
    return new Block(out, true);
  }

  private Block renamed(Tensor whole, List<int @Nullable []> indices, long from, long to) {
    int @Nullable [] rows = indices.isEmpty() ? null : indices.getFirst();
    if (indices.stream().allMatch(Objects::isNull)) {
      return converted(whole.rank() == 0 ? whole : whole.slice(0, from, to));
    }
    List<int @Nullable []> part = new ArrayList<>(indices);
    Tensor in = whole;
    if (rows == null) {
      in = whole.slice(0, from, to);
    } else {
      part.set(0, Arrays.copyOfRange(rows, Math.toIntExact(from), Math.toIntExact(to)));
    }
    long[] shape = whole.shape();
    shape[0] = to - from;
    Tensor out = stream.allocate(dtype, shape);
    Gather.gather(stream, in, part, out);
    return new Block(out, true);
  }

  /// The objective of a tensor.
  double objective(String tensor, Map<String, Permutation> permutations) {
    double[] sum = new double[1];
    blocks(tensor, -1, null, permutations, (a, b) -> sum[0] += Reductions.dot(stream, a, b));
    return sum[0];
  }

  /// The first tensor of these that has an element which is not finite, in words.
  String nonFinite(Iterable<String> tensors) {
    for (String tensor : tensors) {
      for (Checkpoint checkpoint : List.of(reference, model)) {
        Reductions.Counted counted =
            Reductions.count(stream, whole(checkpoint, tensor).flatten(), Double.MAX_VALUE);
        long broken = counted.infinite() + counted.nan();
        if (broken > 0) {
          return "tensor '"
              + tensor
              + "' of "
              + checkpoint.path()
              + " has "
              + broken
              + (broken == 1 ? " element that is not finite" : " elements that are not finite");
        }
      }
    }
    return "products of the models' weights are out of range";
  }
}

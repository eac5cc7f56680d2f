// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.TensorEntry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// Which axes of which tensors of a model name the same units.
///
/// @param architecture what was recognised, or the name of the file it was read from
/// @param groups by name
/// @param tensors the axes of every tensor, by name
public record PermutationSpec(
    String architecture,
    SequencedMap<String, Group> groups,
    SequencedMap<String, List<Axis>> tensors) {

  public PermutationSpec {
    groups = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(groups));
    SequencedMap<String, List<Axis>> copies = new LinkedHashMap<>();
    tensors.forEach((name, axes) -> copies.put(name, List.copyOf(axes)));
    tensors = Collections.unmodifiableSequencedMap(copies);
  }

  /// An axis that names a group.
  public record Use(String tensor, int axis, Role role) {
    @Override
    public String toString() {
      return tensor + "[" + axis + "]" + (role == Role.UNITS ? "" : " " + role.code());
    }
  }

  /// Where a group is named, in the order of the tensors.
  public List<Use> uses(String group) {
    List<Use> uses = new ArrayList<>();
    tensors.forEach(
        (tensor, axes) -> {
          for (int a = 0; a < axes.size(); a++) {
            for (Axis.Segment segment : axes.get(a).segments()) {
              for (Axis.Factor factor : segment.factors()) {
                if (group.equals(factor.group())) {
                  uses.add(new Use(tensor, a, factor.role()));
                }
              }
            }
          }
        });
    return uses;
  }

  /// Fails unless a model has the tensors that this names, in its sizes, and those that are to be
  /// permuted in types that can be.
  ///
  /// @throws SpecException naming a tensor that does not fit
  public void requireShapesOf(Checkpoint model) {
    tensors.forEach(
        (name, axes) -> {
          TensorEntry entry = model.tensors().get(name);
          if (entry == null) {
            throw new SpecException(
                "the spec names tensor '"
                    + name
                    + "', which is not in "
                    + model.path()
                    + ". Use the spec of this architecture.");
          }
          long[] sizes = axes.stream().mapToLong(Axis::size).toArray();
          if (!Arrays.equals(sizes, entry.shape())) {
            throw new SpecException(
                "tensor '"
                    + name
                    + "' is "
                    + Arrays.toString(entry.shape())
                    + " in "
                    + entry.file()
                    + ", and "
                    + Arrays.toString(sizes)
                    + " in the spec. Align models of one architecture and size.");
          }
          if (entry.type().dtype().isEmpty() && axes.stream().anyMatch(Axis::permuted)) {
            throw new SpecException(
                "tensor '"
                    + name
                    + "' of "
                    + entry.file()
                    + " is "
                    + entry.type().code()
                    + ", which cannot be permuted. Convert the model to a floating-point type"
                    + " first.");
          }
        });
    for (String name : model.tensors().keySet()) {
      if (!tensors.containsKey(name)) {
        throw new SpecException(
            "tensor '"
                + name
                + "' of "
                + model.path()
                + " is not in the spec, which is of another model. Align models of one"
                + " architecture.");
      }
    }
  }

  /// Where the elements of an axis of the renamed model come from.
  ///
  /// @param permutations of every group
  public int[] indices(Axis axis, Map<String, Permutation> permutations) {
    int[] indices = new int[axis.size()];
    int start = 0;
    for (Axis.Segment segment : axis.segments()) {
      int size = segment.size();
      int[] part = new int[] {0};
      for (Axis.Factor factor : segment.factors()) {
        int[] next = new int[part.length * factor.size()];
        int[] order =
            factor.group() == null ? null : permutations.get(factor.group()).indices(factor.role());
        for (int i = 0; i < next.length; i++) {
          int inner = i % factor.size();
          next[i] =
              part[i / factor.size()] * factor.size() + (order == null ? inner : order[inner]);
        }
        part = next;
      }
      for (int i = 0; i < size; i++) {
        indices[start + i] = start + part[i];
      }
      start += size;
    }
    return indices;
  }
}

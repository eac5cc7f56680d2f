// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.updater.Reading;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedMap;

/// A permutation spec, on a small model.
public final class SpecFuzz {
  private static final String FILE = "s.yml";

  private static final SequencedMap<String, long[]> SHAPES = new LinkedHashMap<>();

  static {
    SHAPES.put("embed.weight", new long[] {6, 8});
    SHAPES.put("layers.0.qkv.weight", new long[] {16, 8});
    SHAPES.put("layers.0.out.weight", new long[] {8, 8});
    SHAPES.put("layers.0.up.bias", new long[] {12});
    SHAPES.put("steps", new long[] {});
  }

  private SpecFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    String text = new String(input, StandardCharsets.UTF_8);
    Reading.of(FILE, input.length, SpecException.class, () -> spec(text))
        .ifPresent(SpecFuzz::check);
  }

  private static PermutationSpec spec(String text) {
    return SpecReader.read(FILE, text)
        .on(SHAPES, key -> key.equals("num_heads") ? OptionalInt.of(4) : OptionalInt.empty());
  }

  /// What is accepted names every tensor in its sizes, and every element of an axis once.
  private static void check(PermutationSpec spec) {
    Map<String, Permutation> permutations = new HashMap<>();
    spec.groups().forEach((name, group) -> permutations.put(name, Permutation.identity(group)));
    Reading.require(
        spec.tensors().keySet().equals(SHAPES.keySet()), () -> "tensors " + spec.tensors());
    spec.tensors()
        .forEach(
            (name, axes) -> {
              long[] sizes = axes.stream().mapToLong(Axis::size).toArray();
              Reading.require(Arrays.equals(sizes, SHAPES.get(name)), () -> name + " as " + axes);
              for (Axis axis : axes) {
                int[] indices = spec.indices(axis, permutations);
                for (int i = 0; i < indices.length; i++) {
                  int at = i;
                  Reading.require(indices[i] == i, () -> axis + " at " + at);
                }
              }
            });
    spec.groups()
        .keySet()
        .forEach(name -> Reading.require(!spec.uses(name).isEmpty(), () -> "idle " + name));
  }
}

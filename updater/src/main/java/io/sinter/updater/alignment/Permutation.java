// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.stream.IntStream;

/// How the units of a [Group] are renamed: `order[i]` is the other model's unit that takes the
/// place of the reference's unit `i`.
public sealed interface Permutation {
  /// Where the elements of an axis come from: element `i` of the result is element `indices[i]` of
  /// the model.
  int[] indices(Role role);

  /// Of [Group.Units].
  record Units(int[] order) implements Permutation {
    public Units {
      requirePermutation(order);
      order = order.clone();
    }

    @Override
    public int[] order() {
      return order.clone();
    }

    @Override
    public int[] indices(Role role) {
      return order();
    }
  }

  /// Of [Group.Heads].
  ///
  /// @param groups of the key/value groups
  /// @param queries for each of the reference's groups: of the query heads in it
  /// @param keys for each: of the dimensions that queries and keys share
  /// @param values for each: of the dimensions of values
  record Heads(int[] groups, int[][] queries, int[][] keys, int[][] values) implements Permutation {
    public Heads {
      requirePermutation(groups);
      for (int g = 0; g < groups.length; g++) {
        requirePermutation(queries[g]);
        requirePermutation(keys[g]);
        requirePermutation(values[g]);
      }
    }

    @Override
    public int[] indices(Role role) {
      int heads = role.ofQueries() ? queries[0].length : 1;
      int size = keys[0].length;
      int[] indices = new int[groups.length * heads * size];
      int at = 0;
      for (int g = 0; g < groups.length; g++) {
        int[] inner = role == Role.QUERY || role == Role.KEY ? keys[g] : values[g];
        for (int h = 0; h < heads; h++) {
          int head = groups[g] * heads + (role.ofQueries() ? queries[g][h] : 0);
          for (int x = 0; x < size; x++) {
            indices[at++] = head * size + inner[x];
          }
        }
      }
      return indices;
    }
  }

  /// The one that changes nothing.
  static Permutation identity(Group group) {
    return switch (group) {
      case Group.Units units -> new Units(inOrder(units.size()));
      case Group.Heads heads ->
          new Heads(
              inOrder(heads.groups()),
              inOrder(heads.groups(), heads.queries()),
              inOrder(heads.groups(), heads.size()),
              inOrder(heads.groups(), heads.size()));
    };
  }

  private static int[] inOrder(int size) {
    return IntStream.range(0, size).toArray();
  }

  private static int[][] inOrder(int count, int size) {
    return IntStream.range(0, count).mapToObj(_ -> inOrder(size)).toArray(int[][]::new);
  }

  private static void requirePermutation(int[] order) {
    boolean[] seen = new boolean[order.length];
    for (int unit : order) {
      if (unit < 0 || unit >= order.length || seen[unit]) {
        throw new IllegalArgumentException(
            "unit " + unit + " is out of range or comes twice among " + order.length);
      }
      seen[unit] = true;
    }
  }
}

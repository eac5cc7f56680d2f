// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.ops.Products;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What each unit of the reference has in common with each unit of the model: the sum over all
/// places of their group of the product of their weights, everything else renamed as it is now.
final class Costs {
  private final PermutationSpec spec;
  private final Pair pair;
  private long nanos;

  Costs(PermutationSpec spec, Pair pair) {
    this.spec = spec;
    this.pair = pair;
  }

  /// Nanoseconds spent in matrix products.
  long nanos() {
    return nanos;
  }

  /// A square matrix on the CPU, float32 or float64.
  record Square(Tensor tensor) implements AutoCloseable {
    double get(long row, long column) {
      MemorySegment elements = tensor.segment();
      long at = row * tensor.shape()[1] + column;
      return tensor.dtype() == DType.F64
          ? elements.getAtIndex(ValueLayout.JAVA_DOUBLE, at)
          : elements.getAtIndex(ValueLayout.JAVA_FLOAT, at);
    }

    /// The sum over all rows of their elements at these columns.
    double sum(int[] columns) {
      double sum = 0;
      for (int i = 0; i < columns.length; i++) {
        sum += get(i, columns[i]);
      }
      return sum;
    }

    @Override
    public void close() {
      tensor.close();
    }
  }

  /// `c[i][j] = <unit i of the reference, unit j of the model>`.
  Square units(Group.Units group, Map<String, Permutation> permutations) {
    return products(group, Role.UNITS, 1, permutations);
  }

  /// The products of a group of heads: of all elements of an axis with all others, or, where these
  /// keep their order within a head, of whole heads.
  ///
  /// @param query of query heads (x dimensions unless rotary)
  /// @param key of key heads (x dimensions unless rotary)
  /// @param value of value heads x dimensions
  /// @param output of query heads x dimensions of values
  record OfHeads(Square query, Square key, Square value, Square output) implements AutoCloseable {
    @Override
    public void close() {
      query.close();
      key.close();
      value.close();
      output.close();
    }
  }

  OfHeads heads(Group.Heads group, Map<String, Permutation> permutations) {
    int together = group.rotary() ? group.size() : 1;
    return new OfHeads(
        products(group, Role.QUERY, together, permutations),
        products(group, Role.KEY, together, permutations),
        products(group, Role.VALUE, 1, permutations),
        products(group, Role.OUTPUT, 1, permutations));
  }

  /// Bytes of the matrices of a group.
  long bytes(Group group) {
    long elements =
        switch (group) {
          case Group.Units units -> (long) units.size() * units.size();
          case Group.Heads heads -> {
            long sum = 0;
            for (Role role : Role.values()) {
              long side = role == Role.UNITS ? 0 : heads.elements(role);
              sum += side * side;
            }
            yield sum;
          }
        };
    return elements * pair.dtype().bytes();
  }

  /// @param together elements that follow one another and count as one unit
  private Square products(
      Group group, Role role, int together, Map<String, Permutation> permutations) {
    long units = group.elements(role) / together;
    Tensor sums = pair.stream().allocate(pair.dtype(), units, units);
    sums.segment().fill((byte) 0);
    for (Place place : Place.of(group.name(), spec)) {
      if (place.factor().role() == role && pair.counts(place.tensor())) {
        pair.blocks(
            place.tensor(),
            place.axis(),
            group.name(),
            permutations,
            (a, b) -> add(a, b, place, units, together, sums));
      }
    }
    return new Square(sums);
  }

  private void add(Tensor a, Tensor b, Place place, long units, int together, Tensor sums) {
    try (Laid left = lay(a, place, together > 1);
        Laid right = lay(b, place, together > 1)) {
      Tensor x = left.matrix();
      Tensor y = right.matrix();
      if (together > 1) {
        long columns = x.elements() / units;
        x = x.reshape(units, columns);
        y = y.reshape(units, columns);
      }
      long start = System.nanoTime();
      boolean rows = left.unitsFirst();
      Products.gemm(pair.stream(), !rows, x, rows, y, 1, 1, sums);
      nanos += System.nanoTime() - start;
    }
  }

  /// A tensor as a matrix of the units of a place.
  ///
  /// @param unitsFirst whether they are its rows; else its columns
  /// @param owned memory of ours that it is a view of
  private record Laid(Tensor matrix, boolean unitsFirst, @Nullable Tensor owned)
      implements AutoCloseable {
    @Override
    public void close() {
      if (owned != null) {
        owned.close();
      }
    }
  }

  private Laid lay(Tensor block, Place place, boolean asRows) {
    long[] shape = block.shape();
    long pre = 1;
    long post = 1;
    for (int a = 0; a < shape.length; a++) {
      pre *= a < place.axis() ? shape[a] : 1;
      post *= a > place.axis() ? shape[a] : 1;
    }
    long units = place.factor().size();
    long segment = place.segment().size();
    Tensor slab =
        block
            .reshape(pre, shape[place.axis()], post)
            .slice(1, place.start(), place.start() + segment);
    if (pre * place.before() == 1) {
      return new Laid(slab.reshape(units, place.after() * post), true, null);
    }
    if (place.after() * post == 1 && slab.isContiguous() && !asRows) {
      return new Laid(slab.reshape(pre * place.before(), units), false, null);
    }
    if (!slab.isContiguous()) {
      try (Tensor copy = pair.stream().allocate(block.dtype(), pre, segment, post)) {
        Conversion.cast(pair.stream(), slab, copy);
        return turned(copy, pre, place, post);
      }
    }
    return turned(slab, pre, place, post);
  }

  private Laid turned(Tensor slab, long pre, Place place, long post) {
    long units = place.factor().size();
    Tensor view =
        slab.reshape(pre, place.before(), units, place.after(), post).permute(2, 0, 1, 3, 4);
    Tensor rows = pair.stream().allocate(slab.dtype(), view.shape());
    Conversion.cast(pair.stream(), view, rows);
    return new Laid(rows.reshape(units, slab.elements() / units), true, rows);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// One axis of a tensor: segments that stand one after the other, as queries, keys and values in a
/// fused projection.
public record Axis(List<Segment> segments) {
  public Axis {
    segments = List.copyOf(segments);
  }

  /// A part of an axis: the product of its factors, the last one running fastest, as channel x
  // pixel
  /// where a convolution feeds a linear layer.
  public record Segment(List<Factor> factors) {
    public Segment {
      factors = List.copyOf(factors);
    }

    /// Its elements.
    public int size() {
      return factors.stream().mapToInt(Factor::size).reduce(1, Math::multiplyExact);
    }

    @Override
    public String toString() {
      return factors.stream().map(Factor::toString).collect(Collectors.joining("*"));
    }
  }

  /// One dimension of a segment.
  ///
  /// @param group the group that permutes it; `null` where its order is fixed
  public record Factor(int size, @Nullable String group, Role role) {
    static Factor fixed(int size) {
      return new Factor(size, null, Role.UNITS);
    }

    @Override
    public String toString() {
      return group == null
          ? Integer.toString(size)
          : role == Role.UNITS ? group : group + "." + role.code();
    }
  }

  /// Its elements.
  public int size() {
    return segments.stream().mapToInt(Segment::size).reduce(0, Math::addExact);
  }

  /// Whether some group permutes it.
  public boolean permuted() {
    return segments.stream().flatMap(s -> s.factors().stream()).anyMatch(f -> f.group() != null);
  }

  @Override
  public String toString() {
    return permuted()
        ? segments.stream().map(Segment::toString).collect(Collectors.joining("|"))
        : "_";
  }
}

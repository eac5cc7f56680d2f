// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

/// Units of a network that may change places, in every tensor that names them together.
public sealed interface Group {
  /// Unique in its spec.
  String name();

  /// Units that may take any order: neurons, channels, the residual stream.
  ///
  /// @param size how many
  record Units(String name, int size) implements Group {}

  /// Attention heads, under grouped-query attention in two levels: key/value groups change places,
  /// in each of them the query heads do, and within a head the values; without rotary embedding
  // also
  /// the dimensions that queries and keys share.
  ///
  /// @param groups key/value heads
  /// @param queries query heads of each
  /// @param size dimensions of a head
  /// @param rotary whether queries and keys are rotated, which fixes the order of their dimensions
  record Heads(String name, int groups, int queries, int size, boolean rotary) implements Group {}

  /// The elements of an axis that names this group in a role.
  default int elements(Role role) {
    return switch (this) {
      case Units units -> units.size();
      case Heads heads -> heads.groups() * heads.size() * (role.ofQueries() ? heads.queries() : 1);
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import org.jspecify.annotations.Nullable;

/// What the elements of a tensor are like. The same numbers for the same bytes, whatever device,
/// threads and pieces they were computed with.
///
/// @param shape its dimensions
/// @param min the least finite element (-0 is below +0); `null` where there is none
/// @param max the greatest finite element; `null` where there is none
/// @param norm the l2 norm over all elements: NaN or infinite where one of them is; `null` for
///     types that are not computed with
/// @param nonFinite elements that are NaN or infinite
/// @param change from the base; `null` where there is no base, where it has no tensor of that name
///     and shape, or where one of the types is not computed with and they differ
public record TensorStatistics(
    String name,
    StorageType type,
    long[] shape,
    @Nullable Double min,
    @Nullable Double max,
    @Nullable Double norm,
    long nonFinite,
    @Nullable Change change) {

  /// How a tensor differs from the base's.
  ///
  /// @param norm the l2 norm of the differences, which are taken in float32 (float64 where one of
  ///     both is that); `null` for types that are not computed with
  /// @param elements how many have other bits than the base's, rounded to this tensor's type
  public record Change(@Nullable Double norm, long elements) {}

  public TensorStatistics {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }
}

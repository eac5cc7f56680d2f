// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.Stream;
import io.sinter.Tensor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What stands behind the public classes, for the operations in other packages. The classes
/// themselves fill it in when they are initialised, and so before there is an instance to ask
/// about.
public final class Bridge {
  private static volatile @Nullable Function<Stream, StreamState> states;
  private static volatile @Nullable Function<Tensor, View> views;

  private Bridge() {}

  /// Called by [Stream].
  public static void streams(Function<Stream, StreamState> accessor) {
    states = accessor;
  }

  /// Called by [Tensor].
  public static void tensors(Function<Tensor, View> accessor) {
    views = accessor;
  }

  static StreamState state(Stream stream) {
    return require(states).apply(stream);
  }

  static View view(Tensor tensor) {
    return require(views).apply(tensor);
  }

  private static <T> T require(@Nullable T accessor) {
    if (accessor == null) {
      throw new AssertionError("an instance exists, and its class was never initialised");
    }
    return accessor;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// A parameter's value as a recipe gives it. Booleans are 0 and 1.
sealed interface Parameter {
  /// The value for a tensor.
  ///
  /// @param tensor its name in the output
  /// @param t where its layer lies in the slice: 0 is the first, 1 the last; 0 outside the layers
  /// @return empty where no filter matches
  OptionalDouble at(String tensor, double t);

  /// The same for all.
  record Scalar(double value) implements Parameter {
    @Override
    public OptionalDouble at(String tensor, double t) {
      return OptionalDouble.of(value);
    }
  }

  /// Values spread evenly over the layers, linear in between.
  record Gradient(List<Double> values) implements Parameter {
    @Override
    public OptionalDouble at(String tensor, double t) {
      double position = t * (values.size() - 1);
      int left = (int) position;
      int right = Math.min(left + 1, values.size() - 1);
      double fraction = position - left;
      return OptionalDouble.of((1 - fraction) * values.get(left) + fraction * values.get(right));
    }
  }

  /// The first case whose filter is part of the tensor's name.
  record Filtered(List<Case> cases) implements Parameter {
    @Override
    public OptionalDouble at(String tensor, double t) {
      return cases.stream()
          .filter(c -> c.filter == null || c.filter.equals("*") || tensor.contains(c.filter))
          .map(c -> c.value.at(tensor, t))
          .findFirst()
          .orElse(OptionalDouble.empty());
    }
  }

  /// @param filter part of a tensor's name; `null` or `*` for all
  record Case(@Nullable String filter, Parameter value) {}
}

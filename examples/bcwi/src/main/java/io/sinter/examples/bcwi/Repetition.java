// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What one seed gave in one panel.
///
/// @param seed the seed
/// @param rows what was measured on test examples
/// @param curves what was measured on development examples, for the choice of alpha
record Repetition(int seed, List<Row> rows, List<Curve> curves) {

  /// A method's result.
  ///
  /// @param method its key, see [Methods]
  /// @param setting what was chosen for it on development examples, or was fixed: alpha, or a
  ///     method's own; null where there was nothing to choose
  /// @param measures its measures
  record Row(String method, @Nullable Double setting, Measures measures) {}

  /// Measures against alpha.
  ///
  /// @param method the method's key
  /// @param alpha the grid
  /// @param accuracy on development examples
  /// @param nfr on development examples
  record Curve(String method, List<Double> alpha, List<Double> accuracy, List<Double> nfr) {}

  Optional<Row> row(String method) {
    return rows.stream().filter(row -> row.method().equals(method)).findFirst();
  }
}

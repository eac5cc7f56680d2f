// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.List;

/// A perceptron with one hidden layer of rectified units: `z = W2 relu(W1 x + b1) + b2`.
///
/// A model's parameters are kept in one array, tensor after tensor.
///
/// @param inputs numbers of one example
/// @param units hidden units
/// @param classes outputs
record Architecture(int inputs, int units, int classes) {

  /// A tensor of the model's checkpoint.
  ///
  /// @param name its name
  /// @param rows its outputs
  /// @param columns its inputs, or 0 for a vector
  /// @param offset where it begins in the array of parameters
  record Parameter(String name, int rows, int columns, int offset) {
    long[] shape() {
      return columns == 0 ? new long[] {rows} : new long[] {rows, columns};
    }

    int elements() {
      return rows * Math.max(columns, 1);
    }
  }

  int offsetB1() {
    return units * inputs;
  }

  int offsetW2() {
    return offsetB1() + units;
  }

  int offsetB2() {
    return offsetW2() + classes * units;
  }

  /// How many parameters there are.
  int size() {
    return offsetB2() + classes;
  }

  /// The tensors, in the order in which they are kept.
  List<Parameter> parameters() {
    return List.of(
        new Parameter("fc1.weight", units, inputs, 0),
        new Parameter("fc1.bias", units, 0, offsetB1()),
        new Parameter("fc2.weight", classes, units, offsetW2()),
        new Parameter("fc2.bias", classes, 0, offsetB2()));
  }

  Architecture withClasses(int count) {
    return new Architecture(inputs, units, count);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.random.RandomGenerator;

/// A perceptron's weights.
///
/// @param architecture its shape
/// @param values its parameters, as [Architecture#parameters] lays them out; not to be changed
record Model(Architecture architecture, float[] values) {

  Model {
    if (values.length != architecture.size()) {
      throw new IllegalArgumentException(
          values.length + " values for a model of " + architecture.size());
    }
  }

  /// Uniform weights in ±1/sqrt(inputs of the layer), as linear layers are commonly started.
  static Model initial(Architecture architecture, RandomGenerator random) {
    float[] values = new float[architecture.size()];
    for (int i = 0; i < values.length; i++) {
      int inputs = i < architecture.offsetW2() ? architecture.inputs() : architecture.units();
      values[i] = (float) ((2 * random.nextFloat() - 1) / Math.sqrt(inputs));
    }
    return new Model(architecture, values);
  }

  /// This model with a head of more classes: the first rows are kept, the others begin anew.
  Model grown(int classes, RandomGenerator random) {
    Architecture larger = architecture.withClasses(classes);
    Model grown = initial(larger, random);
    int kept = architecture.offsetB2() - architecture.offsetW2();
    System.arraycopy(values, 0, grown.values, 0, architecture.offsetB2());
    System.arraycopy(
        values, architecture.offsetB2(), grown.values, larger.offsetB2(), architecture.classes());
    assert kept == architecture.classes() * architecture.units();
    return grown;
  }
}

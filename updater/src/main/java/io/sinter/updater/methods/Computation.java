// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.updater.MergePlan;
import io.sinter.updater.MergePlan.Input;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// How a tensor is computed.
///
/// @param kernel what is run
/// @param based whether the first input is a base, which differences are taken from
/// @param inputs the inputs: the base, where there is one, the models, the Fisher diagonals
/// @param fishers how many Fisher diagonals there are
/// @param numbers what the kernel needs by name: one number, or one for each model
/// @param keys of each model's random numbers; empty where there are none
public record Computation(
    Kernel kernel,
    boolean based,
    List<Input> inputs,
    int fishers,
    Map<String, double[]> numbers,
    List<Long> keys)
    implements MergePlan.Operation {
  public Computation {
    inputs = List.copyOf(inputs);
    numbers = Map.copyOf(numbers);
    keys = List.copyOf(keys);
  }

  /// A computation without Fisher diagonals.
  public Computation(
      Kernel kernel,
      boolean based,
      List<Input> inputs,
      Map<String, double[]> numbers,
      List<Long> keys) {
    this(kernel, based, inputs, 0, numbers, keys);
  }

  /// The same with another number of a name, for all models.
  public Computation with(String name, double value) {
    Map<String, double[]> changed = new HashMap<>(numbers);
    changed.put(name, new double[] {value});
    return new Computation(kernel, based, inputs, fishers, changed, keys);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.ops.FisherStatistics;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.Recipe.Mode;
import io.sinter.updater.RecipeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What a recipe says of one tensor of the output.
///
/// @param origin what messages call the recipe
/// @param tensor the tensor's name in the output
/// @param elements how many it has
/// @param mode whose conventions hold
/// @param base the base's tensor, where the method takes differences from one or starts from it
/// @param models the other models' tensors, in the order of the recipe
/// @param modelNames of these models, as the recipe has them
/// @param fishers the tensor's Fisher diagonals: the base's, or every model's, in the order of the
///     inputs; empty where it has none
/// @param totals of these diagonals as wholes
/// @param values of the method's parameters: one, or one for each model
/// @param keys of the models' random numbers
/// @param notes told of what the user should know: what it is, and a remark on this tensor
public record Setting(
    String origin,
    String tensor,
    long elements,
    Mode mode,
    @Nullable Input base,
    List<Input> models,
    List<String> modelNames,
    List<Input> fishers,
    List<FisherStatistics> totals,
    Map<String, double[]> values,
    Supplier<List<Long>> keys,
    BiConsumer<String, String> notes) {

  /// Whether mergekit's conventions hold.
  public boolean mergekit() {
    return mode == Mode.MERGEKIT;
  }

  public double number(String name) {
    return values.get(name)[0];
  }

  public boolean flag(String name) {
    return number(name) != 0;
  }

  public double[] each(String name) {
    return values.get(name);
  }

  /// By a kernel that takes the base, where there is one, and the models, and numbers of these
  /// names.
  public Computation by(Kernel kernel, String... names) {
    return compute(kernel, List.of(), names);
  }

  /// By a kernel that takes the base, where there is one, the models, and then their Fisher
  /// diagonals.
  ///
  /// @param numbers all that it needs
  public Computation withFishers(Kernel kernel, Map<String, double[]> numbers) {
    List<Input> inputs = inputs();
    inputs.addAll(fishers);
    return new Computation(kernel, base != null, inputs, fishers.size(), numbers, List.of());
  }

  /// The same, with random numbers.
  public Computation randomlyBy(Kernel kernel, String... names) {
    return compute(kernel, keys.get(), names);
  }

  private Computation compute(Kernel kernel, List<Long> keys, String... names) {
    Map<String, double[]> numbers = new HashMap<>();
    for (String name : names) {
      numbers.put(name, values.get(name));
    }
    return new Computation(kernel, base != null, inputs(), numbers, keys);
  }

  private List<Input> inputs() {
    List<Input> inputs = new ArrayList<>();
    if (base != null) {
      inputs.add(base);
    }
    inputs.addAll(models);
    return inputs;
  }

  /// A mistake in the recipe that shows at this tensor.
  public RecipeException error(String problem) {
    return new RecipeException(origin + ": " + problem);
  }

  /// Tells the user of this tensor.
  ///
  /// @param what is said once, with the number of tensors and the first of them
  public void note(String what) {
    notes.accept(what, tensor);
  }
}

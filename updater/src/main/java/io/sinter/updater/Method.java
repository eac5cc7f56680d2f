// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A merge method: what a recipe may say about it.
///
/// @param name as in `merge_method`
/// @param summary what it computes, in one line
/// @param minModels the fewest models it takes, the base included where it needs one
/// @param maxModels the most
/// @param needsBase whether `base_model` is required
/// @param parameters what can be set
public record Method(
    String name,
    String summary,
    int minModels,
    int maxModels,
    boolean needsBase,
    List<ParameterSpec> parameters) {

  /// What kind of value a parameter takes.
  public enum ParameterType {
    /// A finite number, or a gradient of them over the layers.
    NUMBER,
    /// `true` or `false`.
    BOOLEAN
  }

  /// One parameter of a method.
  ///
  /// @param perModel whether every model has its own
  /// @param defaultValue `null` where it must be given; 0 or 1 for a boolean
  /// @param doc what it does, in one line
  public record ParameterSpec(
      String name,
      ParameterType type,
      boolean perModel,
      @Nullable Double defaultValue,
      String doc) {}

  static final Method LINEAR =
      new Method(
          "linear",
          "Weighted mean: sum of w_i W_i, divided by the sum of w_i.",
          1,
          Integer.MAX_VALUE,
          false,
          List.of(
              number("weight", true, null, "This model's weight."),
              flag("normalize", true, "Divide by the sum of the weights.")));

  static final Method SLERP =
      new Method(
          "slerp",
          "Spherical interpolation of two models, from the base (t = 0) to the other (t = 1).",
          2,
          2,
          true,
          List.of(number("t", false, null, "How far to go from the base to the other model.")));

  static final Method TASK_ARITHMETIC =
      new Method(
          "task_arithmetic",
          "Base plus weighted task vectors: W_0 + lambda sum of w_i (W_i - W_0).",
          2,
          Integer.MAX_VALUE,
          true,
          List.of(
              number("weight", true, null, "The weight of this model's task vector."),
              number("lambda", false, 1.0, "Scales the sum of the task vectors."),
              flag("normalize", false, "Divide the sum by the sum of the weights."),
              flag("int8_mask", false, "Accepted, as in mergekit; changes nothing.")));

  static final Method PASSTHROUGH =
      new Method(
          "passthrough",
          "Copies the tensors of one model, per slice; for stacking layers.",
          1,
          1,
          false,
          List.of(number("scale", true, 1.0, "Multiplies the tensors.")));

  private static final List<Method> ALL = List.of(LINEAR, SLERP, TASK_ARITHMETIC, PASSTHROUGH);

  /// Methods that mergekit has and this version does not.
  private static final List<String> NOT_YET =
      List.of(
          "arcee_fusion",
          "breadcrumbs",
          "breadcrumbs_ties",
          "dare_linear",
          "dare_ties",
          "della",
          "della_linear",
          "karcher",
          "model_stock",
          "multislerp",
          "nearswap",
          "nuslerp",
          "ram",
          "ramplus_tl",
          "sce",
          "ties");

  public Method {
    parameters = List.copyOf(parameters);
  }

  /// Every method of this version.
  public static List<Method> all() {
    return ALL;
  }

  /// The method of that name, if this version has it.
  public static Optional<Method> find(String name) {
    return ALL.stream().filter(method -> method.name.equals(name)).findFirst();
  }

  static boolean isNotYet(String name) {
    return NOT_YET.contains(name);
  }

  static List<String> names() {
    return ALL.stream().map(Method::name).toList();
  }

  /// The parameter of that name, if the method has it.
  public Optional<ParameterSpec> parameter(String name) {
    return parameters.stream().filter(parameter -> parameter.name.equals(name)).findFirst();
  }

  private static ParameterSpec number(
      String name, boolean perModel, @Nullable Double value, String doc) {
    return new ParameterSpec(name, ParameterType.NUMBER, perModel, value, doc);
  }

  private static ParameterSpec flag(String name, boolean value, String doc) {
    return new ParameterSpec(name, ParameterType.BOOLEAN, false, value ? 1.0 : 0.0, doc);
  }
}

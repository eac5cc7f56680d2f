// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.flag;
import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.updater.Method;

/// What the methods that thin out task vectors share.
final class Sparsified {
  static final Method.ParameterSpec DENSITY =
      number("density", "The share of this model's differences that is kept.")
          .eachModel()
          .orElse(1)
          .atLeast(0);

  private Sparsified() {}

  static Method.ParameterSpec normalize(boolean value) {
    return flag("normalize", value, "Divide by the weights of the models that take part.");
  }

  static Method.ParameterSpec rescale(boolean value) {
    return flag("rescale", value, "Make up in size for what was dropped.");
  }

  /// How what is kept is mixed.
  ///
  /// @param paper how the paper rescales
  static Mixture mixture(Setting setting, boolean consensus, Rescale paper) {
    Rescale rescale =
        !setting.flag("rescale") ? Rescale.NONE : setting.mergekit() ? Rescale.L1 : paper;
    return new Mixture(consensus, false, setting.flag("normalize"), rescale);
  }

  /// Tells of tensors of which less than an element would be kept.
  static void noteSmall(Setting setting) {
    for (double density : setting.each("density")) {
      if (setting.elements() > 0 && density < 1 && density * setting.elements() < 1) {
        setting.note("density asks for less than one element, and one is kept");
        return;
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.updater.Method;
import java.util.List;

/// Every merge method that recipes may name, in the order in which they are listed.
public final class Catalogue {
  public static final List<MergeMethod> METHODS =
      List.of(
          new Linear(),
          new Slerp(),
          new Nuslerp(),
          new Multislerp(),
          new Karcher(),
          new Nearswap(),
          new ArceeFusion(),
          new ModelStock(),
          new Passthrough(),
          new CheckpointDecay(),
          new TaskArithmetic(),
          new Ties(),
          new Dare(false),
          new Dare(true),
          new Breadcrumbs(false),
          new Breadcrumbs(true),
          new Della(false),
          new Della(true),
          new Sce(),
          new Ram(),
          new RamplusTl(),
          new ConsensusTa(),
          new Bcwi(),
          new FisherBcwi(),
          new FisherMerge());

  private Catalogue() {}

  /// Parameters that several methods have.
  static final Method.ParameterSpec WEIGHT =
      Method.ParameterSpec.number("weight", "This model's weight.").eachModel();

  static final Method.ParameterSpec LAMBDA =
      Method.ParameterSpec.number("lambda", "Scales what is added to the base.").orElse(1);

  static final Method.ParameterSpec INT8_MASK =
      Method.ParameterSpec.flag("int8_mask", false, "Accepted, as in mergekit; changes nothing.");
}

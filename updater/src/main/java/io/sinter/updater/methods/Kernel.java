// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.Tensor;
import java.util.Map;

/// What is run on a batch of tensors. Kernels are records of what all tensors of a batch must have
/// in common: equal ones share a launch.
public interface Kernel {
  /// Runs a batch: reads its operands and writes its outputs and counts.
  void run(Batch batch);

  /// Whether it must see whole tensors: it takes a statistic of them, or counts their elements.
  /// Others are run on pieces.
  default boolean whole() {
    return false;
  }

  /// How often it reads each input.
  default int reads() {
    return 1;
  }

  /// Whether it runs on the CPU device only.
  default boolean cpuOnly() {
    return false;
  }

  /// Whether it takes differences from the base, which mergekit rounds.
  default boolean roundsDifferences() {
    return true;
  }

  /// A kernel that needs sums over whole tensors before it can run on their pieces.
  interface Reduced extends Kernel {
    /// How many sums.
    int sums();

    /// The sums of each piece, in canonical order: `out` is f64 `[pieces, sums]`.
    void reduce(Batch batch, Tensor out);

    /// What [#run] needs of a whole tensor's sums. They are finite unless an input is not.
    double[] coefficients(Map<String, double[]> numbers, double[] sums);
  }

  /// A kernel whose differences of largest magnitude are selected over all tensors of a model
  /// together. A [Batch] then has their thresholds.
  interface Joint extends Kernel {}
}

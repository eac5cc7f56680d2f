// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Fisher;
import io.sinter.ops.FisherStatistics;
import java.nio.file.Path;
import java.util.List;

/// Sums over all elements of a Fisher diagonal, which are also looked at for what none may be.
final class FisherTotals {
  private FisherTotals() {}

  /// @param tensors in the order of their names, in host memory
  /// @throws CheckpointException where an element is negative or not finite
  static FisherStatistics of(Stream cpu, Path file, List<Tensor> tensors) {
    List<FisherStatistics> each = Fisher.statistics(cpu, tensors);
    for (int i = 0; i < each.size(); i++) {
      if (!each.get(i).isValid()) {
        throw CheckpointException.of(
            file,
            tensors.get(i).name(),
            (each.get(i).nonFinite() > 0 ? "holds a NaN or an infinity" : "holds a negative value")
                + ", and a Fisher diagonal is a mean of squares",
            "Compute it again");
      }
    }
    return FisherStatistics.of(each);
  }
}

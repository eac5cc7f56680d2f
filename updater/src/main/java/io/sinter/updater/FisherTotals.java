// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.NormKind;
import io.sinter.ops.Reductions;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;

/// Sums over all elements of a Fisher diagonal, which are also looked at for what none may be.
final class FisherTotals {
  private FisherTotals() {}

  /// @param tensors in the order of their names, in host memory
  /// @throws CheckpointException where an element is negative or not finite
  static FisherDiagonal.Totals of(Stream cpu, Path file, List<Tensor> tensors) {
    int count = tensors.size();
    if (count == 0) {
      return new FisherDiagonal.Totals(0, 0, 0);
    }
    try (Tensor moments = cpu.allocate(DType.F64, count, 4);
        Tensor norms = cpu.allocate(DType.F64, count);
        Tensor sums = cpu.allocate(DType.F64, 2, count);
        Tensor totals = cpu.allocate(DType.F64, 2)) {
      Reductions.moments(cpu, tensors, null, moments);
      Reductions.norm(cpu, tensors, NormKind.L1, null, norms);
      cpu.synchronize();
      long elements = 0;
      for (int i = 0; i < count; i++) {
        double sum = moments.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 4L * i);
        double squares = moments.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 4L * i + 1);
        double norm = norms.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
        if (!Double.isFinite(norm)) {
          throw refused(file, tensors.get(i), "holds a NaN or an infinity");
        }
        if (norm != sum) {
          throw refused(file, tensors.get(i), "holds a negative value");
        }
        sums.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, i, sum);
        sums.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, count + i, squares);
        elements += tensors.get(i).elements();
      }
      Reductions.sum(cpu, List.of(sums.slice(0, 0, 1), sums.slice(0, 1, 2)), null, totals);
      cpu.synchronize();
      double sum = totals.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 0);
      double squares = totals.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 1);
      return elements == 0
          ? new FisherDiagonal.Totals(0, 0, 0)
          : new FisherDiagonal.Totals(elements, sum / elements, Math.sqrt(squares / elements));
    }
  }

  private static CheckpointException refused(Path file, Tensor tensor, String problem) {
    return CheckpointException.of(
        file,
        tensor.name(),
        problem + ", and a Fisher diagonal is a mean of squares",
        "Compute it again");
  }
}

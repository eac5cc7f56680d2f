// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Reductions;
import java.util.ArrayList;
import java.util.List;

/// A kernel between an old version and new ones on tensors that have rows which the old one lacks:
/// there its alpha is 0, which gives the new models' rows, whatever stands for the old one's.
///
/// @param kernel takes one alpha for each tensor, and does not look at the base where it is 0
/// @param rows of the base's tensor, or -1
record ByRows(Kernel kernel, List<Integer> rows) implements Kernel {

  /// The computation, by rows where its base says which.
  static Computation bind(Computation computation) {
    List<Integer> rows = computation.inputs().getFirst().rows();
    return rows == null || rows.stream().allMatch(row -> row >= 0)
        ? computation
        : new Computation(
            new ByRows(computation.kernel(), rows),
            computation.based(),
            computation.inputs(),
            computation.fishers(),
            computation.numbers(),
            computation.keys());
  }

  /// Rows `from` to `to` of the tensor at a place in a batch.
  private record Run(int tensor, int from, int to, boolean old) {
    Tensor of(List<Tensor> tensors) {
      return tensors.get(tensor).slice(0, from, to);
    }
  }

  @Override
  public void run(Batch batch) {
    List<Run> runs = new ArrayList<>();
    List<Integer> ends = new ArrayList<>();
    for (int t = 0; t < batch.size(); t++) {
      for (int from = 0, to; from < rows.size(); from = to) {
        boolean old = rows.get(from) >= 0;
        to = from + 1;
        while (to < rows.size() && rows.get(to) >= 0 == old) {
          to++;
        }
        runs.add(new Run(t, from, to, old));
      }
      ends.add(runs.size());
    }
    Stream stream = batch.stream();
    Arithmetic arithmetic = batch.arithmetic();
    Tensor counts = arithmetic.counts();
    if (counts == null) {
      kernel.run(cut(batch, runs, arithmetic));
      return;
    }
    try (Tensor each = stream.allocate(DType.F64, runs.size(), 3)) {
      kernel.run(cut(batch, runs, arithmetic.withCounts(each)));
      List<Tensor> columns = new ArrayList<>();
      for (int t = 0; t < batch.size(); t++) {
        Tensor mine = each.slice(0, t == 0 ? 0 : ends.get(t - 1), ends.get(t));
        for (int k = 0; k < 3; k++) {
          columns.add(mine.slice(1, k, k + 1));
        }
      }
      Reductions.sum(stream, columns, null, counts.flatten());
    }
  }

  private static Batch cut(Batch batch, List<Run> runs, Arithmetic arithmetic) {
    return new Batch(
        batch.stream(),
        runs.stream().map(run -> computation(batch.computations().get(run.tensor()), run)).toList(),
        runs.stream().map(run -> batch.names().get(run.tensor())).toList(),
        runs.stream().mapToLong(run -> batch.offsets()[run.tensor()]).toArray(),
        batch.operands().stream()
            .map(operand -> runs.stream().map(run -> run.of(operand)).toList())
            .toList(),
        runs.stream().map(run -> run.of(batch.outs())).toList(),
        arithmetic,
        batch.coefficients(),
        batch.selections(),
        batch.threads());
  }

  private static Computation computation(Computation of, Run run) {
    return run.old() ? of : of.with(Bcwi.ALPHA, 0);
  }

  @Override
  public boolean whole() {
    return true; // Rows are of whole tensors.
  }

  @Override
  public boolean roundsDifferences() {
    return kernel.roundsDifferences();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Tensors, or pieces of them, that one kernel computes together.
///
/// @param computations of each
/// @param names of the tensors
/// @param offsets where each piece starts in its tensor, in elements
/// @param operands `[operand][piece]`
/// @param outs one for each
/// @param arithmetic how elements are computed
/// @param coefficients of each, where the kernel is [Kernel.Reduced]
/// @param selections f64 `[pieces, models, 2]` where the kernel is [Kernel.Joint]
/// @param threads of the CPU device; 0 for all
public record Batch(
    Stream stream,
    List<Computation> computations,
    List<String> names,
    long[] offsets,
    List<List<Tensor>> operands,
    List<Tensor> outs,
    Arithmetic arithmetic,
    List<double[]> coefficients,
    @Nullable Tensor selections,
    int threads) {

  private boolean based() {
    return computations.getFirst().based();
  }

  /// How many there are.
  public int size() {
    return computations.size();
  }

  /// Each tensor's base, or `null` where there is none.
  public @Nullable List<Tensor> baseOrNull() {
    return based() ? operands.getFirst() : null;
  }

  /// Each tensor's base.
  public List<Tensor> base() {
    if (!based()) {
      throw new IllegalStateException("there is no base");
    }
    return operands.getFirst();
  }

  /// How many models there are beside the base.
  public int modelCount() {
    return firstFisher() - (based() ? 1 : 0);
  }

  /// One model's tensors.
  public List<Tensor> model(int model) {
    return operands.get(model + (based() ? 1 : 0));
  }

  /// `[tensor][model]`.
  public List<List<Tensor>> models() {
    return byTensor(operands.subList(based() ? 1 : 0, firstFisher()));
  }

  private int firstFisher() {
    return operands.size() - computations.getFirst().fishers();
  }

  /// One Fisher diagonal's tensors.
  public List<Tensor> fisher(int index) {
    return operands.get(firstFisher() + index);
  }

  /// `[tensor][Fisher diagonal]`.
  public List<List<Tensor>> fishers() {
    return byTensor(operands.subList(firstFisher(), operands.size()));
  }

  private List<List<Tensor>> byTensor(List<List<Tensor>> some) {
    return IntStream.range(0, size())
        .mapToObj(i -> some.stream().map(operand -> operand.get(i)).toList())
        .toList();
  }

  /// One number for each tensor.
  public double[] number(String name) {
    return computations.stream().mapToDouble(c -> c.numbers().get(name)[0]).toArray();
  }

  /// `[tensor][model]`.
  public double[][] each(String name) {
    return computations.stream().map(c -> c.numbers().get(name).clone()).toArray(double[][]::new);
  }

  /// `[tensor][model]`.
  public long[][] keys() {
    return computations.stream()
        .map(c -> c.keys().stream().mapToLong(Long::longValue).toArray())
        .toArray(long[][]::new);
  }

  /// Some of the tensors, whose counts are rows `from` on of those of all.
  public Batch some(List<Integer> indices, int from) {
    Tensor counts = arithmetic.counts();
    return new Batch(
        stream,
        pick(computations, indices),
        pick(names, indices),
        indices.stream().mapToLong(i -> offsets[i]).toArray(),
        operands.stream().map(operand -> pick(operand, indices)).toList(),
        pick(outs, indices),
        arithmetic.withCounts(counts == null ? null : counts.slice(0, from, from + indices.size())),
        coefficients.isEmpty() ? coefficients : pick(coefficients, indices),
        selections,
        threads);
  }

  private static <T> List<T> pick(List<T> all, List<Integer> indices) {
    return indices.stream().map(all::get).toList();
  }
}

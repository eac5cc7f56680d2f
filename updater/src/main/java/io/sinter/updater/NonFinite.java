// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.NormKind;
import io.sinter.ops.Reductions;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Says in which file the values are that a method which takes a statistic could not use.
final class NonFinite {
  private final String method;
  private final List<Checkpoint> models;

  NonFinite(String method, List<Checkpoint> models) {
    this.method = method;
    this.models = models;
  }

  /// What a failed operation on these outputs comes to.
  CheckpointException name(List<Output> outputs, RuntimeException cause) {
    try (Stream cpu = Device.cpu().stream(StreamOptions.DEFAULT)) {
      for (Output output : outputs) {
        for (Input input : output.operation().inputs()) {
          Optional<CheckpointException> found = check(cpu, output, input);
          if (found.isPresent()) {
            found.get().initCause(cause);
            return found.get();
          }
        }
      }
    }
    return new CheckpointException(
        "tensor '"
            + outputs.getFirst().name()
            + "': "
            + method
            + " has no result for it ("
            + cause.getMessage()
            + "). Merge this tensor by another method, or compute in a wider dtype.",
        cause);
  }

  private Optional<CheckpointException> check(Stream cpu, Output output, Input input) {
    TensorEntry entry = input.entry();
    DType stored = entry.type().dtype().orElseThrow();
    long elements = Math.min(entry.elements(), output.elements());
    Tensor tensor =
        Tensor.of(
            models
                .get(input.model())
                .map(entry)
                .asSlice(0, Math.multiplyExact(elements, (long) stored.bytes())),
            stored,
            elements);
    if (!Double.isFinite(largest(cpu, tensor, null))) {
      return Optional.of(of(entry, method));
    }
    if (!Double.isFinite(largest(cpu, tensor, output.dtype()))) {
      return Optional.of(
          CheckpointException.of(
              entry.file(),
              entry.name(),
              "holds values beyond the recipe's dtype, "
                  + output.dtype()
                  + ", and "
                  + method
                  + " needs a statistic of the whole tensor",
              "Choose a wider dtype"));
    }
    return Optional.empty();
  }

  private static double largest(Stream cpu, Tensor tensor, @Nullable DType dtype) {
    try (Tensor out = cpu.allocate(DType.F64, 1)) {
      Reductions.norm(cpu, List.of(tensor), NormKind.MAX, dtype, out);
      cpu.synchronize();
      return out.segment().get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }

  static CheckpointException of(TensorEntry entry, String method) {
    return CheckpointException.of(
        entry.file(),
        entry.name(),
        "holds a NaN or an infinity, and " + method + " needs a statistic of the whole tensor",
        "Repair the model, or merge this tensor by another method");
  }
}

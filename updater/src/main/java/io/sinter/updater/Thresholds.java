// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Selection;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.methods.Computation;
import io.sinter.updater.methods.Kernel;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The thresholds of kernels that keep the largest differences of a whole model ([Kernel.Joint]):
/// one for all of a model's tensors.
final class Thresholds {
  private Thresholds() {}

  /// What is selected from together: a model's tensors.
  ///
  /// @param density the share that is kept
  /// @param outputs the tensors, by their index
  private record Group(double density, List<Integer> outputs) {}

  /// By the models' indices.
  private static SequencedMap<Integer, Group> groups(List<Output> outputs) {
    SequencedMap<Integer, Group> groups = new TreeMap<>();
    for (int t = 0; t < outputs.size(); t++) {
      if (!(Passes.kernel(outputs.get(t)) instanceof Kernel.Joint)) {
        continue;
      }
      Computation computation = (Computation) outputs.get(t).operation();
      double[] densities = computation.numbers().get("density");
      for (int i = 0; i < densities.length; i++) {
        int model = computation.inputs().get(i + 1).model();
        double density = densities[i];
        Group group = groups.computeIfAbsent(model, _ -> new Group(density, new ArrayList<>()));
        if (group.density() != density) {
          throw new RecipeException(
              "'mode: paper' takes one threshold over all tensors of a model, and here one model"
                  + " has the densities "
                  + group.density()
                  + " and "
                  + density
                  + ". Give each model one density, without filters and gradients.");
        }
        if (group.outputs().isEmpty() || group.outputs().getLast() != t) {
          group.outputs().add(t);
        }
      }
    }
    return groups;
  }

  /// Bytes of input that selecting reads.
  ///
  /// @throws RecipeException where a model has several densities
  static long bytesRead(List<Output> outputs) {
    long bytes = 0;
    for (Map.Entry<Integer, Group> entry : groups(outputs).entrySet()) {
      for (int t : entry.getValue().outputs()) {
        Output output = outputs.get(t);
        Input base = output.operation().inputs().getFirst();
        bytes += base.entry().type().bytes(output.elements());
        bytes += input(output, entry.getKey()).entry().type().bytes(output.elements());
      }
    }
    return bytes;
  }

  static boolean needed(List<Output> outputs) {
    return outputs.stream().anyMatch(output -> Passes.kernel(output) instanceof Kernel.Joint);
  }

  /// Selects on the CPU, from maps of the models.
  ///
  /// @return for each such tensor, by its index, a threshold and a cutoff for each model
  static Map<Integer, double[]> select(
      MergePlan plan, List<Checkpoint> models, NonFinite nonFinite, int threads) {
    Map<Integer, double[]> thresholds = new HashMap<>();
    try (Stream cpu = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
      groups(plan.tensors())
          .forEach(
              (model, group) -> {
                double[] found = select(cpu, plan.tensors(), models, model, group, nonFinite);
                for (int i = 0; i < group.outputs().size(); i++) {
                  int t = group.outputs().get(i);
                  List<Input> inputs = plan.tensors().get(t).operation().inputs();
                  double[] values =
                      thresholds.computeIfAbsent(t, _ -> new double[2 * (inputs.size() - 1)]);
                  for (int m = 1; m < inputs.size(); m++) {
                    if (inputs.get(m).model() == model) {
                      System.arraycopy(found, 2 * i, values, 2 * (m - 1), 2);
                    }
                  }
                }
              });
    }
    return thresholds;
  }

  private static double[] select(
      Stream cpu,
      List<Output> all,
      List<Checkpoint> models,
      int model,
      Group group,
      NonFinite nonFinite) {
    List<Output> outputs = group.outputs().stream().map(all::get).toList();
    List<Tensor> bases = new ArrayList<>();
    List<Tensor> tensors = new ArrayList<>();
    long elements = 0;
    for (Output output : outputs) {
      bases.add(map(models, output, output.operation().inputs().getFirst()));
      tensors.add(map(models, output, input(output, model)));
      elements += output.elements();
    }
    long k =
        group.density() >= 1
            ? elements
            : Math.min(elements, Math.max(1, (long) Math.floor(group.density() * elements)));
    try (Tensor out = cpu.allocate(DType.F64, outputs.size(), 2)) {
      Selection.selectJoint(cpu, bases, tensors, k, dtype(outputs), null, out);
      cpu.synchronize();
      return out.segment().toArray(ValueLayout.JAVA_DOUBLE);
    } catch (NumericException e) {
      long at = e.tensor();
      throw nonFinite.name(
          at >= 0 && at < outputs.size() ? List.of(outputs.get((int) at)) : outputs, e);
    }
  }

  /// What inputs are rounded to: where an output has none, rounding its inputs changes nothing.
  private static @Nullable DType dtype(List<Output> outputs) {
    List<DType> dtypes =
        outputs.stream().map(Output::dtype).filter(Objects::nonNull).distinct().toList();
    if (dtypes.size() > 1) {
      throw new RecipeException(
          "'mode: paper' takes one threshold over all tensors of a model, which here are of the"
              + " types "
              + dtypes
              + ". Give the recipe a dtype.");
    }
    return dtypes.isEmpty() ? null : dtypes.getFirst();
  }

  private static Input input(Output output, int model) {
    return output.operation().inputs().stream()
        .skip(1)
        .filter(input -> input.model() == model)
        .findFirst()
        .orElseThrow();
  }

  private static Tensor map(List<Checkpoint> models, Output output, Input input) {
    DType dtype = input.entry().type().dtype().orElseThrow();
    return Tensor.of(
            models
                .get(input.model())
                .map(input.entry())
                .asSlice(0, output.elements() * dtype.bytes()),
            dtype,
            output.elements())
        .named(output.name());
  }
}

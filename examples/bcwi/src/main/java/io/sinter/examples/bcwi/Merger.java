// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Fisher;
import io.sinter.ops.FisherStatistics;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Merges an old model with new ones by the library's operations, on the CPU.
///
/// Where the new head has more classes, the old model is brought to its shape first: rows of
/// classes that the old head lacks are the new model's.
final class Merger {

  /// The first tensor of the head, of which classes have rows.
  private static final int HEAD = 2;

  private final Stream stream;
  private final Arena arena;
  private final Architecture oldModel;
  private final Architecture newModel;
  private final Weights out;

  /// A model's tensors, in memory that they share.
  record Weights(Architecture architecture, MemorySegment memory, List<Tensor> tensors) {

    static Weights allocate(Arena arena, Architecture architecture) {
      return of(arena.allocate(4L * architecture.size(), 64), architecture);
    }

    /// Tensors over memory that holds a model's parameters.
    static Weights of(MemorySegment memory, Architecture architecture) {
      List<Tensor> tensors = new ArrayList<>();
      for (Architecture.Parameter parameter : architecture.parameters()) {
        tensors.add(
            Tensor.of(
                    memory.asSlice(4L * parameter.offset(), 4L * parameter.elements()),
                    DType.F32,
                    parameter.shape())
                .named(parameter.name()));
      }
      return new Weights(architecture, memory, tensors);
    }
  }

  /// The old model's Fisher diagonal in the new model's shape, and its mean over the old model.
  record Importance(Weights diagonal, double mean) {}

  /// @param stream of the CPU
  /// @param arena owns the models' memory
  Merger(Stream stream, Arena arena, Architecture oldModel, Architecture newModel) {
    this.stream = stream;
    this.arena = arena;
    this.oldModel = oldModel;
    this.newModel = newModel;
    out = Weights.allocate(arena, newModel);
  }

  Weights upload(Model model) {
    Weights weights = Weights.allocate(arena, model.architecture());
    MemorySegment.copy(
        model.values(), 0, weights.memory(), JAVA_FLOAT, 0, model.architecture().size());
    return weights;
  }

  /// `alpha old + (1 - alpha) mean(new)`.
  Model bcwi(Weights before, List<Weights> after, double alpha) {
    Fisher.bcwi(
        stream,
        before.tensors(),
        byTensor(after),
        alphas(alpha),
        out.tensors(),
        Arithmetic.DEFAULT);
    return download();
  }

  /// The same, each parameter weighed by its importance for the old model.
  Model fisherBcwi(Weights before, Weights after, Importance importance, double alpha) {
    double[] means = new double[out.tensors().size()];
    Arrays.fill(means, importance.mean());
    Fisher.fisherBcwi(
        stream,
        before.tensors(),
        byTensor(List.of(after)),
        importance.diagonal().tensors(),
        means,
        alphas(alpha),
        out.tensors(),
        Arithmetic.DEFAULT);
    return download();
  }

  /// A Fisher diagonal brought to the new model's shape. Rows of added classes are 0 in it: there
  /// is nothing to merge there.
  Importance importance(Information information) {
    List<Tensor> tensors = information.weights().tensors();
    double mean = FisherStatistics.of(Fisher.statistics(stream, tensors)).mean();
    return new Importance(grown(information.weights(), null), mean);
  }

  /// The old model in the shape of the new one.
  Weights upload(Model before, Weights after) {
    return grown(upload(before), after);
  }

  /// The tensors of the head get the rows that the old model lacks from `after`, or zeros.
  private Weights grown(Weights before, @Nullable Weights after) {
    if (oldModel.equals(newModel)) {
      return before;
    }
    Weights grown = Weights.allocate(arena, newModel);
    int[] rows = new int[newModel.classes()];
    Arrays.setAll(rows, row -> row < oldModel.classes() ? row : -1);
    List<Tensor> body = before.tensors().subList(0, HEAD);
    for (int i = 0; i < body.size(); i++) {
      stream.copy(body.get(i), grown.tensors().get(i));
    }
    Fisher.classRows(
        stream,
        before.tensors().subList(HEAD, before.tensors().size()),
        after == null ? null : after.tensors().subList(HEAD, after.tensors().size()),
        rows,
        grown.tensors().subList(HEAD, grown.tensors().size()));
    return grown;
  }

  private double[] alphas(double alpha) {
    double[] alphas = new double[out.tensors().size()];
    Arrays.fill(alphas, alpha);
    return alphas;
  }

  private static List<List<Tensor>> byTensor(List<Weights> models) {
    List<List<Tensor>> tensors = new ArrayList<>();
    for (int i = 0; i < models.getFirst().tensors().size(); i++) {
      int tensor = i;
      tensors.add(models.stream().map(model -> model.tensors().get(tensor)).toList());
    }
    return tensors;
  }

  private Model download() {
    stream.synchronize();
    return new Model(newModel, out.memory().toArray(JAVA_FLOAT));
  }
}

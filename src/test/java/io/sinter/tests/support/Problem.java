// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import io.sinter.ops.TaskVectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// One tensor's part in a call of an elementwise operation: inputs, weights, and its type.
///
/// `inputs` are the operation's operands in the header's order; the base of a task vector is first.
public record Problem(
    Operation operation,
    List<Elements> inputs,
    double[] weights,
    double scale,
    boolean normalize,
    DType out,
    Reference.Mode mode) {

  /// The elementwise operations. `weights` holds what each takes besides tensors.
  public enum Operation {
    CAST,
    LERP,
    LINEAR,
    TASK_ARITHMETIC,
    SLERP
  }

  /// Where everything not given to [#random] comes from: what all tensors of one call share.
  public record Shared(Operation operation, int models, boolean normalize, Reference.Mode mode) {
    public static Shared random(Operation operation, SplittableRandom random) {
      int models = random.nextInt(8) == 0 ? random.nextInt(5, 19) : random.nextInt(1, 5);
      DType dtype = random.nextInt(4) == 0 ? any(random) : null;
      DType delta = random.nextInt(3) == 0 ? any(random) : null;
      Reference.Mode mode =
          operation == Operation.CAST ? Reference.Mode.DEFAULT : new Reference.Mode(dtype, delta);
      return new Shared(operation, models, random.nextBoolean(), mode);
    }

    private static DType any(SplittableRandom random) {
      return DType.values()[random.nextInt(DType.values().length)];
    }
  }

  /// A problem with seeded inputs: all of type `in`, or one time in three of any types.
  public static Problem random(
      Shared shared, DType in, DType out, int count, Values values, SplittableRandom random) {
    Operation operation = shared.operation();
    int operands =
        switch (operation) {
          case CAST -> 1;
          case LERP, SLERP -> 2;
          case LINEAR -> shared.models();
          case TASK_ARITHMETIC -> 1 + shared.models();
        };
    Values kind = operation == Operation.SLERP && !values.tame() ? Values.NORMAL : values;
    boolean mixed = operands > 1 && random.nextInt(3) == 0;
    List<Elements> inputs = new ArrayList<>();
    for (int k = 0; k < operands; k++) {
      DType type = mixed && k > 0 ? Shared.any(random) : in;
      inputs.add(kind.elements(type, count, random));
    }
    double[] weights =
        switch (operation) {
          case CAST -> new double[0];
          case LERP, SLERP -> new double[] {position(random)};
          case LINEAR, TASK_ARITHMETIC -> weights(shared, random);
        };
    double scale = random.nextBoolean() ? 1 : random.nextGaussian();
    return new Problem(operation, inputs, weights, scale, shared.normalize(), out, shared.mode());
  }

  /// Positions on the line between two models: the ends, the middle and both sides of it, and
  /// far outside.
  private static double position(SplittableRandom random) {
    return switch (random.nextInt(12)) {
      case 0 -> 0;
      case 1 -> 1;
      case 2 -> 0.5;
      case 3 -> Math.nextDown(0.5);
      case 4 -> Math.nextDown(0.5f);
      case 5 -> random.nextBoolean() ? 1e-60 : Math.nextDown(1.0);
      case 6 -> new double[] {-0.25, 1.75, 1e300}[random.nextInt(3)];
      case 7 -> 0.25;
      default -> random.nextDouble();
    };
  }

  private static double[] weights(Shared shared, SplittableRandom random) {
    double[] weights = new double[shared.models()];
    for (int k = 0; k < weights.length; k++) {
      weights[k] =
          switch (random.nextInt(6)) {
            case 0 -> 1;
            case 1 -> k == 0 || !shared.normalize() ? 0.5 : 0;
            case 2 -> shared.normalize() ? 0.125 : -random.nextDouble();
            default -> random.nextDouble() + 0.01;
          };
    }
    return weights;
  }

  public int count() {
    return inputs.get(0).count();
  }

  /// What the header says the result is.
  public Reference.Result expected() {
    Elements first = inputs.get(0);
    return switch (operation) {
      case CAST -> Reference.cast(first, out);
      case LERP -> Reference.lerp(first, inputs.get(1), weights[0], out, mode);
      case LINEAR -> Reference.linear(inputs, weights, normalize, out, mode);
      case TASK_ARITHMETIC ->
          Reference.taskArithmetic(
              first, inputs.subList(1, inputs.size()), weights, scale, normalize, out, mode);
      case SLERP -> {
        Elements second = inputs.get(1);
        Interpolation.SlerpWeights w =
            Interpolation.slerpWeights(
                Reference.dot(first, first, mode.dtype()),
                Reference.dot(first, second, mode.dtype()),
                Reference.dot(second, second, mode.dtype()),
                weights[0]);
        yield Reference.slerp(first, second, weights[0], w.a(), w.b(), w.linear(), out, mode);
      }
    };
  }

  /// Runs problems that share an operation, a number of models, `normalize` and a mode, in one
  /// call.
  public static void call(
      Stream stream,
      List<Problem> problems,
      List<List<Tensor>> inputs,
      List<Tensor> outputs,
      @Nullable Tensor counts) {
    Problem any = problems.get(0);
    Arithmetic arithmetic = new Arithmetic(any.mode.dtype(), any.mode.deltaDtype(), counts);
    double[][] weights = problems.stream().map(Problem::weights).toArray(double[][]::new);
    switch (any.operation) {
      case CAST -> Conversion.cast(stream, operand(inputs, 0), outputs, counts);
      case LERP ->
          Interpolation.lerp(
              stream, operand(inputs, 0), operand(inputs, 1), firsts(weights), outputs, arithmetic);
      case LINEAR ->
          Interpolation.linear(stream, inputs, weights, any.normalize, outputs, arithmetic);
      case TASK_ARITHMETIC ->
          TaskVectors.taskArithmetic(
              stream,
              operand(inputs, 0),
              inputs.stream().map(list -> list.subList(1, list.size())).toList(),
              weights,
              problems.stream().mapToDouble(Problem::scale).toArray(),
              any.normalize,
              outputs,
              arithmetic);
      case SLERP ->
          Interpolation.slerp(
              stream, operand(inputs, 0), operand(inputs, 1), firsts(weights), outputs, arithmetic);
    }
  }

  private static List<Tensor> operand(List<List<Tensor>> inputs, int index) {
    return inputs.stream().map(list -> list.get(index)).toList();
  }

  private static double[] firsts(double[][] weights) {
    double[] firsts = new double[weights.length];
    for (int k = 0; k < firsts.length; k++) {
      firsts[k] = weights[k][0];
    }
    return firsts;
  }

  @Override
  public String toString() {
    return operation
        + " of "
        + inputs.stream().map(e -> e.type().toString()).toList()
        + "["
        + count()
        + "] -> "
        + out
        + ", weights "
        + Arrays.toString(weights)
        + ", scale "
        + scale
        + (normalize ? ", normalized" : "")
        + ", "
        + mode;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.Stream;
import io.sinter.ops.Fisher;
import io.sinter.updater.FisherDiagonal.Estimator;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;

/// A Fisher diagonal: the mean squared gradient of `log p(y | x)` for each parameter of a model,
/// over examples.
///
/// @param estimator which `y`
/// @param examples how many examples
/// @param weights float32, laid out as the model's parameters
record Information(Estimator estimator, int examples, Merger.Weights weights) {

  /// Takes the gradients of each example by itself: the square of a batch's gradient is something
  /// else.
  ///
  /// @param perceptron computes; of the model's architecture
  /// @param random draws the answers of [Estimator#SAMPLED]
  static Information of(
      Stream stream,
      Arena arena,
      Perceptron perceptron,
      Model model,
      Sample sample,
      Estimator estimator,
      SplittableRandom random) {
    int classes = model.architecture().classes();
    Merger.Weights state = Merger.Weights.allocate(arena, model.architecture());
    Merger.Weights gradient = Merger.Weights.of(perceptron.gradient(), model.architecture());
    perceptron.load(model.values());
    int[] order = new int[sample.count()];
    Arrays.setAll(order, i -> i);
    for (int from = 0; from < order.length; from += perceptron.capacity()) {
      int to = Math.min(from + perceptron.capacity(), order.length);
      perceptron.forward(sample, order, from, to);
      float[] probabilities =
          Softmax.rows(Arrays.copyOf(perceptron.logits, (to - from) * classes), classes);
      for (int i = 0; i < to - from; i++) {
        int row = i * classes;
        int first = answer(estimator, probabilities, row, classes, sample, from + i, random);
        int last = estimator == Estimator.EXACT ? classes - 1 : first;
        for (int y = first; y <= last; y++) {
          for (int c = 0; c < classes; c++) {
            perceptron.logits[row + c] = (c == y ? 1f : 0f) - probabilities[row + c];
          }
          perceptron.backward(i, i + 1);
          double weight = estimator == Estimator.EXACT ? probabilities[row + y] : 1;
          Fisher.accumulate(stream, gradient.tensors(), weight, state.tensors());
        }
      }
    }
    Fisher.finish(stream, state.tensors(), sample.count());
    stream.synchronize();
    return new Information(estimator, sample.count(), state);
  }

  /// The answer whose gradient is taken; the first one, where all are.
  private static int answer(
      Estimator estimator,
      float[] probabilities,
      int row,
      int classes,
      Sample sample,
      int example,
      SplittableRandom random) {
    return switch (estimator) {
      case EXACT -> 0;
      case ARGMAX -> Softmax.largest(probabilities, row, classes);
      case SAMPLED -> {
        double left = random.nextDouble();
        int y = 0;
        while (y < classes - 1 && (left -= probabilities[row + y]) >= 0) {
          y++;
        }
        yield y;
      }
      // An old model has no probability for the label of a class that it does not know.
      case EMPIRICAL ->
          sample.label(example) < classes
              ? sample.label(example)
              : Softmax.largest(probabilities, row, classes);
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Trains models by Adam (Kingma and Ba, ICLR 2015) on batches of 64, in a new order each epoch.
///
/// @param epochs passes over the examples
/// @param rate the learning rate at the start
/// @param schedule how it goes on
record Trainer(int epochs, double rate, Schedule schedule) {

  static final int BATCH = 64;

  private static final float BETA1 = 0.9f;
  private static final float BETA2 = 0.999f;
  private static final float EPSILON = 1e-8f;

  /// The model that `start` becomes.
  ///
  /// @param perceptron computes; of the model's architecture
  /// @param seed decides the orders
  Model train(Perceptron perceptron, Model start, Sample sample, Objective objective, long seed) {
    return train(perceptron, start, sample, objective, seed, _ -> {});
  }

  /// The same, and hands over the model as it is after each epoch.
  Model train(
      Perceptron perceptron,
      Model start,
      Sample sample,
      Objective objective,
      long seed,
      Consumer<Model> afterEpoch) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = start.values().clone();
    Adam adam = new Adam(values.length);
    int[] order = new int[sample.count()];
    Arrays.setAll(order, i -> i);
    int steps = epochs * Math.ceilDiv(order.length, BATCH);
    int step = 0;
    for (int epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, random);
      for (int from = 0; from < order.length; from += BATCH) {
        int to = Math.min(from + BATCH, order.length);
        perceptron.load(values);
        perceptron.forward(sample, order, from, to);
        objective.gradient(
            sample, order, from, to, perceptron.logits, start.architecture().classes());
        perceptron.backward(0, to - from);
        double current = rate * schedule.factor((double) step / steps);
        step++;
        adam.step(values, perceptron.gradient(), step, current);
      }
      afterEpoch.accept(new Model(start.architecture(), values.clone()));
    }
    return new Model(start.architecture(), values);
  }

  static void shuffle(int[] order, SplittableRandom random) {
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
  }

  /// The state of one training. Arrays on the heap: loops over them are vectorised, those over
  /// native memory are not, which costs more than the copy.
  private static final class Adam {
    private final float[] gradient;
    private final float[] mean;
    private final float[] square;

    Adam(int size) {
      gradient = new float[size];
      mean = new float[size];
      square = new float[size];
    }

    void step(float[] values, MemorySegment gradients, int step, double rate) {
      MemorySegment.copy(gradients, JAVA_FLOAT, 0, gradient, 0, gradient.length);
      float size = (float) (rate / (1 - Math.pow(BETA1, step)));
      float correction = (float) (1 / Math.sqrt(1 - Math.pow(BETA2, step)));
      for (int i = 0; i < values.length; i++) {
        float g = gradient[i];
        float m = BETA1 * mean[i] + (1 - BETA1) * g;
        float v = BETA2 * square[i] + (1 - BETA2) * (g * g);
        mean[i] = m;
        square[i] = v;
        values[i] -= size * m / ((float) Math.sqrt(v) * correction + EPSILON);
      }
    }
  }
}

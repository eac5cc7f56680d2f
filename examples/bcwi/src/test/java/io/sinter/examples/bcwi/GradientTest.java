// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.ops.LossOptions;
import io.sinter.ops.LossOptions.Mask;
import io.sinter.updater.FisherDiagonal.Estimator;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Gradients against central differences of the same functions in plain double loops.
class GradientTest {

  private static final long SEED = 20;
  private static final Architecture SHAPE = new Architecture(6, 9, 4);
  private static final int EXAMPLES = 12;

  /// Half the distance of the points of a central difference: its error goes with the square.
  private static final double STEP = 1e-5;

  /// What float32 sums of a few dozen products may be off by, relative to the largest gradient.
  private static final double TOLERANCE = 64 * Math.ulp(1f);

  private final Arena arena = Arena.ofConfined();
  private final Sample sample = Synthetic.examples(arena, EXAMPLES, SHAPE.inputs(), 4, SEED).all();
  private final Model model = Model.initial(SHAPE, new SplittableRandom(SEED));
  private final Perceptron perceptron = new Perceptron(arena, SHAPE, EXAMPLES);

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void gradientOfEachExampleIsThatOfItsLogLikelihood() {
    int[] order = order();
    perceptron.load(model.values());
    perceptron.forward(sample, order, 0, EXAMPLES);
    float[] probabilities = Softmax.rows(perceptron.logits, SHAPE.classes());
    for (int example = 0; example < EXAMPLES; example++) {
      for (int y = 0; y < SHAPE.classes(); y++) {
        for (int c = 0; c < SHAPE.classes(); c++) {
          int at = example * SHAPE.classes() + c;
          perceptron.logits[at] = (c == y ? 1 : 0) - probabilities[at];
        }
        perceptron.backward(example, example + 1);
        assertGradient(logLikelihood(example, y), "example " + example + ", class " + y);
      }
    }
  }

  @Test
  void gradientOfABatchIsThatOfItsMeanLoss() {
    int[] order = order();
    perceptron.load(model.values());
    perceptron.forward(sample, order, 2, EXAMPLES);
    Objective.crossEntropy()
        .gradient(sample, order, 2, EXAMPLES, perceptron.logits, SHAPE.classes());
    perceptron.backward(0, EXAMPLES - 2);
    assertGradient(
        values -> {
          double loss = 0;
          for (int example = 2; example < EXAMPLES; example++) {
            loss -= logLikelihood(example, sample.label(example)).applyAsDouble(values);
          }
          return loss / (EXAMPLES - 2);
        },
        "cross-entropy");
  }

  @Test
  void gradientOfDistillationIsThatOfItsLoss() {
    float[] teacher = Softmax.rows(teacherLogits(3), SHAPE.classes());
    float weight = .25f;
    int[] order = order();
    perceptron.load(model.values());
    perceptron.forward(sample, order, 0, EXAMPLES);
    Objective.distillation(teacher, weight)
        .gradient(sample, order, 0, EXAMPLES, perceptron.logits, SHAPE.classes());
    perceptron.backward(0, EXAMPLES);
    assertGradient(
        values -> {
          double loss = 0;
          for (int example = 0; example < EXAMPLES; example++) {
            double[] logs = logProbabilities(values, example);
            loss -= (1 - weight) * logs[sample.label(example)];
            for (int c = 0; c < SHAPE.classes(); c++) {
              loss -= weight * teacher[example * SHAPE.classes() + c] * logs[c];
            }
          }
          return loss / EXAMPLES;
        },
        "distillation");
  }

  @Test
  void gradientOfTheCompatibilityLossIsThatOfItsDivergences() {
    float[] before = teacherLogits(3);
    float[] after = teacherLogits(4);
    double weight = .5;
    for (Mask mask : Mask.values()) {
      int[] order = order();
      perceptron.load(model.values());
      perceptron.forward(sample, order, 0, EXAMPLES);
      boolean[] held = held(perceptron.logits.clone(), before, mask);
      try (Stream stream = Device.cpu().stream();
          CompatibilityObjective objective =
              new CompatibilityObjective(
                  stream,
                  before,
                  after,
                  SHAPE.classes(),
                  LossOptions.DEFAULT.withMask(mask).withCrossEntropy(weight))) {
        objective.gradient(sample, order, 0, EXAMPLES, perceptron.logits, SHAPE.classes());
      }
      perceptron.backward(0, EXAMPLES);
      assertGradient(
          values -> {
            double loss = 0;
            for (int example = 0; example < EXAMPLES; example++) {
              double[] teacher = logProbabilities(held[example] ? before : after, example);
              double[] logs = logProbabilities(values, example);
              for (int c = 0; c < SHAPE.classes(); c++) {
                loss += Math.exp(teacher[c]) * (teacher[c] - logs[c]);
              }
              loss -= weight * logs[sample.label(example)];
            }
            return loss / EXAMPLES;
          },
          mask.name());
    }
  }

  /// Which examples are held to the old model; both kinds are there.
  private boolean[] held(float[] logits, float[] before, Mask mask) {
    boolean[] held = new boolean[EXAMPLES];
    int number = 0;
    for (int example = 0; example < EXAMPLES; example++) {
      int label = sample.label(example);
      double[] mine = logProbabilities(logits, example);
      int best = 0;
      for (int c = 1; c < mine.length; c++) {
        best = mine[c] > mine[best] ? c : best;
      }
      held[example] =
          mask == Mask.WRONG
              ? best != label
              : mine[label] < logProbabilities(before, example)[label];
      number += held[example] ? 1 : 0;
    }
    assertTrue(number > 0 && number < EXAMPLES, number + " held, seed " + SEED);
    return held;
  }

  private static double[] logProbabilities(float[] logits, int example) {
    double[] row = new double[SHAPE.classes()];
    Arrays.setAll(row, c -> logits[example * SHAPE.classes() + c]);
    double sum = Arrays.stream(row).map(Math::exp).sum();
    return Arrays.stream(row).map(logit -> logit - Math.log(sum)).toArray();
  }

  /// The Fisher diagonals are means of squares of central differences.
  @Test
  void fisherDiagonalsAreMeansOfSquaredGradients() {
    for (Estimator estimator : Estimator.values()) {
      if (estimator == Estimator.SAMPLED) {
        continue; // Which answers were drawn is not known here; see the test below.
      }
      double[] expected = new double[SHAPE.size()];
      for (int example = 0; example < EXAMPLES; example++) {
        double[] logs = logProbabilities(doubles(model.values()), example);
        int likeliest = 0;
        for (int c = 1; c < logs.length; c++) {
          likeliest = logs[c] > logs[likeliest] ? c : likeliest;
        }
        for (int y = 0; y < SHAPE.classes(); y++) {
          double weight =
              switch (estimator) {
                case EXACT, SAMPLED -> Math.exp(logs[y]);
                case ARGMAX -> y == likeliest ? 1 : 0;
                case EMPIRICAL -> y == sample.label(example) ? 1 : 0;
              };
          double[] gradient = centralDifferences(logLikelihood(example, y));
          for (int i = 0; i < gradient.length; i++) {
            expected[i] += weight * gradient[i] * gradient[i] / EXAMPLES;
          }
        }
      }
      assertClose(expected, diagonal(estimator, sample), estimator.name());
    }
  }

  /// With very many examples drawn answers come to the expectation; a diagonal of the square of
  /// batches' gradients, or of the model's own answers, would be far from it.
  @Test
  void sampledFisherComesToTheExactOne() {
    Sample many = sample;
    while (many.count() < 20_000) {
      many = many.and(many);
    }
    float[] exact = diagonal(Estimator.EXACT, sample);
    float[] sampled = diagonal(Estimator.SAMPLED, many);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < exact.length; i++) {
      difference += Math.pow(exact[i] - sampled[i], 2);
      norm += Math.pow(exact[i], 2);
    }
    assertTrue(
        Math.sqrt(difference / norm) < .05, "off by " + Math.sqrt(difference / norm) + ", seed 1");
  }

  private float[] diagonal(Estimator estimator, Sample of) {
    try (Stream stream = Device.cpu().stream()) {
      return Information.of(
              stream, arena, perceptron, model, of, estimator, new SplittableRandom(1))
          .weights()
          .memory()
          .toArray(JAVA_FLOAT);
    }
  }

  private float[] teacherLogits(long seed) {
    return perceptron.logits(Model.initial(SHAPE, new SplittableRandom(seed)), sample);
  }

  private void assertGradient(ToDoubleFunction<double[]> function, String what) {
    assertClose(centralDifferences(function), perceptron.gradient().toArray(JAVA_FLOAT), what);
  }

  private static void assertClose(double[] expected, float[] actual, String what) {
    assertEquals(expected.length, actual.length);
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], TOLERANCE * largest, what + ", parameter " + i);
    }
  }

  private double[] centralDifferences(ToDoubleFunction<double[]> function) {
    double[] values = doubles(model.values());
    double[] gradient = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      double value = values[i];
      values[i] = value + STEP;
      double above = function.applyAsDouble(values);
      values[i] = value - STEP;
      double below = function.applyAsDouble(values);
      values[i] = value;
      gradient[i] = (above - below) / (2 * STEP);
    }
    return gradient;
  }

  private ToDoubleFunction<double[]> logLikelihood(int example, int y) {
    return values -> logProbabilities(values, example)[y];
  }

  /// A perceptron in plain loops.
  private double[] logProbabilities(double[] values, int example) {
    double[] logits = new double[SHAPE.classes()];
    for (int c = 0; c < logits.length; c++) {
      logits[c] = values[SHAPE.offsetB2() + c];
    }
    for (int u = 0; u < SHAPE.units(); u++) {
      double sum = values[SHAPE.offsetB1() + u];
      for (int i = 0; i < SHAPE.inputs(); i++) {
        long at = (long) example * SHAPE.inputs() + i;
        sum +=
            values[u * SHAPE.inputs() + i]
                * sample.examples().features().getAtIndex(JAVA_FLOAT, at);
      }
      // At the kink a central difference is no derivative.
      assertTrue(Math.abs(sum) > 100 * STEP, "seed " + SEED + " puts a unit at its kink");
      for (int c = 0; c < logits.length; c++) {
        logits[c] += values[SHAPE.offsetW2() + c * SHAPE.units() + u] * Math.max(sum, 0);
      }
    }
    double sum = Arrays.stream(logits).map(Math::exp).sum();
    return Arrays.stream(logits).map(logit -> logit - Math.log(sum)).toArray();
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    Arrays.setAll(doubles, i -> values[i]);
    return doubles;
  }

  private static int[] order() {
    int[] order = new int[EXAMPLES];
    Arrays.setAll(order, i -> i);
    return order;
  }
}

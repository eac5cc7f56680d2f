// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import static io.sinter.examples.Classifier.UNITS;
import static io.sinter.examples.LabelledImages.CLASSES;
import static io.sinter.examples.LabelledImages.PIXELS;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Trains [Classifier]s: cross-entropy, Adam, a learning rate that falls along a cosine to zero.
///
/// One thread, float32, every sum in one order, and [StrictMath] where the platform's libraries
/// might differ: the same data and seed give the same bytes on every machine.
final class Training {

  private static final int BATCH = 64;
  private static final float RATE = 1e-3f;
  private static final float BETA1 = 0.9f;
  private static final float BETA2 = 0.999f;
  private static final float EPSILON = 1e-8f;

  private final Random random;

  Training(long seed) {
    random = new Random(seed);
  }

  /// A classifier with uniform weights in ±1/sqrt(inputs), as linear layers are commonly started.
  Classifier initial() {
    return Classifier.of(
        List.of(
            uniform(UNITS * PIXELS, PIXELS),
            uniform(UNITS, PIXELS),
            uniform(CLASSES * UNITS, UNITS),
            uniform(CLASSES, UNITS)));
  }

  /// The classifier that `start` becomes after `epochs` passes over `data`, each in a new order.
  Classifier train(Classifier start, LabelledImages data, int epochs) {
    Classifier model = start.copy();
    Adam[] adams = {new Adam(model.w1), new Adam(model.b1), new Adam(model.w2), new Adam(model.b2)};
    Gradient gradient = new Gradient(model, adams);
    int[] order = new int[data.count()];
    Arrays.setAll(order, i -> i);
    int steps = epochs * Math.ceilDiv(order.length, BATCH);
    int step = 0;
    for (int epoch = 0; epoch < epochs; epoch++) {
      shuffle(order);
      for (int from = 0; from < order.length; from += BATCH) {
        gradient.compute(data, order, from, Math.min(from + BATCH, order.length));
        double rate = RATE * 0.5 * (1 + StrictMath.cos(StrictMath.PI * step / steps));
        step++;
        for (Adam adam : adams) {
          adam.step(step, rate);
        }
      }
    }
    return model;
  }

  private float[] uniform(int n, int inputs) {
    float bound = (float) (1 / Math.sqrt(inputs));
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (2 * random.nextFloat() - 1) * bound;
    }
    return values;
  }

  private void shuffle(int[] order) {
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
  }

  /// Mean gradient of the cross-entropy over a batch.
  private static final class Gradient {
    private final Classifier model;
    private final float[] w1;
    private final float[] b1;
    private final float[] w2;
    private final float[] b2;
    private final float[] hidden = new float[UNITS];
    private final float[] hiddenGradient = new float[UNITS];
    private final float[] logits = new float[CLASSES];

    Gradient(Classifier model, Adam[] adams) {
      this.model = model;
      w1 = adams[0].gradient;
      b1 = adams[1].gradient;
      w2 = adams[2].gradient;
      b2 = adams[3].gradient;
    }

    void compute(LabelledImages data, int[] order, int from, int to) {
      for (float[] g : new float[][] {w1, b1, w2, b2}) {
        Arrays.fill(g, 0f);
      }
      for (int i = from; i < to; i++) {
        int image = order[i];
        model.forward(data.pixels(), image * PIXELS, hidden, logits);
        softmaxMinusOneHot(data.labels()[image], to - from);
        backward(data.pixels(), image * PIXELS);
      }
    }

    /// Turns logits into the loss's gradient with respect to them.
    private void softmaxMinusOneHot(int label, int batch) {
      float max = logits[0];
      for (float logit : logits) {
        max = Math.max(max, logit);
      }
      float sum = 0;
      for (int c = 0; c < CLASSES; c++) {
        logits[c] = (float) StrictMath.exp(logits[c] - max);
        sum += logits[c];
      }
      for (int c = 0; c < CLASSES; c++) {
        logits[c] = (logits[c] / sum - (c == label ? 1 : 0)) / batch;
      }
    }

    private void backward(byte[] pixels, int offset) {
      Arrays.fill(hiddenGradient, 0f);
      for (int c = 0; c < CLASSES; c++) {
        float d = logits[c];
        b2[c] += d;
        for (int u = 0; u < UNITS; u++) {
          w2[c * UNITS + u] += d * hidden[u];
          hiddenGradient[u] += d * model.w2[c * UNITS + u];
        }
      }
      for (int u = 0; u < UNITS; u++) {
        hiddenGradient[u] = hidden[u] > 0 ? hiddenGradient[u] : 0f;
        b1[u] += hiddenGradient[u];
      }
      for (int p = 0; p < PIXELS; p++) {
        if (pixels[offset + p] != 0) {
          float x = Classifier.intensity(pixels[offset + p]);
          int row = p * UNITS;
          for (int u = 0; u < UNITS; u++) {
            w1[row + u] += x * hiddenGradient[u];
          }
        }
      }
    }
  }

  /// Adam (Kingma and Ba, ICLR 2015) for one array of parameters.
  private static final class Adam {
    final float[] gradient;
    private final float[] parameters;
    private final float[] mean;
    private final float[] square;

    Adam(float[] parameters) {
      this.parameters = parameters;
      gradient = new float[parameters.length];
      mean = new float[parameters.length];
      square = new float[parameters.length];
    }

    void step(int step, double rate) {
      float size = (float) (rate / (1 - StrictMath.pow(BETA1, step)));
      float correction = (float) (1 / Math.sqrt(1 - StrictMath.pow(BETA2, step)));
      for (int i = 0; i < parameters.length; i++) {
        float g = gradient[i];
        float m = BETA1 * mean[i] + (1 - BETA1) * g;
        float v = BETA2 * square[i] + (1 - BETA2) * (g * g);
        mean[i] = m;
        square[i] = v;
        parameters[i] -= size * m / ((float) Math.sqrt(v) * correction + EPSILON);
      }
    }
  }
}

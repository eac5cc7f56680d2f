// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import static io.sinter.examples.LabelledImages.CLASSES;
import static io.sinter.examples.LabelledImages.PIXELS;

import java.util.List;

/// A perceptron with one hidden layer: 784 pixels, 128 rectified units, 10 classes.
///
/// `logits = W2 relu(W1 x / 255 + b1) + b2`, in float32, summed in the order of the inputs.
/// The weights of the first layer are kept transposed, `[784, 128]`: then the inner loops run over
/// units, which a compiler may vectorise without changing the order of any sum, and black pixels
/// cost nothing.
public final class Classifier {

  /// Hidden units.
  public static final int UNITS = 128;

  /// A tensor of a classifier's checkpoint.
  ///
  /// @param name its name
  /// @param rows its outputs
  /// @param columns its inputs, or 0 for a vector
  record Parameter(String name, int rows, int columns) {
    long[] shape() {
      return columns == 0 ? new long[] {rows} : new long[] {rows, columns};
    }

    int elements() {
      return rows * Math.max(columns, 1);
    }
  }

  /// The tensors of a classifier's checkpoint, in order.
  static final List<Parameter> PARAMETERS =
      List.of(
          new Parameter("fc1.weight", UNITS, PIXELS),
          new Parameter("fc1.bias", UNITS, 0),
          new Parameter("fc2.weight", CLASSES, UNITS),
          new Parameter("fc2.bias", CLASSES, 0));

  final float[] w1; // [784, 128]
  final float[] b1; // [128]
  final float[] w2; // [10, 128]
  final float[] b2; // [10]

  private Classifier(float[] w1, float[] b1, float[] w2, float[] b2) {
    this.w1 = w1;
    this.b1 = b1;
    this.w2 = w2;
    this.b2 = b2;
  }

  /// A classifier with these values.
  ///
  /// @param values for each of the [#PARAMETERS], as its checkpoint stores it
  public static Classifier of(List<float[]> values) {
    for (int i = 0; i < PARAMETERS.size(); i++) {
      Parameter parameter = PARAMETERS.get(i);
      if (values.get(i).length != parameter.elements()) {
        throw new IllegalArgumentException(
            "%s has %d elements, expected %d"
                .formatted(parameter.name(), values.get(i).length, parameter.elements()));
      }
    }
    return new Classifier(
        transpose(values.get(0), UNITS, PIXELS),
        values.get(1).clone(),
        values.get(2).clone(),
        values.get(3).clone());
  }

  /// The values of each of the [#PARAMETERS], as a checkpoint stores them.
  public List<float[]> values() {
    return List.of(transpose(w1, PIXELS, UNITS), b1.clone(), w2.clone(), b2.clone());
  }

  /// The class of each image: the largest logit, the first of equals.
  public int[] classify(LabelledImages images) {
    int[] classes = new int[images.count()];
    float[] hidden = new float[UNITS];
    float[] logits = new float[CLASSES];
    for (int i = 0; i < classes.length; i++) {
      forward(images.pixels(), i * PIXELS, hidden, logits);
      int best = 0;
      for (int c = 1; c < CLASSES; c++) {
        if (logits[c] > logits[best]) {
          best = c;
        }
      }
      classes[i] = best;
    }
    return classes;
  }

  /// Computes `hidden[128]` and `logits[10]` for the image at `offset`.
  void forward(byte[] pixels, int offset, float[] hidden, float[] logits) {
    System.arraycopy(b1, 0, hidden, 0, UNITS);
    for (int p = 0; p < PIXELS; p++) {
      if (pixels[offset + p] != 0) {
        float x = intensity(pixels[offset + p]);
        int row = p * UNITS;
        for (int u = 0; u < UNITS; u++) {
          hidden[u] += x * w1[row + u];
        }
      }
    }
    for (int u = 0; u < UNITS; u++) {
      hidden[u] = Math.max(hidden[u], 0f);
    }
    for (int c = 0; c < CLASSES; c++) {
      float sum = b2[c];
      for (int u = 0; u < UNITS; u++) {
        sum += w2[c * UNITS + u] * hidden[u];
      }
      logits[c] = sum;
    }
  }

  /// The network's input for a pixel.
  static float intensity(byte pixel) {
    return (pixel & 0xff) / 255f;
  }

  /// A copy that can be trained on without changing this one.
  Classifier copy() {
    return new Classifier(w1.clone(), b1.clone(), w2.clone(), b2.clone());
  }

  private static float[] transpose(float[] matrix, int rows, int columns) {
    float[] transposed = new float[matrix.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        transposed[c * rows + r] = matrix[r * columns + c];
      }
    }
    return transposed;
  }
}

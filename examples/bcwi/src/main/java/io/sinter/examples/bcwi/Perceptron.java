// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Computes models of one [Architecture]: logits of a batch, and gradients with respect to the
/// parameters, summed over a batch or of one example.
///
/// Its buffers hold one batch; it is used by one thread.
final class Perceptron {

  private final Architecture architecture;
  private final int capacity;
  private final MemorySegment parameters;
  private final Blas.Matrix w1;
  private final Blas.Matrix w2;
  private final float[] b1;
  private final float[] b2;
  private final Blas.Matrix inputs; // [capacity, inputs]
  private final Blas.Matrix hidden; // [capacity, units]
  private final Blas.Matrix hiddenGradient; // [capacity, units]
  private final Blas.Matrix outputs; // [capacity, classes]: logits, then their gradient
  private final MemorySegment gradient;
  private final Blas.Matrix w1Gradient;
  private final Blas.Matrix w2Gradient;
  private final float[] hiddenValues;
  private final float[] hiddenGradients;

  /// The logits of the batch, `[capacity, classes]`, and what the caller puts in their place before
  /// [#backward]: the loss's gradient with respect to them.
  final float[] logits;

  /// @param arena owns the buffers
  /// @param architecture of the models to compute
  /// @param capacity the most examples of a batch
  Perceptron(Arena arena, Architecture architecture, int capacity) {
    this.architecture = architecture;
    this.capacity = capacity;
    int units = architecture.units();
    int classes = architecture.classes();
    parameters = floats(arena, architecture.size());
    w1 = new Blas.Matrix(part(parameters, 0, architecture.offsetB1()));
    w2 = new Blas.Matrix(part(parameters, architecture.offsetW2(), architecture.offsetB2()));
    b1 = new float[units];
    b2 = new float[classes];
    inputs = new Blas.Matrix(floats(arena, capacity * architecture.inputs()));
    hidden = new Blas.Matrix(floats(arena, capacity * units));
    hiddenGradient = new Blas.Matrix(floats(arena, capacity * units));
    outputs = new Blas.Matrix(floats(arena, capacity * classes));
    gradient = floats(arena, architecture.size());
    w1Gradient = new Blas.Matrix(part(gradient, 0, architecture.offsetB1()));
    w2Gradient = new Blas.Matrix(part(gradient, architecture.offsetW2(), architecture.offsetB2()));
    hiddenValues = new float[capacity * units];
    hiddenGradients = new float[capacity * units];
    logits = new float[capacity * classes];
  }

  Architecture architecture() {
    return architecture;
  }

  int capacity() {
    return capacity;
  }

  /// The gradient that [#backward] computed, float32 in native memory, laid out as the parameters.
  MemorySegment gradient() {
    return gradient;
  }

  /// Takes these parameters.
  void load(float[] values) {
    MemorySegment.copy(values, 0, parameters, JAVA_FLOAT, 0, values.length);
    System.arraycopy(values, architecture.offsetB1(), b1, 0, b1.length);
    System.arraycopy(values, architecture.offsetB2(), b2, 0, b2.length);
  }

  /// Computes [#logits] of the `from`-th to the `to`-th example in an order.
  ///
  /// @param order positions in the sample
  void forward(Sample sample, int[] order, int from, int to) {
    int count = to - from;
    for (int i = 0; i < count; i++) {
      sample.copyTo(order[from + i], inputs.segment(), i);
    }
    forward(count);
  }

  private void forward(int count) {
    int units = architecture.units();
    int classes = architecture.classes();
    Blas.timesTransposed(inputs, w1, hidden, count, units, architecture.inputs());
    MemorySegment.copy(hidden.segment(), JAVA_FLOAT, 0, hiddenValues, 0, count * units);
    for (int i = 0; i < count; i++) {
      int row = i * units;
      for (int u = 0; u < units; u++) {
        hiddenValues[row + u] = Math.max(hiddenValues[row + u] + b1[u], 0f);
      }
    }
    MemorySegment.copy(hiddenValues, 0, hidden.segment(), JAVA_FLOAT, 0, count * units);
    Blas.timesTransposed(hidden, w2, outputs, count, classes, units);
    MemorySegment.copy(outputs.segment(), JAVA_FLOAT, 0, logits, 0, count * classes);
    for (int i = 0; i < count; i++) {
      for (int c = 0; c < classes; c++) {
        logits[i * classes + c] += b2[c];
      }
    }
  }

  /// Computes the gradient of the parameters from that of the logits, which stands in their place:
  /// of one example, `to = from + 1`, or the sum over several of the batch of the last [#forward].
  void backward(int from, int to) {
    int units = architecture.units();
    int classes = architecture.classes();
    int count = to - from;
    MemorySegment.copy(
        logits,
        from * classes,
        outputs.segment(),
        JAVA_FLOAT,
        4L * from * classes,
        count * classes);
    Blas.transposedTimes(outputs, hidden, from, w2Gradient, classes, units, count);
    bias(logits, from, to, classes, architecture.offsetB2());
    Blas.times(
        new Blas.Matrix(part(outputs.segment(), from * classes, to * classes)),
        w2,
        new Blas.Matrix(part(hiddenGradient.segment(), from * units, to * units)),
        count,
        units,
        classes);
    MemorySegment.copy(
        hiddenGradient.segment(),
        JAVA_FLOAT,
        4L * from * units,
        hiddenGradients,
        from * units,
        count * units);
    for (int i = from * units; i < to * units; i++) {
      hiddenGradients[i] = hiddenValues[i] > 0f ? hiddenGradients[i] : 0f;
    }
    MemorySegment.copy(
        hiddenGradients,
        from * units,
        hiddenGradient.segment(),
        JAVA_FLOAT,
        4L * from * units,
        count * units);
    Blas.transposedTimes(
        hiddenGradient, inputs, from, w1Gradient, units, architecture.inputs(), count);
    bias(hiddenGradients, from, to, units, architecture.offsetB1());
  }

  /// Column sums of rows of `values`, to a bias's place in the gradient.
  private void bias(float[] values, int from, int to, int columns, int offset) {
    float[] sums = new float[columns];
    for (int i = from; i < to; i++) {
      for (int c = 0; c < columns; c++) {
        sums[c] += values[i * columns + c];
      }
    }
    MemorySegment.copy(sums, 0, gradient, JAVA_FLOAT, 4L * offset, columns);
  }

  /// The logits of a whole sample, `[examples, classes]`.
  float[] logits(Model model, Sample sample) {
    load(model.values());
    int classes = architecture.classes();
    float[] all = new float[sample.count() * classes];
    int[] order = new int[sample.count()];
    Arrays.setAll(order, i -> i);
    for (int from = 0; from < order.length; from += capacity) {
      int to = Math.min(from + capacity, order.length);
      forward(sample, order, from, to);
      System.arraycopy(logits, 0, all, from * classes, (to - from) * classes);
    }
    return all;
  }

  private static MemorySegment floats(Arena arena, int count) {
    return arena.allocate(4L * count, 64);
  }

  private static MemorySegment part(MemorySegment segment, int from, int to) {
    return segment.asSlice(4L * from, 4L * (to - from));
  }
}

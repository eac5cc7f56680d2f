// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Labels;
import io.sinter.ops.LossOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// The library's compatibility loss: the trained model is held to the old one on examples that the
/// mask chooses, and to the new one on the others.
final class CompatibilityObjective implements Objective, AutoCloseable {

  private final Arena arena = Arena.ofConfined();
  private final Stream stream;
  private final float[] oldLogits;
  private final float[] newLogits;
  private final LossOptions options;
  private final MemorySegment before;
  private final MemorySegment after;
  private final MemorySegment trained;
  private final MemorySegment gradient;

  /// @param stream of the CPU
  /// @param oldLogits the old model's, for each example of the sample that is trained on
  /// @param newLogits the new model's
  CompatibilityObjective(
      Stream stream, float[] oldLogits, float[] newLogits, int classes, LossOptions options) {
    this.stream = stream;
    this.oldLogits = oldLogits;
    this.newLogits = newLogits;
    this.options = options;
    long bytes = 4L * Trainer.BATCH * classes;
    before = arena.allocate(bytes, 64);
    after = arena.allocate(bytes, 64);
    trained = arena.allocate(bytes, 64);
    gradient = arena.allocate(bytes, 64);
  }

  @Override
  public void gradient(Sample sample, int[] order, int from, int to, float[] logits, int classes) {
    int count = to - from;
    int[] labels = new int[count];
    for (int i = 0; i < count; i++) {
      int example = order[from + i];
      labels[i] = sample.label(example);
      long row = 4L * i * classes;
      MemorySegment.copy(oldLogits, example * classes, before, JAVA_FLOAT, row, classes);
      MemorySegment.copy(newLogits, example * classes, after, JAVA_FLOAT, row, classes);
    }
    MemorySegment.copy(logits, 0, trained, JAVA_FLOAT, 0, count * classes);
    try (Labels right = Labels.of(stream, labels)) {
      Compatibility.loss(
          stream,
          rows(before, count, classes),
          rows(after, count, classes),
          rows(trained, count, classes),
          right,
          options,
          rows(gradient, count, classes));
    }
    MemorySegment.copy(gradient, JAVA_FLOAT, 0, logits, 0, count * classes);
  }

  private static Tensor rows(MemorySegment memory, int count, int classes) {
    return Tensor.of(memory.asSlice(0, 4L * count * classes), DType.F32, count, classes);
  }

  @Override
  public void close() {
    arena.close();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.SplittableRandom;

/// Data that need no download: clouds of points, a cloud for each class, that overlap.
final class Synthetic {
  private Synthetic() {}

  static Examples examples(Arena arena, int count, int inputs, int classes, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    SplittableRandom places = new SplittableRandom(7); // The same clouds for each seed.
    double[][] centres = new double[classes][inputs];
    for (double[] centre : centres) {
      for (int i = 0; i < inputs; i++) {
        centre[i] = places.nextGaussian();
      }
    }
    MemorySegment features = arena.allocate(4L * count * inputs, 64);
    int[] labels = new int[count];
    for (int e = 0; e < count; e++) {
      labels[e] = random.nextInt(classes);
      for (int i = 0; i < inputs; i++) {
        double value = centres[labels[e]][i] + 1.5 * random.nextGaussian();
        features.setAtIndex(JAVA_FLOAT, (long) e * inputs + i, (float) value);
      }
    }
    return new Examples(features, inputs, labels, classes);
  }

  /// A data set with a test set of its own.
  static Data images(Arena arena) {
    return new Data(
        "synthetic images",
        examples(arena, 700, 12, 5, 1).all(),
        Optional.of(examples(arena, 300, 12, 5, 2).all()),
        16);
  }

  /// A data set whose test set is what is left.
  static Data mails(Arena arena, int classes) {
    return new Data(
        "synthetic mails", examples(arena, 500, 20, classes, 3).all(), Optional.empty(), 8);
  }
}

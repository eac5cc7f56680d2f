// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sinter.examples.LabelledImages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;

/// Fashion-MNIST: images of clothes, 28 by 28 grey pixels, in ten classes.
final class FashionData {

  /// Where Debian's package `dataset-fashion-mnist` puts it.
  static final Path DEBIAN = Path.of("/usr/share/datasets/fashion-mnist");

  /// Classes before others are added: sneakers, bags and boots come later.
  static final int OLD_CLASSES = 7;

  // Of all pixels of the training images.
  private static final float MEAN = 0.2860f;
  private static final float DEVIATION = 0.3530f;

  private FashionData() {}

  /// Reads the four gzipped IDX files from a folder.
  ///
  /// @param standardised whether pixels get mean 0 and variance 1; else they go from 0 to 1
  static Data read(Path folder, boolean standardised, Arena arena) throws IOException {
    Examples training = examples(read(folder, "train"), standardised, arena);
    Examples test = examples(read(folder, "t10k"), standardised, arena);
    return new Data("Fashion-MNIST", training.all(), Optional.of(test.all()), 128);
  }

  private static LabelledImages read(Path folder, String part) throws IOException {
    return LabelledImages.readIdx(
        folder.resolve(part + "-images-idx3-ubyte.gz"),
        folder.resolve(part + "-labels-idx1-ubyte.gz"));
  }

  private static Examples examples(LabelledImages images, boolean standardised, Arena arena) {
    float mean = standardised ? MEAN : 0;
    float deviation = standardised ? DEVIATION : 1;
    byte[] pixels = images.pixels();
    MemorySegment features = arena.allocate(4L * pixels.length, 64);
    for (int i = 0; i < pixels.length; i++) {
      features.setAtIndex(JAVA_FLOAT, i, ((pixels[i] & 0xff) / 255f - mean) / deviation);
    }
    int[] labels = new int[images.count()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = images.labels()[i];
    }
    return new Examples(features, LabelledImages.PIXELS, labels, LabelledImages.CLASSES);
  }
}

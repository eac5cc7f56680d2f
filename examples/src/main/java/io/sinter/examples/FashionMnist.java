// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import io.sinter.updater.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Function;

/// Two versions of a classifier of Fashion-MNIST and 2 000 labelled images that neither has seen,
/// as this module carries them. How they were made: [TrainFashionMnist].
///
/// @param oldModel the old version: trained on 10 000 images
/// @param newModel the new version: the old one, trained further on those and 5 000 more
/// @param test the first 2 000 images of the test set
public record FashionMnist(Classifier oldModel, Classifier newModel, LabelledImages test) {

  static final String OLD = "old/model.safetensors";
  static final String NEW = "new/model.safetensors";
  static final String TEST = "test-2000.safetensors";

  /// Loads what this module carries.
  public static FashionMnist load() {
    return new FashionMnist(
        read(OLD, FashionMnist::classifier),
        read(NEW, FashionMnist::classifier),
        read(TEST, FashionMnist::images));
  }

  private static Classifier classifier(Checkpoint checkpoint) {
    return Classifier.of(
        Classifier.PARAMETERS.stream()
            .map(parameter -> checkpoint.map(parameter.name()))
            .map(values -> values.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
            .toList());
  }

  private static LabelledImages images(Checkpoint checkpoint) {
    return new LabelledImages(
        checkpoint.map("images").toArray(ValueLayout.JAVA_BYTE),
        checkpoint.map("labels").toArray(ValueLayout.JAVA_BYTE));
  }

  /// Reads a checkpoint of this module, through a temporary file: checkpoints are memory maps.
  private static <T> T read(String name, Function<Checkpoint, T> reader) {
    try (InputStream in = FashionMnist.class.getResourceAsStream("fashion-mnist/" + name)) {
      if (in == null) {
        throw new IllegalStateException("fashion-mnist/" + name + " is not in the examples module");
      }
      Path file = Files.createTempFile("sinter-", ".safetensors");
      try {
        Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
          return reader.apply(checkpoint);
        }
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unpack fashion-mnist/" + name + ": " + e, e);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.StorageType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/// Makes the files that [FashionMnist] carries: trains the old version on 10 000 images, then the
/// new version from it on 15 000, and cuts the test slice. The same bytes on every run and machine.
public final class TrainFashionMnist {

  private static final long SEED = 1;
  private static final int OLD_IMAGES = 10_000;
  private static final int NEW_IMAGES = 15_000;
  private static final int TEST_IMAGES = 2_000;
  private static final int EPOCHS = 20;

  private TrainFashionMnist() {}

  /// @param args the folder with the gzipped IDX files, and the folder to write to
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("usage: TrainFashionMnist IDX_FOLDER OUT_FOLDER");
      System.exit(2);
    }
    run(Path.of(args[0]), Path.of(args[1]));
  }

  /// Reads the data set from `idx` and writes the models and the test slice to `out`.
  public static void run(Path idx, Path out) throws IOException {
    LabelledImages train = read(idx, "train");
    LabelledImages test = read(idx, "t10k").first(TEST_IMAGES);
    Training training = new Training(SEED);
    Classifier oldModel = training.train(training.initial(), train.first(OLD_IMAGES), EPOCHS);
    Classifier newModel = training.train(oldModel, train.first(NEW_IMAGES), EPOCHS);
    try (Arena arena = Arena.ofConfined()) {
      write(checkpoint(oldModel, arena), out.resolve(FashionMnist.OLD));
      write(checkpoint(newModel, arena), out.resolve(FashionMnist.NEW));
      write(checkpoint(test, arena), out.resolve(FashionMnist.TEST));
    }
  }

  private static LabelledImages read(Path folder, String part) throws IOException {
    return LabelledImages.readIdx(
        folder.resolve(part + "-images-idx3-ubyte.gz"),
        folder.resolve(part + "-labels-idx1-ubyte.gz"));
  }

  private static CheckpointWriter checkpoint(Classifier model, Arena arena) {
    CheckpointWriter writer = new CheckpointWriter();
    List<float[]> values = model.values();
    for (int i = 0; i < values.size(); i++) {
      Classifier.Parameter parameter = Classifier.PARAMETERS.get(i);
      writer.add(
          parameter.name(),
          StorageType.F32,
          parameter.shape(),
          arena.allocateFrom(ValueLayout.JAVA_FLOAT, values.get(i)));
    }
    return writer;
  }

  private static CheckpointWriter checkpoint(LabelledImages images, Arena arena) {
    return new CheckpointWriter()
        .add(
            "images",
            StorageType.U8,
            new long[] {images.count(), 28, 28},
            arena.allocateFrom(ValueLayout.JAVA_BYTE, images.pixels()))
        .add(
            "labels",
            StorageType.U8,
            new long[] {images.count()},
            arena.allocateFrom(ValueLayout.JAVA_BYTE, images.labels()));
  }

  /// Writes one file: a checkpoint is a folder, of which the weights are moved to their place.
  private static void write(CheckpointWriter checkpoint, Path file) throws IOException {
    Path target = file.toAbsolutePath();
    Files.createDirectories(target.getParent());
    Path folder = target.resolveSibling(target.getFileName() + ".new");
    checkpoint.write(folder, 0, true);
    Files.move(folder.resolve("model.safetensors"), target, StandardCopyOption.REPLACE_EXISTING);
    Files.delete(folder);
  }
}

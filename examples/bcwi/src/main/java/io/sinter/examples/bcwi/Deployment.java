// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.sinter.DType;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.FisherDiagonal;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.StorageType;
import io.sinter.updater.Sweep;
import io.sinter.updater.Update;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.SweepReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// An update as it is done in production: models are folders of safetensors files, the sweep
/// reads each once, evaluates its candidates from their files, and writes the chosen one. It
/// leaves `old`, `new`, `fisher.safetensors` where there is one, `updated` with the reports, and
/// label names where classes were added: what `sinter update` and `sinter sweep` take.
final class Deployment {

  private final Path folder;

  /// @param folder what was in it before is replaced
  Deployment(Path folder) {
    this.folder = folder;
  }

  /// Sweeps alpha over the library's grid.
  ///
  /// @param information of the old model, for FisherBCWI; null for BCWI
  /// @param judge how a candidate does on development examples
  SweepReport sweep(
      Model oldModel,
      Model newModel,
      @Nullable Information information,
      Function<Model, Evaluation> judge) {
    try {
      Files.createDirectories(folder);
      Path before = write(oldModel, "old");
      Path after = write(newModel, "new");
      Update update = Update.of(before, after);
      if (information != null) {
        update = update.withFisher(write(information, before));
      }
      if (!oldModel.architecture().equals(newModel.architecture())) {
        update =
            update.withLabels(
                new Update.Labels(labels(oldModel, before), labels(newModel, after), "fc2"));
      }
      return Sweep.of(update)
          .run(
              folder.resolve(information == null ? "updated" : "updated-fisher"),
              candidate -> judge.apply(read(candidate.folder(), newModel.architecture())),
              MergeOptions.DEFAULT.withForce(true),
              new Sweep.Listener() {})
          .report();
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be written: " + e, e);
    }
  }

  private Path write(Model model, String name) {
    Path target = folder.resolve(name);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocateFrom(JAVA_FLOAT, model.values());
      CheckpointWriter writer = new CheckpointWriter();
      for (Architecture.Parameter parameter : model.architecture().parameters()) {
        writer.add(
            parameter.name(),
            StorageType.F32,
            parameter.shape(),
            values.asSlice(4L * parameter.offset(), 4L * parameter.elements()));
      }
      writer.write(target, 0, true);
    }
    return target;
  }

  private Path write(Information information, Path model) throws IOException {
    Path file = folder.resolve("fisher.safetensors");
    Files.deleteIfExists(file);
    Merger.Weights weights = information.weights();
    List<Architecture.Parameter> parameters = weights.architecture().parameters();
    try (Checkpoint checkpoint = Checkpoint.open(model);
        FisherDiagonal.Writer writer =
            FisherDiagonal.writer(
                file, checkpoint, information.estimator(), information.examples(), DType.F32)) {
      for (int i = 0; i < parameters.size(); i++) {
        writer.put(parameters.get(i).name(), weights.tensors().get(i));
      }
      writer.finish();
    }
    return file;
  }

  /// Names of a model's classes, one a line.
  private static Path labels(Model model, Path folder) throws IOException {
    return Files.write(
        folder.resolveSibling(folder.getFileName() + "-labels.txt"),
        IntStream.range(0, model.architecture().classes()).mapToObj(c -> "class " + c).toList());
  }

  private static Model read(Path folder, Architecture architecture) {
    float[] values = new float[architecture.size()];
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      for (Architecture.Parameter parameter : architecture.parameters()) {
        float[] tensor = checkpoint.map(parameter.name()).toArray(JAVA_FLOAT_UNALIGNED);
        System.arraycopy(tensor, 0, values, parameter.offset(), tensor.length);
      }
    }
    return new Model(architecture, values);
  }
}

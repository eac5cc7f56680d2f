// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Device;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.Recipe.ChatTemplate;
import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.methods.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// A merge: planned, then run.
///
/// ```java
/// try (Merge merge = Merge.plan(Recipe.read(file), MergeOptions.DEFAULT)) {
///   MergeReport report = merge.run(Path.of("merged"), MergeListener.NONE);
/// }
/// ```
///
/// The output's bytes depend on the recipe and the models, and on nothing else: not on the device,
/// the threads or how files are read. It appears whole or not at all.
public final class Merge implements AutoCloseable {
  private final Recipe recipe;
  private final MergeOptions options;
  private final SequencedMap<String, Planner.Model> models;
  private final ShardLayout layout;
  private final SequencedMap<String, byte[]> files;
  private final MergePlan plan;

  private Merge(
      Recipe recipe,
      MergeOptions options,
      SequencedMap<String, Planner.Model> models,
      ShardLayout layout,
      SequencedMap<String, byte[]> files,
      MergePlan plan) {
    this.recipe = recipe;
    this.options = options;
    this.models = models;
    this.layout = layout;
    this.files = files;
    this.plan = plan;
  }

  /// Opens the models and plans every tensor of the output. Nothing is written.
  ///
  /// @throws RecipeException where the recipe cannot be followed
  /// @throws CheckpointException where a model is missing something, or models do not fit together
  public static Merge plan(Recipe recipe, MergeOptions options) {
    ModelLocator locator = new ModelLocator(options);
    SequencedMap<String, Planner.Model> models = new LinkedHashMap<>();
    try {
      for (ModelReference reference : recipe.models()) {
        Checkpoint checkpoint = Checkpoint.open(locator.locate(recipe, reference));
        models.put(
            reference.text(), new Planner.Model(models.size(), reference.text(), checkpoint));
      }
      Planner planner = new Planner(recipe, models);
      List<Output> outputs = planner.outputs();
      List<String> warnings = new ArrayList<>(planner.warnings());
      ShardLayout layout =
          ShardLayout.of(
              outputs.stream()
                  .map(
                      o ->
                          new Header.Planned(
                              o.name(), o.type(), o.shape(), o.type().bytes(o.elements())))
                  .toList(),
              options.maxShardBytes(),
              Map.of("format", "pt"));
      Path folder = models.firstEntry().getValue().checkpoint().folder();
      SequencedMap<String, byte[]> files =
          new ModelFiles(
                  recipe,
                  folder,
                  donor(recipe, locator, recipe.tokenizer()),
                  donor(recipe, locator, recipe.chatTemplate().map(ChatTemplate::model)))
              .collect(outputs);
      tokenizersDiffer(recipe, models).ifPresent(warnings::add);
      return new Merge(
          recipe, options, models, layout, files, plan(recipe, layout, outputs, warnings));
    } catch (RuntimeException | Error e) {
      models.values().forEach(model -> model.checkpoint().close());
      throw e;
    }
  }

  private static @Nullable Path donor(
      Recipe recipe, ModelLocator locator, Optional<ModelReference> model) {
    if (model.isEmpty()) {
      return null;
    }
    Path path = locator.locate(recipe, model.get());
    return Files.isDirectory(path) ? path : path.toAbsolutePath().getParent();
  }

  /// Merging with a tokenizer of one's choice keeps rows in their places, whatever they stand for.
  private static Optional<String> tokenizersDiffer(
      Recipe recipe, SequencedMap<String, Planner.Model> models) {
    if (recipe.tokenizer().isEmpty()) {
      return Optional.empty();
    }
    @Nullable Path first = null;
    for (Planner.Model model : models.values()) {
      Path file = model.checkpoint().folder().resolve("tokenizer.json");
      try {
        if (first != null && Files.exists(file) && Files.mismatch(first, file) >= 0) {
          return Optional.of(
              "the tokenizers of the models differ ("
                  + first
                  + ", "
                  + file
                  + "): embeddings were merged row by row, whatever token a row stands for");
        }
      } catch (IOException e) {
        throw CheckpointException.of(
            file, "cannot be read (" + Failures.reason(e) + ")", "Check its rights", e);
      }
      first = first == null && Files.exists(file) ? file : first;
    }
    return Optional.empty();
  }

  private static MergePlan plan(
      Recipe recipe, ShardLayout layout, List<Output> outputs, List<String> warnings) {
    Map<String, Output> byName = new LinkedHashMap<>();
    outputs.forEach(output -> byName.put(output.name(), output));
    List<Output> placed = new ArrayList<>();
    for (int i = 0; i < layout.shards().size(); i++) {
      long offset = layout.shards().get(i).header().length;
      for (Header.Planned tensor : layout.shards().get(i).tensors()) {
        placed.add(byName.get(tensor.name()).at(i, offset));
        offset += tensor.bytes();
      }
    }
    List<Pass> passes = Passes.of(placed);
    long bytesRead = 0;
    for (Pass pass : passes) {
      bytesRead += Passes.bytesRead(placed, pass);
    }
    bytesRead += Thresholds.bytesRead(placed);
    return new MergePlan(
        recipe.method().name(),
        placed,
        passes,
        layout.shards().stream().map(ShardLayout.Shard::file).toList(),
        bytesRead,
        layout.bytes(),
        warnings);
  }

  /// What will be done.
  public MergePlan plan() {
    return plan;
  }

  /// The models, in the order in which [MergePlan.Input] numbers them.
  public List<Path> models() {
    return models.values().stream().map(model -> model.checkpoint().path()).toList();
  }

  /// Runs the merge.
  ///
  /// @param output the folder to make
  /// @throws CheckpointException where the output exists and replacing it was not asked for,
  /// touches     an input, or cannot be written, and where an input cannot be read; no output is
  /// left then
  public MergeReport run(Path output, MergeListener listener) {
    long start = System.nanoTime();
    checkOutput(output);
    List<String> warnings = new ArrayList<>(plan.warnings());
    for (Path stale : OutputFolder.stale(output)) {
      warnings.add(
          stale
              + " was left by a merge that was killed: it holds an unfinished output, or one that"
              + " was replaced; delete it");
    }
    Device device = options.device() == null ? Device.best().device() : options.device();
    requireKernels(device);
    if (!device.isCpu() && Thresholds.needed(plan.tensors())) {
      warnings.add("the thresholds over whole models are selected on the CPU");
    }
    warnings.forEach(listener::warning);
    List<Checkpoint> checkpoints = models.values().stream().map(Planner.Model::checkpoint).toList();
    long total = plan.bytesRead() + plan.bytesWritten();
    try (OutputFolder folder = new OutputFolder(output, options.force())) {
      requireRoom(folder);
      MergeReport report;
      try (Pipeline pipeline =
              new Pipeline(plan, checkpoints, device, options.threads(), options.io());
          ShardWriter writer = new ShardWriter(layout, folder, options.sha256(), pipeline.free())) {
        pipeline.run(writer, done -> listener.progress(done, total));
        files.forEach(folder::write);
        layout.index().ifPresent(index -> folder.write(Checkpoint.INDEX, index));
        folder
            .commit()
            .ifPresent(
                warning -> {
                  warnings.add(warning);
                  listener.warning(warning);
                });
        report =
            new MergeReport(
                plan.tensors().size(),
                plan.bytesRead(),
                plan.bytesWritten(),
                device.toString(),
                (System.nanoTime() - start) / 1e9,
                writer.nonFinite(),
                writer.saturated(),
                writer.fallbacks(),
                writer.files(),
                warnings);
      }
      return report;
    }
  }

  /// Methods of the caller's run on the CPU.
  private void requireKernels(Device device) {
    for (Output output : plan.tensors()) {
      if (!device.isCpu() && Passes.kernel(output) instanceof Kernel kernel && kernel.cpuOnly()) {
        throw new RecipeException(
            recipe.origin()
                + ": the method '"
                + plan.method()
                + "' is written in Java and runs on the CPU device only, not on "
                + device
                + ". Choose the CPU.");
      }
    }
  }

  /// An output may not touch an input: neither be one, nor lie in one, nor hold one.
  private void checkOutput(Path output) {
    if (output.toString().endsWith(".safetensors")) {
      throw CheckpointException.of(
          output, "is the name of a file, and the output is a folder", "Name a folder");
    }
    Path target = OutputFolder.resolve(output);
    for (Planner.Model model : models.values()) {
      List<Path> inputs = new ArrayList<>(model.checkpoint().files());
      inputs.add(model.checkpoint().path());
      for (Path input : inputs) {
        Path real;
        try {
          real = input.toRealPath();
        } catch (IOException e) {
          throw CheckpointException.of(
              input, "has gone (" + Failures.reason(e) + ")", "Restore it and run again", e);
        }
        boolean inside = Files.isDirectory(real) && target.startsWith(real);
        if (inside || real.startsWith(target)) {
          throw CheckpointException.of(
              target,
              (inside && !target.equals(real) ? "lies inside" : "is or holds")
                  + " the input model '"
                  + model.text()
                  + "'",
              "Choose another output");
        }
      }
    }
  }

  private void requireRoom(OutputFolder folder) {
    long usable = folder.usableBytes();
    if (usable < plan.bytesWritten()) {
      throw CheckpointException.of(
          folder.target(),
          "needs " + plan.bytesWritten() + " bytes, and its file system has " + usable + " left",
          "Make room or choose another output");
    }
  }

  @Override
  public void close() {
    models.values().forEach(model -> model.checkpoint().close());
  }

  @Override
  public String toString() {
    return "merge of " + models() + " by " + recipe.method().name();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.Device;
import io.sinter.ops.FisherStatistics;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.Recipe.ChatTemplate;
import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.internal.Failures;
import io.sinter.updater.methods.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Collectors;
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
  private final SequencedMap<String, Planner.Fisher> fishers;
  private final ShardLayout layout;
  private final SequencedMap<String, byte[]> files;
  private final MergePlan plan;

  private Merge(
      Recipe recipe,
      MergeOptions options,
      SequencedMap<String, Planner.Model> models,
      SequencedMap<String, Planner.Fisher> fishers,
      ShardLayout layout,
      SequencedMap<String, byte[]> files,
      MergePlan plan) {
    this.recipe = recipe;
    this.options = options;
    this.models = models;
    this.fishers = fishers;
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
    SequencedMap<String, Planner.Fisher> fishers = new LinkedHashMap<>();
    try {
      for (ModelReference reference : recipe.models()) {
        Checkpoint checkpoint = Checkpoint.open(locator.locate(recipe, reference));
        models.put(
            reference.text(), new Planner.Model(models.size(), reference.text(), checkpoint));
      }
      for (Map.Entry<String, ModelReference> entry : recipe.fishers().entrySet()) {
        Planner.Model model = models.get(entry.getKey());
        FisherDiagonal diagonal =
            FisherDiagonal.open(locator.locateFile(recipe, "Fisher diagonal", entry.getValue()));
        Planner.Fisher opened =
            new Planner.Fisher(models.size() + fishers.size(), diagonal, FisherStatistics.NONE);
        fishers.put(entry.getKey(), opened); // Closed from here on, whatever is wrong with it.
        diagonal.requireShapesOf(model.checkpoint());
        if (!options.forceFisher()) {
          diagonal.requireHashOf(model.checkpoint(), options.threads());
        }
        FisherStatistics totals = diagonal.totals(options.threads());
        fishers.put(entry.getKey(), new Planner.Fisher(opened.index(), diagonal, totals));
      }
      ClassMap classes =
          recipe.labels().map(labels -> classMap(recipe, labels, locator)).orElse(null);
      Planner planner = new Planner(recipe, models, fishers, classes);
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
          recipe,
          options,
          models,
          fishers,
          layout,
          files,
          plan(recipe, options, layout, outputs, warnings));
    } catch (RuntimeException | Error e) {
      models.values().forEach(model -> model.checkpoint().close());
      fishers.values().forEach(fisher -> fisher.diagonal().close());
      throw e;
    }
  }

  private static ClassMap classMap(Recipe recipe, Recipe.Labels labels, ModelLocator locator) {
    return ClassMap.read(
        locator.locateFile(
            recipe, "file of labels", new ModelReference(labels.old(), labels.line())),
        locator.locateFile(
            recipe, "file of labels", new ModelReference(labels.updated(), labels.line())));
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
      Recipe recipe,
      MergeOptions options,
      ShardLayout layout,
      List<Output> outputs,
      List<String> warnings) {
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
    List<Pass> passes =
        Passes.of(placed, Room.of(options, Math.max(1, options.devices().size())).pass());
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

  /// Every input, in the order in which [MergePlan.Input] numbers them.
  private List<Checkpoint> checkpoints() {
    List<Checkpoint> all = new ArrayList<>();
    models.values().forEach(model -> all.add(model.checkpoint()));
    fishers.values().forEach(fisher -> all.add(fisher.diagonal().checkpoint()));
    return all;
  }

  /// Runs the merge.
  ///
  /// @param output the folder to make
  /// @throws CheckpointException where the output exists and replacing it was not asked for,
  ///     touches an input, or cannot be written, and where an input cannot be read or has changed
  ///     while it was read; no output is left then, and a partial folder only where
  ///     [MergeOptions#resume] asks for it: see [MergeListener#left]
  public MergeReport run(Path output, MergeListener listener) {
    long start = System.nanoTime();
    checkOutput(output);
    List<String> warnings = new ArrayList<>(plan.warnings());
    List<Checkpoint> checkpoints = checkpoints();
    SequencedMap<String, String> fingerprint =
        Fingerprint.of(plan, layout, checkpoints, options.sha256());
    List<Path> stale = OutputFolder.stale(output);
    Optional<Resumption.Left> left =
        options.resume()
            ? Resumption.choose(stale, fingerprint, (path, why) -> warnings.add(refused(path, why)))
            : Optional.empty();
    if (!options.resume()) {
      stale.forEach(path -> warnings.add(abandoned(path)));
    }
    List<Device> devices = devices();
    if (!devices.getFirst().isCpu() && Thresholds.needed(plan.tensors())) {
      warnings.add("the thresholds over whole models are selected on the CPU");
    }
    warnings.forEach(listener::warning);
    long total = plan.bytesRead() + plan.bytesWritten();
    OutputFolder folder = new OutputFolder(output, options.force());
    try (folder;
        Begun begun = begin(folder, fingerprint, left, listener, warnings)) {
      Resumption.Finished finished = begun.finished();
      requireRoom(folder, 1, finished.total());
      MergePlan rest = rest(finished);
      long skipped = plan.bytesRead() - rest.bytesRead();
      Provenance provenance = provenance(recipe, devices);
      MergeReport report;
      try (Pipeline pipeline = new Pipeline(rest, checkpoints, devices, options);
          Statistics statistics = options.statistics() ? statistics() : null;
          ShardWriter writer =
              new ShardWriter(
                  layout,
                  folder,
                  begun.journal(),
                  finished,
                  options.resume(),
                  options.sha256(),
                  pipeline.free(),
                  statistics)) {
        if (statistics != null) {
          statistics.readBack(folder, layout, finished);
        }
        pipeline.run(
            List.of(new Pipeline.Lane(plan, writer)),
            done -> listener.progress(skipped + done, total));
        List<TensorStatistics> taken = statistics == null ? null : statistics.finish();
        requireUnchanged(checkpoints, folder);
        files.forEach(folder::write);
        layout.index().ifPresent(index -> folder.write(Checkpoint.INDEX, index));
        folder.write(
            Provenance.FILE,
            provenance.encode(plan, writer, files, layout.index(), taken, warnings));
        begun.journal().close();
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
                rest.bytesRead(),
                plan.bytesWritten(),
                names(devices),
                (System.nanoTime() - start) / 1e9,
                writer.nonFinite(),
                writer.saturated(),
                writer.fallbacks(),
                writer.files(),
                finished.total(),
                taken == null ? List.of() : taken,
                warnings);
      }
      return report;
    } catch (RuntimeException | Error e) {
      listener.left(folder.left());
      throw e;
    }
  }

  // ---- several outputs at once ------------------------------------------------------------------

  /// One of several outputs that are made together.
  ///
  /// @param recipe what it is made by
  /// @param plan this merge's, with other numbers
  record Variant(Recipe recipe, MergePlan plan, Path output) {}

  /// What outputs that were made together came to.
  ///
  /// @param reports of each
  /// @param read bytes of the tensors of each input that were read for all of them
  record Together(List<MergeReport> reports, SequencedMap<Path, Long> read) {}

  /// What one of several outputs is written with.
  private record Lane(Variant variant, OutputFolder folder, Journal journal, ShardWriter writer) {}

  /// Makes several outputs in one pass over the inputs. Each appears whole or not at all; none does
  /// before all are written.
  ///
  /// @throws CheckpointException as [#run(Path, MergeListener)]
  Together run(List<Variant> variants, MergeListener listener) {
    long start = System.nanoTime();
    variants.forEach(variant -> checkOutput(variant.output()));
    List<Device> devices = devices();
    List<String> warnings = plan.warnings();
    warnings.forEach(listener::warning);
    List<Checkpoint> checkpoints = checkpoints();
    long total = plan.bytesRead() + variants.size() * plan.bytesWritten();
    try (Closing closing = new Closing()) {
      List<OutputFolder> folders = new ArrayList<>();
      for (Variant variant : variants) {
        OutputFolder folder = new OutputFolder(variant.output(), options.force());
        closing.add(folder::close);
        folders.add(folder);
      }
      requireRoom(folders.getFirst(), variants.size(), 0);
      Pipeline pipeline = new Pipeline(plan, checkpoints, devices, options);
      closing.add(pipeline::close);
      List<Provenance> provenances =
          variants.stream().map(variant -> provenance(variant.recipe(), devices)).toList();
      List<Lane> lanes = new ArrayList<>();
      for (int i = 0; i < variants.size(); i++) {
        lanes.add(lane(variants.get(i), folders.get(i), checkpoints, pipeline, closing));
      }
      pipeline.run(
          lanes.stream()
              .map(lane -> new Pipeline.Lane(lane.variant().plan(), lane.writer()))
              .toList(),
          done -> listener.progress(done, total));
      checkpoints.forEach(Checkpoint::requireUnchanged);
      SequencedMap<Path, Long> read = new LinkedHashMap<>();
      long[] brought = pipeline.brought();
      for (int i = 0; i < brought.length; i++) {
        read.merge(checkpoints.get(i).path(), brought[i], Long::sum);
      }
      List<MergeReport> reports = new ArrayList<>();
      for (int i = 0; i < lanes.size(); i++) {
        Lane lane = lanes.get(i);
        files.forEach(lane.folder()::write);
        layout.index().ifPresent(index -> lane.folder().write(Checkpoint.INDEX, index));
        lane.folder()
            .write(
                Provenance.FILE,
                provenances
                    .get(i)
                    .encode(
                        lane.variant().plan(),
                        lane.writer(),
                        files,
                        layout.index(),
                        null,
                        warnings));
        lane.journal().close();
        reports.add(report(lane, devices, (System.nanoTime() - start) / 1e9));
      }
      lanes.forEach(lane -> lane.folder().commit().ifPresent(listener::warning));
      return new Together(reports, read);
    }
  }

  private Lane lane(
      Variant variant,
      OutputFolder folder,
      List<Checkpoint> checkpoints,
      Pipeline pipeline,
      Closing closing) {
    Journal journal =
        Journal.create(
            folder, Fingerprint.of(variant.plan(), layout, checkpoints, options.sha256()));
    closing.add(journal::close);
    ShardWriter writer =
        new ShardWriter(
            layout,
            folder,
            journal,
            Resumption.Finished.NOTHING,
            false,
            options.sha256(),
            pipeline.free(),
            null);
    closing.add(writer::close);
    return new Lane(variant, folder, journal, writer);
  }

  private MergeReport report(Lane lane, List<Device> devices, double seconds) {
    return new MergeReport(
        plan.tensors().size(),
        plan.bytesRead(),
        plan.bytesWritten(),
        names(devices),
        seconds,
        lane.writer().nonFinite(),
        lane.writer().saturated(),
        lane.writer().fallbacks(),
        lane.writer().files(),
        0,
        List.of(),
        plan.warnings());
  }

  /// Closes what was opened, the last first.
  private static final class Closing implements AutoCloseable {
    private final Deque<Runnable> closers = new ArrayDeque<>();

    void add(Runnable close) {
      closers.push(close);
    }

    @Override
    public void close() {
      @Nullable RuntimeException failure = null;
      for (Runnable close : closers) {
        try {
          close.run();
        } catch (RuntimeException e) {
          if (failure == null) {
            failure = e;
          } else {
            failure.addSuppressed(e);
          }
        }
      }
      if (failure != null) {
        throw failure;
      }
    }
  }

  private List<Device> devices() {
    List<Device> devices =
        options.devices().isEmpty() ? List.of(Device.best().device()) : options.devices();
    requireKernels(devices.getFirst());
    return devices;
  }

  private static String abandoned(Path stale) {
    return stale
        + " was left by a merge that was interrupted: it holds an unfinished output, or one that"
        + " was replaced; delete it, or repeat that merge with --resume to go on from it";
  }

  private static String refused(Path stale, String why) {
    return stale
        + " was left by a merge that was interrupted, and this one cannot go on from it: "
        + why
        + "; delete it";
  }

  /// An output that is begun.
  private record Begun(Journal journal, Resumption.Finished finished) implements AutoCloseable {
    @Override
    public void close() {
      journal.close();
    }
  }

  /// Begins an output, with what an interrupted run left where there is something.
  private Begun begin(
      OutputFolder folder,
      SequencedMap<String, String> fingerprint,
      Optional<Resumption.Left> left,
      MergeListener listener,
      List<String> warnings) {
    Optional<OutputFile> adopted = left.flatMap(l -> folder.adopt(l.folder()));
    if (adopted.isEmpty()) {
      left.ifPresent(
          l -> {
            String warning = l.folder() + " is in use by another process: this merge begins anew";
            warnings.add(warning);
            listener.warning(warning);
          });
      return new Begun(Journal.create(folder, fingerprint), Resumption.Finished.NOTHING);
    }
    try {
      Journal.Content content = left.get().journal();
      Resumption.Finished finished =
          Resumption.verify(
              folder,
              layout,
              plan,
              options.sha256(),
              content.marks(),
              bytes -> listener.progress(bytes, plan.bytesRead() + plan.bytesWritten()));
      Resumption.clear(folder, layout, finished);
      return new Begun(Journal.continued(adopted.get(), content, finished.marks()), finished);
    } catch (RuntimeException | Error e) {
      adopted.get().close();
      throw e;
    }
  }

  /// The plan without what is finished.
  private MergePlan rest(Resumption.Finished finished) {
    if (finished.last() == null) {
      return plan;
    }
    List<Pass> passes = Resumption.remaining(plan, finished);
    long bytes = passes.isEmpty() ? 0 : Thresholds.bytesRead(plan.tensors());
    for (Pass pass : passes) {
      bytes += Passes.bytesRead(plan.tensors(), pass);
    }
    return plan.withPasses(passes, bytes);
  }

  /// What was computed from inputs that have changed is of no use to a later run either.
  private static void requireUnchanged(List<Checkpoint> checkpoints, OutputFolder folder) {
    try {
      checkpoints.forEach(Checkpoint::requireUnchanged);
    } catch (CheckpointException e) {
      folder.keep(false);
      throw e;
    }
  }

  private static String names(List<Device> devices) {
    return devices.stream().map(Device::toString).collect(Collectors.joining(", "));
  }

  private Provenance provenance(Recipe of, List<Device> devices) {
    SequencedMap<String, Checkpoint> inputs = new LinkedHashMap<>();
    models.forEach((text, model) -> inputs.put(text, model.checkpoint()));
    return new Provenance(of, options, devices, inputs, fishers);
  }

  private Statistics statistics() {
    Planner.Model base =
        recipe
            .baseModel()
            .or(() -> Optional.ofNullable(recipe.firstSlice().base()))
            .map(reference -> models.get(reference.text()))
            .orElse(null);
    return Statistics.of(plan, base == null ? null : base.checkpoint());
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
  void checkOutput(Path output) {
    if (output.toString().endsWith(".safetensors")) {
      throw CheckpointException.of(
          output, "is the name of a file, and the output is a folder", "Name a folder");
    }
    Path target = OutputFolder.resolve(output);
    SequencedMap<String, Checkpoint> all = new LinkedHashMap<>();
    models.forEach((text, model) -> all.put("input model '" + text + "'", model.checkpoint()));
    fishers.forEach(
        (text, fisher) ->
            all.put("Fisher diagonal of '" + text + "'", fisher.diagonal().checkpoint()));
    for (Map.Entry<String, Checkpoint> entry : all.entrySet()) {
      List<Path> inputs = new ArrayList<>(entry.getValue().files());
      inputs.add(entry.getValue().path());
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
                  + " the "
                  + entry.getKey(),
              "Choose another output");
        }
      }
    }
  }

  private void requireRoom(OutputFolder folder, int outputs, long finished) {
    long usable = folder.usableBytes();
    long needed = outputs * plan.bytesWritten() - finished;
    if (usable < needed) {
      throw CheckpointException.of(
          folder.target(),
          "needs " + needed + " bytes, and its file system has " + usable + " left",
          "Make room or choose another output");
    }
  }

  @Override
  public void close() {
    models.values().forEach(model -> model.checkpoint().close());
    fishers.values().forEach(fisher -> fisher.diagonal().close());
  }

  @Override
  public String toString() {
    return "merge of " + models() + " by " + recipe.method().name();
  }
}

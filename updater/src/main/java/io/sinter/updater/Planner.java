// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.ops.FisherStatistics;
import io.sinter.ops.Philox;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.Recipe.LayerRange;
import io.sinter.updater.Recipe.Module;
import io.sinter.updater.Recipe.Slice;
import io.sinter.updater.Recipe.Source;
import io.sinter.updater.methods.Computation;
import io.sinter.updater.methods.Setting;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Decides what every tensor of the output is made from, and finds everything that can be wrong
/// with that before a byte is written.
final class Planner {
  /// Counters and masks, which may differ between models that belong together.
  private static final Pattern STATE =
      Pattern.compile("(^|\\.)(num_batches_tracked|attn\\.bias|masked_bias)$");

  private static final Pattern STALE_STATISTICS = Pattern.compile("\\.running_(mean|var)$");

  private static final Pattern EMBEDDING =
      Pattern.compile(
          "(^|\\.)(embed_tokens|embed_in|wte|word_embeddings|tok_embeddings)\\.weight$");

  private static final String HEAD = "lm_head.weight";

  private final Recipe recipe;
  private final SequencedMap<String, Model> models;
  private final Map<String, Fisher> fishers;
  private final @Nullable ClassMap classes;
  private final Set<String> heads = new LinkedHashSet<>();
  private final List<String> warnings = new ArrayList<>();
  private final SequencedMap<String, Output> outputs = new LinkedHashMap<>();
  private final Map<String, Layers> layers = new HashMap<>();
  private final SequencedMap<String, List<String>> notes = new LinkedHashMap<>();

  /// @param fishers by the models that they belong to
  /// @param classes which rows of heads belong together, if that is said
  Planner(
      Recipe recipe,
      SequencedMap<String, Model> models,
      Map<String, Fisher> fishers,
      @Nullable ClassMap classes) {
    this.recipe = recipe;
    this.models = models;
    this.fishers = fishers;
    this.classes = classes;
  }

  /// A model that a recipe names, opened.
  ///
  /// @param index its place among the recipe's models
  record Model(int index, String text, Checkpoint checkpoint) {}

  /// A model's Fisher diagonal, opened and looked through.
  ///
  /// @param index its place behind the models
  record Fisher(int index, FisherDiagonal diagonal, FisherStatistics totals) {}

  /// A tensor of the output, and what each source of its slice calls it.
  ///
  /// @param position how far up the slice's layers it is, from 0 to 1
  private record Target(
      String name, Module module, Slice slice, double position, List<String> names) {}

  /// The output's tensors, in the order in which they are to be written.
  List<Output> outputs() {
    checkModules();
    List<Target> targets = new ArrayList<>();
    for (Module module : recipe.modules()) {
      targets.addAll(module.sliced() ? slicedTargets(module) : wholeTargets(module));
    }
    findHeads(targets);
    for (Target target : targets) {
      if (outputs.put(target.name(), output(target)) != null) {
        throw new RecipeException(
            recipe.origin()
                + ": two tensors of the output are called '"
                + target.name()
                + "': the model has tensors behind its last layer under the same names. Such models"
                + " cannot be sliced.");
      }
    }
    if (outputs.isEmpty()) {
      throw CheckpointException.of(
          models.firstEntry().getValue().checkpoint().path(), "holds no tensor", "Check the model");
    }
    summarize();
    return List.copyOf(outputs.values());
  }

  /// What the user should know of these outputs.
  List<String> warnings() {
    return warnings;
  }

  private Model model(Source source) {
    return models.get(source.model().text());
  }

  private Model reference(Slice slice) {
    return model(slice.sources().get(slice.reference()));
  }

  // ---- which tensors ----------------------------------------------------------------------------

  /// Every tensor belongs to a module, and every module has tensors.
  private void checkModules() {
    for (Module module : recipe.modules()) {
      Model reference = reference(module.slices().getFirst());
      if (recipe.modules().size() > 1 && names(module, reference).isEmpty()) {
        throw new RecipeException(
            recipe.origin()
                + ": module '"
                + module.name()
                + "' has no tensors: in model '"
                + reference.text()
                + "' no name starts with '"
                + module.name()
                + ".'. Correct its name.");
      }
      reference.checkpoint().tensors().keySet().stream()
          .filter(name -> moduleOf(name).isEmpty())
          .findFirst()
          .ifPresent(
              name -> {
                throw new RecipeException(
                    recipe.origin()
                        + ": tensor '"
                        + name
                        + "' of model '"
                        + reference.text()
                        + "' belongs to none of the modules, whose names are what tensors' names"
                        + " start with. Add the module 'default' for the rest.");
              });
    }
  }

  private Optional<String> moduleOf(String tensor) {
    return recipe.modules().stream()
        .map(Module::name)
        .filter(name -> name.equals(Recipe.DEFAULT_MODULE) || tensor.startsWith(name + "."))
        .max(
            Comparator.comparingInt(
                name -> name.equals(Recipe.DEFAULT_MODULE) ? -1 : name.length()));
  }

  private List<String> names(Module module, Model model) {
    return model.checkpoint().tensors().keySet().stream()
        .filter(name -> moduleOf(name).filter(module.name()::equals).isPresent())
        .toList();
  }

  /// The layers of a module in a model. Its config counts those of the default module.
  private Layers layers(Module module, Model model) {
    return layers.computeIfAbsent(
        module.name() + "\n" + model.text(),
        _ ->
            new Layers(
                names(module, model),
                module.name().equals(Recipe.DEFAULT_MODULE)
                    ? ModelFiles.config(model.checkpoint().folder())
                    : null));
  }

  private List<Target> wholeTargets(Module module) {
    Slice slice = module.slices().getFirst();
    Model reference = reference(slice);
    int sources = slice.sources().size();
    List<Target> targets = new ArrayList<>();
    for (String name : names(module, reference)) {
      double position = layers(module, reference).position(name);
      targets.add(new Target(name, module, slice, position, Collections.nCopies(sources, name)));
    }
    for (Source source : slice.sources()) {
      List<String> extra =
          names(module, model(source)).stream()
              .filter(name -> !reference.checkpoint().tensors().containsKey(name))
              .toList();
      if (!extra.isEmpty()) {
        warnings.add(
            "model '"
                + source.model().text()
                + "' has "
                + extra.size()
                + (extra.size() == 1 ? " tensor" : " tensors")
                + " that '"
                + reference.text()
                + "' lacks, such as '"
                + extra.getFirst()
                + "'; left out");
      }
    }
    return targets;
  }

  /// What stands before the layers comes from the first slice, what stands behind them from the
  /// last, as in mergekit.
  private List<Target> slicedTargets(Module module) {
    List<Target> targets = new ArrayList<>();
    List<Slice> slices = module.slices();
    targets.addAll(looseTargets(module, slices.getFirst(), true));
    int offset = 0;
    for (Slice slice : slices) {
      targets.addAll(layerTargets(module, slice, offset));
      offset += slice.sources().getFirst().layers().size();
    }
    targets.addAll(looseTargets(module, slices.getLast(), false));
    int before = layers(module, reference(slices.getFirst())).count();
    if (!module.name().equals(Recipe.DEFAULT_MODULE) && offset != before) {
      throw new RecipeException(
          recipe.origin()
              + ": the slices of module '"
              + module.name()
              + "' have "
              + offset
              + " layers in all, and the model has "
              + before
              + "; its config would no longer be true. Take as many, or slice the module"
              + " 'default'.");
    }
    return targets;
  }

  private List<Target> looseTargets(Module module, Slice slice, boolean before) {
    Model reference = reference(slice);
    return names(module, reference).stream()
        .filter(name -> layers(module, reference).mainPlace(name).isEmpty())
        .filter(name -> Layers.comesBefore(name) == before)
        .map(
            name ->
                new Target(
                    name, module, slice, 0, Collections.nCopies(slice.sources().size(), name)))
        .toList();
  }

  private List<Target> layerTargets(Module module, Slice slice, int offset) {
    for (Source source : slice.sources()) {
      checkRange(module, source);
    }
    Source source = slice.sources().get(slice.reference());
    LayerRange range = source.layers();
    Map<Integer, List<Target>> byLayer = new LinkedHashMap<>();
    for (int i = 0; i < range.size(); i++) {
      byLayer.put(i, new ArrayList<>());
    }
    for (String name : names(module, model(source))) {
      Layers.Place place = layers(module, model(source)).mainPlace(name).orElse(null);
      if (place == null || place.index() < range.from() || place.index() >= range.to()) {
        continue;
      }
      int layer = place.index() - range.from();
      List<String> names =
          slice.sources().stream()
              .map(s -> Layers.rename(name, place, s.layers().from() + layer))
              .toList();
      byLayer
          .get(layer)
          .add(
              new Target(
                  Layers.rename(name, place, offset + layer),
                  module,
                  slice,
                  Layers.position(layer, range.size()),
                  names));
    }
    return byLayer.values().stream().flatMap(List::stream).toList();
  }

  private void checkRange(Module module, Source source) {
    Layers layers = layers(module, model(source));
    if (layers.main().isEmpty()) {
      throw recipe.error(
          source.model().line(),
          "model '"
              + source.model().text()
              + "' has "
              + layers.describe()
              + ", and it is not clear which to slice. Say so by num_hidden_layers in its"
              + " config.json, or use 'models' instead of 'slices'.");
    }
    if (source.layers().to() > layers.count()) {
      throw recipe.error(
          source.model().line(),
          "layer_range ["
              + source.layers().from()
              + ", "
              + source.layers().to()
              + "] goes past the last of the "
              + layers.count()
              + " layers of model '"
              + source.model().text()
              + "'. Correct it.");
    }
  }

  // ---- what a tensor is made from ---------------------------------------------------------------

  private Output output(Target target) {
    List<Source> sources = target.slice().sources();
    List<Input> inputs = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      inputs.add(input(target, sources.get(i), target.names().get(i)));
    }
    Input reference = inputs.get(target.slice().reference());
    if (reference.entry().type().dtype().isEmpty()) {
      return copied(target, inputs, reference);
    }
    for (int i = 0; i < inputs.size(); i++) {
      TensorEntry entry = inputs.get(i).entry();
      if (entry.type().dtype().isEmpty()) {
        throw CheckpointException.of(
            entry.file(),
            entry.name(),
            entry.type().code()
                + " cannot be merged with the "
                + reference.entry().type().code()
                + " of "
                + reference.entry().file(),
            "Convert the model to a floating-point type first");
      }
    }
    long[] shape =
        heads.contains(target.name()) ? headShape(target, inputs) : commonShape(target, inputs);
    DType stored = reference.entry().type().dtype().orElseThrow();
    boolean mixed =
        inputs.stream().anyMatch(input -> input.entry().type() != reference.entry().type());
    @Nullable DType dtype = recipe.dtype().orElse(mixed ? stored : null);
    DType computed = dtype == null ? stored : dtype;
    Map<String, double[]> values = values(target);
    Computation computation =
        recipe.implementation().computation(setting(target, inputs, shape, values));
    return new Output(
        target.name(),
        StorageType.of(recipe.outDtype().orElse(computed)),
        shape,
        computation,
        values,
        roundsNothing(dtype, inputs) ? null : dtype,
        computation.based()
                && computation.kernel().roundsDifferences()
                && recipe.mode() == Recipe.Mode.MERGEKIT
            ? computed
            : null,
        0,
        0);
  }

  /// The embedding of a model whose head is tied to it, if the tensor is that head.
  static Optional<TensorEntry> tied(String name, Checkpoint model) {
    List<TensorEntry> embeddings =
        model.tensors().values().stream().filter(t -> EMBEDDING.matcher(t.name()).find()).toList();
    return name.endsWith(HEAD) && embeddings.size() == 1
        ? Optional.of(embeddings.getFirst())
        : Optional.empty();
  }

  private Input input(Target target, Source source, String name) {
    Model model = model(source);
    SequencedMap<String, TensorEntry> tensors = model.checkpoint().tensors();
    TensorEntry entry = tensors.get(name);
    if (entry == null) {
      entry = tied(name, model.checkpoint()).orElse(null);
    }
    if (entry == null) {
      throw CheckpointException.of(
          model.checkpoint().path(),
          name,
          "is missing, and model '" + reference(target.slice()).text() + "' has it",
          "Merge models of one architecture");
    }
    return new Input(model.index(), entry);
  }

  // ---- heads of different classes ---------------------------------------------------------------

  /// Finds the tensors whose rows are classes: those that have as many rows in the old and in the
  /// new models as there are labels. Where the numbers of labels are the same, other tensors may
  /// have as many rows too; the head is then the only one with more than one axis, or named.
  private void findHeads(List<Target> targets) {
    if (classes == null) {
      return;
    }
    String named = recipe.labels().map(Recipe.Labels::head).orElse(null);
    List<String> found = new ArrayList<>();
    List<String> weights = new ArrayList<>();
    for (Target target : targets) {
      boolean meant =
          named == null || target.name().equals(named) || target.name().startsWith(named + ".");
      if (meant && hasClassesAsRows(target)) {
        found.add(target.name());
        Slice slice = target.slice();
        int reference = slice.reference();
        if (input(target, slice.sources().get(reference), target.names().get(reference))
                .entry()
                .shape()
                .length
            > 1) {
          weights.add(target.name());
        }
      }
    }
    String labels =
        classes.oldCount()
            + " in "
            + classes.old()
            + " and "
            + classes.count()
            + " in "
            + classes.updated();
    if (found.isEmpty()) {
      throw recipe.error(
          recipe.labels().orElseThrow().line(),
          "no tensor"
              + (named == null ? "" : " of '" + named + "'")
              + " has as many rows as there are labels, "
              + labels
              + ", in the old and in the new models. Give the label names of these models.");
    }
    if (named == null && classes.oldCount() == classes.count() && !classes.isIdentity()) {
      if (weights.size() != 1) {
        throw recipe.error(
            recipe.labels().orElseThrow().line(),
            (weights.isEmpty() ? "no matrix has" : String.join(", ", weights) + " have")
                + " as many rows as there are labels, "
                + labels
                + ", and it is not clear which tensors' rows are classes. Name them: 'head: NAME'"
                + " in the labels (--head NAME).");
      }
      String weight = weights.getFirst();
      String module = weight.substring(0, weight.lastIndexOf('.') + 1);
      found.removeIf(name -> !name.startsWith(module));
    }
    if (!classes.isIdentity()) {
      heads.addAll(found);
      long known = classes.rows().stream().filter(row -> row >= 0).count();
      warnings.add(
          "rows of "
              + String.join(", ", found)
              + " are merged by their labels: of "
              + classes.count()
              + ", "
              + known
              + " are in the old model, and the others are the new one's");
    }
  }

  private boolean hasClassesAsRows(Target target) {
    Slice slice = target.slice();
    for (int i = 0; i < slice.sources().size(); i++) {
      TensorEntry entry = input(target, slice.sources().get(i), target.names().get(i)).entry();
      long[] shape = entry.shape();
      boolean old = slice.isBase(i, recipe.method());
      long rows = old ? Objects.requireNonNull(classes).oldCount() : classes.count();
      if (shape.length == 0 || shape[0] != rows || entry.type().dtype().isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /// The shape of a head, and the old model's rows in its order.
  private long[] headShape(Target target, List<Input> inputs) {
    TensorEntry reference = inputs.get(target.slice().reference()).entry();
    long[] shape = reference.shape();
    for (int i = 0; i < inputs.size(); i++) {
      Input input = inputs.get(i);
      long[] other = input.entry().shape();
      other[0] = shape[0];
      if (!Arrays.equals(other, shape)) {
        throw CheckpointException.of(
            input.entry().file(),
            input.entry().name(),
            "has shape "
                + Arrays.toString(input.entry().shape())
                + ", and in "
                + reference.file()
                + " it has "
                + Arrays.toString(shape)
                + ", which are not rows of one length",
            "Merge models of one architecture and size");
      }
      if (target.slice().isBase(i, recipe.method())) {
        inputs.set(i, mapped(input));
      }
    }
    return shape;
  }

  private Input mapped(Input input) {
    return new Input(input.model(), input.entry(), Objects.requireNonNull(classes).rows());
  }

  /// A tensor's Fisher diagonals, as many as the method takes, or none where one is missing.
  private List<Input> diagonals(Target target) {
    List<Input> found = new ArrayList<>();
    for (int i = 0; i < target.slice().sources().size(); i++) {
      Fisher fisher = fishers.get(target.slice().sources().get(i).model().text());
      if (fisher == null) {
        continue;
      }
      Optional<TensorEntry> entry = fisher.diagonal().of(target.names().get(i));
      if (entry.isEmpty()) {
        return List.of();
      }
      Input input = new Input(fisher.index(), entry.get());
      boolean old = target.slice().isBase(i, recipe.method());
      found.add(old && heads.contains(target.name()) ? mapped(input) : input);
    }
    return found;
  }

  /// Integers and the like are copied, and must be equal, unless they are counters or masks.
  private Output copied(Target target, List<Input> inputs, Input reference) {
    TensorEntry kept = reference.entry();
    if (!STATE.matcher(target.name()).find()) {
      for (Input input : inputs) {
        TensorEntry other = input.entry();
        if (other.type() != kept.type()
            || !Arrays.equals(other.shape(), kept.shape())
            || !sameBytes(reference, input)) {
          throw CheckpointException.of(
              other.file(),
              other.name(),
              "differs from that of "
                  + kept.file()
                  + ", and "
                  + kept.type().code()
                  + " tensors cannot be merged",
              "Merge models in which it is equal");
        }
      }
    }
    return new Output(
        target.name(),
        kept.type(),
        kept.shape(),
        new MergePlan.Copy(reference),
        Map.of(),
        null,
        null,
        0,
        0);
  }

  private boolean sameBytes(Input a, Input b) {
    if (a.entry().equals(b.entry())) {
      return true;
    }
    long block = 1L << 20;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment left = arena.allocate(block);
      MemorySegment right = arena.allocate(block);
      for (long at = 0; at < a.entry().bytes(); at += block) {
        long length = Math.min(block, a.entry().bytes() - at);
        checkpoint(a).read(a.entry(), at, left.asSlice(0, length));
        checkpoint(b).read(b.entry(), at, right.asSlice(0, length));
        if (MemorySegment.mismatch(left, 0, length, right, 0, length) >= 0) {
          return false;
        }
      }
      return true;
    }
  }

  private Checkpoint checkpoint(Input input) {
    return models.values().stream()
        .filter(model -> model.index() == input.model())
        .findFirst()
        .orElseThrow()
        .checkpoint();
  }

  /// One shape for all; vocabularies of different sizes are cut to what they share.
  private long[] commonShape(Target target, List<Input> inputs) {
    long[] shape = inputs.get(target.slice().reference()).entry().shape();
    boolean vocabulary = Layers.isVocabulary(target.name()) && shape.length == 2;
    long rows = shape.length == 0 ? 0 : shape[0];
    for (Input input : inputs) {
      long[] other = input.entry().shape();
      boolean fits =
          vocabulary && other.length == 2 ? other[1] == shape[1] : Arrays.equals(other, shape);
      if (!fits) {
        throw CheckpointException.of(
            input.entry().file(),
            input.entry().name(),
            "has shape "
                + Arrays.toString(other)
                + ", and in "
                + inputs.get(target.slice().reference()).entry().file()
                + " it has "
                + Arrays.toString(shape),
            grown(shape, other)
                ? "If rows are classes, say which are which: --labels-old and --labels-new, or"
                    + " 'labels' in a recipe"
                : "Merge models of one architecture and size");
      }
      if (vocabulary) {
        rows = Math.min(rows, other[0]);
      }
    }
    if (vocabulary && inputs.stream().anyMatch(input -> input.entry().shape()[0] != shape[0])) {
      warnings.add(
          "tensor '"
              + target.name()
              + "' has different numbers of rows: only the first "
              + rows
              + ", which all models have, are merged and kept");
    }
    if (vocabulary) {
      shape[0] = rows;
    }
    return shape;
  }

  /// Whether two shapes of an update differ in their rows alone.
  private boolean grown(long[] shape, long[] other) {
    return recipe.method().base() == Method.Base.OLD
        && classes == null
        && shape.length > 0
        && shape.length == other.length
        && Arrays.equals(shape, 1, shape.length, other, 1, other.length);
  }

  /// Rounding to a type that holds every value of the stored ones changes nothing.
  private static boolean roundsNothing(@Nullable DType dtype, List<Input> inputs) {
    return dtype == null
        || inputs.stream()
            .map(input -> input.entry().type().dtype().orElseThrow())
            .allMatch(stored -> stored == dtype || dtype == DType.F32 && stored != DType.F64);
  }

  /// What the recipe says of a tensor, for its method.
  private Setting setting(
      Target target, List<Input> inputs, long[] shape, Map<String, double[]> values) {
    Slice slice = target.slice();
    @Nullable Input base = null;
    List<Input> others = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Integer> positions = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      if (slice.isBase(i, recipe.method()) && base == null) {
        base = inputs.get(i);
        continue;
      }
      others.add(inputs.get(i));
      names.add(slice.sources().get(i).model().text());
      positions.add(i);
    }
    return new Setting(
        recipe.origin(),
        target.name(),
        Arrays.stream(shape).reduce(1, (a, b) -> a * b),
        recipe.mode(),
        base,
        others,
        names,
        diagonals(target),
        target.slice().sources().stream()
            .map(source -> fishers.get(source.model().text()))
            .filter(Objects::nonNull)
            .map(Fisher::totals)
            .toList(),
        values,
        () ->
            positions.stream().map(i -> Philox.key(recipe.randomSeed(), i, target.name())).toList(),
        (what, tensor) -> notes.computeIfAbsent(what, _ -> new ArrayList<>()).add(tensor));
  }

  /// Every parameter's value for a tensor: one, or one for each model but the base.
  private Map<String, double[]> values(Target target) {
    Set<String> idle = recipe.implementation().idleIn(recipe.mode());
    Map<String, double[]> values = new LinkedHashMap<>();
    for (Method.ParameterSpec spec : recipe.method().parameters()) {
      if (idle.contains(spec.name())) {
        continue;
      }
      int[] sources =
          spec.perModel()
              ? IntStream.range(0, target.slice().sources().size())
                  .filter(i -> !target.slice().isBase(i, recipe.method()))
                  .toArray()
              : new int[] {-1};
      values.put(
          spec.name(),
          Arrays.stream(sources).mapToDouble(i -> value(target, i, spec.name())).toArray());
    }
    return values;
  }

  /// A parameter's value: of the slice's source, the slice, the module, the recipe, else the
  /// default.
  ///
  /// @param source the source whose own value counts first, or -1
  private double value(Target target, int source, String name) {
    List<Map<String, Parameter>> order = new ArrayList<>();
    if (source >= 0) {
      order.add(target.slice().sources().get(source).parameters());
    }
    order.add(target.slice().parameters());
    order.add(target.module().parameters());
    order.add(recipe.parameters());
    for (Map<String, Parameter> parameters : order) {
      Parameter parameter = parameters.get(name);
      if (parameter != null) {
        OptionalDouble value = parameter.at(target.name(), target.position());
        if (value.isPresent()) {
          return value.getAsDouble();
        }
      }
    }
    return Optional.ofNullable(recipe.method().parameter(name).orElseThrow().defaultValue())
        .orElseThrow(
            () ->
                new RecipeException(
                    recipe.origin()
                        + ": no filter of "
                        + name
                        + " matches tensor '"
                        + target.name()
                        + "'. Add a case without a filter at its end."));
  }

  private void summarize() {
    long stale =
        recipe.method().name().equals("passthrough")
            ? 0
            : outputs.keySet().stream().filter(n -> STALE_STATISTICS.matcher(n).find()).count();
    notes.forEach(
        (what, tensors) ->
            warnings.add(
                tensors.size()
                    + (tensors.size() == 1 ? " tensor: " : " tensors: ")
                    + what
                    + ", such as of '"
                    + tensors.getFirst()
                    + "'"));
    if (stale > 0) {
      warnings.add(
          stale
              + " tensors of batch-norm statistics were merged like weights; they are stale until"
              + " they are measured again on data");
    }
  }
}

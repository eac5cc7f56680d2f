// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.MergePlan.Input;
import io.sinter.updater.MergePlan.Operation;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.Recipe.LayerRange;
import io.sinter.updater.Recipe.Slice;
import io.sinter.updater.Recipe.Source;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.regex.Pattern;
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
  private final List<String> warnings = new ArrayList<>();
  private final SequencedMap<String, Output> outputs = new LinkedHashMap<>();

  Planner(Recipe recipe, SequencedMap<String, Model> models) {
    this.recipe = recipe;
    this.models = models;
  }

  /// A model that a recipe names, opened.
  ///
  /// @param index its place among the recipe's models
  record Model(int index, String text, Checkpoint checkpoint, Layers layers) {}

  /// A tensor of the output, and what each source of its slice calls it.
  ///
  /// @param position how far up the slice's layers it is, from 0 to 1
  private record Target(String name, Slice slice, double position, List<String> names) {}

  /// The output's tensors, in the order in which they are to be written.
  List<Output> outputs() {
    List<Target> targets = recipe.sliced() ? slicedTargets() : wholeTargets();
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

  private List<Target> wholeTargets() {
    Slice slice = recipe.slices().getFirst();
    Model reference = reference(slice);
    int sources = slice.sources().size();
    List<Target> targets = new ArrayList<>();
    for (String name : reference.checkpoint().tensors().keySet()) {
      double position = reference.layers().position(name);
      targets.add(new Target(name, slice, position, Collections.nCopies(sources, name)));
    }
    for (Source source : slice.sources()) {
      List<String> extra =
          model(source).checkpoint().tensors().keySet().stream()
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
  private List<Target> slicedTargets() {
    List<Target> targets = new ArrayList<>();
    Slice first = recipe.slices().getFirst();
    Slice last = recipe.slices().getLast();
    targets.addAll(looseTargets(first, true));
    int offset = 0;
    for (Slice slice : recipe.slices()) {
      targets.addAll(layerTargets(slice, offset));
      offset += slice.sources().getFirst().layers().size();
    }
    targets.addAll(looseTargets(last, false));
    return targets;
  }

  private List<Target> looseTargets(Slice slice, boolean before) {
    Model reference = reference(slice);
    return reference.checkpoint().tensors().keySet().stream()
        .filter(name -> reference.layers().mainPlace(name).isEmpty())
        .filter(name -> Layers.comesBefore(name) == before)
        .map(name -> new Target(name, slice, 0, Collections.nCopies(slice.sources().size(), name)))
        .toList();
  }

  private List<Target> layerTargets(Slice slice, int offset) {
    for (Source source : slice.sources()) {
      checkRange(source);
    }
    Source source = slice.sources().get(slice.reference());
    LayerRange range = source.layers();
    Map<Integer, List<Target>> byLayer = new LinkedHashMap<>();
    for (int i = 0; i < range.size(); i++) {
      byLayer.put(i, new ArrayList<>());
    }
    for (String name : model(source).checkpoint().tensors().keySet()) {
      Layers.Place place = model(source).layers().mainPlace(name).orElse(null);
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
                  slice,
                  Layers.position(layer, range.size()),
                  names));
    }
    return byLayer.values().stream().flatMap(List::stream).toList();
  }

  private void checkRange(Source source) {
    Layers layers = model(source).layers();
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
    long[] shape = commonShape(target, inputs);
    DType stored = reference.entry().type().dtype().orElseThrow();
    boolean mixed =
        inputs.stream().anyMatch(input -> input.entry().type() != reference.entry().type());
    @Nullable DType dtype = recipe.dtype().orElse(mixed ? stored : null);
    DType computed = dtype == null ? stored : dtype;
    return new Output(
        target.name(),
        StorageType.of(recipe.outDtype().orElse(computed)),
        shape,
        operation(target, inputs),
        roundsNothing(dtype, inputs) ? null : dtype,
        recipe.method() == Method.TASK_ARITHMETIC && recipe.mode() == Recipe.Mode.MERGEKIT
            ? computed
            : null,
        0,
        0);
  }

  /// A model whose head is tied to its embedding has the embedding for a head.
  private Input input(Target target, Source source, String name) {
    Model model = model(source);
    SequencedMap<String, TensorEntry> tensors = model.checkpoint().tensors();
    TensorEntry entry = tensors.get(name);
    if (entry == null && name.endsWith(HEAD)) {
      List<TensorEntry> embeddings =
          tensors.values().stream().filter(t -> EMBEDDING.matcher(t.name()).find()).toList();
      if (embeddings.size() == 1) {
        entry = embeddings.getFirst();
      }
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
        target.name(), kept.type(), kept.shape(), new MergePlan.Copy(reference), null, null, 0, 0);
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
            "Merge models of one architecture and size");
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

  /// Rounding to a type that holds every value of the stored ones changes nothing.
  private static boolean roundsNothing(@Nullable DType dtype, List<Input> inputs) {
    return dtype == null
        || inputs.stream()
            .map(input -> input.entry().type().dtype().orElseThrow())
            .allMatch(stored -> stored == dtype || dtype == DType.F32 && stored != DType.F64);
  }

  private Operation operation(Target target, List<Input> inputs) {
    int reference = target.slice().reference();
    return switch (recipe.method().name()) {
      case "linear" -> {
        List<Double> weights = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
          weights.add(value(target, i, "weight"));
        }
        yield linear(target, inputs, weights, value(target, -1, "normalize") != 0);
      }
      case "slerp" -> slerp(inputs, reference, value(target, -1, "t"));
      case "task_arithmetic" -> {
        List<Input> ordered = new ArrayList<>(List.of(inputs.get(reference)));
        List<Double> weights = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
          if (i != reference) {
            ordered.add(inputs.get(i));
            weights.add(value(target, i, "weight"));
          }
        }
        yield new MergePlan.TaskArithmetic(
            ordered, weights, value(target, -1, "lambda"), value(target, -1, "normalize") != 0);
      }
      case "passthrough" -> {
        double scale = value(target, 0, "scale");
        yield scale == 1
            ? copy(inputs.getFirst())
            : new MergePlan.Linear(inputs, List.of(scale), false);
      }
      default -> throw new IllegalStateException("no plan for " + recipe.method().name());
    };
  }

  /// A copy of a computable tensor: rounded to the recipe's types, else its bytes.
  private static Operation copy(Input input) {
    return new MergePlan.Linear(List.of(input), List.of(1.0), true);
  }

  private Operation linear(
      Target target, List<Input> inputs, List<Double> weights, boolean normalize) {
    double sum = weights.stream().mapToDouble(Double::doubleValue).sum();
    if (normalize && Math.abs(sum) < 1e-8) {
      throw new RecipeException(
          recipe.origin()
              + ": the weights "
              + weights
              + " of tensor '"
              + target.name()
              + "' add up to nothing, so their mean is undefined. Change a weight, or set"
              + " 'normalize: false'.");
    }
    if (normalize && inputs.size() == 2 && (weights.get(0) == 0 || weights.get(1) == 0)) {
      return copy(inputs.get(weights.get(0) == 0 ? 1 : 0)); // What lerp at 0 or 1 does.
    }
    return new MergePlan.Linear(inputs, weights, normalize);
  }

  private static Operation slerp(List<Input> inputs, int reference, double t) {
    Input from = inputs.get(reference);
    Input to = inputs.get(1 - reference);
    return t == 0 ? copy(from) : t == 1 ? copy(to) : new MergePlan.Slerp(List.of(from, to), t);
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
    order.addAll(recipe.outerParameters());
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
        recipe.method() == Method.PASSTHROUGH
            ? 0
            : outputs.keySet().stream().filter(n -> STALE_STATISTICS.matcher(n).find()).count();
    if (stale > 0) {
      warnings.add(
          stale
              + " tensors of batch-norm statistics were merged like weights; they are stale until"
              + " they are measured again on data");
    }
  }
}

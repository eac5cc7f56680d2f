// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.internal.Failures;
import io.sinter.updater.internal.Quoted;
import io.sinter.updater.methods.MergeMethod;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// What to merge and how: the YAML of mergekit, read strictly.
///
/// A recipe with `models` is one slice over all their layers. Whatever is wrong with it is reported
/// with its line, and with the nearest name where one is misspelt.
public final class Recipe {
  /// Whose conventions hold where a paper and mergekit differ.
  public enum Mode {
    /// Those of mergekit, so that an existing recipe gives the same weights.
    MERGEKIT,
    /// Those of the paper.
    PAPER
  }

  /// A model as the recipe names it: a path, or an id in the local Hugging Face cache.
  ///
  /// @param line where, counted from 1
  public record ModelReference(String text, int line) {
    boolean same(@Nullable ModelReference other) {
      return other != null && text.equals(other.text);
    }
  }

  /// Layers `from` to `to`, the last excluded.
  record LayerRange(int from, int to) {
    int size() {
      return to - from;
    }
  }

  /// @param layers `null` for all
  /// @param fisher the file of its Fisher diagonal, where the method needs one
  record Source(
      ModelReference model,
      @Nullable LayerRange layers,
      @Nullable ModelReference fisher,
      Map<String, Parameter> parameters) {}

  /// @param base the base model of this slice, if there is one
  /// @param replaced whether the base is the old version of the others
  record Slice(
      List<Source> sources,
      @Nullable ModelReference base,
      boolean replaced,
      Map<String, Parameter> parameters,
      int line) {
    /// The source that decides names and shapes: the base, or the first; where the base is an old
    /// version, the first that is not.
    int reference() {
      for (int i = 0; i < sources.size(); i++) {
        if (sources.get(i).model().same(base) != replaced) {
          return i;
        }
      }
      return 0;
    }

    /// Whether a source is a base that the method does not merge like a model.
    boolean isBase(int source, Method method) {
      return method.base() != Method.Base.MODEL && sources.get(source).model().same(base);
    }
  }

  /// Part of a model that is merged by itself: the tensors whose names start with its name and a
  /// dot. The module `default` has those of no other.
  ///
  /// @param sliced whether it says which layers it takes
  /// @param slices one over all layers where it does not
  record Module(
      String name, boolean sliced, List<Slice> slices, Map<String, Parameter> parameters) {}

  /// Which label each row of a classifier's head stands for, so that heads of different rows can be
  /// merged.
  ///
  /// @param old the file of the old version's label names
  /// @param updated the file of the others'
  /// @param head what the names of the head's tensors start with; `null` where row counts say it
  record Labels(String old, String updated, @Nullable String head, int line) {}

  /// One of a template's text and a model that has it.
  record ChatTemplate(@Nullable String text, @Nullable ModelReference model) {}

  static final String DEFAULT_MODULE = "default";

  private final String origin;
  private final String text;
  private final boolean lines;
  private final MergeMethod method;
  private final Mode mode;
  private final long randomSeed;
  private final @Nullable ModelReference baseModel;
  private final @Nullable DType dtype;
  private final @Nullable DType outDtype;
  private final List<Module> modules;
  private final Map<String, Parameter> parameters;
  private final @Nullable ModelReference tokenizer;
  private final @Nullable ChatTemplate chatTemplate;
  private final @Nullable Labels labels;

  Recipe(
      String origin,
      String text,
      boolean lines,
      MergeMethod method,
      Mode mode,
      long randomSeed,
      @Nullable ModelReference baseModel,
      @Nullable DType dtype,
      @Nullable DType outDtype,
      List<Module> modules,
      Map<String, Parameter> parameters,
      @Nullable ModelReference tokenizer,
      @Nullable ChatTemplate chatTemplate,
      @Nullable Labels labels) {
    this.origin = origin;
    this.text = text;
    this.lines = lines;
    this.method = method;
    this.mode = mode;
    this.randomSeed = randomSeed;
    this.baseModel = baseModel;
    this.dtype = dtype;
    this.outDtype = outDtype;
    this.modules = List.copyOf(modules);
    this.parameters = Map.copyOf(parameters);
    this.tokenizer = tokenizer;
    this.chatTemplate = chatTemplate;
    this.labels = labels;
  }

  /// Reads a recipe from a file.
  ///
  /// @throws RecipeException where it cannot be read, or makes no sense
  public static Recipe read(Path file) throws RecipeException {
    return read(file, List.of());
  }

  /// Reads a recipe from a file, which may name methods of the caller's.
  ///
  /// @throws RecipeException where it cannot be read, or makes no sense
  public static Recipe read(Path file, List<ElementwiseMethod> methods) throws RecipeException {
    try {
      return parse(SmallFile.read(file, RecipeParser.MAX_BYTES), file.toString(), methods);
    } catch (IOException e) {
      throw new RecipeException(
          file + ": cannot be read (" + Failures.reason(e) + "). Check the path.");
    }
  }

  static Recipe parse(byte[] utf8, String origin, List<ElementwiseMethod> methods) {
    try {
      return parse(Json.decode(ByteBuffer.wrap(utf8)), origin, methods);
    } catch (CharacterCodingException e) {
      throw new RecipeException(origin + ": is not UTF-8 text. Save the recipe as UTF-8.");
    }
  }

  /// Parses a recipe.
  ///
  /// @param origin what to call it in messages
  /// @throws RecipeException where it makes no sense
  public static Recipe parse(String yaml, String origin) throws RecipeException {
    return parse(yaml, origin, List.of());
  }

  /// Parses a recipe, which may name methods of the caller's.
  ///
  /// @param origin what to call it in messages
  /// @throws RecipeException where it makes no sense
  /// @throws IllegalArgumentException where two methods have one name
  public static Recipe parse(String yaml, String origin, List<ElementwiseMethod> methods)
      throws RecipeException {
    return new RecipeParser(origin, true, methods).parse(yaml);
  }

  /// Starts a recipe in code. What [RecipeBuilder#build] makes of it is checked as a file is.
  ///
  /// @param method as in `merge_method`
  public static RecipeBuilder builder(String method) {
    return new RecipeBuilder(method);
  }

  /// What messages call it: its file.
  public String origin() {
    return origin;
  }

  /// What it was parsed from: a file's text, or what [RecipeBuilder#yaml] made.
  public String text() {
    return text;
  }

  /// How to merge.
  public Method method() {
    return method.description();
  }

  MergeMethod implementation() {
    return method;
  }

  /// What random numbers depend on, beside the place of a model in the recipe and the name of a
  /// tensor.
  public long randomSeed() {
    return randomSeed;
  }

  /// Whose conventions hold.
  public Mode mode() {
    return mode;
  }

  /// The base model, if one is named.
  public Optional<ModelReference> baseModel() {
    return Optional.ofNullable(baseModel);
  }

  /// What inputs are rounded to first, if that is said.
  public Optional<DType> dtype() {
    return Optional.ofNullable(dtype);
  }

  /// What outputs are rounded to, if that is said.
  public Optional<DType> outDtype() {
    return Optional.ofNullable(outDtype);
  }

  /// Every model that it names, once, the one that decides names and shapes first.
  public List<ModelReference> models() {
    Map<String, ModelReference> found = new LinkedHashMap<>();
    Slice first = firstSlice();
    ModelReference reference = first.sources().get(first.reference()).model();
    found.put(reference.text(), reference);
    for (Module module : modules) {
      for (Slice slice : module.slices()) {
        for (Source source : slice.sources()) {
          found.putIfAbsent(source.model().text(), source.model());
        }
      }
    }
    return List.copyOf(found.values());
  }

  /// The files of Fisher diagonals by the models that they belong to.
  SequencedMap<String, ModelReference> fishers() {
    SequencedMap<String, ModelReference> found = new LinkedHashMap<>();
    for (Module module : modules) {
      for (Slice slice : module.slices()) {
        for (Source source : slice.sources()) {
          if (source.fisher() != null) {
            found.putIfAbsent(source.model().text(), source.fisher());
          }
        }
      }
    }
    return found;
  }

  Optional<Labels> labels() {
    return Optional.ofNullable(labels);
  }

  List<Module> modules() {
    return modules;
  }

  Slice firstSlice() {
    return modules.getFirst().slices().getFirst();
  }

  /// The parameters of the whole recipe.
  Map<String, Parameter> parameters() {
    return parameters;
  }

  Optional<ModelReference> tokenizer() {
    return Optional.ofNullable(tokenizer);
  }

  Optional<ChatTemplate> chatTemplate() {
    return Optional.ofNullable(chatTemplate);
  }

  RecipeException error(int line, String problem) {
    return new RecipeException(origin + (lines ? ":" + line : "") + ": " + Quoted.text(problem));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.Recipe.LayerRange;
import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.Recipe.Slice;
import io.sinter.updater.Recipe.Source;
import io.sinter.updater.internal.Names;
import io.sinter.updater.internal.Quoted;
import io.sinter.updater.internal.YamlReader;
import io.sinter.updater.methods.Catalogue;
import io.sinter.updater.methods.MergeMethod;
import io.sinter.updater.methods.UserDefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/// Turns YAML into a [Recipe], or says on which line it cannot.
final class RecipeParser extends YamlReader {
  /// A recipe's bytes at most.
  static final int MAX_BYTES = 1 << 19;

  private static final Kind RECIPE =
      new Kind(
          "a recipe",
          MAX_BYTES,
          "Give parameters once for many models, or by filters.",
          1 << 18,
          "A recipe says at least merge_method and models.");

  private static final List<String> TOP_KEYS =
      List.of(
          "merge_method",
          "base_model",
          "models",
          "slices",
          "modules",
          "parameters",
          "dtype",
          "out_dtype",
          "mode",
          "random_seed",
          "tokenizer_source",
          "tokenizer",
          "chat_template",
          "labels");

  private static final Set<String> MERGEKIT_TEMPLATES =
      Set.of("auto", "alpaca", "chatml", "llama3", "mistral", "exaone");

  private static final Map<String, DType> DTYPES =
      Map.of(
          "float64", DType.F64,
          "float32", DType.F32,
          "float16", DType.F16,
          "bfloat16", DType.BF16,
          "float8_e4m3fn", DType.F8_E4M3,
          "float8_e5m2", DType.F8_E5M2);

  private final String origin;
  private final boolean lines;
  private final SequencedMap<String, MergeMethod> methods = new LinkedHashMap<>();

  /// @param lines whether messages say on which line something is
  RecipeParser(String origin, boolean lines, List<ElementwiseMethod> own) {
    super(RECIPE);
    this.origin = origin;
    this.lines = lines;
    List<MergeMethod> all = new ArrayList<>(Catalogue.METHODS);
    own.forEach(method -> all.add(new UserDefined(method)));
    for (MergeMethod method : all) {
      String name = method.description().name();
      if (methods.put(name, method) != null) {
        throw new IllegalArgumentException(
            "there are two merge methods called '" + name + "'; give yours another name");
      }
    }
  }

  /// Of recipes made in code, by one method.
  RecipeParser(String origin, MergeMethod only) {
    super(RECIPE);
    this.origin = origin;
    this.lines = false;
    methods.put(only.description().name(), only);
  }

  Recipe parse(String yaml) {
    Fields top = mapping(compose(origin, yaml), "the recipe", TOP_KEYS);
    MergeMethod implementation = method(top);
    Method method = implementation.description();
    Recipe.Mode mode = mode(top);
    ModelReference base = top.get("base_model").map(this::model).orElse(null);
    if (method.needsBase() && base == null) {
      throw error(
          top.node(), method.name() + " needs a base model. Add 'base_model: PATH' to the recipe.");
    }
    Map<String, Parameter> global = parameters(top, method);
    List<Recipe.Module> modules = new ArrayList<>();
    if (exactlyOneOf(top, "models", "slices", "modules").equals("modules")) {
      entries(top.byKey().get("modules"), "modules")
          .forEach(
              (name, node) ->
                  modules.add(
                      module(
                          name,
                          mapping(
                              node, "modules." + name, List.of("models", "slices", "parameters")),
                          base,
                          method)));
      if (modules.isEmpty()) {
        throw error(top.byKey().get("modules"), "modules is empty. Name one, such as 'default'.");
      }
    } else {
      modules.add(
          module(
              Recipe.DEFAULT_MODULE,
              new Fields(top.node(), withoutParameters(top.byKey())),
              base,
              method));
    }
    Set<String> idle = implementation.idleIn(mode);
    refuseIdle(method, mode, idle, modules, global);
    for (Recipe.Module module : modules) {
      checkRequired(method, idle, module.slices(), List.of(module.parameters(), global));
    }
    return new Recipe(
        origin,
        yaml,
        lines,
        implementation,
        mode,
        randomSeed(top),
        base,
        top.get("dtype").map(this::dtype).orElse(null),
        top.get("out_dtype").map(this::dtype).orElse(null),
        modules,
        global,
        tokenizer(top, modules.getFirst().slices()),
        top.get("chat_template").map(node -> chatTemplate(node, modules)).orElse(null),
        top.get("labels").map(node -> labels(node, method)).orElse(null));
  }

  private Recipe.Labels labels(Node node, Method method) {
    if (method.base() != Method.Base.OLD) {
      throw error(
          node,
          "labels say which rows of an old and a new classifier belong together, and "
              + method.name()
              + " has no old version. Remove them.");
    }
    Fields fields = mapping(node, "labels", List.of("old", "new", "head"));
    for (String key : List.of("old", "new")) {
      if (fields.get(key).isEmpty()) {
        throw error(node, "labels lack '" + key + "'. Add '" + key + ": FILE' with label names.");
      }
    }
    return new Recipe.Labels(
        string(fields.byKey().get("old"), "labels.old"),
        string(fields.byKey().get("new"), "labels.new"),
        fields.get("head").map(head -> string(head, "labels.head")).orElse(null),
        line(node));
  }

  private static SequencedMap<String, Node> withoutParameters(SequencedMap<String, Node> fields) {
    SequencedMap<String, Node> rest = new LinkedHashMap<>(fields);
    rest.remove("parameters"); // Those of the recipe are asked last.
    return rest;
  }

  private Recipe.Module module(
      String name, Fields body, @Nullable ModelReference base, Method method) {
    String kind = exactlyOneOf(body, "models", "slices");
    Node content = body.byKey().get(kind);
    boolean sliced = kind.equals("slices");
    return new Recipe.Module(
        name,
        sliced,
        sliced ? slices(content, base, method) : models(content, base, method),
        parameters(body, method));
  }

  private long randomSeed(Fields top) {
    Optional<Node> node = top.get("random_seed");
    if (node.isEmpty()) {
      return 0;
    }
    try {
      return Long.parseLong(string(node.get(), "random_seed"));
    } catch (NumberFormatException e) {
      throw error(
          node.get(),
          "random_seed is " + describe(node.get()) + ". Write a whole number of 64 bits.");
    }
  }

  /// What a mode takes no notice of may not be given in it.
  private void refuseIdle(
      Method method,
      Recipe.Mode mode,
      Set<String> idle,
      List<Recipe.Module> modules,
      Map<String, Parameter> global) {
    List<Map<String, Parameter>> all = new ArrayList<>(List.of(global));
    for (Recipe.Module module : modules) {
      all.add(module.parameters());
      for (Slice slice : module.slices()) {
        all.add(slice.parameters());
        slice.sources().forEach(source -> all.add(source.parameters()));
      }
    }
    for (String name : idle) {
      if (all.stream().anyMatch(parameters -> parameters.containsKey(name))) {
        throw new RecipeException(
            origin
                + ": "
                + name
                + " means nothing to "
                + method.name()
                + " in 'mode: "
                + mode.name().toLowerCase(Locale.ROOT)
                + "'. Remove it, or the mode.");
      }
    }
  }

  private MergeMethod method(Fields top) {
    Node node =
        top.get("merge_method")
            .orElseThrow(
                () ->
                    error(
                        top.node(),
                        "merge_method is missing. Add one of "
                            + String.join(", ", methods.keySet())
                            + "."));
    String name = string(node, "merge_method");
    MergeMethod method = methods.get(name);
    if (method == null) {
      throw error(
          node, "unknown merge_method '" + name + "'. " + Names.suggest(name, methods.keySet()));
    }
    return method;
  }

  private Recipe.Mode mode(Fields top) {
    return top.get("mode")
        .map(
            node ->
                switch (string(node, "mode")) {
                  case "mergekit" -> Recipe.Mode.MERGEKIT;
                  case "paper" -> Recipe.Mode.PAPER;
                  case String other ->
                      throw error(
                          node, "mode '" + other + "' is neither 'mergekit' nor 'paper'. Use one.");
                })
        .orElse(Recipe.Mode.MERGEKIT);
  }

  static String name(DType dtype) {
    return DTYPES.entrySet().stream()
        .filter(entry -> entry.getValue() == dtype)
        .findFirst()
        .orElseThrow()
        .getKey();
  }

  private DType dtype(Node node) {
    String name = string(node, "dtype");
    DType dtype = DTYPES.get(name);
    if (dtype == null) {
      throw error(node, "unknown dtype '" + name + "'. " + Names.suggest(name, DTYPES.keySet()));
    }
    return dtype;
  }

  private String exactlyOneOf(Fields fields, String... keys) {
    List<String> present = new ArrayList<>();
    for (String key : keys) {
      if (fields.get(key).isPresent()) {
        present.add(key);
      }
    }
    if (present.size() != 1) {
      throw error(
          present.isEmpty() ? fields.node() : fields.byKey().get(present.getLast()),
          "exactly one of "
              + String.join(", ", keys)
              + " is needed, and there "
              + (present.isEmpty() ? "is none" : "are " + String.join(" and ", present))
              + ". "
              + (present.isEmpty() ? "Add one." : "Keep one."));
    }
    return present.getFirst();
  }

  // ---- models and slices ------------------------------------------------------------------------

  private List<Slice> models(Node node, @Nullable ModelReference base, Method method) {
    List<Source> sources = new ArrayList<>();
    for (Node entry : sequence(node, "models")) {
      Fields fields =
          mapping(entry, "an entry of models", List.of("model", "fisher", "parameters"));
      sources.add(
          new Source(model(fields, entry), null, fisher(fields), sourceParameters(fields, method)));
    }
    if (base != null && sources.stream().noneMatch(source -> source.model().same(base))) {
      sources.add(new Source(base, null, null, Map.of()));
    }
    boolean replaced = method.base() == Method.Base.OLD;
    Slice slice = new Slice(List.copyOf(sources), base, replaced, Map.of(), line(node));
    checkModels(slice, method, node);
    checkFishers(slice, method);
    return List.of(slice);
  }

  private List<Slice> slices(Node node, @Nullable ModelReference base, Method method) {
    List<Slice> slices = new ArrayList<>();
    for (Node entry : sequence(node, "slices")) {
      Fields fields =
          mapping(entry, "an entry of slices", List.of("sources", "base_model", "parameters"));
      Node list =
          fields
              .get("sources")
              .orElseThrow(
                  () -> error(entry, "a slice has no sources. Add 'sources:' with its models."));
      List<Source> sources = new ArrayList<>();
      for (Node source : sequence(list, "sources")) {
        Fields sourceFields =
            mapping(source, "a source", List.of("model", "layer_range", "fisher", "parameters"));
        LayerRange range =
            layerRange(
                sourceFields
                    .get("layer_range")
                    .orElseThrow(
                        () ->
                            error(
                                source,
                                "a source has no layer_range. Add 'layer_range: [from, to]'.")));
        if (!sources.isEmpty() && range.size() != sources.getFirst().layers().size()) {
          throw error(
              source,
              "layer_range takes "
                  + range.size()
                  + " layers, and the slice's first source "
                  + sources.getFirst().layers().size()
                  + ". The sources of a slice need equally many.");
        }
        sources.add(
            new Source(
                model(sourceFields, source),
                range,
                fisher(sourceFields),
                sourceParameters(sourceFields, method)));
      }
      Slice slice =
          new Slice(
              List.copyOf(sources),
              fields.get("base_model").map(this::model).orElse(base),
              method.base() == Method.Base.OLD,
              parameters(fields, method),
              line(entry));
      checkModels(slice, method, entry);
      checkFishers(slice, method);
      slices.add(slice);
    }
    return slices;
  }

  private void checkModels(Slice slice, Method method, Node node) {
    boolean apart =
        method.base() == Method.Base.OPTIONAL
            && slice.sources().stream().anyMatch(source -> source.model().same(slice.base()));
    int count = slice.sources().size() - (apart ? 1 : 0);
    if (count < method.minModels() || count > method.maxModels()) {
      throw error(
          node,
          method.name()
              + " takes "
              + (method.minModels() == method.maxModels() ? "exactly " : "at least ")
              + method.minModels()
              + (method.minModels() == 1 ? " model" : " models")
              + (method.needsBase() ? ", the base included" : apart ? ", without the base" : "")
              + ", and here "
              + (count == 1 ? "is 1" : "are " + count)
              + ". "
              + (count < method.minModels() ? "Add one." : "Remove some."));
    }
    if (method.base() != Method.Base.MODEL
        && (method.needsBase() || slice.base() != null)
        && slice.sources().stream().noneMatch(source -> source.model().same(slice.base()))) {
      throw error(
          node,
          "the base model "
              + (slice.base() == null ? "" : "'" + slice.base().text() + "' ")
              + "is not among the slice's sources. Add it with its layer_range.");
    }
  }

  /// Models that need a Fisher diagonal have one, and the others have none.
  private void checkFishers(Slice slice, Method method) {
    for (Source source : slice.sources()) {
      boolean base = source.model().same(slice.base());
      boolean needed =
          switch (method.fisher()) {
            case NONE -> false;
            case BASE -> base;
            case EACH -> true;
          };
      if (needed && source.fisher() == null) {
        throw error(
            source.model().line(),
            method.name()
                + " needs the Fisher diagonal of "
                + (base ? "the old model" : "model")
                + " '"
                + source.model().text()
                + "'. Add '- {model: "
                + source.model().text()
                + ", fisher: FILE}' to the models.");
      }
      if (!needed && source.fisher() != null) {
        throw error(
            source.fisher().line(),
            method.name()
                + " takes no Fisher diagonal of model '"
                + source.model().text()
                + "'. Remove it, or use "
                + (method.base() == Method.Base.OLD ? "that of the base." : "another method."));
      }
    }
  }

  private @Nullable ModelReference fisher(Fields fields) {
    return fields
        .get("fisher")
        .map(node -> new ModelReference(string(node, "fisher"), line(node)))
        .orElse(null);
  }

  private LayerRange layerRange(Node node) {
    List<Node> bounds = sequence(node, "layer_range");
    if (bounds.size() != 2) {
      throw error(node, "layer_range takes two numbers, [from, to]. Correct it.");
    }
    double from = number(bounds.get(0), "layer_range");
    double to = number(bounds.get(1), "layer_range");
    if (from != Math.rint(from) || to != Math.rint(to) || from < 0 || to <= from || to > 1 << 20) {
      throw error(node, "layer_range needs whole numbers with 0 <= from < to. Correct it.");
    }
    return new LayerRange((int) from, (int) to);
  }

  private ModelReference model(Fields fields, Node entry) {
    return model(
        fields
            .get("model")
            .orElseThrow(() -> error(entry, "the model is missing. Add 'model: PATH'.")));
  }

  private ModelReference model(Node node) {
    String text = string(node, "model");
    if (text.isBlank()) {
      throw error(node, "the model is empty. Give a path or an id.");
    }
    return new ModelReference(text, line(node));
  }

  // ---- tokenizer --------------------------------------------------------------------------------

  private @Nullable ModelReference tokenizer(Fields top, List<Slice> slices) {
    Optional<Node> source = top.get("tokenizer_source");
    Optional<Node> tokenizer = top.get("tokenizer");
    if (source.isPresent() && tokenizer.isPresent()) {
      throw error(
          tokenizer.get(), "tokenizer and tokenizer_source exclude each other. Keep one of them.");
    }
    if (tokenizer.isPresent()) {
      SequencedMap<String, Node> entries = entries(tokenizer.get(), "tokenizer");
      for (String key : List.of("tokens", "pad_to_multiple_of")) {
        if (entries.containsKey(key)) {
          throw error(
              entries.get(key),
              "tokenizer."
                  + key
                  + " is not supported: vocabularies are kept as they are. Remove"
                  + " it.");
        }
      }
      source = mapping(tokenizer.get(), "tokenizer", List.of("source")).get("source");
    }
    return source.map(node -> donor(node, slices)).orElse(null);
  }

  /// The model that a tokenizer or a chat template is taken from.
  private ModelReference donor(Node node, List<Slice> slices) {
    String text = string(node, "a tokenizer or chat template source");
    if (text.equals("union")) {
      throw error(
          node,
          "tokenizer source 'union' is not supported: vocabularies are kept as they are. Use"
              + " 'base' or the path of a model.");
    }
    if (text.equals("base")) {
      Slice first = slices.getFirst();
      return first.replaced() && first.base() != null
          ? first.base()
          : first.sources().get(first.reference()).model();
    }
    return new ModelReference(text, line(node));
  }

  /// A template's text, or a model to take it from.
  private Recipe.ChatTemplate chatTemplate(Node node, List<Recipe.Module> modules) {
    String text = string(node, "chat_template");
    if (text.contains("{{") || text.contains("{%")) {
      return new Recipe.ChatTemplate(text, null);
    }
    if (MERGEKIT_TEMPLATES.contains(text)) {
      throw error(
          node,
          "chat_template '"
              + text
              + "' is not supported: mergekit's own templates are not here. Use 'base', the path of"
              + " a model, or the template's text.");
    }
    return new Recipe.ChatTemplate(null, donor(node, modules.getFirst().slices()));
  }

  // ---- parameters -------------------------------------------------------------------------------

  private Map<String, Parameter> parameters(Fields fields, Method method) {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    Optional<Node> node = fields.get("parameters");
    if (node.isEmpty()) {
      return parameters;
    }
    entries(node.get(), "parameters")
        .forEach(
            (name, value) -> {
              Method.ParameterSpec spec =
                  method
                      .parameter(name)
                      .orElseThrow(
                          () ->
                              error(
                                  value,
                                  method.name()
                                      + " has no parameter '"
                                      + name
                                      + "'. "
                                      + Names.suggest(
                                          name,
                                          method.parameters().stream()
                                              .map(Method.ParameterSpec::name)
                                              .toList())));
              parameters.put(name, parameter(value, spec));
            });
    return parameters;
  }

  /// The parameters of one model, which are those that every model has of its own.
  private Map<String, Parameter> sourceParameters(Fields fields, Method method) {
    Map<String, Parameter> parameters = parameters(fields, method);
    for (Method.ParameterSpec spec : method.parameters()) {
      if (!spec.perModel() && parameters.containsKey(spec.name())) {
        throw error(
            fields.byKey().get("parameters"),
            spec.name()
                + " is a parameter of the whole merge, not of one model. Move it to the parameters"
                + " of the slice or of the recipe.");
      }
    }
    return parameters;
  }

  private Parameter parameter(Node node, Method.ParameterSpec spec) {
    if (!(node instanceof SequenceNode)) {
      return leaf(node, spec);
    }
    List<Node> values = sequence(node, spec.name());
    if (values.getFirst() instanceof MappingNode) {
      List<Parameter.Case> cases = new ArrayList<>();
      for (Node value : values) {
        Fields fields = mapping(value, "a case of " + spec.name(), List.of("filter", "value"));
        Node result =
            fields
                .get("value")
                .orElseThrow(
                    () -> error(value, "a case of " + spec.name() + " has no value. Add one."));
        cases.add(
            new Parameter.Case(
                fields.get("filter").map(filter -> string(filter, "filter")).orElse(null),
                result instanceof SequenceNode ? gradient(result, spec) : leaf(result, spec)));
      }
      return new Parameter.Filtered(List.copyOf(cases));
    }
    return gradient(node, spec);
  }

  private Parameter gradient(Node node, Method.ParameterSpec spec) {
    if (spec.type() == Method.ParameterType.BOOLEAN) {
      throw error(node, spec.name() + " is true or false, not a list. Give one value.");
    }
    if (spec.type() == Method.ParameterType.INTEGER) {
      throw error(node, spec.name() + " is one whole number, not a list. Give one value.");
    }
    return new Parameter.Gradient(
        sequence(node, spec.name()).stream().map(value -> number(value, spec)).toList());
  }

  private Parameter leaf(Node node, Method.ParameterSpec spec) {
    if (spec.type() != Method.ParameterType.BOOLEAN) {
      return new Parameter.Scalar(number(node, spec));
    }
    if (node instanceof ScalarNode scalar && scalar.getTag() == Tag.BOOL) {
      return new Parameter.Scalar(scalar.getValue().equalsIgnoreCase("true") ? 1 : 0);
    }
    if (node instanceof ScalarNode scalar && isNumber(scalar.getValue())) {
      double value = Double.parseDouble(scalar.getValue());
      if (value == 0 || value == 1) {
        return new Parameter.Scalar(value);
      }
    }
    throw error(node, spec.name() + " is " + describe(node) + ". Write true or false.");
  }

  /// Parameters without a default must be given for every model; filters are checked per tensor.
  private void checkRequired(
      Method method, Set<String> idle, List<Slice> slices, List<Map<String, Parameter>> outer) {
    for (Method.ParameterSpec spec : method.parameters()) {
      if (spec.defaultValue() != null
          || idle.contains(spec.name())
          || outer.stream().anyMatch(map -> map.containsKey(spec.name()))) {
        continue;
      }
      for (Slice slice : slices) {
        if (slice.parameters().containsKey(spec.name())) {
          continue;
        }
        if (!spec.perModel()) {
          throw error(
              slice.line(),
              method.name()
                  + " needs the parameter "
                  + spec.name()
                  + ". Add 'parameters: {"
                  + spec.name()
                  + ": NUMBER}' to the recipe.");
        }
        for (int i = 0; i < slice.sources().size(); i++) {
          Source source = slice.sources().get(i);
          boolean needed = !slice.isBase(i, method);
          if (needed && !source.parameters().containsKey(spec.name())) {
            throw error(
                source.model().line(),
                method.name()
                    + " needs a "
                    + spec.name()
                    + " for model '"
                    + source.model().text()
                    + "'. Add 'parameters: {"
                    + spec.name()
                    + ": NUMBER}' to it.");
          }
        }
      }
    }
  }

  private double number(Node node, Method.ParameterSpec spec) {
    double value = number(node, spec.name());
    spec.refuse(value)
        .ifPresent(
            reason -> {
              throw error(
                  node,
                  spec.name() + " is " + spec.text(value) + ", and " + reason + ". Correct it.");
            });
    return value;
  }

  @Override
  protected RecipeException error(int line, String problem) {
    return new RecipeException(
        origin + (lines && line > 0 ? ":" + line : "") + ": " + Quoted.text(problem));
  }

  private RecipeException error(Node node, String problem) {
    return error(line(node), problem);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.Recipe.LayerRange;
import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.Recipe.Slice;
import io.sinter.updater.Recipe.Source;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/// Turns YAML into a [Recipe], or says on which line it cannot.
final class RecipeParser {
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
          "tokenizer_source",
          "tokenizer",
          "chat_template");

  private static final Map<String, DType> DTYPES =
      Map.of(
          "float64", DType.F64,
          "float32", DType.F32,
          "float16", DType.F16,
          "bfloat16", DType.BF16,
          "float8_e4m3fn", DType.F8_E4M3,
          "float8_e5m2", DType.F8_E5M2);

  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d+)?");
  private static final Pattern NOT_FINITE = Pattern.compile("(?i)[-+]?\\.?(nan|inf|infinity)");

  private final String origin;

  RecipeParser(String origin) {
    this.origin = origin;
  }

  /// A mapping's values by key, each key once.
  private record Fields(Node node, SequencedMap<String, Node> byKey) {
    Optional<Node> get(String key) {
      return Optional.ofNullable(byKey.get(key));
    }
  }

  Recipe parse(String yaml) {
    Fields top = mapping(compose(yaml), "the recipe", TOP_KEYS);
    Method method = method(top);
    ModelReference base = top.get("base_model").map(this::model).orElse(null);
    if (method.needsBase() && base == null) {
      throw error(
          top.node(), method.name() + " needs a base model. Add 'base_model: PATH' to the recipe.");
    }
    List<Map<String, Parameter>> outer = new ArrayList<>();
    Fields body = top;
    if (top.get("modules").isPresent()) {
      exactlyOneOf(top, "models", "slices", "modules");
      body = module(top.byKey().get("modules"));
      outer.add(parameters(body, method));
    }
    outer.add(parameters(top, method));
    String kind =
        body == top
            ? exactlyOneOf(top, "models", "slices", "modules")
            : exactlyOneOf(body, "models", "slices");
    Node content = body.byKey().get(kind);
    List<Slice> slices =
        kind.equals("slices") ? slices(content, base, method) : models(content, base, method);
    checkRequired(method, slices, outer);
    return new Recipe(
        origin,
        method,
        mode(top),
        base,
        top.get("dtype").map(this::dtype).orElse(null),
        top.get("out_dtype").map(this::dtype).orElse(null),
        kind.equals("slices"),
        slices,
        outer,
        tokenizer(top, slices),
        top.get("chat_template").map(node -> donor(node, slices)).orElse(null));
  }

  private Node compose(String yaml) {
    LoadSettings settings =
        LoadSettings.builder().setLabel(origin).setSchema(new CoreSchema()).build();
    try {
      return new Composer(settings, new ParserImpl(settings, new StreamReader(settings, yaml)))
          .getSingleNode()
          .orElseThrow(
              () ->
                  new RecipeException(
                      origin + ": is empty. A recipe says at least merge_method and models."));
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      throw new RecipeException(
          origin + ":" + line + ": is not YAML (" + e.getProblem() + "). Correct this line.");
    } catch (YamlEngineException e) {
      String problem = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new RecipeException(origin + ": is not YAML (" + problem + "). Correct the file.");
    }
  }

  private Method method(Fields top) {
    Node node =
        top.get("merge_method")
            .orElseThrow(
                () ->
                    error(
                        top.node(),
                        "merge_method is missing. Add one of "
                            + String.join(", ", Method.names())
                            + "."));
    String name = string(node, "merge_method");
    return Method.find(name)
        .orElseThrow(
            () ->
                error(
                    node,
                    Method.isNotYet(name)
                        ? "merge_method '"
                            + name
                            + "' is not in this version yet. It has "
                            + String.join(", ", Method.names())
                            + "."
                        : "unknown merge_method '"
                            + name
                            + "'. "
                            + Names.suggest(name, Method.names())));
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

  private DType dtype(Node node) {
    String name = string(node, "dtype");
    DType dtype = DTYPES.get(name);
    if (dtype == null) {
      throw error(node, "unknown dtype '" + name + "'. " + Names.suggest(name, DTYPES.keySet()));
    }
    return dtype;
  }

  /// mergekit merges several named sub-modules of a model; here a model is one module.
  private Fields module(Node node) {
    SequencedMap<String, Node> modules = entries(node, "modules");
    if (modules.size() != 1 || !modules.containsKey("default")) {
      throw error(
          node,
          "modules "
              + modules.keySet()
              + " are not supported: a model is merged as one module. Name it 'default', or write"
              + " its models or slices without 'modules'.");
    }
    return mapping(
        modules.get("default"), "modules.default", List.of("models", "slices", "parameters"));
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
      Fields fields = mapping(entry, "an entry of models", List.of("model", "parameters"));
      sources.add(new Source(model(fields, entry), null, sourceParameters(fields, method)));
    }
    if (base != null && sources.stream().noneMatch(source -> source.model().same(base))) {
      sources.add(new Source(base, null, Map.of()));
    }
    Slice slice = new Slice(List.copyOf(sources), base, Map.of(), line(node));
    checkModels(slice, method, node);
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
            mapping(source, "a source", List.of("model", "layer_range", "parameters"));
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
            new Source(model(sourceFields, source), range, sourceParameters(sourceFields, method)));
      }
      Slice slice =
          new Slice(
              List.copyOf(sources),
              fields.get("base_model").map(this::model).orElse(base),
              parameters(fields, method),
              line(entry));
      checkModels(slice, method, entry);
      slices.add(slice);
    }
    return slices;
  }

  private void checkModels(Slice slice, Method method, Node node) {
    int count = slice.sources().size();
    if (count < method.minModels() || count > method.maxModels()) {
      throw error(
          node,
          method.name()
              + " takes "
              + (method.minModels() == method.maxModels() ? "exactly " : "at least ")
              + method.minModels()
              + (method.minModels() == 1 ? " model" : " models")
              + (method.needsBase() ? ", the base included" : "")
              + ", and here "
              + (count == 1 ? "is 1" : "are " + count)
              + ". "
              + (count < method.minModels() ? "Add one." : "Remove some."));
    }
    if (method.needsBase()
        && slice.sources().stream().noneMatch(source -> source.model().same(slice.base()))) {
      throw error(
          node,
          "the base model "
              + (slice.base() == null ? "" : "'" + slice.base().text() + "' ")
              + "is not among the slice's sources. Add it with its layer_range.");
    }
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
      return first.sources().get(first.reference()).model();
    }
    return new ModelReference(text, line(node));
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
    return new Parameter.Gradient(
        sequence(node, spec.name()).stream().map(value -> number(value, spec.name())).toList());
  }

  private Parameter leaf(Node node, Method.ParameterSpec spec) {
    if (spec.type() == Method.ParameterType.NUMBER) {
      return new Parameter.Scalar(number(node, spec.name()));
    }
    if (node instanceof ScalarNode scalar && scalar.getTag() == Tag.BOOL) {
      return new Parameter.Scalar(scalar.getValue().equalsIgnoreCase("true") ? 1 : 0);
    }
    if (node instanceof ScalarNode scalar && NUMBER.matcher(scalar.getValue()).matches()) {
      double value = Double.parseDouble(scalar.getValue());
      if (value == 0 || value == 1) {
        return new Parameter.Scalar(value);
      }
    }
    throw error(node, spec.name() + " is " + describe(node) + ". Write true or false.");
  }

  /// Parameters without a default must be given for every model; filters are checked per tensor.
  private void checkRequired(
      Method method, List<Slice> slices, List<Map<String, Parameter>> outer) {
    for (Method.ParameterSpec spec : method.parameters()) {
      if (spec.defaultValue() != null
          || outer.stream().anyMatch(map -> map.containsKey(spec.name()))) {
        continue;
      }
      for (Slice slice : slices) {
        if (slice.parameters().containsKey(spec.name())) {
          continue;
        }
        if (!spec.perModel()) {
          throw new RecipeException(
              origin
                  + ":"
                  + slice.line()
                  + ": "
                  + method.name()
                  + " needs the parameter "
                  + spec.name()
                  + ". Add 'parameters: {"
                  + spec.name()
                  + ": NUMBER}' to the recipe.");
        }
        for (int i = 0; i < slice.sources().size(); i++) {
          Source source = slice.sources().get(i);
          boolean needed = !(method.needsBase() && i == slice.reference());
          if (needed && !source.parameters().containsKey(spec.name())) {
            throw new RecipeException(
                origin
                    + ":"
                    + source.model().line()
                    + ": "
                    + method.name()
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

  // ---- nodes ------------------------------------------------------------------------------------

  private Fields mapping(Node node, String what, Collection<String> known) {
    SequencedMap<String, Node> entries = entries(node, what);
    for (NodeTuple tuple : ((MappingNode) node).getValue()) {
      String key = ((ScalarNode) tuple.getKeyNode()).getValue();
      if (!known.contains(key)) {
        throw error(
            tuple.getKeyNode(),
            "unknown key '" + key + "' in " + what + ". " + Names.suggest(key, known));
      }
    }
    return new Fields(node, entries);
  }

  private SequencedMap<String, Node> entries(Node node, String what) {
    if (!(node instanceof MappingNode map)) {
      throw error(node, what + " is " + describe(node) + ". Write 'key: value' lines.");
    }
    SequencedMap<String, Node> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : map.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw error(tuple.getKeyNode(), "a key of " + what + " is not a name. Correct it.");
      }
      if (isNull(tuple.getValueNode())) {
        throw error(key, "'" + key.getValue() + "' has no value. Give it one, or remove it.");
      }
      Node previous = entries.put(key.getValue(), tuple.getValueNode());
      if (previous != null) {
        throw error(
            key,
            "'"
                + key.getValue()
                + "' appears twice in "
                + what
                + " (before on line "
                + line(previous)
                + "). Keep one.");
      }
    }
    return entries;
  }

  private List<Node> sequence(Node node, String what) {
    if (!(node instanceof SequenceNode list)) {
      throw error(node, what + " is " + describe(node) + ". Write a list.");
    }
    if (list.getValue().isEmpty()) {
      throw error(node, what + " is an empty list. Add an entry, or remove it.");
    }
    return list.getValue();
  }

  private String string(Node node, String what) {
    if (!(node instanceof ScalarNode scalar)) {
      throw error(node, what + " is " + describe(node) + ". Write a single value.");
    }
    return scalar.getValue();
  }

  private double number(Node node, String what) {
    if (node instanceof ScalarNode scalar && scalar.isPlain()) {
      String text = scalar.getValue();
      boolean matches = NUMBER.matcher(text).matches();
      if (NOT_FINITE.matcher(text).matches()
          || matches && !Double.isFinite(Double.parseDouble(text))) {
        throw error(node, what + " is " + text + ", and must be finite. Correct it.");
      }
      if (matches) {
        return Double.parseDouble(text);
      }
    }
    throw error(node, what + " is " + describe(node) + ". Write a number.");
  }

  private static boolean isNull(Node node) {
    return node instanceof ScalarNode && node.getTag() == Tag.NULL;
  }

  private static String describe(Node node) {
    return switch (node) {
      case MappingNode _ -> "a mapping";
      case SequenceNode _ -> "a list";
      case ScalarNode scalar when scalar.getTag() == Tag.BOOL -> "the boolean " + scalar.getValue();
      case ScalarNode scalar when scalar.getTag() == Tag.NULL -> "empty";
      case ScalarNode scalar -> "'" + scalar.getValue() + "'";
      default -> "of an unknown kind";
    };
  }

  private static int line(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }

  private RecipeException error(Node node, String problem) {
    return new RecipeException(origin + ":" + line(node) + ": " + problem);
  }
}

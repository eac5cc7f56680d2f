// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.updater.alignment.SpecTemplate.Count;
import io.sinter.updater.alignment.SpecTemplate.FactorText;
import io.sinter.updater.alignment.SpecTemplate.HeadsRule;
import io.sinter.updater.alignment.SpecTemplate.TensorRule;
import io.sinter.updater.internal.YamlReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/// Reads specs: a list of tensors with the groups along their axes.
///
/// ```yaml
/// architecture: two layers with attention between them
/// heads:
///   attention: {heads: 8, key_value_heads: 2, rotary: true}
/// tensors:
///   embed.weight: [_, residual]
///   layers.{i}.qkv.weight: [[attention.query, attention.key, attention.value], residual]
///   layers.{i}.{up|gate}.weight: [layers.{i}.mlp, residual]
/// ```
final class SpecReader extends YamlReader {
  private static final int MAX_CHARS = 1 << 19;

  private static final Kind KIND =
      new Kind(
          "a permutation spec",
          MAX_CHARS,
          "Write rules with placeholders in place of tensors one by one.",
          MAX_CHARS / 2,
          "A spec has 'tensors' at least.");

  private final String origin;

  private SpecReader(String origin) {
    super(KIND);
    this.origin = origin;
  }

  /// @param origin what to call it
  static SpecTemplate read(String origin, String yaml) {
    return new SpecReader(origin).template(yaml);
  }

  @Override
  protected RuntimeException error(int line, String problem) {
    return new SpecException(origin + (line > 0 ? ":" + line : "") + ": " + problem);
  }

  private SpecTemplate template(String yaml) {
    Fields root =
        mapping(
            compose(origin, yaml),
            "the spec",
            List.of("architecture", "model_types", "needs", "heads", "tensors"));
    List<String> types = new ArrayList<>();
    root.get("model_types")
        .ifPresent(
            node ->
                sequence(node, "'model_types'")
                    .forEach(type -> types.add(string(type, "a model type"))));
    Map<String, String> needs = new LinkedHashMap<>();
    root.get("needs")
        .ifPresent(
            node ->
                entries(node, "'needs'")
                    .forEach((name, reason) -> needs.put(name, string(reason, "a reason"))));
    Map<String, HeadsRule> heads = new LinkedHashMap<>();
    root.get("heads")
        .ifPresent(
            node ->
                entries(node, "'heads'")
                    .forEach((name, value) -> heads.put(name, heads(name, value))));
    Node list =
        root.get("tensors")
            .orElseThrow(() -> error(line(root.node()), "has no 'tensors'. Name every tensor."));
    List<TensorRule> tensors = new ArrayList<>();
    entries(list, "'tensors'").forEach((name, axes) -> tensors.add(tensor(name, axes, heads)));
    return new SpecTemplate(
        origin,
        root.get("architecture").map(node -> string(node, "'architecture'")).orElse(origin),
        types,
        needs,
        List.copyOf(heads.values()),
        tensors);
  }

  private HeadsRule heads(String name, Node node) {
    Fields fields =
        mapping(node, "group '" + name + "'", List.of("heads", "key_value_heads", "rotary"));
    Count all =
        fields
            .get("heads")
            .map(value -> count(value, "'heads'"))
            .orElseThrow(
                () ->
                    error(
                        line(node),
                        "group '"
                            + name
                            + "' has no 'heads'. Give their number, or the key of config.json that"
                            + " holds it."));
    Optional<String> rotary = fields.get("rotary").map(value -> string(value, "'rotary'"));
    rotary.ifPresent(
        text -> {
          if (!text.equals("true") && !text.equals("false")) {
            throw error(line(node), "'rotary' is '" + text + "'. Write true or false.");
          }
        });
    return new HeadsRule(
        NamePattern.of(name),
        all,
        fields.get("key_value_heads").map(value -> count(value, "'key_value_heads'")).orElse(null),
        rotary.map("true"::equals).orElse(false));
  }

  private Count count(Node node, String what) {
    String text = string(node, what);
    if (!isNumber(text)) {
      return new Count(0, text);
    }
    return new Count(whole(node, text, what), null);
  }

  private int whole(Node node, String text, String what) {
    double value = number(node, what);
    if (value != Math.rint(value) || value < 1 || value > Integer.MAX_VALUE) {
      throw error(line(node), what + " is " + text + ". Write a whole number, 1 or more.");
    }
    return (int) value;
  }

  private TensorRule tensor(String name, Node node, Map<String, HeadsRule> heads) {
    NamePattern pattern = NamePattern.of(name);
    List<List<List<FactorText>>> axes = new ArrayList<>();
    if (node instanceof SequenceNode list && list.getValue().isEmpty()) {
      return new TensorRule(pattern, axes); // A scalar.
    }
    for (Node axis : sequence(node, "the axes of '" + name + "'")) {
      List<List<FactorText>> segments = new ArrayList<>();
      List<Node> parts = axis instanceof SequenceNode list ? list.getValue() : List.of(axis);
      if (parts.isEmpty()) {
        throw error(line(axis), "an axis of '" + name + "' has no segments. Write '_' or a group.");
      }
      for (Node part : parts) {
        List<FactorText> factors = new ArrayList<>();
        for (String factor : string(part, "an axis of '" + name + "'").split("\\*", -1)) {
          factors.add(factor(part, factor.strip(), pattern, heads));
        }
        segments.add(factors);
      }
      axes.add(segments);
    }
    return new TensorRule(pattern, axes);
  }

  private FactorText factor(
      Node node, String text, NamePattern tensor, Map<String, HeadsRule> heads) {
    if (text.isEmpty()) {
      throw error(line(node), "a factor is empty. Write '_', a number or a group.");
    }
    if (text.equals("_")) {
      return new FactorText.Rest();
    }
    if (isNumber(text)) {
      double size = Double.parseDouble(text);
      if (size != Math.rint(size) || size < 1 || size > Integer.MAX_VALUE) {
        throw error(
            line(node), "a factor is " + text + ". Write a whole number, 1 or more, or a group.");
      }
      return new FactorText.Number((int) size);
    }
    String unknown = tensor.unknownLetter(text);
    if (!unknown.isEmpty()) {
      throw error(
          line(node),
          "group '" + text + "' has " + unknown + ", which the tensor's name has not. Correct it.");
    }
    for (Role role : Role.values()) {
      String group = before(text, "." + role.code());
      if (role != Role.UNITS && group != null && heads.containsKey(group)) {
        return new FactorText.OfGroup(group, role);
      }
    }
    if (heads.containsKey(text)) {
      throw error(
          line(node),
          "group '"
              + text
              + "' is of heads, and an axis is one of them. Write '"
              + text
              + ".query', '.key', '.value' or '.output'.");
    }
    return new FactorText.OfGroup(text, Role.UNITS);
  }

  private static @Nullable String before(String text, String end) {
    return text.endsWith(end) ? text.substring(0, text.length() - end.length()) : null;
  }
}

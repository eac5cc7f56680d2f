// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Which tensors of a model belong to which layer, read from their names: `model.layers.3.mlp...`,
/// `transformer.h.3...`, `encoder.layer.3...`, `blocks.3...`.
///
/// A model may have several stacks of layers, as encoders with decoders do. The main one is that
/// whose length its config gives.
final class Layers {
  private static final Pattern NAME =
      Pattern.compile(
          "(?<stack>(?:.*?\\.)??(?:layers|layer|h|blocks|block))\\.(?<index>\\d+)\\..+");

  /// What comes before the layers; everything else outside them comes after.
  private static final Pattern BEFORE =
      Pattern.compile(
          "embed(?!_out)|wte|wpe|cls_token|mask_token|patch|stem|pre_layrnorm|ln_pre|project_in",
          Pattern.CASE_INSENSITIVE);

  /// Token embeddings and heads: their rows are the vocabulary.
  private static final Pattern VOCABULARY =
      Pattern.compile("(^|[._])(embed_tokens|embed_in|embed_out|lm_head|wte|word_embeddings)\\b");

  static final List<String> COUNT_KEYS = List.of("num_hidden_layers", "n_layer", "num_layers");

  /// One layer's number, and where the number stands in the name.
  record Place(String stack, int index) {}

  private final SortedMap<String, Integer> stacks = new TreeMap<>();
  private final @Nullable String main;

  Layers(Collection<String> names, @Nullable ObjectNode config) {
    for (String name : names) {
      parse(name).ifPresent(p -> stacks.merge(p.stack(), p.index() + 1, Math::max));
    }
    OptionalInt count = config == null ? OptionalInt.empty() : count(config);
    if (stacks.size() == 1) {
      main = stacks.firstKey();
      count.ifPresent(n -> stacks.put(main, n));
    } else {
      List<String> fitting =
          stacks.keySet().stream()
              .filter(stack -> count.isPresent() && stacks.get(stack) == count.getAsInt())
              .toList();
      main = fitting.size() == 1 ? fitting.getFirst() : null;
    }
  }

  private static Optional<Place> parse(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches() || matcher.group("index").length() > 6) {
      return Optional.empty();
    }
    return Optional.of(new Place(matcher.group("stack"), Integer.parseInt(matcher.group("index"))));
  }

  /// The object of a config that counts the layers: itself, or that of its language model.
  static ObjectNode counting(ObjectNode config) {
    boolean here = COUNT_KEYS.stream().anyMatch(config::has);
    return !here && config.get("text_config") instanceof ObjectNode text ? text : config;
  }

  private static OptionalInt count(ObjectNode config) {
    ObjectNode counting = counting(config);
    return COUNT_KEYS.stream()
        .map(counting::get)
        .filter(node -> node != null && node.isInt() && node.intValue() > 0)
        .mapToInt(JsonNode::intValue)
        .findFirst();
  }

  /// The stack whose layers slices take, if it is clear which.
  Optional<String> main() {
    return Optional.ofNullable(main);
  }

  /// The layers of the main stack.
  int count() {
    return main == null ? 0 : stacks.get(main);
  }

  String describe() {
    return stacks.isEmpty() ? "no layers" : "the layers " + String.join(", ", stacks.keySet());
  }

  /// The layer of a tensor, if it is in one.
  Optional<Place> place(String name) {
    return parse(name).filter(p -> p.index() < stacks.getOrDefault(p.stack(), 0));
  }

  /// The layer of the main stack that a tensor is in, if it is in one.
  Optional<Place> mainPlace(String name) {
    return place(name).filter(p -> p.stack().equals(main));
  }

  /// How far up its stack a tensor is: 0 in the first layer, 1 in the last, 0 outside.
  double position(String name) {
    return place(name).map(p -> position(p.index(), stacks.get(p.stack()))).orElse(0.0);
  }

  static double position(int index, int count) {
    return count == 1 ? 0 : (double) index / (count - 1);
  }

  /// The name of the same tensor in another layer.
  static String rename(String name, Place from, int index) {
    int start = from.stack().length() + 1;
    return name.substring(0, start) + index + name.substring(name.indexOf('.', start));
  }

  static boolean comesBefore(String name) {
    return BEFORE.matcher(name).find();
  }

  static boolean isVocabulary(String name) {
    return VOCABULARY.matcher(name).find();
  }
}

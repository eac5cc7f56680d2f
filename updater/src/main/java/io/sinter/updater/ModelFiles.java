// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.DType;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.Recipe.LayerRange;
import io.sinter.updater.Recipe.Slice;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The small files beside the weights: config and tokenizer, carried over from the base (or first)
/// model, and adjusted where the merge has changed what they say.
final class ModelFiles {
  static final String CONFIG = "config.json";
  private static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  private static final String CHAT_TEMPLATE = "chat_template.jinja";

  private static final List<String> CARRIED =
      List.of(
          "generation_config.json",
          "preprocessor_config.json",
          "processor_config.json",
          "image_processor_config.json",
          "video_preprocessor_config.json");

  private static final List<String> TOKENIZER =
      List.of(
          "tokenizer.json",
          TOKENIZER_CONFIG,
          "tokenizer.model",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "vocab.txt",
          "merges.txt",
          "spiece.model",
          "sentencepiece.bpe.model",
          CHAT_TEMPLATE,
          "chat_template.json");

  private final Recipe recipe;
  private final Path reference;
  private final @Nullable Path tokenizer;
  private final @Nullable Path chatTemplate;
  private final SequencedMap<String, byte[]> files = new LinkedHashMap<>();

  /// @param reference the folder of the base or first model
  /// @param tokenizer the folder the tokenizer is taken from; `null`: the reference's
  /// @param chatTemplate the folder the chat template is taken from; `null`: the tokenizer's
  ModelFiles(Recipe recipe, Path reference, @Nullable Path tokenizer, @Nullable Path chatTemplate) {
    this.recipe = recipe;
    this.reference = reference;
    this.tokenizer = tokenizer;
    this.chatTemplate = chatTemplate;
  }

  static @Nullable ObjectNode config(Path folder) {
    Path file = folder.resolve(CONFIG);
    return Files.exists(file) ? Json.readObject(file) : null;
  }

  /// The files by name, as they are to be written.
  SequencedMap<String, byte[]> collect(List<Output> outputs) {
    ObjectNode config = config(reference);
    if (config != null) {
      Path file = reference.resolve(CONFIG);
      byte[] original = read(file);
      files.put(CONFIG, adjust(config, outputs) ? Json.print(file, config) : original);
    }
    carry(reference, CARRIED);
    Path tokens = tokenizer == null ? reference : tokenizer;
    carry(tokens, TOKENIZER);
    if (tokenizer != null && TOKENIZER.stream().noneMatch(files::containsKey)) {
      throw CheckpointException.of(
          tokens, "holds no tokenizer", "Name another model as the tokenizer's source");
    }
    if (chatTemplate != null) {
      replaceChatTemplate(chatTemplate);
    }
    recipe
        .chatTemplate()
        .map(Recipe.ChatTemplate::text)
        .ifPresent(
            text -> {
              files.put(CHAT_TEMPLATE, text.getBytes(StandardCharsets.UTF_8));
              setInlineTemplate(null);
            });
    return files;
  }

  private void carry(Path folder, List<String> names) {
    for (String name : names) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        files.put(name, read(file));
      }
    }
  }

  private void replaceChatTemplate(Path folder) {
    Path template = folder.resolve(CHAT_TEMPLATE);
    Path config = folder.resolve(TOKENIZER_CONFIG);
    JsonNode inline =
        Files.isRegularFile(config) ? Json.readObject(config).get("chat_template") : null;
    if (!Files.isRegularFile(template) && inline == null) {
      throw CheckpointException.of(
          folder, "has no chat template", "Name another model as the chat template's source");
    }
    if (Files.isRegularFile(template)) {
      files.put(CHAT_TEMPLATE, read(template));
    } else {
      files.remove(CHAT_TEMPLATE);
    }
    setInlineTemplate(inline);
  }

  /// The template in the tokenizer's config, or none there.
  private void setInlineTemplate(@Nullable JsonNode inline) {
    byte[] target = files.get(TOKENIZER_CONFIG);
    if (target != null) {
      Path file = Path.of(TOKENIZER_CONFIG);
      ObjectNode tokenizerConfig = Json.object(file, target);
      tokenizerConfig.remove("chat_template");
      if (inline != null) {
        tokenizerConfig.set("chat_template", inline);
      }
      files.put(TOKENIZER_CONFIG, Json.print(file, tokenizerConfig));
    }
  }

  // ---- config -----------------------------------------------------------------------------------

  /// Makes a config say what the output is. Returns whether that took a change.
  private boolean adjust(ObjectNode config, List<Output> outputs) {
    ObjectNode before = config.deepCopy();
    adjustDtype(config, outputs);
    for (Recipe.Module module : recipe.modules()) {
      if (module.sliced() && module.name().equals(Recipe.DEFAULT_MODULE)) {
        adjustLayers(config, module);
      }
    }
    adjustVocabulary(config, outputs);
    return !config.equals(before);
  }

  private void adjustDtype(ObjectNode config, List<Output> outputs) {
    Set<DType> types =
        outputs.stream()
            .flatMap(output -> output.type().dtype().stream())
            .collect(Collectors.toSet());
    boolean asked = recipe.dtype().isPresent() || recipe.outDtype().isPresent();
    if (types.size() != 1 || !asked) {
      return;
    }
    String name = RecipeParser.name(types.iterator().next());
    List<ObjectNode> nodes = new ArrayList<>(List.of(config));
    if (config.get("text_config") instanceof ObjectNode text) {
      nodes.add(text);
    }
    for (ObjectNode node : nodes) {
      for (String key : List.of("dtype", "torch_dtype")) {
        if (node.path(key).isTextual()) {
          node.put(key, name);
        }
      }
    }
  }

  /// The number of layers, and lists that have an entry for each.
  private static void adjustLayers(ObjectNode config, Recipe.Module module) {
    ObjectNode counting = Layers.counting(config);
    List<Integer> kept = new ArrayList<>();
    for (Slice slice : module.slices()) {
      LayerRange range = slice.sources().get(slice.reference()).layers();
      for (int layer = range.from(); layer < range.to(); layer++) {
        kept.add(layer);
      }
    }
    for (String key : Layers.COUNT_KEYS) {
      if (counting.has(key)) {
        counting.put(key, kept.size());
      }
    }
    if (counting.get("layer_types") instanceof ArrayNode types
        && kept.stream().allMatch(layer -> layer < types.size())) {
      ArrayNode renumbered = counting.arrayNode();
      kept.forEach(layer -> renumbered.add(types.get(layer)));
      counting.set("layer_types", renumbered);
    }
  }

  /// The vocabulary's size, where its rows were cut.
  private static void adjustVocabulary(ObjectNode config, List<Output> outputs) {
    ObjectNode counting = config.has("vocab_size") ? config : Layers.counting(config);
    for (Output output : outputs) {
      for (MergePlan.Input input : output.operation().inputs()) {
        long[] shape = input.entry().shape();
        if (shape.length == 2
            && input.rows() == null
            && !Arrays.equals(shape, output.shape())
            && counting.path("vocab_size").asLong(-1) == shape[0]) {
          counting.put("vocab_size", output.shape()[0]);
        }
      }
    }
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be read (" + Failures.reason(e) + ")", "Check its rights", e);
    }
  }
}

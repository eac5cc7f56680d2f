// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// The specs that Sinter knows, and which of them a model needs.
public final class Architectures {
  private static final List<String> FILES =
      List.of("llama", "gpt2", "bert", "vit", "resnet-basic", "resnet-bottleneck");

  private static final long MAX_BYTES = 1L << 21;

  private Architectures() {}

  /// The spec of a model, recognised by the `model_type` of its config, else by the names of its
  /// tensors; a network of layers one after the other needs no names at all.
  ///
  /// @param shapes of its tensors, by name
  /// @param config the text of its `config.json`, where it has one
  /// @throws SpecException where none fits, with the reasons
  public static PermutationSpec recognise(
      SequencedMap<String, long[]> shapes, @Nullable String config) {
    JsonNode numbers = parsed(config);
    String type = numbers.path("model_type").asText("");
    List<SpecTemplate> known = FILES.stream().map(Architectures::template).toList();
    Optional<SpecTemplate> named =
        known.stream().filter(template -> template.modelTypes().contains(type)).findFirst();
    Optional<SpecTemplate> fitting =
        named.or(
            () -> known.stream().filter(template -> template.covers(shapes.keySet())).findFirst());
    if (fitting.isPresent()) {
      return fitting.get().on(shapes, key -> number(numbers, key));
    }
    try {
      return Sequential.spec(shapes);
    } catch (SpecException e) {
      throw new SpecException(
          "no spec is known for this model: "
              + (type.isEmpty() ? "it has no model_type" : "its model_type is '" + type + "'")
              + ", its tensors are not named as those of "
              + String.join(", ", known.stream().map(SpecTemplate::architecture).toList())
              + ", and it is no plain sequence of layers ("
              + e.getMessage().replaceAll("\\. Write a spec.*", "")
              + "). Write a spec for it.");
    }
  }

  /// The spec of a model: recognised, or by rules of one's own.
  ///
  /// @param rules a file; `null` where the model is one of those that are known
  /// @throws SpecException where there is none, it does not fit the model, or a file cannot be read
  public static PermutationSpec of(Checkpoint model, @Nullable Path rules) {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    model.tensors().forEach((name, entry) -> shapes.put(name, entry.shape()));
    Path folder =
        Files.isDirectory(model.path()) ? model.path() : model.path().toAbsolutePath().getParent();
    Path config = folder.resolve("config.json");
    String numbers = Files.exists(config) ? text(config) : null;
    return rules == null
        ? recognise(shapes, numbers)
        : read(rules.toString(), text(rules), shapes, numbers);
  }

  private static String text(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new SpecException(file + ": is larger than " + MAX_BYTES + " bytes. Check the path.");
      }
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new SpecException(file + ": is not UTF-8 text. Save it as UTF-8.");
    } catch (IOException e) {
      throw new SpecException(
          file + ": cannot be read (" + Failures.reason(e) + "). Check the path and its rights.");
    }
  }

  /// The spec of a model by rules of one's own.
  ///
  /// @param origin what messages call the rules, as their file's name
  /// @param yaml the rules
  /// @throws SpecException where they are malformed, naming the line, or do not fit the model
  public static PermutationSpec read(
      String origin, String yaml, SequencedMap<String, long[]> shapes, @Nullable String config) {
    JsonNode numbers = parsed(config);
    return SpecReader.read(origin, yaml).on(shapes, key -> number(numbers, key));
  }

  private static JsonNode parsed(@Nullable String config) {
    if (config == null) {
      return MissingNode.getInstance();
    }
    try {
      return new ObjectMapper().readTree(config);
    } catch (JsonProcessingException e) {
      throw new SpecException(
          "config.json is not JSON (" + e.getOriginalMessage() + "). Correct it, or remove it.");
    }
  }

  private static OptionalInt number(JsonNode config, String key) {
    JsonNode own = config.get(key);
    JsonNode value = own == null ? config.path("text_config").get(key) : own;
    return value != null && value.isInt() ? OptionalInt.of(value.intValue()) : OptionalInt.empty();
  }

  private static SpecTemplate template(String name) {
    String file = name + ".yml";
    try (InputStream stream = Architectures.class.getResourceAsStream(file)) {
      String yaml =
          new String(Objects.requireNonNull(stream, file).readAllBytes(), StandardCharsets.UTF_8);
      return SpecReader.read(file, yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

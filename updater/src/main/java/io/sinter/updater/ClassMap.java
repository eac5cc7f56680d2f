// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.updater.internal.Failures;
import io.sinter.updater.internal.Names;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Which rows of an old and a new classifier's head stand for the same label.
///
/// @param old the file of the old labels
/// @param updated the file of the new ones
/// @param oldCount how many labels the old model has
/// @param rows for each new label its row in the old head, or -1
record ClassMap(Path old, Path updated, int oldCount, List<Integer> rows) {
  private static final int MAX_BYTES = 1 << 26;

  ClassMap {
    rows = List.copyOf(rows);
  }

  /// Reads both files: a model's `config.json` with `id2label`, a JSON list, or text with a label
  // on
  /// each line.
  ///
  /// @throws CheckpointException where one cannot be read or has a label twice, and where the old
  ///     model has a label that the new one lacks
  static ClassMap read(Path old, Path updated) {
    List<String> before = labels(old);
    Map<String, Integer> places = places(old, before);
    List<String> after = labels(updated);
    Map<String, Integer> known = places(updated, after);
    for (String label : before) {
      if (!known.containsKey(label)) {
        throw CheckpointException.of(
            old,
            "has the label '" + label + "', which is not in " + updated,
            "Spell it alike in both. "
                + Names.suggest(label, known.keySet()).replaceAll("\\.$", ""));
      }
    }
    return new ClassMap(
        old,
        updated,
        before.size(),
        after.stream().map(label -> places.getOrDefault(label, -1)).toList());
  }

  /// How many labels the new model has.
  int count() {
    return rows.size();
  }

  /// Whether every row stays where it is.
  boolean isIdentity() {
    return oldCount == count() && IntStream.range(0, count()).allMatch(i -> rows.get(i) == i);
  }

  private static Map<String, Integer> places(Path file, List<String> labels) {
    Map<String, Integer> places = new HashMap<>();
    for (int i = 0; i < labels.size(); i++) {
      if (places.put(labels.get(i), i) != null) {
        throw CheckpointException.of(
            file, "has the label '" + labels.get(i) + "' twice", "Give each row its own label");
      }
    }
    return places;
  }

  private static List<String> labels(Path file) {
    try {
      return labels(file, SmallFile.read(file, MAX_BYTES));
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be read (" + Failures.reason(e) + ")", "Check the path and its rights", e);
    }
  }

  /// The labels in a file's bytes, each once and none empty.
  static List<String> labels(Path file, byte[] bytes) {
    String text;
    try {
      text = Json.decode(ByteBuffer.wrap(bytes));
    } catch (CharacterCodingException e) {
      throw CheckpointException.of(file, "is not UTF-8 text", "Save it as UTF-8", e);
    }
    List<String> labels =
        switch (text.stripLeading()) {
          case String s when s.startsWith("{") -> ofConfig(file, Json.object(file, bytes));
          case String s when s.startsWith("[") -> ofList(file, bytes);
          default -> text.lines().map(String::strip).toList();
        };
    if (labels.isEmpty()) {
      throw CheckpointException.of(file, "holds no label", "Name a label for each row");
    }
    int blank = labels.indexOf("");
    if (blank >= 0) {
      throw CheckpointException.of(
          file, "its label of row " + blank + " is empty", "Name a label for each row");
    }
    return labels;
  }

  /// `id2label` gives each row's label by its number.
  private static List<String> ofConfig(Path file, ObjectNode config) {
    if (!(config.get("id2label") instanceof ObjectNode byRow)) {
      throw CheckpointException.of(
          file,
          "holds no 'id2label'",
          "Name a config.json that has it, a JSON list, or text with a label on each line");
    }
    List<String> labels = new ArrayList<>();
    for (int row = 0; row < byRow.size(); row++) {
      JsonNode label = byRow.get(Integer.toString(row));
      if (label == null || !label.isTextual()) {
        throw CheckpointException.of(
            file,
            "'id2label' has "
                + byRow.size()
                + " entries and "
                + (label == null ? "none" : "no text")
                + " for row "
                + row,
            "Number the rows from 0 without a gap, and give each its label");
      }
      labels.add(label.textValue());
    }
    return labels;
  }

  private static List<String> ofList(Path file, byte[] bytes) {
    List<String> labels = new ArrayList<>();
    try {
      for (JsonNode label : Json.tree(bytes)) {
        if (!label.isTextual()) {
          throw CheckpointException.of(
              file, "entry " + labels.size() + " is no text", "Give each row its label");
        }
        labels.add(label.textValue());
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          file,
          "cannot be read as JSON (" + Json.problem(e) + ")",
          "Write a list of texts, or text with a label on each line",
          e);
    }
    return labels;
  }
}

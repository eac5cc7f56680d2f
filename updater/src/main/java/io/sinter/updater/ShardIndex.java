// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeSet;

/// What `model.safetensors.index.json` says: the shard that holds each tensor.
///
/// @param weightMap the names of shards by those of tensors
record ShardIndex(Path file, SequencedMap<String, String> weightMap) {
  private static final String REMEDY = "Fetch the index again";

  static ShardIndex read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(file, in);
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be opened (" + Failures.reason(e) + ")", "Check its rights", e);
    }
  }

  /// Reads an index piece by piece, whatever its size.
  static ShardIndex read(Path file, InputStream in) {
    SequencedMap<String, String> weightMap = new LinkedHashMap<>();
    Map<String, String> shards = new HashMap<>(); // A shard's name stands once in memory.
    try (JsonParser json = Json.parser(in)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw CheckpointException.of(file, "does not hold a JSON object", REMEDY);
      }
      while (json.nextToken() != JsonToken.END_OBJECT) {
        boolean map = json.currentName().equals("weight_map");
        if (json.nextToken() != JsonToken.START_OBJECT || !map) {
          json.skipChildren();
          continue;
        }
        while (json.nextToken() != JsonToken.END_OBJECT) {
          String name = json.currentName();
          if (json.nextToken() != JsonToken.VALUE_STRING) {
            throw CheckpointException.of(file, name, "its place is not a file name", REMEDY);
          }
          weightMap.put(name, shards.computeIfAbsent(json.getText(), shard -> shard));
          if (weightMap.size() > Header.MAX_TENSORS) {
            throw CheckpointException.of(
                file,
                "names more than " + Header.MAX_TENSORS + " tensors",
                "Split the model, or fetch the index again if it should not be so large");
          }
        }
      }
      if (json.nextToken() != null) {
        throw CheckpointException.of(file, "goes on after the closing brace", REMEDY);
      }
    } catch (CharacterCodingException e) {
      throw CheckpointException.of(file, "is not UTF-8 text", REMEDY, e);
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be read as JSON (" + Json.problem(e) + ")", REMEDY, e);
    }
    if (weightMap.isEmpty()) {
      throw CheckpointException.of(file, "has no weight_map, or an empty one", REMEDY);
    }
    return new ShardIndex(file, Collections.unmodifiableSequencedMap(weightMap));
  }

  /// The shards, each once, in the order of their names.
  List<String> shards() {
    return List.copyOf(new TreeSet<>(weightMap.values()));
  }

  /// Where a shard lies, from the index's folder; it may not be outside of that.
  Path place(String shard) {
    try {
      Path place = file.getFileSystem().getPath(shard);
      Path plain = place.normalize();
      if (place.isAbsolute() || plain.toString().isEmpty() || plain.startsWith("..")) {
        throw outside(shard);
      }
      return place;
    } catch (InvalidPathException e) {
      throw outside(shard);
    }
  }

  CheckpointException outside(String shard) {
    return CheckpointException.of(
        file,
        "names the shard '" + shard + "', which lies outside its folder",
        "Shards lie beside their index: do not use this model, or repair its index");
  }
}

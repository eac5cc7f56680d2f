// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// A small JSON file that a merge carries over: config.json, tokenizer_config.json.
public final class ConfigFuzz {
  private static final Path FILE = Path.of("config.json");

  private static final List<String> NAMES =
      List.of(
          "model.embed_tokens.weight", "model.layers.0.a", "model.layers.1.a", "lm_head.weight");

  private ConfigFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(
            FILE.toString(),
            input.length,
            CheckpointException.class,
            () -> Json.object(FILE, input))
        .ifPresent(object -> check(object, input.length));
  }

  /// What is accepted counts layers, and is written as what reads the same.
  private static void check(ObjectNode object, int inputBytes) {
    int layers = new Layers(NAMES, object).count();
    Reading.require(layers > 0, () -> layers + " layers");
    Reading.of(
            FILE.toString(), inputBytes, CheckpointException.class, () -> Json.print(FILE, object))
        .ifPresent(
            written ->
                Reading.require(
                    Arrays.equals(written, Json.print(FILE, Json.object(FILE, written))),
                    () -> "is written otherwise the second time"));
  }
}

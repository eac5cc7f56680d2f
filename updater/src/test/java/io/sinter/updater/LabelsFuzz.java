// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.nio.file.Path;
import java.util.List;

/// The names of a head's rows: a config.json, a JSON list, or lines of text.
public final class LabelsFuzz {
  private static final Path FILE = Path.of("labels");

  private LabelsFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(
            FILE.toString(),
            input.length,
            CheckpointException.class,
            () -> ClassMap.labels(FILE, input))
        .ifPresent(LabelsFuzz::check);
  }

  private static void check(List<String> labels) {
    Reading.require(!labels.isEmpty(), () -> "no label");
    Reading.require(labels.stream().noneMatch(String::isEmpty), () -> "an empty label");
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Everything that was measured. Shares are rounded to a millionth.
///
/// @param form `full` or `short`
/// @param panels what each panel gave
record Results(String form, List<PanelResult> panels) {

  /// What a panel gave.
  ///
  /// @param id the panel's
  /// @param title the panel's
  /// @param test how many test examples there are
  /// @param repetitions by seed
  record PanelResult(String id, String title, int test, List<Repetition> repetitions) {}

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .disable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /// A share as it is kept.
  static double rounded(double share) {
    return Math.rint(share * 1e6) / 1e6;
  }

  Optional<PanelResult> panel(String id) {
    return panels.stream().filter(panel -> panel.id().equals(id)).findFirst();
  }

  /// Writes them as JSON, a repetition to a line.
  void write(Path file) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("{\"form\":").append(json(form)).append(",\"panels\":[\n");
    text.append(
        panels.stream().map(Results::text).collect(Collectors.joining(",\n", "", "\n]}\n")));
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(file, text);
  }

  private static String text(PanelResult panel) {
    return "{\"id\":%s,\"title\":%s,\"test\":%d,\"repetitions\":[\n%s\n]}"
        .formatted(
            json(panel.id()),
            json(panel.title()),
            panel.test(),
            panel.repetitions().stream().map(Results::json).collect(Collectors.joining(",\n")));
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // Records of numbers and names have a JSON form.
    }
  }

  static Results read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), Results.class);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Map;

/// Results for programs.
final class Json {

  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private static final JsonMapper LINES = JsonMapper.builder().build();

  private Json() {}

  /// One JSON object in one line.
  static String line(Map<String, ?> object) {
    return write(LINES, object);
  }

  /// One JSON object; keys in the map's order.
  static String of(Map<String, ?> object) {
    return write(MAPPER, object);
  }

  private static String write(JsonMapper mapper, Map<String, ?> object) {
    try {
      return mapper.writeValueAsString(object);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot write " + object + " as JSON", e);
    }
  }
}

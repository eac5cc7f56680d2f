// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// JSON read strictly: UTF-8 only, no name twice in one object, bounded nesting.
final class Json {
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(100)
                  .maxNameLength(1 << 20)
                  .maxStringLength(1 << 28)
                  .build())
          .build();

  /// Trees keep the order of keys and every digit of numbers.
  static final JsonMapper MAPPER =
      JsonMapper.builder(FACTORY)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
          .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
          .nodeFactory(JsonNodeFactory.instance)
          .build();

  private Json() {}

  /// The text of UTF-8 bytes.
  ///
  /// @throws CharacterCodingException where they are not UTF-8
  static String decode(ByteBuffer utf8) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
  }

  /// A parse error in one line, without the excerpt of the source that Jackson appends.
  static String problem(IOException e) {
    if (e instanceof JsonProcessingException json) {
      return json.getOriginalMessage()
          + (json.getLocation() == null
              ? ""
              : " at character " + json.getLocation().getCharOffset());
    }
    return Failures.reason(e);
  }

  static JsonParser parser(String text) throws IOException {
    return FACTORY.createParser(text);
  }

  static JsonGenerator generator(OutputStream out) throws IOException {
    return FACTORY.createGenerator(out);
  }

  /// The object in a file.
  static ObjectNode readObject(Path file) {
    try {
      JsonNode tree = MAPPER.readTree(decode(ByteBuffer.wrap(Files.readAllBytes(file))));
      if (tree instanceof ObjectNode object) {
        return object;
      }
      throw CheckpointException.of(
          file, "does not hold a JSON object", "Replace it by the model's own file");
    } catch (CharacterCodingException e) {
      throw CheckpointException.of(
          file, "is not UTF-8 text", "Replace it by the model's own file", e);
    } catch (IOException e) {
      throw CheckpointException.of(
          file,
          "cannot be read as JSON (" + problem(e) + ")",
          "Replace it by the model's own file",
          e);
    }
  }
}

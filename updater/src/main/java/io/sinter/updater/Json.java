// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// JSON read strictly: UTF-8 only, no name twice in one object, bounded nesting. What is kept of it
/// is bounded too, so that a file of a few bytes cannot ask for memory without end.
final class Json {
  private static final StreamReadConstraints CONSTRAINTS =
      StreamReadConstraints.builder()
          .maxNestingDepth(100)
          .maxNameLength(1 << 20)
          .maxStringLength(1 << 24)
          .build();

  /// Names are not shared between files: they are as foreign as the rest.
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .streamReadConstraints(CONSTRAINTS)
          .build();

  /// The bytes of a small file that are read at most.
  private static final int MAX_BYTES = 1 << 25;

  /// The names and values of a tree at most: each is an object in memory.
  private static final int MAX_TOKENS = 1 << 19;

  /// Trees keep the order of keys and every digit of numbers.
  static final JsonMapper MAPPER =
      mapper(
          FACTORY
              .rebuild()
              .streamReadConstraints(CONSTRAINTS.rebuild().maxTokenCount(MAX_TOKENS).build())
              .build());

  /// The bytes at most of a file that tells of every tensor, and is read as a tree all the same.
  private static final int MAX_LONG_BYTES = 1 << 28;

  private static final JsonMapper LONG_MAPPER = mapper(FACTORY);

  private static JsonMapper mapper(JsonFactory factory) {
    return JsonMapper.builder(factory)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
        .nodeFactory(JsonNodeFactory.instance)
        .build();
  }

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

  /// A parser of a stream, which it reads piece by piece. Reading it throws
  /// [CharacterCodingException] where that is not UTF-8.
  static JsonParser parser(InputStream in) throws IOException {
    return FACTORY.createParser(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
  }

  static JsonGenerator generator(OutputStream out) throws IOException {
    return FACTORY.createGenerator(out);
  }

  /// The object in a small file, such as a config.
  static ObjectNode readObject(Path file) {
    try {
      return object(file, SmallFile.read(file, MAX_BYTES));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /// The object in a file that tells of every tensor. It takes several times the file's size.
  static ObjectNode readLongObject(Path file) {
    try {
      return object(file, SmallFile.read(file, MAX_LONG_BYTES), LONG_MAPPER);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static CheckpointException unreadable(Path file, IOException e) {
    return CheckpointException.of(
        file, "cannot be read (" + Failures.reason(e) + ")", "Check the file and its rights", e);
  }

  /// What these bytes say.
  ///
  /// @throws IOException where they are not UTF-8 or not JSON
  static JsonNode tree(byte[] utf8) throws IOException {
    return tree(utf8, MAPPER);
  }

  private static JsonNode tree(byte[] utf8, JsonMapper mapper) throws IOException {
    try {
      return mapper.readTree(decode(ByteBuffer.wrap(utf8)));
    } catch (NumberFormatException e) {
      // An exponent beyond 32 bits is JSON, but not a number of Java's.
      throw new IOException(e.getMessage(), e);
    }
  }

  /// The object that these bytes of a file are.
  static ObjectNode object(Path file, byte[] utf8) {
    return object(file, utf8, MAPPER);
  }

  private static ObjectNode object(Path file, byte[] utf8, JsonMapper mapper) {
    String remedy = "Replace it by the model's own file";
    try {
      JsonNode tree = tree(utf8, mapper);
      if (tree instanceof ObjectNode object) {
        return object;
      }
      throw CheckpointException.of(file, "does not hold a JSON object", remedy);
    } catch (CharacterCodingException e) {
      throw CheckpointException.of(file, "is not UTF-8 text", remedy, e);
    } catch (IOException e) {
      throw CheckpointException.of(file, "cannot be read as JSON (" + problem(e) + ")", remedy, e);
    }
  }

  /// An object as a file shows it.
  ///
  /// @param file where it comes from
  static byte[] print(Path file, ObjectNode object) {
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(object);
    } catch (JsonProcessingException e) {
      // Half of a surrogate pair can be read, from an escape, but not written.
      throw CheckpointException.of(
          file,
          "cannot be written again (" + e.getOriginalMessage() + ")",
          "Replace it by the model's own file",
          e);
    }
  }
}

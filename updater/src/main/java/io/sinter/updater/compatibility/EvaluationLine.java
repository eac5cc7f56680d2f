// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// The line that an evaluator prints: one JSON object of numbers, or the name of a file of
/// predictions with numbers beside it.
///
/// @param evaluation `null` where there is a file
/// @param predictions the file; `null` where there is none
/// @param further numbers that are not known by name
record EvaluationLine(
    @Nullable Evaluation evaluation,
    @Nullable String predictions,
    SequencedMap<String, Double> further) {

  /// Numbers beside those that are known.
  private static final int MAX_FURTHER = 100;

  private static final int MAX_NAME = 100;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS) // Python writes NaN: to say so.
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(2)
                  .maxStringLength(1 << 12)
                  .maxNameLength(1 << 12)
                  .maxTokenCount(1000)
                  .build())
          .build();

  private static final String LIKE = "Print one line such as {\"accuracy\": 0.82, \"nfr\": 0.01}";

  /// What an evaluator printed.
  ///
  /// @param origin what to call it in messages
  static EvaluationLine parse(String origin, byte[] output) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(output)).toString().strip();
    } catch (CharacterCodingException e) {
      throw Evaluators.bad(origin, "printed what is not UTF-8 text", LIKE, e);
    }
    if (text.isEmpty()) {
      throw Evaluators.bad(origin, "printed nothing", LIKE);
    }
    long lines = text.lines().count();
    if (lines > 1) {
      throw Evaluators.bad(
          origin,
          "printed " + lines + " lines, the first of them: " + text.lines().findFirst().orElse(""),
          "Print one line with one JSON object on stdout, and everything else on stderr");
    }
    return of(origin, fields(origin, text));
  }

  /// The object's fields: a [Double] or a [String] each.
  private static Map<String, Object> fields(String origin, String text) {
    Map<String, Object> fields = new LinkedHashMap<>();
    try (JsonParser json = FACTORY.createParser(text)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw Evaluators.bad(origin, "printed what is no JSON object: " + text, LIKE);
      }
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        if (name.length() > MAX_NAME) {
          throw Evaluators.bad(
              origin, "printed a field whose name is longer than " + MAX_NAME, LIKE);
        }
        switch (json.nextToken()) {
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
              fields.put(name, Double.valueOf(number(json)));
          case VALUE_STRING -> fields.put(name, json.getText());
          default ->
              throw Evaluators.bad(
                  origin,
                  "printed '" + name + "' as " + json.currentToken().asString() + ", not a number",
                  LIKE);
        }
      }
      if (json.nextToken() != null) {
        throw Evaluators.bad(origin, "printed more behind its JSON object: " + text, LIKE);
      }
      return fields;
    } catch (IOException e) {
      String problem =
          e instanceof JsonProcessingException p ? p.getOriginalMessage() : e.getMessage();
      throw Evaluators.bad(origin, "printed what is not JSON (" + problem + "): " + text, LIKE, e);
    }
  }

  /// A number in floating point; its text, since Jackson's big integers have limits of their own.
  private static double number(JsonParser json) throws IOException {
    return switch (json.getText()) {
      case "NaN", "+NaN", "-NaN" -> Double.NaN;
      case "INF", "+INF", "Infinity", "+Infinity" -> Double.POSITIVE_INFINITY;
      case "-INF", "-Infinity" -> Double.NEGATIVE_INFINITY;
      case String text -> Double.parseDouble(text);
    };
  }

  private static EvaluationLine of(String origin, Map<String, Object> fields) {
    Object predictions = fields.remove("predictions");
    Object logits = fields.remove("logits");
    if (predictions != null && logits != null) {
      throw Evaluators.bad(origin, "printed both predictions and logits", "Print one of them");
    }
    Object file = predictions == null ? logits : predictions;
    if (file != null && !(file instanceof String)) {
      throw Evaluators.bad(
          origin,
          "printed " + (predictions == null ? "logits" : "predictions") + " that are no file name",
          "Print the path of a .safetensors, .npy or .csv file");
    }
    for (String known : new String[] {"accuracy", "nfr", "pfr", "examples"}) {
      if (file != null && fields.containsKey(known)) {
        throw Evaluators.bad(
            origin,
            "printed both '" + known + "' and a file to compute it from",
            "Print one of them");
      }
    }
    @Nullable Double accuracy = take(origin, fields, "accuracy");
    @Nullable Double nfr = take(origin, fields, "nfr");
    @Nullable Double pfr = take(origin, fields, "pfr");
    @Nullable Double examples = take(origin, fields, "examples");
    SequencedMap<String, Double> further = further(origin, fields);
    if (file != null) {
      return new EvaluationLine(null, (String) file, further);
    }
    if (accuracy == null || nfr == null) {
      throw Evaluators.bad(
          origin,
          "printed no '" + (accuracy == null ? "accuracy" : "nfr") + "'",
          LIKE + ", or {\"predictions\": \"FILE\"}");
    }
    if (examples != null && !(examples == Math.rint(examples) && examples <= 1L << 53)) {
      throw Evaluators.bad(origin, "printed examples as " + examples, "Print how many there are");
    }
    try {
      return new EvaluationLine(
          new Evaluation(
              accuracy,
              nfr,
              pfr == null ? OptionalDouble.empty() : OptionalDouble.of(pfr),
              examples == null ? OptionalLong.empty() : OptionalLong.of(examples.longValue()),
              further),
          null,
          further);
    } catch (IllegalArgumentException e) {
      throw Evaluators.bad(origin, "printed a number that cannot be: " + e.getMessage(), LIKE, e);
    }
  }

  private static @Nullable Double take(String origin, Map<String, Object> fields, String name) {
    return switch (fields.remove(name)) {
      case null -> null;
      case Double number -> number;
      case Object text ->
          throw Evaluators.bad(
              origin, "printed '" + name + "' as the text '" + text + "'", "Print a number");
    };
  }

  private static SequencedMap<String, Double> further(String origin, Map<String, Object> fields) {
    SequencedMap<String, Double> further = new LinkedHashMap<>();
    if (fields.size() > MAX_FURTHER) {
      throw Evaluators.bad(
          origin, "printed more than " + MAX_FURTHER + " further numbers", "Print fewer");
    }
    for (String name : fields.keySet().toArray(String[]::new)) {
      Double number = take(origin, fields, name);
      if (number == null || !Double.isFinite(number)) {
        throw Evaluators.bad(
            origin, "printed '" + name + "' as " + number, "Print finite numbers, or leave it out");
      }
      further.put(name, number);
    }
    return further;
  }
}

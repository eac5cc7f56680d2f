// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.merge;
import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.tests.support.Seeds;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An output that was changed is told from one that was not.
class VerificationTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path folder;
  private Path out;

  @BeforeEach
  void merged() throws IOException {
    Merging.model(folder.resolve("a"), 1, 4, 5000);
    Merging.model(folder.resolve("b"), 20, 4, 5000);
    Files.writeString(folder.resolve("a/config.json"), "{\"model_type\": \"mlp\"}");
    out = folder.resolve("out");
    merge(
        """
        merge_method: linear
        models:
        - {model: a, parameters: {weight: 0.5}}
        - {model: b, parameters: {weight: 0.5}}
        """,
        options(folder).withMaxShardBytes(50_000),
        out);
    assertTrue(Files.exists(shard(2)));
  }

  private Path shard(int number) {
    return out.resolve("model-0000" + number + "-of-00002.safetensors");
  }

  /// The differences, each of which is one line that begins with its file.
  private List<String> differences(boolean statistics) {
    Verification verification = Verification.of(out, statistics);
    List<String> texts = new ArrayList<>();
    for (Verification.Difference difference : verification.differences()) {
      String text = difference.text();
      assertEquals(1, text.lines().count(), text);
      assertTrue(text.startsWith(difference.file().toString()), text);
      assertTrue(text.endsWith("."), text);
      texts.add(text);
    }
    assertEquals(texts.isEmpty(), verification.same());
    return texts;
  }

  private void differs(String... expected) {
    List<String> actual = differences(false);
    assertEquals(expected.length, actual.size(), actual.toString());
    for (int i = 0; i < expected.length; i++) {
      assertTrue(actual.get(i).contains(expected[i]), actual.get(i));
    }
  }

  private String failure() {
    String message =
        assertThrows(CheckpointException.class, () -> Verification.of(out, false)).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }

  @Test
  void anOutputAsItWasWritten() throws IOException {
    Verification verification = Verification.of(out, true);
    assertEquals(List.of(), verification.differences());
    assertEquals(4, verification.files(), "two shards, index, config");
    assertEquals(4, verification.tensors());
    long bytes = 0;
    for (String name : List.of(INDEX, "config.json")) {
      bytes += Files.size(out.resolve(name));
    }
    assertEquals(bytes + Files.size(shard(1)) + Files.size(shard(2)), verification.bytes());
    Files.writeString(out.resolve("README.md"), "a card");
    Files.writeString(out.resolve(".gitattributes"), "");
    assertEquals(List.of(), differences(true));
  }

  /// Any byte of any file.
  @Test
  void oneFlippedByte() throws IOException {
    SplittableRandom random = Seeds.of("flipped");
    for (Path file : List.of(shard(1), shard(2), out.resolve(INDEX), out.resolve("config.json"))) {
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < 10; i++) {
        byte[] changed = whole.clone();
        int at = random.nextInt(whole.length);
        changed[at] ^= (byte) (1 << random.nextInt(8));
        Files.write(file, changed);
        List<String> differences = differences(i % 2 == 0);
        assertTrue(
            differences.stream().anyMatch(d -> d.startsWith(file + ": its content has changed")),
            file + " at " + at + ": " + differences + ", " + Seeds.note());
      }
      Files.write(file, whole);
    }
    assertEquals(List.of(), differences(true));
  }

  @Test
  void filesThatAreMissing() throws IOException {
    Files.delete(out.resolve("config.json"));
    differs("config.json: is missing. Copy it again");
    Files.delete(shard(2));
    List<String> both = differences(true);
    assertEquals(3, both.size(), both.toString());
    assertTrue(both.get(0).startsWith(shard(2) + ": is missing"), both.toString());
  }

  @Test
  void aTruncatedFile() throws IOException {
    byte[] whole = Files.readAllBytes(shard(1));
    Files.write(shard(1), java.util.Arrays.copyOf(whole, whole.length - 4));
    List<String> actual = differences(true);
    assertTrue(
        actual.getFirst().contains("has " + (whole.length - 4) + " bytes, and was written with "),
        actual.toString());
  }

  @Test
  void anExtraTensor() throws IOException {
    Map<String, PlainFile.Plain> tensors = PlainFile.read(shard(2));
    tensors.put("extra", PlainFile.f32(new long[] {1}, 7));
    PlainFile.write(shard(2), tensors);
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode index = (ObjectNode) mapper.readTree(out.resolve(INDEX).toFile());
    ((ObjectNode) index.get("weight_map")).put("extra", shard(2).getFileName().toString());
    mapper.writeValue(out.resolve(INDEX).toFile(), index);
    List<String> actual = differences(false);
    assertTrue(
        actual.contains(
            shard(2)
                + ": tensor 'extra' was not written by the merge. Copy it again from where it is"
                + " whole, or repeat the merge."),
        actual.toString());
    Files.writeString(out.resolve("adapter.safetensors"), "");
    assertTrue(
        differences(false).getFirst().startsWith(out.resolve("adapter.safetensors") + ": was not"),
        "an extra file");
  }

  @Test
  void anIndexThatWasEdited() throws IOException {
    String index = Files.readString(out.resolve(INDEX));
    Files.writeString(out.resolve(INDEX), index.replace("\"t0\"", "\"t9\""));
    differs("is not in", "its content has changed");
  }

  /// What `sinter.json` says is held against the files too.
  @Test
  void statisticsThatDoNotFit() throws IOException {
    Path file = out.resolve("sinter.json");
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(file.toFile());
    ObjectNode tensor = (ObjectNode) ((ArrayNode) json.get("tensors")).get(3);
    tensor.put("norm", Math.nextUp(tensor.get("norm").doubleValue()));
    tensor.put("min", -5);
    tensor.put("nonFinite", 1);
    mapper.writeValue(file.toFile(), json);
    assertEquals(List.of(), differences(false));
    List<String> actual = differences(true);
    assertEquals(3, actual.size(), actual.toString());
    assertTrue(actual.get(0).contains(" and had -5.0."), actual.toString());
  }

  @Test
  void withoutAReadableSinterJson() throws IOException {
    Path file = out.resolve("sinter.json");
    String whole = Files.readString(file);
    Files.writeString(file, whole.replace("\"schema\" : 1", "\"schema\" : 2"));
    assertTrue(failure().contains("is of schema 2"), failure());
    Files.writeString(file, whole.replace("\"file\" : \"config.json\"", "\"file\" : \"../x\""));
    assertTrue(failure().contains("not one of its folder"), failure());
    Files.writeString(file, whole.replace("\"file\" : \"config.json\"", "\"file\" : \"\\u0000\""));
    assertTrue(failure().contains("not one of its folder"), failure());
    Files.writeString(file, whole.replace("XXH3-128", "MD5"));
    assertTrue(failure().contains("unknown hash 'MD5'"), failure());
    Files.writeString(file, whole.replace("\"outputs\"", "\"output\""));
    assertTrue(failure().contains("has no list 'outputs'"), failure());
    Files.writeString(file, "{");
    assertTrue(failure().startsWith(file + ": cannot be read as JSON"), failure());
    Files.delete(file);
    assertTrue(failure().startsWith(out + ": holds no sinter.json"), failure());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sinter.tests.updater.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sinter verify` and `sinter diff`, of one merge.
class VerifyCommandTest {
  private static final Path MODELS = Goldens.root().resolve("models");

  @TempDir private Path folder;
  private Path out;

  @BeforeEach
  void merged() throws IOException {
    Path recipe = folder.resolve("recipe.yml");
    Files.writeString(
        recipe,
        "merge_method: linear\nmodels:\n- {model: %s, parameters: {weight: 1}}\n"
            .formatted(MODELS.resolve("a")));
    out = folder.resolve("out");
    Run.of("merge", recipe.toString(), out.toString(), "--device=cpu").exited(0);
  }

  @Test
  void verifies() throws IOException {
    Run whole = Run.of("verify", out.toString(), "--statistics").exited(0);
    assertTrue(whole.out().startsWith(out + " is as it was written: "), whole.out());
    assertEquals("", whole.err());
    assertTrue(Run.of("verify", out.toString(), "--json").exited(0).json().get("same").asBoolean());

    Path config = out.resolve("config.json");
    Files.writeString(config, Files.readString(config) + "\n");
    Run changed = Run.of("verify", out.toString()).exited(1);
    assertEquals("", changed.err());
    assertEquals(1, changed.out().lines().count(), changed.out());
    assertTrue(changed.out().startsWith(config + ": has "), changed.out());
    JsonNode json = Run.of("verify", out.toString(), "--json").exited(1).json();
    assertEquals(config.toString(), json.get("differences").get(0).get("file").asText());
    assertEquals(changed.out().strip(), json.get("differences").get(0).get("text").asText());

    Files.delete(out.resolve("sinter.json"));
    Run.of("verify", out.toString()).exited(1).complained(out + ": holds no sinter.json");
  }

  @Test
  void compares() {
    String a = MODELS.resolve("a").toString();
    Run same = Run.of("diff", a, out.toString()).exited(0);
    assertEquals("", same.err());
    assertTrue(same.out().lines().findFirst().orElseThrow().startsWith("tensor "), same.out());
    assertTrue(same.out().contains(" 1.000000 "), same.out());
    assertTrue(same.out().lines().anyMatch(l -> l.matches("total .* 0\\.00 %")), same.out());
    JsonNode json =
        Run.of("diff", a, MODELS.resolve("b").toString(), "--json", "--threads=1").exited(0).json();
    assertTrue(json.get("total").get("distance").asDouble() > 0, json.toString());
    assertTrue(json.get("total").get("cosine").asDouble() < 1, json.toString());
    assertTrue(json.get("total").get("changed").asLong() > 0, json.toString());
    assertEquals(0, json.get("onlyInA").size() + json.get("onlyInB").size());
    assertEquals("F32", json.get("tensors").get(0).get("types").get(1).asText());
    Run.of("diff", a, folder.resolve("none").toString()).exited(1).complained("none");
    Run.of("diff", a).exited(2).complained("Missing required parameter");
  }
}

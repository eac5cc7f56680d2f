// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sinter.updater.Method;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MethodsCommandTest {
  private static final Path ROOT = Path.of(System.getProperty("sinter.root", "../.."));

  @Test
  void listsEveryMethod() {
    String out = Run.of("methods").exited(0).out();
    for (Method method : Method.all()) {
      assertTrue(out.contains(method.name() + " "), method.name());
      assertTrue(out.contains(method.summary()), method.name());
    }
  }

  @Test
  void describesOne() {
    String out = Run.of("methods", "breadcrumbs").exited(0).out();
    for (String text :
        new String[] {
          "breadcrumbs: ",
          "Davari",
          "1 or more, and the base",
          "each input is read twice; 14 B per parameter for 2 models and the base in bfloat16",
          "gamma",
          "(per model, number at least 0 and at most 1, default 0.01)",
          "(of the merge, true or false, default false)",
        }) {
      assertTrue(out.contains(text), () -> text + " expected in:\n" + out);
    }
    assertTrue(
        Run.of("methods", "model_stock").exited(0).out().contains("falls back  to the base"));
  }

  @Test
  void describesAsJson() {
    JsonNode methods = Run.of("methods", "--json").exited(0).json().get("methods");
    assertEquals(Method.all().size(), methods.size());
    JsonNode karcher = Run.of("methods", "karcher", "--json").exited(0).json();
    assertEquals("max_iter", karcher.get("parameters").get(0).get("name").asText());
    assertEquals(1e-5, karcher.get("parameters").get(1).get("default").asDouble());
    assertFalse(karcher.has("maxModels"));
    JsonNode ties = Run.of("methods", "ties", "--json").exited(0).json();
    assertEquals("required", ties.get("base").asText());
    assertFalse(ties.get("parameters").get(0).has("default"));
    assertTrue(ties.get("parameters").get(3).get("default").isBoolean());
  }

  @Test
  void whatCannotBe() {
    Run.of("methods", "tie").exited(2).complained("'tie'", "ties");
    Run.of("methods", "ties", "--markdown").exited(2).complained("--markdown");
  }

  /// docs/methods.md is what the command prints.
  @Test
  void theCatalogueIsTrue() throws IOException {
    Path page = ROOT.resolve("docs/methods.md");
    assumeTrue(
        Files.exists(page), () -> page + " is not here: the sources are not beside the tests");
    assertEquals(
        Run.of("methods", "--markdown").exited(0).out(),
        Files.readString(page),
        "docs/methods.md is out of date; write it again: ./sinter methods --markdown >"
            + " docs/methods.md");
  }

  /// The README names every method, and no other.
  @Test
  void theReadmeNamesEveryMethod() throws IOException {
    Path readme = ROOT.resolve("README.md");
    assumeTrue(Files.exists(readme), () -> readme + " is not here");
    String text = Files.readString(readme);
    for (Method method : Method.all()) {
      assertTrue(text.contains("`" + method.name() + "`"), method.name());
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sinter.examples.InterpolateTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// The README's Java example is the one that is compiled, and it computes what it says.
class ReadmeTest {
  private static final Path ROOT = Path.of(System.getProperty("sinter.root", "../.."));

  private static String between(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
    assertEquals(true, matcher.find(), () -> "nothing matches " + pattern);
    return matcher.group(1).stripTrailing().stripIndent().strip();
  }

  @Test
  void theReadmeShowsTheCompiledExample() throws IOException {
    Path readme = ROOT.resolve("README.md");
    Assumptions.assumeTrue(
        Files.exists(readme), () -> readme + " is not here: the sources are not beside the tests");
    Path source = ROOT.resolve("examples/src/main/java/io/sinter/examples/InterpolateTensors.java");
    assertEquals(
        between(Files.readString(source), "// README: begin\n(.*?) *// README: end"),
        between(Files.readString(readme), "```java\n(.*?)```"));
  }

  @Test
  void theExampleMergesThreeTenthsOfTheOld() {
    assertArrayEquals(
        new float[] {0.3f, 2f, 1.7f},
        InterpolateTensors.merge(new float[] {1, 2, 1}, new float[] {0, 2, 2}),
        1e-6f);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sinter.Sinter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The pipeline of `examples/gate` does what docs/compatibility.md shows, with the exit codes it
// shows.
@Timeout(120)
class GateExampleTest {
  private static final Path ROOT =
      Path.of(System.getProperty("sinter.root", "../..")).toAbsolutePath().normalize();

  @TempDir private Path folder;
  private String docs;

  @BeforeEach
  void sources() throws IOException {
    Path file = ROOT.resolve("docs/compatibility.md");
    assumeTrue(
        Files.exists(file), () -> file + " is not here: the sources are not beside the tests");
    docs = Files.readString(file);
  }

  /// The launcher would build first; this runs the same main class with this JVM's modules.
  private Path sinter() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Dsinter.library=" + Sinter.library().toAbsolutePath());
    String modules = System.getProperty("jdk.module.path");
    if (modules == null) {
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "io.sinter.cli.Main"));
    } else {
      command.addAll(List.of("--enable-native-access=io.sinter", "--module-path", modules));
      command.addAll(List.of("--module", "io.sinter.cli/io.sinter.cli.Main"));
    }
    String words = command.stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
    Path script = folder.resolve("sinter");
    Files.writeString(script, "#!/bin/sh\nexec " + words + " \"$@\"\n");
    assertTrue(script.toFile().setExecutable(true));
    return script;
  }

  private record Run(int code, String out, String err) {}

  private Run pipeline(String candidate) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            "sh",
            "examples/gate/pipeline.sh",
            candidate,
            folder.resolve("failures.csv").toString());
    builder.directory(ROOT.toFile());
    builder.environment().put("SINTER", sinter().toString());
    builder.redirectOutput(folder.resolve("out").toFile());
    builder.redirectError(folder.resolve("err").toFile());
    int code = builder.start().waitFor();
    return new Run(
        code, Files.readString(folder.resolve("out")), Files.readString(folder.resolve("err")));
  }

  /// What the guide shows of a run: from its command to its exit code.
  private void assertShown(String candidate, Run run) {
    String command = "$ examples/gate/pipeline.sh " + candidate + "\n";
    int start = docs.indexOf(command);
    assertTrue(start >= 0, "the guide has no " + command);
    String shown = docs.substring(start + command.length(), docs.indexOf("```", start));
    assertEquals(
        shown, run.out().replace(folder + "/", "") + run.err() + "$ echo $?\n" + run.code() + "\n");
  }

  @Test
  void aCandidateThatKeepsWhatUsersReliedOnIsDeployed() throws IOException, InterruptedException {
    Run run = pipeline("examples/gate/merged.csv");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().endsWith("\ndeployed\n"), run.out());
    assertShown("examples/gate/merged.csv", run);
    assertEquals(1, Files.readAllLines(folder.resolve("failures.csv")).size());
  }

  @Test
  void oneThatBreaksTooMuchIsNot() throws IOException, InterruptedException {
    Run run = pipeline("examples/gate/new.csv");
    assertEquals(1, run.code(), run.err());
    assertTrue(run.out().endsWith("\nnot deployed: the gate fails\n"), run.out());
    // Only its end: the tables are those of the other run.
    String end = run.out().substring(run.out().indexOf("holds: "));
    assertShown("examples/gate/new.csv", new Run(run.code(), end, run.err()));
    assertEquals(32, Files.readAllLines(folder.resolve("failures.csv")).size());
  }

  @Test
  void oneThatCannotBeComparedDecidesNothing() throws IOException, InterruptedException {
    Run run = pipeline("none.csv");
    assertEquals(2, run.code());
    assertEquals("not deployed: the comparison was not made\n", run.out());
    assertTrue(run.err().startsWith("sinter: none.csv: cannot be read"), run.err());
    assertShown("none.csv", run);
    assertFalse(Files.exists(folder.resolve("failures.csv")));
  }
}

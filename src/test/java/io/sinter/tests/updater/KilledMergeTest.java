// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A merge that is killed leaves no output, or a complete one.
class KilledMergeTest {
  private static final long SEED = 4711;

  @TempDir Path folder;
  private Path recipe;
  private Path output;

  @BeforeEach
  void models() throws IOException {
    Merging.model(folder.resolve("a"), 1, 20, 1_000_000);
    Merging.model(folder.resolve("b"), 50, 20, 1_000_000);
    output = folder.resolve("out");
    recipe =
        Files.writeString(
            folder.resolve("r.yml"),
            """
            merge_method: linear
            models:
            - {model: a, parameters: {weight: 0.5}}
            - {model: b, parameters: {weight: 0.25}}
            """);
  }

  private Process planned(List<String> prefix) throws IOException {
    Process process = MergeProcess.start(prefix, recipe, output);
    BufferedReader lines = process.inputReader();
    String line = lines.readLine();
    while (line != null && !line.equals("planned")) {
      assertTrue(process.isAlive() || line.isEmpty(), line);
      line = lines.readLine();
    }
    assertEquals("planned", line, "the merge did not start");
    return process;
  }

  private List<Path> leftovers() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith(".out")).toList();
    }
  }

  @Test
  void killedAtAnyMoment() throws Exception {
    Process whole = planned(List.of());
    long start = System.nanoTime();
    assertEquals(0, whole.waitFor());
    long micros = (System.nanoTime() - start) / 1000;
    Map<String, byte[]> complete = Merging.contents(output);
    Random random = new Random(SEED);
    for (int round = 0; round < 10; round++) {
      boolean replaces = round < 5;
      if (!replaces) {
        delete(output);
      }
      Process process = planned(List.of());
      TimeUnit.MICROSECONDS.sleep(random.nextLong(micros + 1));
      process.destroyForcibly().waitFor();
      String message = "seed " + SEED + ", round " + round;
      assertTrue(Files.exists(output) || !replaces, message);
      if (Files.exists(output)) {
        Map<String, byte[]> actual = Merging.contents(output);
        assertEquals(complete.keySet(), actual.keySet(), message);
        for (String file : complete.keySet()) {
          assertArrayEquals(complete.get(file), actual.get(file), message);
        }
      }
      for (Path leftover : leftovers()) {
        delete(leftover);
      }
    }
  }

  /// SIGTERM, as SIGINT, removes what was begun.
  @Test
  void terminated() throws Exception {
    Process process = planned(List.of());
    while (process.isAlive() && leftovers().isEmpty()) {
      Thread.onSpinWait();
    }
    process.destroy();
    process.waitFor();
    assertEquals(List.of(), leftovers());
  }

  /// A limit on the size of files stands for a full disk.
  @Test
  void fullOutput() throws Exception {
    Process process =
        MergeProcess.start(
            List.of("bash", "-c", "ulimit -f 10000; exec \"$@\"", "bash"), recipe, output);
    String lines = new String(process.getInputStream().readAllBytes());
    assertEquals(1, process.waitFor(), lines);
    String last = lines.lines().toList().getLast();
    assertTrue(last.contains("cannot be written (") && last.contains("nothing was left"), last);
    assertTrue(Files.notExists(output));
    assertEquals(List.of(), leftovers());
  }

  private static void delete(Path path) throws IOException {
    if (Files.exists(path)) {
      try (Stream<Path> files = Files.list(path)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(path);
    }
  }
}

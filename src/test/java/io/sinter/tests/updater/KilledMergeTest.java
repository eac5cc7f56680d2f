// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.updater.MergeReport;
import io.sinter.updater.Verification;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A merge that is killed leaves no output, or a complete one, and can be gone on with.
class KilledMergeTest {
  /// `-Dsinter.kills=100` kills more often.
  private static final int ROUNDS = Integer.getInteger("sinter.kills", 10);

  private static final long SEED = 4711;

  @TempDir Path folder;
  private Path recipe;
  private Path output;

  @BeforeEach
  void models() throws IOException {
    Merging.model(folder.resolve("a"), 1, 10, 1_000_000);
    Merging.model(folder.resolve("b"), 50, 10, 1_000_000);
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

  private Process planned(String... more) throws IOException {
    Process process = MergeProcess.start(List.of(), recipe, output, more);
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

  /// What is there after the kill is whole, and what is not there is made by going on. The time
  /// from the plan to the end is what the kills fall into.
  @Test
  void killedAtAnyMoment() throws Exception {
    Process whole = planned();
    long start = System.nanoTime();
    assertEquals(0, whole.waitFor());
    long micros = (System.nanoTime() - start) / 1000;
    Map<String, byte[]> complete = Merging.contents(output);
    long inputs = inputs();
    Random random = new Random(SEED);
    int finished = 0;
    int resumed = 0;
    for (int round = 0; round < ROUNDS; round++) {
      boolean replaces = random.nextBoolean();
      if (replaces) {
        Files.writeString(output.resolve("old"), "old");
      } else {
        delete(output);
      }
      Process process = random.nextBoolean() ? planned("resume") : planned();
      TimeUnit.MICROSECONDS.sleep(random.nextLong(micros + 1));
      process.destroyForcibly().waitFor();
      String message = "seed " + SEED + ", round " + round;
      assertTrue(Files.exists(output) || !replaces, message);
      if (Files.exists(output)) {
        boolean old = Files.deleteIfExists(output.resolve("old"));
        assertTrue(replaces || !old, message);
        assertOutput(complete, message);
        finished += old ? 0 : 1;
      }
      MergeReport report =
          Merging.merge(
              Files.readString(recipe), MergeProcess.options(folder).withResume(true), output);
      resumed += report.bytesResumed() > 0 ? 1 : 0;
      assertOutput(complete, message + ", gone on with");
      assertEquals(inputs, inputs(), message);
      for (Path leftover : leftovers()) {
        delete(leftover); // An output that was replaced, or begun when nothing was finished.
      }
    }
    System.out.printf(
        "seed %d: of %d kills %d came after the end, and after %d the merge was resumed%n",
        SEED, ROUNDS, finished, resumed);
  }

  private void assertOutput(Map<String, byte[]> expected, String message) throws IOException {
    Map<String, byte[]> actual = Merging.contents(output);
    assertEquals(expected.keySet(), actual.keySet(), message);
    for (String file : expected.keySet()) {
      assertArrayEquals(expected.get(file), actual.get(file), message);
    }
    assertEquals(List.of(), Verification.of(output, false).differences(), message);
  }

  /// A checksum over both inputs.
  private long inputs() throws IOException {
    CRC32 crc = new CRC32();
    for (String model : List.of("a", "b")) {
      try (InputStream in = Files.newInputStream(folder.resolve(model + "/model.safetensors"))) {
        byte[] buffer = new byte[1 << 20];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          crc.update(buffer, 0, n);
        }
      }
    }
    return crc.getValue();
  }

  /// With `--resume` SIGTERM keeps what was begun; the next run takes it over.
  @Test
  void terminatedAndGoneOnWith() throws Exception {
    Map<String, byte[]> complete = null;
    for (int attempt = 0; attempt < 20; attempt++) {
      Process process = planned("resume");
      while (process.isAlive() && !begunSecondFile()) {
        Thread.onSpinWait();
      }
      process.destroy();
      process.waitFor();
      if (!leftovers().isEmpty()) {
        MergeReport report =
            Merging.merge(
                Files.readString(recipe), MergeProcess.options(folder).withResume(true), output);
        assertTrue(report.bytesResumed() > 0, report.toString());
        assertEquals(List.of(), leftovers());
        complete = Merging.contents(output);
        break;
      }
      delete(output); // It was done before the signal reached it.
    }
    assertTrue(complete != null, "every merge was faster than its signal");
    delete(output);
    Merging.merge(Files.readString(recipe), MergeProcess.options(folder), output);
    assertOutput(complete, "resumed");
  }

  private boolean begunSecondFile() throws IOException {
    for (Path leftover : leftovers()) {
      if (Files.exists(leftover.resolve("model-00002-of-00005.safetensors"))) {
        return true;
      }
    }
    return false;
  }

  /// SIGTERM, as SIGINT, removes what was begun.
  @Test
  void terminated() throws Exception {
    Process process = planned();
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
            List.of("bash", "-c", "ulimit -f 5000; exec \"$@\"", "bash"), recipe, output);
    String lines = new String(process.getInputStream().readAllBytes());
    assertEquals(1, process.waitFor(), lines);
    List<String> last = lines.lines().toList().reversed().subList(0, 2);
    assertEquals("Nothing was left behind.", last.get(1));
    assertTrue(last.get(0).contains("cannot be written ("), last.get(0));
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

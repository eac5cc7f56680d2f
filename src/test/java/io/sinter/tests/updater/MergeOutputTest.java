// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.merge;
import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The output appears whole or not at all.
class MergeOutputTest {
  private static final String LINEAR =
      """
      merge_method: linear
      models:
      - {model: a, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: 0.5}}
      """;

  @TempDir Path folder;

  @BeforeEach
  void models() throws IOException {
    PlainFile.model(folder.resolve("a"), Map.of("x", PlainFile.f32(new long[] {1}, 1)));
    PlainFile.model(folder.resolve("b"), Map.of("x", PlainFile.f32(new long[] {1}, 3)));
  }

  private void refused(Path output, MergeOptions options, String message) {
    String actual =
        assertThrows(CheckpointException.class, () -> merge(LINEAR, options, output)).getMessage();
    assertTrue(actual.contains(message), actual);
    assertEquals(1, actual.lines().count(), actual);
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void existingOutputsAreReplacedOnlyWhenAsked() throws IOException {
    Path output = Files.createDirectory(folder.resolve("out"));
    Files.writeString(output.resolve("old.txt"), "old");
    refused(output, options(folder), "exists already. Choose another output, or pass --force");
    assertEquals("old", Files.readString(output.resolve("old.txt")));
    merge(LINEAR, options(folder).withForce(true), output);
    assertFalse(Files.exists(output.resolve("old.txt")));
    assertEquals(2, PlainFile.readFolder(output).get("x").values()[0]);
    assertEquals(List.of("a", "b", "out"), names());
  }

  /// An output that is replaced is there at every moment: the old one, then the new one.
  @Test
  void replacingLeavesNoGap() throws Exception {
    Path output = folder.resolve("out");
    merge(LINEAR, options(folder), output);
    AtomicBoolean finished = new AtomicBoolean();
    AtomicLong looks = new AtomicLong();
    AtomicLong gaps = new AtomicLong();
    Thread watcher =
        new Thread(
            () -> {
              while (!finished.get()) {
                looks.incrementAndGet();
                if (Files.notExists(output.resolve("model.safetensors"))) {
                  gaps.incrementAndGet();
                }
              }
            });
    watcher.start();
    for (int i = 0; i < 50; i++) {
      merge(LINEAR, options(folder).withForce(true), output);
    }
    finished.set(true);
    watcher.join();
    assertTrue(looks.get() > 50, looks.toString());
    assertEquals(0, gaps.get(), "of " + looks + " looks");
  }

  @Test
  void whatIsNoEarlierOutputIsNotReplaced() throws IOException {
    Path output = Files.createDirectories(folder.resolve("out/sub")).getParent();
    refused(output, options(folder).withForce(true), "holds a folder, 'sub'");
    Path file = Files.createFile(folder.resolve("file"));
    refused(file, options(folder).withForce(true), "is a file");
    refused(folder.resolve("m.safetensors"), options(folder), "is the name of a file");
    assertEquals(List.of("a", "b", "file", "out"), names());
  }

  @Test
  void inputsAreNeverTouched() throws IOException {
    Map<String, byte[]> before = Merging.contents(folder.resolve("a"));
    MergeOptions force = options(folder).withForce(true);
    refused(folder.resolve("a"), force, "is or holds the input model 'a'");
    refused(folder, force, "is or holds the input model 'a'");
    refused(folder.resolve("a/out"), force, "lies inside the input model 'a'");
    refused(folder.resolve("b/../a"), force, "is or holds the input model 'a'");
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("a"));
    refused(link, force, "is or holds the input model 'a'");
    refused(link.resolve("out"), force, "lies inside the input model 'a'");
    Map<String, byte[]> after = Merging.contents(folder.resolve("a"));
    assertEquals(before.keySet(), after.keySet());
    assertArrayEquals(before.get("model.safetensors"), after.get("model.safetensors"));
  }

  @Test
  void outputsThatCannotBeMade() throws IOException {
    refused(folder.resolve("none/out"), options(folder), "its parent folder cannot be opened");
    refused(Path.of("/proc/out"), options(folder), "/proc/out: ");
    assertEquals(List.of("a", "b"), names());
  }

  @Test
  void leftoversOfKilledRunsAreReported() throws IOException {
    Path stale = Files.createDirectory(folder.resolve(".out.sinter-999999999-1.partial"));
    ProcessHandle alive = ProcessHandle.current().parent().orElseThrow();
    long started = alive.info().startInstant().orElseThrow().toEpochMilli();
    Files.createDirectory(
        folder.resolve(".out.sinter-%d-%d.partial".formatted(alive.pid(), started)));
    Files.createDirectory(folder.resolve(".other.sinter-999999999-1.partial"));
    MergeReport report = merge(LINEAR, options(folder), folder.resolve("out"));
    assertEquals(1, report.warnings().size());
    assertTrue(report.warnings().getFirst().startsWith(stale.toString()), report.toString());
    assertTrue(Files.exists(stale));
  }

  /// A file that is cut short while it is read is an error that names it, not a dead JVM.
  @Test
  void inputsTruncatedDuringTheMerge() throws IOException {
    for (Device device : Device.all()) {
      for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
        Merging.model(folder.resolve("a"), 1, 4, 3_000_000);
        Merging.model(folder.resolve("b"), 50, 4, 3_000_000);
        Path victim = folder.resolve("b/model.safetensors");
        MergeOptions options = options(folder).withDevice(device).withIo(io);
        try (Merge merge = Merge.plan(Recipe.parse(LINEAR, "r.yml"), options)) {
          String message =
              assertThrows(
                      CheckpointException.class,
                      () ->
                          merge.run(
                              folder.resolve("out"),
                              new MergeListener() {
                                @Override
                                public void progress(long done, long total) {
                                  truncate(victim, 10_000_000);
                                }
                              }))
                  .getMessage();
          assertTrue(message.startsWith(victim + ": ends at or before byte "), message);
        }
        assertEquals(List.of("a", "b"), names(), device + " by " + io);
      }
    }
  }

  private static void truncate(Path file, long length) {
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      access.setLength(Math.min(length, access.length()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A file large enough to be written past the page cache holds what small ones hold, whatever the
  /// places of its tensors in pages.
  @Test
  void pastThePageCache() throws IOException {
    for (String model : List.of("a", "b")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      tensors.put("odd", Merging.random(model.hashCode(), 1_234_567));
      tensors.put("large", Merging.random(model.hashCode() + 1, 3, 5_000_001));
      tensors.put("small", Merging.random(model.hashCode() + 2, 17));
      tensors.put("last", Merging.random(model.hashCode() + 3, 1_500_001));
      PlainFile.model(folder.resolve(model), tensors);
    }
    String yaml =
        """
        merge_method: linear
        models:
        - {model: a, parameters: {weight: 0.5}}
        - {model: b, parameters: {weight: 0.25}}
        """;
    MergeOptions options = Merging.options(folder);
    MergeReport one = Merging.merge(yaml, options, folder.resolve("one"));
    assertEquals(1, one.files().size());
    assertTrue(one.bytesWritten() > 64 << 20, "small files stay in the cache");
    Merging.merge(yaml, options.withMaxShardBytes(10_000_000), folder.resolve("many"));
    Map<String, PlainFile.Plain> expected = PlainFile.readFolder(folder.resolve("many"));
    Map<String, PlainFile.Plain> actual = PlainFile.readFolder(folder.resolve("one"));
    assertEquals(expected.keySet(), actual.keySet());
    for (String name : expected.keySet()) {
      assertArrayEquals(expected.get(name).bytes(), actual.get(name).bytes(), name);
    }
  }
}

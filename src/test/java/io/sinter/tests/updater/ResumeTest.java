// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.ElementwiseMethod;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Method;
import io.sinter.updater.Recipe;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// An interrupted merge is gone on with, and the output is that of one that was not interrupted.
class ResumeTest {
  private static final String JOURNAL = ".sinter-journal";

  /// A method with a sum over whole tensors, and one number of its own for every element.
  private static final Map<String, String> RECIPES =
      Map.of(
          "linear",
          """
          merge_method: linear
          models:
          - {model: a, parameters: {weight: 0.5}}
          - {model: b, parameters: {weight: 0.25}}
          """,
          "slerp",
          """
          merge_method: slerp
          base_model: a
          models: [{model: a}, {model: b}]
          parameters: {t: 0.3}
          """,
          "dare_ties",
          """
          merge_method: dare_ties
          base_model: a
          models:
          - {model: b, parameters: {weight: 0.5, density: 0.5}}
          """);

  @TempDir Path folder;
  private Path output;

  @BeforeEach
  void models() throws IOException {
    output = folder.resolve("out");
    model("a", 1);
    model("b", 50);
  }

  /// Types take turns, and each needs a pass of its own.
  private void model(String name, long seed) throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    for (int i = 0; i < 20; i++) {
      PlainFile.Plain plain = Merging.random(seed + i, 1000 + i);
      if (i % 3 == 2) {
        byte[] half = new byte[plain.bytes().length / 2];
        for (int k = 0; k < half.length; k += 2) {
          half[k] = plain.bytes()[2 * k + 2];
          half[k + 1] = plain.bytes()[2 * k + 3];
        }
        plain = new PlainFile.Plain("BF16", plain.shape(), half);
      }
      tensors.put("t" + i, plain);
    }
    PlainFile.model(folder.resolve(name), tensors);
    Files.writeString(folder.resolve(name).resolve("config.json"), "{}");
  }

  private MergeOptions options() {
    return Merging.options(folder).withMaxShardBytes(20_000).withResume(true);
  }

  private static final class Interrupted extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /// What a merge that was stopped has said.
  private record Stopped(boolean stopped, String left) {}

  /// Runs a merge that stops after some reports of its progress.
  private Stopped stopAfter(int reports, String recipe, MergeOptions options) {
    AtomicInteger seen = new AtomicInteger();
    AtomicReference<String> left = new AtomicReference<>("");
    MergeListener listener =
        new MergeListener() {
          @Override
          public void progress(long done, long total) {
            if (seen.incrementAndGet() > reports) {
              throw new Interrupted();
            }
          }

          @Override
          public void left(String message) {
            left.set(message);
          }
        };
    try (Merge merge = Merge.plan(Recipe.parse(recipe, "r.yml"), options)) {
      merge.run(output, listener);
      return new Stopped(false, left.get());
    } catch (Interrupted e) {
      return new Stopped(true, left.get());
    }
  }

  private List<Path> leftovers() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith(".out")).toList();
    }
  }

  private Path leftover() throws IOException {
    List<Path> found = leftovers();
    assertEquals(1, found.size(), found.toString());
    return found.getFirst();
  }

  /// The output of a run that nothing stops.
  private Map<String, byte[]> expected(String recipe, MergeOptions options) throws IOException {
    Path whole = folder.resolve("whole");
    Merging.merge(recipe, options.withResume(false), whole);
    Map<String, byte[]> contents = Merging.contents(whole);
    delete(whole);
    return contents;
  }

  private void assertOutput(Map<String, byte[]> expected, String message) throws IOException {
    Map<String, byte[]> actual = Merging.contents(output);
    assertEquals(expected.keySet(), actual.keySet(), message);
    for (String file : expected.keySet()) {
      assertArrayEquals(expected.get(file), actual.get(file), message + ": " + file);
    }
  }

  /// Whatever the moment, and whatever else is different the second time.
  @ParameterizedTest
  @CsvSource({"linear, false", "slerp, true", "dare_ties, false"})
  void stoppedAnywhereItGoesOn(String method, boolean sha256) throws IOException {
    String recipe = RECIPES.get(method);
    MergeOptions options = options().withSha256(sha256);
    Map<String, byte[]> expected = expected(recipe, options);
    List<MergeReport.OutputFile> files = List.of();
    long most = 0;
    int stops = 0;
    for (int reports = 0; ; reports++) {
      MergeOptions first = options.withIo(IoMode.values()[reports % 2]).withThreads(1);
      Stopped stopped = stopAfter(reports, recipe, first);
      if (!stopped.stopped()) {
        break;
      }
      stops++;
      assertTrue(Files.notExists(output));
      boolean kept = !leftovers().isEmpty();
      assertTrue(stopped.left().contains(kept ? "--resume" : "Nothing was left"), stopped.left());
      MergeOptions second =
          options
              .withIo(IoMode.values()[(reports + 1) % 2])
              .withThreads(2)
              .withDevice(Device.all().getLast());
      MergeReport report = Merging.merge(recipe, second, output);
      assertOutput(expected, "stopped after " + reports);
      assertEquals(List.of(), report.warnings());
      assertEquals(List.of(), leftovers());
      assertTrue(files.isEmpty() || files.equals(report.files()), "hashes");
      files = report.files();
      most = Math.max(most, report.bytesResumed());
      assertEquals(kept, report.bytesResumed() > 0, report.toString());
      delete(output);
    }
    assertTrue(stops >= 8, "stopped " + stops + " times");
    // The last stop was behind the last byte.
    assertEquals(
        expected.entrySet().stream()
            .filter(file -> file.getKey().endsWith(".safetensors"))
            .mapToLong(file -> file.getValue().length)
            .sum(),
        most);
    for (MergeReport.OutputFile file : files) {
      byte[] bytes = expected.get(file.path().getFileName().toString());
      assertTrue(!sha256 || file.hash().equals(sha256(bytes, bytes.length)), file.toString());
    }
  }

  @Test
  void stoppedAgainAndAgain() throws IOException {
    String recipe = RECIPES.get("linear");
    Map<String, byte[]> expected = expected(recipe, options());
    int rounds = 0;
    while (stopAfter(rounds + 2, recipe, options()).stopped()) {
      assertTrue(leftovers().size() <= 1, leftovers().toString());
      rounds++;
    }
    assertTrue(rounds > 1, rounds + " rounds");
    assertOutput(expected, rounds + " rounds");
    assertEquals(List.of(), leftovers());
  }

  @Test
  void countsOfWhatWasFinishedAreKept() throws IOException {
    PlainFile.model(
        folder.resolve("a"),
        Map.of(
            "t0", PlainFile.f32(new long[] {2}, Float.NaN, 1),
            "t1", PlainFile.bf16(new long[] {2}, Float.POSITIVE_INFINITY, 1)));
    PlainFile.model(
        folder.resolve("b"),
        Map.of(
            "t0", PlainFile.f32(new long[] {2}, 1, 1), "t1", PlainFile.bf16(new long[] {2}, 1, 1)));
    assertTrue(stopAfter(2, RECIPES.get("linear"), options()).stopped());
    MergeReport report = Merging.merge(RECIPES.get("linear"), options(), output);
    assertTrue(report.bytesResumed() > 0);
    assertEquals(2, report.nonFinite());
  }

  /// A tensor of several passes, gone on with at a place where this run would not have stopped.
  @ParameterizedTest
  @CsvSource({"linear", "slerp", "dare_ties"})
  void goesOnInsideATensor(String method) throws IOException {
    String recipe = RECIPES.get(method);
    for (String name : List.of("a", "b")) {
      Merging.model(folder.resolve(name), name.hashCode(), 1, 3_000_005);
    }
    MergeOptions options = options().withSha256(true);
    Map<String, byte[]> expected = expected(recipe, options);
    int reports = 0;
    while (stopAfter(reports, recipe, options).left().contains("Nothing")) {
      reports++;
    }
    Path left = leftover();
    List<String> lines = Files.readAllLines(left.resolve(JOURNAL)).subList(0, 2);
    byte[] weights = expected.get("model.safetensors");
    int cut = 4096 + 7 * 65536 * 4;
    boolean cuts = !method.equals("dare_ties"); // which counts whole tensors
    Map<List<Integer>, Integer> marks = new LinkedHashMap<>();
    marks.put(List.of(cut), cuts ? cut : 4096);
    marks.put(List.of(cut + 4), 4096); // Passes are not cut here,
    marks.put(List.of(cut - 1), 4096);
    marks.put(List.of(cut + 4, cut + 65536 * 4), cuts ? cut + 65536 * 4 : 4096); // but there,
    marks.put(List.of(cut + 4, weights.length), weights.length); // and behind the tensor.
    for (Map.Entry<List<Integer>, Integer> entry : marks.entrySet()) {
      Files.createDirectories(left);
      Files.write(left.resolve("model.safetensors"), weights);
      StringBuilder journal = new StringBuilder(String.join("\n", lines) + "\n");
      entry.getKey().forEach(bytes -> journal.append(mark(bytes, sha256(weights, bytes))));
      Files.writeString(left.resolve(JOURNAL), journal);
      MergeReport report = Merging.merge(recipe, options, output);
      assertEquals((int) entry.getValue(), report.bytesResumed(), entry.getKey().toString());
      assertOutput(expected, "cut at " + entry.getKey());
      delete(output);
    }
  }

  /// A line of a journal: so many bytes of the first file are written.
  private static String mark(int bytes, String hash) {
    String mark =
        ("{\"file\":0,\"bytes\":%d,\"hash\":\"%s\","
                + "\"nonFinite\":0,\"saturated\":0,\"fallbacks\":0}")
            .formatted(bytes, hash);
    CRC32 crc = new CRC32();
    crc.update(mark.getBytes());
    return mark + " %08x\n".formatted(crc.getValue());
  }

  @Test
  void whatIsDamagedIsComputedAgain() throws IOException {
    String recipe = RECIPES.get("linear");
    Map<String, byte[]> expected = expected(recipe, options());
    assertTrue(stopAfter(8, recipe, options()).stopped());
    Path left = leftover();
    Map<String, byte[]> kept = Merging.contents(left);
    List<String> shards = kept.keySet().stream().filter(f -> f.endsWith("safetensors")).toList();
    assertTrue(shards.size() > 1, shards.toString());
    long undamaged = resume(kept, left, expected, "as it was");
    assertTrue(undamaged > kept.get(shards.getFirst()).length);
    for (String shard : shards) {
      byte[] bytes = kept.get(shard);
      for (int at : new int[] {0, 4095, 4096, bytes.length - 1}) {
        byte[] flipped = bytes.clone();
        flipped[at] ^= 1;
        String what = shard + ", byte " + at;
        assertTrue(resume(with(kept, shard, flipped), left, expected, what) < undamaged, what);
        resume(with(kept, shard, Arrays.copyOf(bytes, at)), left, expected, what + ", cut");
      }
      byte[] longer = Arrays.copyOf(bytes, bytes.length + 1000);
      assertEquals(
          undamaged, resume(with(kept, shard, longer), left, expected, shard + ", longer"));
      Map<String, byte[]> without = new LinkedHashMap<>(kept);
      without.remove(shard);
      assertTrue(resume(without, left, expected, shard + ", missing") < undamaged);
    }
    byte[] journal = kept.get(JOURNAL);
    for (int length = 0; length <= journal.length; length += 211) {
      String what = "journal of " + length;
      byte[] torn = Arrays.copyOf(journal, length);
      resume(with(kept, JOURNAL, torn), left, expected, what);
      byte[] zeros = Arrays.copyOf(torn, journal.length);
      resume(with(kept, JOURNAL, zeros), left, expected, what + ", then zeros");
    }
    resume(with(kept, "junk", new byte[10]), left, expected, "with another file");
  }

  private static Map<String, byte[]> with(Map<String, byte[]> files, String name, byte[] bytes) {
    Map<String, byte[]> changed = new LinkedHashMap<>(files);
    changed.put(name, bytes);
    return changed;
  }

  /// Goes on from a folder with these files; returns how much was taken over.
  private long resume(
      Map<String, byte[]> files, Path left, Map<String, byte[]> expected, String message)
      throws IOException {
    delete(left);
    Files.createDirectory(left);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Files.write(left.resolve(file.getKey()), file.getValue());
    }
    MergeReport report = Merging.merge(RECIPES.get("linear"), options(), output);
    assertOutput(expected, message);
    delete(output);
    assertEquals(report.warnings().isEmpty(), leftovers().isEmpty(), message);
    return report.bytesResumed();
  }

  /// Refused for a reason that is said; what was left stays.
  private void refused(String recipe, MergeOptions options, String reason) throws IOException {
    Map<String, byte[]> before = Merging.contents(leftover());
    Map<String, byte[]> expected = expected(recipe, options);
    MergeReport report = Merging.merge(recipe, options, output);
    assertEquals(0, report.bytesResumed());
    assertEquals(1, report.warnings().size(), report.warnings().toString());
    String warning = report.warnings().getFirst();
    assertTrue(warning.startsWith(leftover().toString()), warning);
    assertTrue(warning.contains(reason), warning);
    assertOutput(expected, reason);
    Map<String, byte[]> after = Merging.contents(leftover());
    assertEquals(before.keySet(), after.keySet());
    before.forEach((name, bytes) -> assertArrayEquals(bytes, after.get(name)));
    delete(output);
  }

  @Test
  void anotherMergeIsNotGoneOnWith() throws IOException {
    String recipe = RECIPES.get("linear");
    assertTrue(stopAfter(8, recipe, options()).stopped());
    refused(RECIPES.get("slerp"), options(), "another recipe");
    refused(recipe.replace("0.25", "0.250001"), options(), "another recipe");
    refused(recipe, options().withMaxShardBytes(0), "cut at other places");
    refused(recipe, options().withSha256(true), "another algorithm");
    Path b = folder.resolve("b/model.safetensors");
    FileTime modified = Files.getLastModifiedTime(b);
    model("b", 51);
    Files.setLastModifiedTime(b, FileTime.fromMillis(modified.toMillis() + 1));
    refused(recipe, options(), b.toRealPath() + " has changed since");
    model("b", 50);
    Files.setLastModifiedTime(b, modified);
    assertTrue(Merging.merge(recipe, options(), output).bytesResumed() > 0);
  }

  @Test
  void theCallersCodeIsNotGoneOnWith() throws IOException {
    ElementwiseMethod method =
        new ElementwiseMethod() {
          @Override
          public Method description() {
            return Method.named("own").models(2).build();
          }

          @Override
          public void apply(Block block) {
            System.arraycopy(block.model(0), 0, block.out(), 0, block.count());
          }
        };
    String recipe = "merge_method: own\nmodels: [{model: a}, {model: b}]\n";
    List<ElementwiseMethod> methods = List.of(method);
    AtomicInteger seen = new AtomicInteger();
    MergeListener stopping =
        new MergeListener() {
          @Override
          public void progress(long done, long total) {
            if (seen.incrementAndGet() > 8) {
              throw new Interrupted();
            }
          }
        };
    try (Merge merge = Merge.plan(Recipe.parse(recipe, "r.yml", methods), options())) {
      assertThrows(Interrupted.class, () -> merge.run(output, stopping));
      MergeReport report = merge.run(output, MergeListener.NONE);
      assertEquals(0, report.bytesResumed());
      assertTrue(report.warnings().getFirst().contains("written in Java"));
    }
  }

  @Test
  void whatALiveProcessHoldsIsLeftAlone() throws IOException {
    String recipe = RECIPES.get("linear");
    Map<String, byte[]> expected = expected(recipe, options());
    assertTrue(stopAfter(8, recipe, options()).stopped());
    Path kept = leftover();
    try (FileChannel journal = FileChannel.open(kept.resolve(JOURNAL), StandardOpenOption.WRITE);
        FileLock lock = journal.lock()) {
      assertTrue(lock.isValid());
      MergeReport report = Merging.merge(recipe, options(), output);
      assertEquals(0, report.bytesResumed());
      assertTrue(report.warnings().getFirst().contains("in use"), report.toString());
    }
    assertOutput(expected, "beside one that is locked");
    delete(output);
    ProcessHandle alive = ProcessHandle.current().parent().orElseThrow();
    long started = alive.info().startInstant().orElseThrow().toEpochMilli();
    Path live = folder.resolve(".out.sinter-%d-%d.partial".formatted(alive.pid(), started));
    Files.move(kept, live);
    assertEquals(0, Merging.merge(recipe, options(), output).bytesResumed());
    assertOutput(expected, "beside one that is alive");
    assertEquals(live, leftover());
  }

  @Test
  void withoutResumeNothingIsKeptOrTaken() throws IOException {
    String recipe = RECIPES.get("linear");
    assertTrue(stopAfter(8, recipe, options()).stopped());
    Path kept = leftover();
    Stopped stopped = stopAfter(8, recipe, options().withResume(false));
    assertEquals("Nothing was left behind.", stopped.left());
    MergeReport report = Merging.merge(recipe, options().withResume(false), output);
    assertEquals(0, report.bytesResumed());
    assertTrue(report.warnings().getFirst().startsWith(kept.toString()), report.toString());
    assertEquals(kept, leftover());
  }

  /// Of several that match, the one that has come farthest; the others are named.
  @Test
  void theFarthestIsGoneOnWith() throws IOException {
    String recipe = RECIPES.get("linear");
    assertTrue(stopAfter(8, recipe, options()).stopped());
    Path far = leftover();
    Path aside = folder.resolve("aside");
    Files.move(far, aside);
    assertTrue(stopAfter(3, recipe, options()).stopped());
    Path near = leftover();
    Files.move(aside, folder.resolve(".out.sinter-999999999-1.partial"));
    MergeReport report = Merging.merge(recipe, options(), output);
    assertEquals(1, report.warnings().size());
    assertTrue(report.warnings().getFirst().contains("come farther"), report.toString());
    assertEquals(near, leftover());
    assertNotEquals(0, report.bytesResumed());
  }

  /// An input that changes while it is read is an error that names it, and nothing is kept.
  @Test
  void inputsThatChange() throws IOException {
    List<Runnable> changes = new ArrayList<>();
    Path b = folder.resolve("b/model.safetensors");
    changes.add(() -> change(() -> Files.setLastModifiedTime(b, FileTime.fromMillis(1))));
    changes.add(() -> change(() -> Files.write(b, new byte[1], StandardOpenOption.APPEND)));
    changes.add(
        () ->
            change(
                () -> {
                  Path other = folder.resolve("other");
                  Files.copy(b, other, StandardCopyOption.COPY_ATTRIBUTES);
                  Files.move(other, b, StandardCopyOption.REPLACE_EXISTING);
                }));
    changes.add(() -> change(() -> Files.delete(b)));
    for (Runnable change : changes) {
      model("b", 50);
      AtomicReference<String> left = new AtomicReference<>();
      MergeListener listener =
          new MergeListener() {
            @Override
            public void progress(long done, long total) {
              if (done == total) {
                change.run();
              }
            }

            @Override
            public void left(String message) {
              left.set(message);
            }
          };
      try (Merge merge = Merge.plan(Recipe.parse(RECIPES.get("linear"), "r.yml"), options())) {
        String message =
            assertThrows(CheckpointException.class, () -> merge.run(output, listener)).getMessage();
        assertTrue(message.startsWith(b + ": "), message);
        assertEquals("Nothing was left behind.", left.get());
      }
      assertTrue(Files.notExists(output));
      assertEquals(List.of(), leftovers());
    }
  }

  private interface Change {
    void run() throws IOException;
  }

  private static void change(Change change) {
    try {
      change.run();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String sha256(byte[] bytes, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, 0, length);
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
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

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.Device;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.Sweep;
import io.sinter.updater.Update;
import io.sinter.updater.Verification;
import io.sinter.updater.compatibility.Candidate;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.EvaluationException;
import io.sinter.updater.compatibility.SweepReport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Sweeps over alpha: every candidate is what an update alone gives, from one pass over the
/// checkpoints, and the best one becomes the output.
class SweepTest {
  private static final Sweep.Listener QUIET = new Sweep.Listener() {};

  @TempDir Path folder;

  @BeforeEach
  void models() throws IOException {
    for (String name : List.of("old", "new")) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      int seed = name.hashCode();
      tensors.put("a.weight", Merging.random(seed, 300, 200));
      tensors.put("a.bias", Merging.random(seed + 1, 300));
      tensors.put("b.weight", Merging.random(seed + 2, 130_001));
      tensors.put("empty", PlainFile.f32(new long[] {0, 3}));
      tensors.put("steps", PlainFile.i64(1, 2, 3));
      PlainFile.model(folder.resolve(name), tensors);
      Files.writeString(folder.resolve(name).resolve("config.json"), "{\"of\": \"" + name + "\"}");
    }
  }

  private static Update update() {
    return Update.of(Path.of("old"), Path.of("new"));
  }

  /// As accurate as the new model up to alpha .4, with the fewest flips at .3 and .4.
  private static Evaluation peak(Candidate candidate) {
    double alpha = candidate.alpha();
    assertTrue(Files.exists(candidate.folder().resolve("sinter.json")));
    return Evaluation.of(alpha > 0.45 ? 0.8 : 0.9, Math.max(0.02, 0.05 - alpha / 10));
  }

  /// The files of each candidate, taken when it is evaluated.
  private Map<Double, Map<String, byte[]>> candidates(Sweep sweep, MergeOptions options)
      throws IOException {
    Map<Double, Map<String, byte[]>> found = new TreeMap<>();
    sweep.run(
        folder.resolve("out"),
        candidate -> {
          try {
            found.put(candidate.alpha(), Merging.contents(candidate.folder()));
          } catch (IOException e) {
            throw new AssertionError(e);
          }
          return peak(candidate);
        },
        options,
        QUIET);
    return found;
  }

  private Map<String, byte[]> alone(Update update, MergeOptions options) throws IOException {
    Path output = folder.resolve("alone");
    try (Merge merge = Merge.plan(update.recipe(), options.withStatistics(false).withForce(true))) {
      merge.run(output, MergeListener.NONE);
    }
    return Merging.contents(output);
  }

  @Test
  void candidatesAreUpdatesByteForByte() throws IOException {
    for (Device device : Device.all()) {
      for (IoMode io : device.isCpu() ? IoMode.values() : new IoMode[] {IoMode.PREAD}) {
        MergeOptions options =
            options(folder)
                .withDevice(device)
                .withIo(io)
                .withMaxShardBytes(300_000)
                .withMemory(MergeOptions.LEAST_MEMORY)
                .withForce(true);
        Sweep sweep = Sweep.of(update());
        Map<Double, Map<String, byte[]>> candidates = candidates(sweep, options);
        assertEquals(sweep.alphas(), List.copyOf(candidates.keySet()));
        for (double alpha : sweep.alphas()) {
          Map<String, byte[]> alone = alone(update().withAlpha(alpha), options);
          Map<String, byte[]> candidate = candidates.get(alpha);
          assertEquals(alone.keySet(), candidate.keySet());
          alone.forEach(
              (file, bytes) ->
                  assertArrayEquals(
                      bytes, candidate.get(file), alpha + " " + file + " on " + device));
        }
      }
    }
  }

  @Test
  void theChosenCandidateBecomesTheOutput() throws IOException {
    List<Double> evaluated = new ArrayList<>();
    Sweep.Result result =
        Sweep.of(update())
            .run(
                folder.resolve("out"),
                SweepTest::peak,
                options(folder),
                new Sweep.Listener() {
                  @Override
                  public void evaluated(SweepReport.Row row) {
                    evaluated.add(row.alpha());
                  }

                  @Override
                  public void chosen(SweepReport report, SweepReport.Row row, Path folder)
                      throws IOException {
                    Files.writeString(folder.resolve("sweep.svg"), "<svg>" + row.alpha());
                  }
                });
    assertEquals(0.3, result.chosen().alpha());
    assertEquals(11, evaluated.size());
    Map<String, byte[]> alone = alone(update().withAlpha(0.3), options(folder));
    Map<String, byte[]> out = Merging.contents(folder.resolve("out"));
    alone.forEach((file, bytes) -> assertArrayEquals(bytes, out.get(file), file));
    assertEquals(alone.size() + 3, out.size());
    assertEquals("<svg>0.3", new String(out.get("sweep.svg"), StandardCharsets.UTF_8));
    JsonNode json = new ObjectMapper().readTree(out.get("sweep.json"));
    assertEquals(0.3, json.get("chosen").asDouble());
    assertEquals("bcwi", json.get("method").asText());
    assertEquals(12, new String(out.get("sweep.csv"), StandardCharsets.UTF_8).lines().count());
    JsonNode provenance = new ObjectMapper().readTree(folder.resolve("out/sinter.json").toFile());
    assertTrue(provenance.get("recipe").get("text").asText().contains("\"alpha\" : 0.3"));
    assertEquals("{\"of\": \"new\"}", Files.readString(folder.resolve("out/config.json")));
    Verification verification = Verification.of(folder.resolve("out"), false);
    assertTrue(verification.same(), verification.differences().toString());
    assertEquals(
        folder.resolve("out/model.safetensors").toRealPath(),
        result.merge().files().getFirst().path());
    onlyModelsAnd("out", "alone");
  }

  private void onlyModelsAnd(String... names) throws IOException {
    List<String> expected = new ArrayList<>(List.of("new", "old"));
    expected.addAll(List.of(names));
    try (Stream<Path> entries = Files.list(folder)) {
      assertEquals(
          expected.stream().sorted().toList(),
          entries.map(path -> path.getFileName().toString()).sorted().toList());
    }
  }

  /// Whatever the number of candidates: the events of reading add up to the tensors' bytes once.
  @Test
  void checkpointsAreReadOnce() throws IOException {
    for (IoMode io : IoMode.values()) {
      Path file = folder.resolve(io + ".jfr");
      Sweep.Result result;
      try (Recording recording = new Recording()) {
        recording.enable("sinter.Read").withoutThreshold();
        recording.start();
        result =
            Sweep.of(update())
                .run(
                    folder.resolve("out"),
                    SweepTest::peak,
                    options(folder).withIo(io).withForce(true),
                    QUIET);
        recording.stop();
        recording.dump(file);
      }
      Map<String, Long> read = new HashMap<>();
      for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
        if (event.getEventType().getName().equals("sinter.Read")) {
          read.merge(event.getString("file"), event.getLong("bytes"), Long::sum);
        }
      }
      long floats = 4L * (300 * 200 + 300 + 130_001);
      long integers = 24; // Those of the new model.
      assertEquals(
          Map.of(
              folder.resolve("old/model.safetensors").toString(),
              floats,
              folder.resolve("new/model.safetensors").toString(),
              floats + integers),
          read);
      assertEquals(
          Map.of(folder.resolve("old"), floats, folder.resolve("new"), floats + integers),
          result.read());
      assertEquals(11 * Files.size(folder.resolve("out/model.safetensors")), result.bytesWritten());
    }
  }

  @Test
  void identities() throws IOException {
    Path work = folder.resolve("work");
    Sweep.of(update())
        .withAlphas(List.of(1.0, 0.0, 0.5))
        .withWork(work, true)
        .run(
            folder.resolve("out"),
            c -> Evaluation.of(1 - c.alpha() / 10, 0),
            options(folder),
            QUIET);
    Map<String, PlainFile.Plain> out = PlainFile.readFolder(folder.resolve("out"));
    Map<String, PlainFile.Plain> updated = PlainFile.readFolder(folder.resolve("new"));
    updated.forEach((name, t) -> assertArrayEquals(t.bytes(), out.get(name).bytes(), name));
    Map<String, PlainFile.Plain> old = PlainFile.readFolder(folder.resolve("old"));
    Map<String, PlainFile.Plain> one = PlainFile.readFolder(work.resolve("alpha-1.0"));
    old.forEach((name, t) -> assertArrayEquals(t.bytes(), one.get(name).bytes(), name));
    try (Stream<Path> kept = Files.list(work)) {
      assertEquals(
          List.of("alpha-0.5", "alpha-1.0"),
          kept.map(path -> path.getFileName().toString()).sorted().toList());
    }
    String message =
        assertThrows(
                CheckpointException.class,
                () ->
                    Sweep.of(update())
                        .withWork(work, false)
                        .run(folder.resolve("next"), SweepTest::peak, options(folder), QUIET))
            .getMessage();
    assertTrue(message.contains("alpha-0.5: exists already"), message);
    onlyModelsAnd("out", "work");
  }

  // ---- what goes wrong --------------------------------------------------------------------------

  @Test
  void anEvaluatorThatFails() throws IOException {
    Files.createDirectory(folder.resolve("work"));
    for (Path work : new Path[] {null, folder.resolve("work"), folder.resolve("made")}) {
      List<String> left = new ArrayList<>();
      String message =
          assertThrows(
                  EvaluationException.class,
                  () ->
                      Sweep.of(update())
                          .withWork(work, false)
                          .run(
                              folder.resolve("out"),
                              candidate -> {
                                if (candidate.alpha() == 0.2) {
                                  throw new EvaluationException("the evaluator is ill");
                                }
                                return peak(candidate);
                              },
                              options(folder),
                              new Sweep.Listener() {
                                @Override
                                public void left(String text) {
                                  left.add(text);
                                }
                              }))
              .getMessage();
      assertTrue(message.startsWith("alpha 0.2, candidate "), message);
      assertTrue(message.endsWith("alpha-0.2: the evaluator is ill"), message);
      assertEquals(List.of("Nothing was left behind."), left);
      onlyModelsAnd("work");
      try (Stream<Path> files = Files.list(folder.resolve("work"))) {
        assertEquals(0, files.count());
      }
    }
  }

  @Test
  void anEvaluatorWithAMistake() throws IOException {
    String message =
        assertThrows(
                EvaluationException.class,
                () ->
                    Sweep.of(update())
                        .run(
                            folder.resolve("out"),
                            c -> Evaluation.of(c.alpha() == 0.1 ? 81 : 0.8, 0),
                            options(folder),
                            QUIET))
            .getMessage();
    assertTrue(message.startsWith("alpha 0.1, candidate "), message);
    assertTrue(message.contains("the evaluator failed (java.lang.IllegalArgument"), message);
    onlyModelsAnd();
  }

  @Test
  void anInterruptedSweepLeavesNothing() throws IOException {
    for (long until : new long[] {1, 500_000, 3_000_000}) {
      assertThrows(
          IllegalStateException.class,
          () ->
              Sweep.of(update())
                  .run(
                      folder.resolve("out"),
                      SweepTest::peak,
                      options(folder).withMemory(MergeOptions.LEAST_MEMORY),
                      new Sweep.Listener() {
                        @Override
                        public void progress(long done, long total) {
                          if (done >= until) {
                            throw new IllegalStateException("enough");
                          }
                        }
                      }));
      onlyModelsAnd();
    }
  }

  @Test
  void anExistingOutputStaysUntilTheEnd() throws IOException {
    Path out = Files.createDirectory(folder.resolve("out"));
    Files.writeString(out.resolve("config.json"), "{}");
    String message =
        assertThrows(
                CheckpointException.class,
                () -> Sweep.of(update()).run(out, c -> fail(), options(folder), QUIET))
            .getMessage();
    assertTrue(message.contains("exists already"), message);
    assertThrows(
        EvaluationException.class,
        () ->
            Sweep.of(update())
                .run(
                    out,
                    c -> {
                      throw new EvaluationException("no");
                    },
                    options(folder).withForce(true),
                    QUIET));
    assertEquals("{}", Files.readString(out.resolve("config.json")));
    Sweep.of(update()).run(out, SweepTest::peak, options(folder).withForce(true), QUIET);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
    onlyModelsAnd("out");
  }

  private static Evaluation fail() {
    throw new AssertionError("nothing is to be evaluated");
  }

  @Test
  void gridsThatMakeNoSense() {
    for (var wrong :
        Map.of(
                List.of(0.1, 0.2), "lack 0, the new model",
                List.of(0.0, 0.2, 0.2), "have one twice",
                List.of(0.0, -0.0), "have one twice",
                List.of(0.0, 1.5), "go beyond 0, the new model, and 1, the old one",
                List.of(-0.5, 0.0), "go beyond 0, the new model, and 1, the old one")
            .entrySet()) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> Sweep.of(update()).withAlphas(wrong.getKey()))
              .getMessage();
      assertTrue(message.contains(wrong.getValue()), message);
    }
    assertThrows(IllegalArgumentException.class, () -> Sweep.of(update()).withEpsilon(2));
    assertThrows(IllegalArgumentException.class, () -> Sweep.of(update()).withWork(null, true));
  }
}

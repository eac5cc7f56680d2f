// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.tests.updater.FaultyFiles.Fault;
import io.sinter.tests.updater.FaultyFiles.Op;
import io.sinter.updater.CheckpointException;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Whatever the disk does: one error that names the file, no output or the old one, nothing left
/// behind, no input touched, and the next run is right.
class FaultTest {
  private static final String RECIPE =
      """
      merge_method: linear
      models:
      - {model: a, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: 0.25}}
      """;

  private static final String A1 = "model-00001-of-00002.safetensors";
  private static final String A2 = "model-00002-of-00002.safetensors";
  private static final String B = "b.safetensors";
  private static final String OUT1 = "model-00001-of-00003.safetensors";
  private static final String OUT2 = "model-00002-of-00003.safetensors";
  private static final String OUT3 = "model-00003-of-00003.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String CONFIG = "config.json";
  private static final String JOURNAL = ".sinter-journal";
  private static final String PROVENANCE = "sinter.json";

  /// How a run under a fault ends.
  private enum End {
    /// With an error, and no output.
    FAILS,
    /// As if nothing had happened.
    SUCCEEDS,
    /// With an error, the output being in its place.
    IN_PLACE
  }

  /// A fault and what comes of it.
  ///
  /// @param named the file that the error names
  private record Case(String what, IoMode io, End end, String named, Fault fault) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static final class Cases {
    private final List<Case> all = new ArrayList<>();

    void add(String what, End end, String named, Fault fault) {
      all.add(new Case(what, IoMode.PREAD, end, named, fault));
    }

    /// An operation on a file that the system refuses.
    void refused(Op op, String name, IOException e) {
      refused(op, name, e, End.FAILS, name);
    }

    void refused(Op op, String name, IOException e, End end, String named) {
      add(
          op + " of " + name + ": " + e.getClass().getSimpleName() + " " + e.getMessage(),
          end,
          named,
          new Fault() {
            @Override
            public void before(Op actual, String file) throws IOException {
              if (actual == op && matches(file, name)) {
                throw e;
              }
            }
          });
    }

    /// An error at a byte, as a disk has it: what lies before can be read or written.
    void at(Op op, String name, long byteAt, String message) {
      add(
          op + " of " + name + " at " + byteAt + ": " + message,
          End.FAILS,
          name,
          new Fault() {
            @Override
            public int moves(Op actual, String file, long position, int wanted) throws IOException {
              if (actual != op || !matches(file, name) || position + wanted <= byteAt) {
                return wanted;
              }
              if (position >= byteAt) {
                throw new IOException(message);
              }
              return (int) (byteAt - position);
            }
          });
    }

    /// A file that ends at a byte although it is said to be longer.
    void ends(String name, long byteAt) {
      add(
          name + " ends at " + byteAt,
          End.FAILS,
          name,
          new Fault() {
            @Override
            public int moves(Op op, String file, long position, int wanted) {
              if (op != Op.READ || !matches(file, name)) {
                return wanted;
              }
              return position >= byteAt ? -1 : (int) Math.min(wanted, byteAt - position);
            }
          });
    }

    void size(String name, long difference) {
      add(
          "size of " + name + " is said to be other by " + difference,
          End.FAILS,
          name,
          new Fault() {
            @Override
            public long size(String file, long actual) {
              return matches(file, name) ? Math.max(0, actual + difference) : actual;
            }
          });
    }

    /// At most some bytes at a time.
    void dribbles(Op op, int bytes) {
      add(
          op + " of " + bytes + " bytes at a time",
          End.SUCCEEDS,
          "",
          new Fault() {
            @Override
            public int moves(Op actual, String file, long position, int wanted) {
              return actual == op ? Math.min(wanted, bytes) : wanted;
            }
          });
    }

    /// No byte moves from a place on: for some calls, or, from 100 on, for ever.
    void stalls(Op op, String name, long byteAt, int calls) {
      AtomicInteger left = new AtomicInteger(calls);
      add(
          op + " of " + name + " stalls at " + byteAt + " for " + calls + " calls",
          calls < 100 ? End.SUCCEEDS : End.FAILS,
          name,
          new Fault() {
            @Override
            public int moves(Op actual, String file, long position, int wanted) {
              if (actual != op || !matches(file, name) || position + wanted <= byteAt) {
                return wanted;
              }
              if (position < byteAt) {
                return (int) (byteAt - position);
              }
              boolean stalls = calls >= 100 || left.getAndDecrement() > 0;
              return position == byteAt && stalls ? 0 : wanted;
            }
          });
    }

    /// Bytes that are said to be written and are not.
    void loses(String name) {
      add(
          "the end of " + name + " is not written",
          End.FAILS,
          name,
          new Fault() {
            @Override
            public boolean loses(String file, long position) {
              return matches(file, name) && position > 60;
            }
          });
    }
  }

  /// `*` stands for anything.
  private static boolean matches(String file, String name) {
    return name.startsWith("*") ? file.endsWith(name.substring(1)) : file.equals(name);
  }

  static List<Case> cases() {
    IOException error = new IOException("Input/output error");
    IOException full = new FileSystemException("x", null, "No space left on device");
    IOException denied = new AccessDeniedException("x");
    IOException other = new FileSystemException("x", "y", "Invalid cross-device link");
    Cases cases = new Cases();
    for (String input : List.of(A1, A2, B)) {
      for (long at : new long[] {0, 3, 8, 30, 3000, 8000}) {
        cases.at(Op.READ, input, at, "Input/output error");
      }
      for (long at : new long[] {0, 7, 50, 2000, 8000}) {
        cases.ends(input, at);
      }
      for (long difference : new long[] {1, -1, -100_000, Long.MAX_VALUE / 2}) {
        cases.size(input, difference);
      }
      cases.refused(Op.OPEN, input, denied);
      cases.refused(Op.SIZE, input, error);
      cases.refused(Op.ATTRIBUTES, input, denied);
      cases.refused(Op.CLOSE, input, error, End.IN_PLACE, input);
      cases.stalls(Op.READ, input, 0, 1000);
      cases.stalls(Op.READ, input, 3000, 1000);
      cases.stalls(Op.READ, input, 3000, 50);
    }
    cases.refused(Op.OPEN, CONFIG, denied);
    cases.at(Op.READ, CONFIG, 1, "Input/output error");
    cases.refused(Op.OPEN, INDEX, denied);
    cases.at(Op.READ, INDEX, 5, "Input/output error");
    cases.ends(INDEX, 5);
    for (int bytes : new int[] {1, 7, 4096}) {
      cases.dribbles(Op.READ, bytes);
      cases.dribbles(Op.WRITE, bytes);
    }
    for (String output : List.of(OUT1, OUT2, OUT3)) {
      for (long at : new long[] {0, 100, 4096, 4097, 6000}) {
        cases.at(Op.WRITE, output, at, "No space left on device");
      }
      cases.at(Op.WRITE, output, 5000, "Input/output error");
      cases.stalls(Op.WRITE, output, 4096, 1000);
      cases.stalls(Op.WRITE, output, 4096, 50);
    }
    for (String small : List.of(CONFIG, INDEX, PROVENANCE, JOURNAL)) {
      cases.at(Op.WRITE, small, 0, "No space left on device");
      cases.at(Op.WRITE, small, 1, "Disk quota exceeded");
    }
    cases.at(Op.WRITE, JOURNAL, 500, "No space left on device");
    for (String output : List.of(OUT1, OUT2, OUT3, CONFIG, INDEX, PROVENANCE)) {
      cases.refused(Op.CREATE, output, denied);
      cases.refused(Op.CREATE, output, full);
      cases.refused(Op.FORCE, output, error);
      cases.refused(Op.CLOSE, output, error);
    }
    cases.refused(Op.CREATE, JOURNAL, denied);
    cases.refused(Op.CLOSE, JOURNAL, error);
    for (String output : List.of(OUT1, OUT2, OUT3, INDEX, PROVENANCE)) {
      cases.loses(output);
    }
    cases.refused(Op.FORCE, "*.partial", error, End.FAILS, "out");
    cases.refused(Op.FOLDER, "*.partial", denied, End.FAILS, "out");
    cases.refused(Op.FOLDER, "*.partial", full, End.FAILS, "out");
    cases.refused(Op.LIST, "work", denied);
    cases.refused(Op.STORE, "*.partial", error, End.SUCCEEDS, "");
    for (IOException e : List.of(denied, error, other, full)) {
      cases.refused(Op.MOVE, "out", e);
    }
    cases.refused(Op.FORCE, "work", error, End.IN_PLACE, "out");
    return cases.all;
  }

  @TempDir Path temporary;
  private final FaultyFiles files = new FaultyFiles();
  private Path folder;
  private Path output;
  private Map<String, byte[]> inputs;
  private Map<String, byte[]> expected;
  private String recipe = RECIPE;

  @BeforeEach
  void models() throws IOException {
    folder = Files.createDirectory(temporary.resolve("work"));
    Map<String, PlainFile.Plain> whole = new LinkedHashMap<>();
    List<Map<String, PlainFile.Plain>> shards =
        List.of(new LinkedHashMap<>(), new LinkedHashMap<>());
    StringBuilder index = new StringBuilder();
    for (int i = 0; i < 6; i++) {
      shards.get(i / 3).put("t" + i, Merging.random(i, 1000));
      whole.put("t" + i, Merging.random(100 + i, 1000));
      index.append(i == 0 ? "" : ",").append("\"t" + i + "\":\"" + (i < 3 ? A1 : A2) + "\"");
    }
    Path a = Files.createDirectory(folder.resolve("a"));
    PlainFile.write(a.resolve(A1), shards.get(0));
    PlainFile.write(a.resolve(A2), shards.get(1));
    Files.writeString(a.resolve(INDEX), "{\"weight_map\":{" + index + "}}");
    Files.writeString(a.resolve(CONFIG), "{\"model_type\": \"llama\"}");
    PlainFile.write(Files.createDirectory(folder.resolve("b")).resolve(B), whole);
    inputs = inputs();
    output = folder.resolve("out");
    Merging.merge(RECIPE, options(folder, IoMode.MMAP), output);
    expected = Merging.contents(output);
    delete(output);
  }

  private static MergeOptions options(Path folder, IoMode io) {
    return Merging.options(folder).withMaxShardBytes(9000).withIo(io);
  }

  private Map<String, byte[]> inputs() throws IOException {
    Map<String, byte[]> contents = new TreeMap<>();
    for (String model : List.of("a", "b")) {
      Merging.contents(folder.resolve(model))
          .forEach((name, bytes) -> contents.put(model + "/" + name, bytes));
    }
    return contents;
  }

  private List<String> names() throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  private static void assertFiles(Map<String, byte[]> expected, Map<String, byte[]> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((name, bytes) -> assertArrayEquals(bytes, actual.get(name), name));
  }

  /// Merges on the faulty file system.
  private MergeReport merge(MergeOptions options, MergeListener listener) {
    try (Merge merge = Merge.plan(Recipe.parse(recipe, "r.yml"), options)) {
      return merge.run(files.of(output), listener);
    }
  }

  private void run(Case fault, MergeOptions options) {
    files.set(fault.fault());
    CheckpointException thrown = null;
    try {
      merge(options, MergeListener.NONE);
    } catch (CheckpointException e) {
      thrown = e;
    } finally {
      files.set(Fault.NONE);
    }
    if (fault.end() == End.SUCCEEDS) {
      assertNull(thrown);
    } else {
      assertNotNull(thrown, "no error");
      String message = thrown.getMessage();
      assertEquals(1, message.lines().count(), message);
      assertTrue(message.contains("/" + fault.named() + ": "), message);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void faults(Case fault) throws IOException {
    MergeOptions options = options(files.of(folder), fault.io());
    run(fault, options);
    boolean there = fault.end() != End.FAILS;
    assertEquals(there ? List.of("a", "b", "out") : List.of("a", "b"), names());
    if (there) {
      assertFiles(expected, Merging.contents(output));
      delete(output);
    }
    assertFiles(inputs, inputs());
    merge(options, MergeListener.NONE);
    assertFiles(expected, Merging.contents(output));

    // What is interrupted and kept is gone on with.
    delete(output);
    run(fault, options.withResume(true));
    MergeReport report = merge(options.withResume(true).withForce(true), MergeListener.NONE);
    assertEquals(List.of(), report.warnings());
    assertFiles(expected, Merging.contents(output));
    assertEquals(List.of("a", "b", "out"), names());
    assertFiles(inputs, inputs());
  }

  /// The same where an output is to be replaced: the old one stays.
  @ParameterizedTest
  @MethodSource("cases")
  void faultsBesideAnOldOutput(Case fault) throws IOException {
    MergeOptions options = options(files.of(folder), fault.io()).withForce(true);
    Files.createDirectory(output);
    Files.writeString(output.resolve("old"), "old");
    Map<String, byte[]> old = Merging.contents(output);
    boolean moves = fault.what().startsWith("MOVE of out"); // It is exchanged instead.
    run(moves ? exchange(fault) : fault, options);
    boolean there = fault.end() != End.FAILS;
    assertFiles(there ? expected : old, Merging.contents(output));
    if (fault.what().startsWith("FORCE of work")) {
      // The old one is kept where it is not sure that the new one is on the disk.
      for (String name : names()) {
        if (name.endsWith(".partial")) {
          assertFiles(old, Merging.contents(folder.resolve(name)));
          delete(folder.resolve(name));
        }
      }
    }
    assertEquals(List.of("a", "b", "out"), names());
    assertFiles(inputs, inputs());
    merge(options, MergeListener.NONE);
    assertFiles(expected, Merging.contents(output));
    assertEquals(List.of("a", "b", "out"), names());
  }

  private static Case exchange(Case move) {
    return new Case(
        move.what(),
        move.io(),
        move.end(),
        move.named(),
        new Fault() {
          @Override
          public void before(Op op, String name) throws IOException {
            if (op == Op.EXCHANGE) {
              move.fault().before(Op.MOVE, "out");
            }
          }
        });
  }

  @Test
  void thereAreEnough() {
    List<String> names = cases().stream().map(Case::what).distinct().toList();
    assertEquals(cases().size(), names.size());
    assertTrue(names.size() >= 50, names.size() + " faults");
    System.out.println(names.size() + " faults");
  }

  @Test
  void mapsThatCannotBeMade() throws IOException {
    Cases cases = new Cases();
    cases.refused(Op.MAP, B, new IOException("Map failed"));
    cases.refused(Op.MAP, A2, new IOException("Map failed"));
    for (Case fault : cases.all) {
      run(fault, options(files.of(folder), IoMode.MMAP));
      assertEquals(List.of("a", "b"), names());
    }
  }

  /// Tensors that are larger than a slot are computed in maps of the output's files.
  @Test
  void outputsThatCannotBeMapped() throws IOException {
    Merging.model(folder.resolve("c"), 1, 3, 400_000);
    Merging.model(folder.resolve("d"), 9, 3, 400_000);
    recipe =
        """
        merge_method: ties
        base_model: c
        models:
        - {model: d, parameters: {weight: 0.5, density: 0.5}}
        """;
    MergeOptions options = options(files.of(folder), IoMode.MMAP).withMemory(10_000_000);
    merge(options, MergeListener.NONE);
    Map<String, byte[]> outputs = Merging.contents(output);
    delete(output);
    Cases cases = new Cases();
    for (String name : List.of(OUT1, OUT2, OUT3)) {
      cases.refused(Op.MAP, name, new IOException("Map failed"));
      cases.refused(Op.EXCHANGE, name, new IOException("cannot be allocated"));
      cases.refused(Op.FORCE, name, new IOException("Input/output error"));
    }
    cases.at(Op.WRITE, OUT2, 10, "No space left on device");
    for (Case fault : cases.all) {
      run(fault, options);
      assertEquals(List.of("a", "b", "c", "d"), names());
      run(fault, options.withResume(true));
      merge(options.withResume(true), MergeListener.NONE);
      assertFiles(outputs, Merging.contents(output));
      delete(output);
      assertEquals(List.of("a", "b", "c", "d"), names());
    }
  }

  /// Another folder takes the name while the merge runs.
  @Test
  void aTargetThatAppearsDuringTheMerge() throws IOException {
    Path rival = output.resolve("rival");
    Fault fault =
        new Fault() {
          @Override
          public void before(Op op, String name) throws IOException {
            if (op == Op.CREATE && name.equals(OUT3)) {
              Files.createDirectory(output);
              Files.writeString(rival, "rival");
            }
          }
        };
    run(
        new Case("appears", IoMode.PREAD, End.FAILS, "out", fault),
        options(files.of(folder), IoMode.PREAD));
    assertEquals("rival", Files.readString(rival));
    assertEquals(List.of("a", "b", "out"), names());
  }

  /// What cannot be removed is said to be left; the first error is the one that is thrown.
  @Test
  void whatCannotBeRemoved() throws IOException {
    List<String> left = new ArrayList<>();
    files.set(
        new Fault() {
          @Override
          public void before(Op op, String name) throws IOException {
            if (op == Op.FORCE && name.equals(OUT2) || op == Op.DELETE && name.equals(OUT1)) {
              throw new IOException("Input/output error");
            }
          }
        });
    CheckpointException thrown = null;
    try {
      merge(
          options(files.of(folder), IoMode.PREAD),
          new MergeListener() {
            @Override
            public void left(String message) {
              left.add(message);
            }
          });
    } catch (CheckpointException e) {
      thrown = e;
    }
    assertNotNull(thrown);
    assertTrue(thrown.getMessage().contains(OUT2), thrown.getMessage());
    assertEquals(1, left.size());
    assertTrue(left.getFirst().contains(".partial is left behind"), left.getFirst());
  }

  /// The partial folder lies beside the output, so that what is temporary elsewhere does not
  // matter.
  @Test
  void anOutputOnAnotherFileSystem() throws IOException {
    Path memory = Path.of("/dev/shm");
    if (!Files.isWritable(memory)
        || Files.getFileStore(memory).equals(Files.getFileStore(folder))) {
      System.out.println("skipped: /dev/shm is no file system of its own here");
      return;
    }
    Path elsewhere = Files.createTempDirectory(memory, "sinter-test");
    try {
      Path target = elsewhere.resolve("out");
      Merging.merge(RECIPE, options(folder, IoMode.MMAP), target);
      assertFiles(expected, Merging.contents(target));
      Merging.merge(RECIPE, options(folder, IoMode.MMAP).withForce(true), target);
      assertFiles(expected, Merging.contents(target));
      assertNotEquals(Files.getFileStore(target), Files.getFileStore(folder));
      delete(target);
    } finally {
      Files.delete(elsewhere);
    }
  }

  private static void delete(Path path) throws IOException {
    try (Stream<Path> entries = Files.list(path)) {
      for (Path entry : entries.toList()) {
        Files.delete(entry);
      }
    }
    Files.delete(path);
  }
}

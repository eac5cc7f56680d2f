// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.alignment.SpecFuzz;
import io.sinter.updater.compatibility.CsvFuzz;
import io.sinter.updater.compatibility.EvaluationFuzz;
import io.sinter.updater.compatibility.GateFuzz;
import io.sinter.updater.compatibility.NpyFuzz;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// Runs Jazzer on the targets, one after the other, each in a JVM of its own: `mvn verify -P fuzz`.
///
/// A target goes on where it stopped: what it finds worth keeping stays in
/// `target/fuzz/NAME/corpus`. What it finds wrong is written to `target/fuzz/NAME`, and belongs,
// once mended, into
/// `src/test/resources/fuzz/NAME`. What long runs kept is in `NAME.zip` beside that, after
/// `-merge=1`.
public final class Fuzzing {
  /// A reader and its name, which is that of its folder of inputs.
  record Target(String name, Class<?> type, Consumer<byte[]> run) {}

  static final List<Target> TARGETS =
      List.of(
          new Target("header", HeaderFuzz.class, HeaderFuzz::fuzzerTestOneInput),
          new Target("index", IndexFuzz.class, IndexFuzz::fuzzerTestOneInput),
          new Target("config", ConfigFuzz.class, ConfigFuzz::fuzzerTestOneInput),
          new Target("labels", LabelsFuzz.class, LabelsFuzz::fuzzerTestOneInput),
          new Target("recipe", RecipeFuzz.class, RecipeFuzz::fuzzerTestOneInput),
          new Target("journal", JournalFuzz.class, JournalFuzz::fuzzerTestOneInput),
          new Target("csv", CsvFuzz.class, CsvFuzz::fuzzerTestOneInput),
          new Target("npy", NpyFuzz.class, NpyFuzz::fuzzerTestOneInput),
          new Target("gate", GateFuzz.class, GateFuzz::fuzzerTestOneInput),
          new Target("spec", SpecFuzz.class, SpecFuzz::fuzzerTestOneInput),
          new Target("evaluation", EvaluationFuzz.class, EvaluationFuzz::fuzzerTestOneInput));

  private static final Path SEEDS = Path.of("src/test/resources/fuzz");
  private static final Path RECIPES = Path.of("../src/test/resources/goldens/merge");

  /// Twice the longest input, and what a reader may allocate beside that, fit many times over: what
  /// is live is bounded here, what is allocated in [Reading].
  private static final String HEAP = "-Xmx512m";

  private static final int MAX_LENGTH = 1 << 16;
  private static final int HANG_SECONDS = 10;

  /// Lines of a failed run that are shown.
  private static final int TAIL = 40;

  private static final Pattern DONE =
      Pattern.compile("#(?<runs>\\d+)\\s+DONE\\s+cov: (?<edges>\\d+) ft: (?<features>\\d+).*");
  private static final Pattern PULSE = Pattern.compile("#\\d+\\s+(INITED|pulse|RELOAD)\\b.*");

  private Fuzzing() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> names = List.of(args[0].split(","));
    PrintStream out = System.out;
    List<String> table = new ArrayList<>();
    boolean failed = false;
    for (String name : names) {
      Target target =
          TARGETS.stream()
              .filter(t -> t.name().equals(name))
              .findFirst()
              .orElseThrow(() -> new IllegalArgumentException("there is no target " + name));
      String line = run(target, args[1], args[2], args[3], out);
      failed |= line.endsWith("FAILED");
      table.add(line);
    }
    out.println("target      executions   seconds   per second   edges   features   inputs kept");
    table.forEach(out::println);
    if (failed) {
      System.exit(1);
    }
  }

  private static String run(
      Target target, String seconds, String runs, String seed, PrintStream out)
      throws IOException, InterruptedException {
    Path folder = Path.of("target/fuzz", target.name()).toAbsolutePath();
    Path corpus = Files.createDirectories(folder.resolve("corpus"));
    Path seeds = Files.createDirectories(folder.resolve("seeds"));
    for (Path input : inputs(target)) {
      Files.write(seeds.resolve(unique(input)), Files.readAllBytes(input));
    }
    for (Map.Entry<String, byte[]> input : found(target).entrySet()) {
      Files.write(seeds.resolve(input.getKey()), input.getValue());
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                HEAP,
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + target.type().getName(),
                "--instrumentation_includes=io.sinter.updater.**",
                // The judge is not what is to be explored.
                "--instrumentation_excludes="
                    + Stream.concat(Stream.of(Reading.class), TARGETS.stream().map(Target::type))
                        .map(Class::getName)
                        .collect(Collectors.joining(":")),
                // Jazzer's own sanitizers look at what these readers do not do, and cost as much.
                "--custom_hook_excludes=**",
                "--reproducer_path=" + folder,
                "-artifact_prefix=" + folder + "/",
                "-dict=" + SEEDS.resolve(target.name() + ".dict").toAbsolutePath(),
                "-timeout=" + HANG_SECONDS,
                "-max_len=" + MAX_LENGTH,
                "-rss_limit_mb=4096",
                "-seed=" + seed,
                "-max_total_time=" + seconds));
    if (!runs.equals("0")) {
      command.add("-runs=" + runs);
    }
    command.addAll(List.of(corpus.toString(), seeds.toString()));

    long start = System.nanoTime();
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    Deque<String> tail = new ArrayDeque<>();
    long executions = 0;
    String coverage = "";
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher done = DONE.matcher(line);
        if (done.matches()) {
          executions = Long.parseLong(done.group("runs"));
          coverage = "%8s   %8s".formatted(done.group("edges"), done.group("features"));
        }
        if (PULSE.matcher(line).matches()) {
          out.println(target.name() + " " + line);
        }
        tail.addLast(line);
        if (tail.size() > TAIL) {
          tail.removeFirst();
        }
      }
    }
    boolean failed = process.waitFor() != 0 || coverage.isEmpty();
    if (failed) {
      tail.forEach(out::println);
    }
    double elapsed = (System.nanoTime() - start) * 1e-9;
    try (Stream<Path> kept = Files.list(corpus)) {
      return "%-10s %11d %9.0f %12.0f %s %13d%s"
          .formatted(
              target.name(),
              executions,
              elapsed,
              executions / elapsed,
              coverage,
              kept.count(),
              failed ? "   FAILED" : "");
    }
  }

  /// The inputs kept for a target; for recipes the goldens too.
  static List<Path> inputs(Target target) throws IOException {
    List<Path> inputs = new ArrayList<>();
    try (Stream<Path> files = Files.list(SEEDS.resolve(target.name()))) {
      files.sorted().forEach(inputs::add);
    }
    if (target.type() == RecipeFuzz.class) {
      try (Stream<Path> cases = Files.list(RECIPES)) {
        cases.sorted().map(golden -> golden.resolve("recipe.yml")).forEach(inputs::add);
      }
    }
    return inputs;
  }

  /// What long runs found worth keeping, by name: the fewest inputs that reach all that they
  // reached.
  static SortedMap<String, byte[]> found(Target target) throws IOException {
    SortedMap<String, byte[]> found = new TreeMap<>();
    Path file = SEEDS.resolve(target.name() + ".zip");
    try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        found.put(entry.getName(), zip.readAllBytes());
      }
    }
    return found;
  }

  private static String unique(Path input) {
    return input.getParent().getFileName() + "-" + input.getFileName();
  }

  /// The words of a target's language, as its dictionary for Jazzer has them.
  static List<byte[]> words(Target target) throws IOException {
    List<byte[]> words = new ArrayList<>();
    for (String line : Files.readAllLines(SEEDS.resolve(target.name() + ".dict"))) {
      words.add(
          line.substring(1, line.length() - 1)
              .replace("\\x0a", "\n")
              .replace("\\\"", "\"")
              .replace("\\\\", "\\")
              .getBytes(StandardCharsets.UTF_8));
    }
    return words;
  }
}

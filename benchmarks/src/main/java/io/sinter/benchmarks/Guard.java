// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.Device;
import io.sinter.DeviceInfo;
import io.sinter.Sinter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/// Holds the speed that was reached. Every case is raced against its traffic twin and its peers,
/// and the guard fails where a ratio fell clearly below the one in `guard.json`.
///
/// Options: `--short` runs few cases and fails only below half of the twin's ratios; `--device D`
/// (all by default); `--only REGEX` of case names; `--rounds N`; `--guard FILE`; `--results DIR`
/// writes `DIR/CARD.json`; `--record` writes the ratios to the guard's file instead of comparing.
public final class Guard {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final long SAMPLE = 20_000_000;

  private final List<String> failures = new ArrayList<>();
  private boolean brief;
  private boolean record;
  private int rounds = 15;
  private String device = "all";
  private Pattern only = Pattern.compile("");
  private Path file = Path.of("guard.json");
  private @org.jspecify.annotations.Nullable Path results;

  private Guard() {}

  /// @param arguments the options above
  public static void main(String[] arguments) throws IOException {
    Guard guard = new Guard();
    guard.parse(List.of(arguments));
    guard.run();
    if (!guard.failures.isEmpty()) {
      System.err.println("The guard failed:");
      guard.failures.forEach(f -> System.err.println("  " + f));
      System.exit(1);
    }
  }

  private void parse(List<String> arguments) {
    for (int i = 0; i < arguments.size(); i++) {
      String option = arguments.get(i);
      switch (option) {
        case "--short" -> {
          brief = true;
          rounds = 7;
        }
        case "--record" -> record = true;
        case "--rounds" -> rounds = Integer.parseInt(value(arguments, ++i));
        case "--device" -> device = value(arguments, ++i);
        case "--only" -> only = Pattern.compile(value(arguments, ++i));
        case "--guard" -> file = Path.of(value(arguments, ++i));
        case "--results" -> results = Path.of(value(arguments, ++i));
        default -> {
          System.err.println("guard: unknown option " + option + "; see benchmarks/README.md");
          System.exit(2);
        }
      }
    }
  }

  private static String value(List<String> arguments, int i) {
    if (i >= arguments.size()) {
      System.err.println("guard: " + arguments.getLast() + " needs a value");
      System.exit(2);
    }
    return arguments.get(i);
  }

  private void run() throws IOException {
    ObjectNode guard = (ObjectNode) JSON.readTree(file.toFile());
    double margin = guard.get(brief ? "short" : "margin").asDouble();
    for (Device each : device.equals("all") ? Device.all() : List.of(Device.parse(device))) {
      DeviceInfo info = each.info();
      if (info.emulated()) {
        System.out.println(each + " is emulated and left out: its speed says nothing");
        continue;
      }
      System.out.println(each + ": " + info.name() + " (" + info.detail() + ")");
      String kind = each.isCpu() ? "cpu" : "cuda";
      ObjectNode reached = guard.withObjectProperty("reached").withObjectProperty(kind);
      ObjectNode measured = JSON.createObjectNode();
      for (Cases.Case c : Cases.on(each)) {
        if ((!brief || c.brief()) && only.matcher(c.name()).find()) {
          race(each, c, measured);
        }
      }
      if (record) {
        measured.properties().forEach(e -> reached.set(e.getKey(), ratiosOf(e.getValue())));
      } else {
        compare(kind, reached, measured, margin);
      }
      if (results != null) {
        writeResults(results, each, measured);
      }
    }
    if (only.matcher("downcall").find()) {
      downcall(guard.get("downcallNanosecondsOverC").asDouble() * (brief ? 2 : 1));
    }
    if (record) {
      write(file, guard);
    }
  }

  private void race(Device on, Cases.Case c, ObjectNode measured) {
    MergeBenchmark benchmark = c.benchmark().get();
    long bytes = benchmark.memory();
    long free = on.isCpu() ? on.info().memoryFree() * 3 / 4 : on.info().memoryFree() * 3 / 8;
    if (bytes > free) {
      System.out.printf(
          Locale.ROOT,
          "  %-28s left out: needs %.1f GB, and %.1f GB are free for it%n",
          c.name(),
          bytes / 1e9,
          free / 1e9);
      return;
    }
    try {
      benchmark.setUp();
      List<Contender> contenders = benchmark.contenders();
      if (brief) {
        // Peers take seconds a run, and their ratios are not held here.
        Set<String> needed = Set.of(Contender.SINTER, Contender.TWIN);
        contenders = contenders.stream().filter(each -> needed.contains(each.name())).toList();
      }
      Race race = Race.run(contenders, rounds, SAMPLE);
      ObjectNode result = measured.putObject(c.name());
      StringBuilder line = new StringBuilder();
      for (Contender other : contenders) {
        if (!other.name().equals(Contender.SINTER)) {
          double ratio = race.ratio(Contender.SINTER, other.name());
          result.put(other.name(), rounded(ratio));
          line.append(String.format(Locale.ROOT, "  %.2f x %s", ratio, other.name()));
        }
      }
      result.put("twinKind", benchmark.twinKind());
      double nanoseconds = race.nanoseconds(Contender.SINTER);
      if (!on.isCpu()) {
        result.put("microseconds", rounded(nanoseconds / 1000));
        result.put("gigabytesPerSecond", rounded(benchmark.traffic() / nanoseconds));
      }
      if (benchmark instanceof BatchBenchmark batch) {
        result.put("tensors", batch.tensors());
      }
      System.out.printf(
          Locale.ROOT,
          "  %-28s%s   (%.1f GB/s; twin: %s)%n",
          c.name(),
          line,
          benchmark.traffic() / nanoseconds,
          benchmark.twinKind());
    } finally {
      benchmark.tearDown();
    }
  }

  /// The ratios among a case's results.
  private static ObjectNode ratiosOf(JsonNode result) {
    ObjectNode ratios = JSON.createObjectNode();
    for (String name : List.of(Contender.TWIN, "java", "libtorch")) {
      if (result.has(name)) {
        ratios.set(name, result.get(name));
      }
    }
    return ratios;
  }

  private void compare(String kind, ObjectNode reached, ObjectNode measured, double margin) {
    measured
        .properties()
        .forEach(
            result -> {
              JsonNode before = reached.path(result.getKey());
              before
                  .properties()
                  .forEach(
                      ratio -> {
                        JsonNode now = result.getValue().path(ratio.getKey());
                        double least = ratio.getValue().asDouble() * margin;
                        boolean held = !brief || ratio.getKey().equals(Contender.TWIN);
                        if (held && now.isNumber() && now.asDouble() < least) {
                          failures.add(
                              String.format(
                                  Locale.ROOT,
                                  "%s, %s: %.2f x %s; %.2f was reached and %.2f is allowed",
                                  kind,
                                  result.getKey(),
                                  now.asDouble(),
                                  ratio.getKey(),
                                  ratio.getValue().asDouble(),
                                  least));
                        }
                      });
            });
  }

  private void downcall(double most) {
    Race race = Race.run(new DowncallBenchmark().contenders(), rounds, SAMPLE);
    double over = race.nanoseconds("plain") - race.nanoseconds("c");
    double critical = race.nanoseconds("critical") - race.nanoseconds("c");
    System.out.printf(
        Locale.ROOT, "a downcall: %.1f ns over C; critical: %.1f ns%n", over, critical);
    if (over > most) {
      failures.add(
          String.format(
              Locale.ROOT, "a downcall costs %.1f ns over C, and %.0f are allowed", over, most));
    }
  }

  private static void writeResults(Path folder, Device on, ObjectNode measured) throws IOException {
    DeviceInfo info = on.info();
    ObjectNode all = JSON.createObjectNode();
    all.put("device", info.name());
    all.put("detail", info.detail());
    all.put("processors", info.processors());
    all.put("memoryBytes", info.memoryTotal());
    if (!on.isCpu()) {
      all.put("computeCapability", info.computeCapability());
      all.put(
          "driverAndClocks",
          output(
              "nvidia-smi",
              "--id=" + info.detail(),
              "--query-gpu=driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit",
              "--format=csv,noheader"));
    }
    all.put("commit", System.getProperty("sinter.commit", output("git", "rev-parse", "HEAD")));
    all.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    all.put("build", Sinter.buildInfo());
    all.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    all.set("cases", measured);
    String slug = info.name().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    Files.createDirectories(folder);
    write(folder.resolve((on.isCpu() ? "cpu-" : "") + slug + ".json"), all);
  }

  private static void write(Path to, ObjectNode json) throws IOException {
    Files.writeString(to, JSON.writeValueAsString(json) + "\n");
    System.out.println("wrote " + to);
  }

  /// What a command prints, or "unknown" where it cannot be run.
  private static String output(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      boolean ended = process.waitFor(10, TimeUnit.SECONDS);
      return ended && process.exitValue() == 0 ? text.strip() : "unknown";
    } catch (IOException e) {
      return "unknown";
    } catch (InterruptedException e) {
      throw new UncheckedIOException(new IOException("interrupted", e));
    }
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.tests.support.Devices;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.IoMode;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.TensorEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A merge keeps to the memory it was given, and makes the same bytes with any.
class MemoryTest {
  private static final long LEAST = MergeOptions.LEAST_MEMORY;

  @TempDir Path folder;

  /// Tensors around the size of a slot (1.25 MB, with the least memory), larger ones, small ones
  /// and one that is only copied.
  private void models() throws IOException {
    for (int m = 0; m < 3; m++) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      tensors.put("large", Merging.random(10 * m, 601, 1000));
      tensors.put("copied", PlainFile.i64(LongStream.range(0, 200_001).toArray()));
      for (int i = 0; i < 5; i++) {
        tensors.put("small" + i, Merging.random(10 * m + i + 1, 997));
      }
      tensors.put("slot", Merging.random(10 * m + 9, (5 << 16) + 1));
      PlainFile.model(folder.resolve("m" + m), tensors);
    }
  }

  private static String recipe(String method) {
    String base = method.equals("linear") || method.equals("multislerp") ? "" : "base_model: m0\n";
    return "merge_method: "
        + method
        + "\n"
        + base
        + """
        parameters: {density: 0.4, t: 0.3, weight: 0.5}
        models:
        - {model: m1, parameters: {weight: 0.5}}
        - {model: m2, parameters: {weight: 0.25}}
        """;
  }

  /// linear goes in pieces, ties and multislerp see whole tensors, dare_linear reduces first.
  @ParameterizedTest
  @ValueSource(strings = {"linear", "ties", "multislerp", "dare_linear"})
  void theSameBytesWithAnyMemory(String method) throws IOException {
    models();
    String yaml = recipe(method).replaceAll(drop(method), "");
    Path expected = folder.resolve("expected");
    Merging.merge(yaml, Merging.options(folder), expected);
    byte[] bytes = Files.readAllBytes(expected.resolve("model.safetensors"));
    int n = 0;
    for (Device device : Devices.all()) {
      MergeOptions options = Merging.options(folder).withDevice(device).withMemory(LEAST);
      for (MergeOptions each :
          device.isCpu()
              ? List.of(
                  options,
                  options.withThreads(1),
                  options.withIo(IoMode.PREAD),
                  options.withIo(IoMode.PREAD).withMemory(3 * LEAST))
              : List.of(options, options.withMemory(0).withDeviceMemory(30 << 20))) {
        Path out = folder.resolve("out" + n++);
        Merging.merge(yaml, each, out);
        assertArrayEquals(
            bytes, Files.readAllBytes(out.resolve("model.safetensors")), each.toString());
      }
    }
  }

  /// Where a tensor lies in its model's files is of no account.
  @ParameterizedTest
  @ValueSource(strings = {"linear", "ties", "dare_linear"})
  void theSameTensorsFromAnyShards(String method) throws IOException {
    models();
    String yaml = recipe(method).replaceAll(drop(method), "");
    Merging.merge(yaml, Merging.options(folder), folder.resolve("expected"));
    Map<String, PlainFile.Plain> expected = PlainFile.readFolder(folder.resolve("expected"));
    Path sharded = Files.createDirectory(folder.resolve("sharded"));
    for (int m = 0; m < 3; m++) {
      try (Checkpoint whole = Checkpoint.open(folder.resolve("m" + m))) {
        CheckpointWriter writer = new CheckpointWriter();
        for (TensorEntry entry : whole.tensors().values()) {
          writer.add(entry.name(), entry.type(), entry.shape(), whole.map(entry.name()));
        }
        writer.write(sharded.resolve("m" + m), 1 + 700_000L * m, false);
      }
    }
    Merging.merge(yaml, Merging.options(sharded).withMemory(LEAST), folder.resolve("out"));
    Map<String, PlainFile.Plain> actual = PlainFile.readFolder(folder.resolve("out"));
    assertEquals(expected.keySet(), actual.keySet());
    for (String name : expected.keySet()) {
      assertArrayEquals(expected.get(name).bytes(), actual.get(name).bytes(), name);
    }
  }

  /// The parameters that a method does not have.
  private static String drop(String method) {
    return switch (method) {
      case "linear", "multislerp" -> "density: 0.4, |t: 0.3, ";
      default -> "t: 0.3, ";
    };
  }

  @Test
  void boundsTooSmallToWorkWithAreRefused() {
    for (long bytes : new long[] {-1, 1, LEAST - 1}) {
      for (boolean device : new boolean[] {false, true}) {
        IllegalArgumentException e =
            assertThrows(
                IllegalArgumentException.class,
                () -> {
                  MergeOptions options = MergeOptions.DEFAULT;
                  Object ignored =
                      device ? options.withDeviceMemory(bytes) : options.withMemory(bytes);
                });
        assertEquals(
            (device ? "deviceMemory" : "memory")
                + " is "
                + bytes
                + "; give 0, or at least "
                + LEAST,
            e.getMessage());
      }
    }
  }

  /// What the process takes beside its maps, by the kernel's figures: what was asked for, and what
  // a
  /// JVM takes for itself.
  @Test
  void residentMemoryStaysWithinItsBound() throws Exception {
    long elements = 12_000_000;
    for (String model : List.of("m1", "m2")) {
      Merging.model(folder.resolve(model), model.hashCode(), 2, (int) elements);
    }
    Path recipe =
        Files.writeString(
            folder.resolve("r.yml"),
            """
            merge_method: multislerp
            models:
            - {model: m1, parameters: {weight: 0.5}}
            - {model: m2, parameters: {weight: 0.25}}
            """);
    Process process =
        MergeProcess.start(List.of(), recipe, folder.resolve("out"), "memory=" + LEAST);
    long peak = 0;
    while (process.isAlive()) {
      peak = Math.max(peak, anonymousBytes(process.pid()));
    }
    String said = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), said);
    assertTrue(peak > 0, "nothing was seen of the process");
    assertTrue(
        peak <= LEAST + (300L << 20) + sanitizer(),
        "its own memory reached " + peak + " bytes, for tensors of " + 4 * elements);
  }

  /// The shadow memory of the address sanitizer is resident too.
  private static long sanitizer() {
    return System.getenv("LD_PRELOAD") == null ? 0 : 400L << 20;
  }

  private static long anonymousBytes(long pid) {
    try {
      var matcher =
          Pattern.compile("RssAnon:\\s+(\\d+) kB")
              .matcher(Files.readString(Path.of("/proc/" + pid + "/status")));
      return matcher.find() ? Long.parseLong(matcher.group(1)) << 10 : 0;
    } catch (IOException e) {
      return 0; // It has ended.
    }
  }

  /// A device that has less memory than a pass would take gets smaller ones; a tensor that it
  // cannot
  /// hold at all is named.
  @Test
  void aSmallDeviceGetsSmallPasses() throws Exception {
    Device device = Devices.all().getLast();
    if (!device.info().emulated()) {
      System.out.println("A device's memory is bounded in the emulation only: here is " + device);
      return;
    }
    models();
    Path recipe = folder.resolve("r.yml");
    Path out = folder.resolve("out");
    Files.writeString(recipe, recipe("linear").replaceAll(drop("linear"), ""));
    Merging.merge(Files.readString(recipe), Merging.options(folder), folder.resolve("expected"));
    Map<String, String> small = Map.of("SINTER_EMULATION_MEMORY", String.valueOf(6 << 20));
    assertEquals("planned\ndone\n", onDevices(small, recipe, out));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("expected/model.safetensors")),
        Files.readAllBytes(out.resolve("model.safetensors")));
    Files.writeString(recipe, recipe("ties").replaceAll(drop("ties"), ""));
    String said = onDevices(small, recipe, folder.resolve("none"));
    assertTrue(
        said.contains("tensor 'large': ties needs ") && said.contains("merge on the CPU"), said);
    assertTrue(Files.notExists(folder.resolve("none")));
    DeviceOutOfMemoryException e =
        assertThrows(
            DeviceOutOfMemoryException.class,
            () ->
                Merging.merge(
                    Files.readString(recipe),
                    Merging.options(folder).withDevice(device).withDeviceMemory(LEAST),
                    folder.resolve("none")));
    assertTrue(e.getMessage().contains("'large'"), e.getMessage());
    assertTrue(Files.notExists(folder.resolve("none")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"linear", "ties", "dare_linear"})
  void severalDevicesShareAMerge(String method) throws Exception {
    if (!Devices.all().getLast().info().emulated()) {
      System.out.println("Several devices are emulated only: here are " + Devices.all());
      return;
    }
    models();
    String yaml = recipe(method).replaceAll(drop(method), "");
    Path recipe = Files.writeString(folder.resolve("r.yml"), yaml);
    Merging.merge(yaml, Merging.options(folder), folder.resolve("expected"));
    Path out = folder.resolve("out");
    assertEquals(
        "planned\ndone\n",
        onDevices(Map.of("SINTER_EMULATION_DEVICES", "3"), recipe, out, "memory=" + 3 * LEAST));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("expected/model.safetensors")),
        Files.readAllBytes(out.resolve("model.safetensors")));
  }

  private static String onDevices(
      Map<String, String> environment, Path recipe, Path out, String... more) throws Exception {
    ProcessBuilder builder = MergeProcess.builder(List.of(), recipe, out);
    builder.command().add("cuda");
    builder.command().addAll(List.of(more));
    builder.environment().putAll(environment);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes());
    process.waitFor();
    return said;
  }
}

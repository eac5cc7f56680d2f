// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sinter.Device;
import io.sinter.Sinter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InfoCommandTest {

  @Test
  void tellsWhatTheMachineOffersOrWhyNot() {
    Run run = Run.of("info").exited(0);
    assertEquals("", run.err());
    for (Device device : Device.all()) {
      assertTrue(run.out().contains("\n" + device + " "), run.out());
      assertTrue(run.out().contains(device.info().name()), run.out());
    }
    for (String text :
        List.of(
            "version  " + Sinter.version(),
            "library  " + Sinter.library(),
            "build    " + Sinter.buildInfo(),
            "instruction set " + Device.cpu().info().detail(),
            Device.cpu().info().processors() + " threads",
            "products on cpu by /",
            "default  " + Device.best().device())) {
      assertTrue(run.out().contains(text), () -> text + " expected in:\n" + run.out());
    }
    assertEquals(
        Device.cudaUnavailableReason().map(reason -> "cuda     none: " + reason),
        run.out().lines().filter(line -> line.startsWith("cuda ")).findFirst());
  }

  @Test
  void tellsTheSameAsJson() {
    JsonNode info = Run.of("info", "--json").exited(0).json();
    assertEquals(Sinter.version(), info.get("version").asText());
    assertEquals(Sinter.library().toString(), info.get("library").asText());
    assertEquals(Sinter.abiVersion(), info.get("abi").asInt());
    assertEquals(Sinter.buildInfo(), info.get("build").asText());
    List<String> names = new ArrayList<>();
    info.get("devices").forEach(device -> names.add(device.get("device").asText()));
    assertEquals(Run.devices().toList(), names);
    JsonNode cpu = info.get("devices").get(0);
    assertEquals(Device.cpu().info().detail(), cpu.get("instructionSet").asText());
    assertTrue(cpu.get("threads").asInt() > 0);
    JsonNode products = info.get("products").get("cpu");
    assertTrue(products.get("library").asText().contains("openblas"), products.toString());
    assertTrue(products.get("detail").asText().startsWith("OpenBLAS "), products.toString());
    assertEquals(Device.cudaUnavailableReason().isPresent(), info.has("cudaUnavailable"));
    assertEquals(Device.best().device().toString(), info.get("default").asText());
    assertFalse(info.get("defaultReason").asText().isEmpty());
  }

  @Test
  void withoutALibraryTellsWhyAndFails(@TempDir Path folder)
      throws IOException, InterruptedException {
    Run run = withoutLibrary(folder, "info").exited(1);
    assertTrue(run.out().contains("library  not loaded: "), run.out());
    assertTrue(run.out().contains("missing.so"), run.out());
    JsonNode json = withoutLibrary(folder, "info", "--json").exited(1).json();
    assertTrue(json.get("libraryUnavailable").asText().contains("missing.so"), json.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--version", "demo"})
  void withoutALibraryOtherCommandsFailInOneLine(String command, @TempDir Path folder)
      throws IOException, InterruptedException {
    withoutLibrary(folder, command).exited(1).complained("libsinter", "missing.so");
  }

  private static Run withoutLibrary(Path folder, String... args)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(Run.command(args));
    command.replaceAll(
        arg ->
            arg.startsWith("-Dsinter.library=")
                ? "-Dsinter.library=" + folder.resolve("missing.so")
                : arg);
    return Run.child(folder, command);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sinter.Device;
import io.sinter.Sinter;
import io.sinter.cli.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// One run of the sinter command: its exit code, stdout and stderr.
record Run(int code, String out, String err) {

  /// In this process.
  static Run of(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out), new PrintWriter(err), args);
    return new Run(code, out.toString(), err.toString());
  }

  /// sinter in a process of its own, in a working directory.
  static Run child(Path directory, String... args) throws IOException, InterruptedException {
    return child(directory, command(args));
  }

  /// A command in a process of its own, in a working directory.
  static Run child(Path directory, List<String> command) throws IOException, InterruptedException {
    Process process = start(directory, command);
    CompletableFuture<String> out = CompletableFuture.supplyAsync(() -> read(process, false));
    CompletableFuture<String> err = CompletableFuture.supplyAsync(() -> read(process, true));
    assertTrue(process.waitFor(2, TimeUnit.MINUTES), () -> "still running: " + command);
    return new Run(process.exitValue(), out.join(), err.join());
  }

  /// Starts a command and returns at once.
  static Process start(Path directory, List<String> command) throws IOException {
    return new ProcessBuilder(command).directory(directory.toFile()).start();
  }

  /// The command that runs sinter in a process of its own: this JVM's, with its modules and
  /// its library.
  static List<String> command(String... args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Dsinter.library=" + Sinter.library().toAbsolutePath());
    command.addAll(
        List.of(
            "--enable-native-access=io.sinter",
            "--module-path",
            System.getProperty("jdk.module.path"),
            "--module",
            "io.sinter.cli/io.sinter.cli.Main"));
    command.addAll(List.of(args));
    return command;
  }

  /// The names of all devices there are.
  static Stream<String> devices() {
    return Device.all().stream().map(Device::toString);
  }

  /// Fails unless it exited with this code.
  Run exited(int expected) {
    assertEquals(expected, code, () -> "stdout:\n" + out + "stderr:\n" + err);
    return this;
  }

  /// Fails unless stderr has one or two lines that contain these texts, and stdout nothing.
  Run complained(String... texts) {
    assertEquals("", out);
    long lines = err.lines().count();
    assertTrue(lines == 1 || lines == 2, () -> "one or two lines expected:\n" + err);
    assertTrue(err.startsWith("sinter: "), err);
    for (String text : texts) {
      assertTrue(err.contains(text), () -> "'" + text + "' expected in:\n" + err);
    }
    return this;
  }

  /// All of stdout as one JSON object.
  JsonNode json() {
    try {
      JsonNode node =
          JsonMapper.builder()
              .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
              .build()
              .readTree(out);
      assertTrue(node.isObject(), out);
      return node;
    } catch (JsonProcessingException e) {
      throw new AssertionError("not JSON: " + out, e);
    }
  }

  /// The JSON objects of all lines of stdout.
  List<JsonNode> lines() {
    return out.lines().map(line -> new Run(code, line, "").json()).toList();
  }

  /// The last line of stdout, which says that all is done.
  JsonNode done() {
    JsonNode last = lines().getLast();
    assertEquals("done", last.get("event").asText(), out);
    return last;
  }

  private static String read(Process process, boolean error) {
    try (var reader = error ? process.errorReader() : process.inputReader()) {
      return reader.readAllAsString();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}

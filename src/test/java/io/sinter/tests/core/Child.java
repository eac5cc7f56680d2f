// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// Another JVM, which runs a `main` class of the tests against the module `io.sinter`.
final class Child {
  private final Class<?> main;
  private final List<String> options = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private String classPath;

  Child(Class<?> main) {
    this.main = main;
    this.classPath = location(main).toString();
  }

  /// What it printed, both streams together, and how it ended.
  record Result(int status, String output) {}

  Child option(String option) {
    options.add(option);
    return this;
  }

  Child environment(String name, String value) {
    environment.put(name, value);
    return this;
  }

  Child addToClassPath(Path entry) {
    classPath += System.getProperty("path.separator") + entry;
    return this;
  }

  Result run() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "--enable-native-access=io.sinter",
            "--module-path",
            location(Device.class).toString(),
            "--add-modules",
            "io.sinter",
            "--add-exports",
            "io.sinter/io.sinter.internal=ALL-UNNAMED",
            "--class-path",
            classPath));
    command.addAll(options);
    command.add(main.getName());
    Path output = Files.createTempFile("child", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(environment);
      builder.environment().keySet().removeIf(name -> name.startsWith("JAVA_"));
      Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
      assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the other JVM hangs");
      return new Result(process.exitValue(), Files.readString(output).strip());
    } finally {
      Files.delete(output);
    }
  }

  private static Path location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}

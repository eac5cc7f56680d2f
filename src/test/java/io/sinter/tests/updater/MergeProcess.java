// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import io.sinter.Device;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.Recipe;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A merge in a process of its own, for tests that kill it or look at it from outside:
/// `RECIPE OUTPUT [resume] [cuda] [memory=BYTES]`.
final class MergeProcess {
  private MergeProcess() {}

  public static void main(String[] args) {
    MergeOptions options = options(Path.of(args[0]).getParent());
    for (String more : Arrays.asList(args).subList(2, args.length)) {
      options =
          switch (more) {
            case "resume" -> options.withResume(true);
            case "cuda" -> options.withDevices(Device.all().subList(1, Device.all().size()));
            default -> options.withMemory(Long.parseLong(more.substring("memory=".length())));
          };
    }
    try (Merge merge = Merge.plan(Recipe.read(Path.of(args[0])), options)) {
      System.out.println("planned");
      merge.run(
          Path.of(args[1]),
          new MergeListener() {
            @Override
            public void left(String message) {
              System.out.println(message);
            }
          });
      System.out.println("done");
    } catch (RuntimeException e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }

  static MergeOptions options(Path folder) {
    return Merging.options(folder).withMaxShardBytes(10_000_000).withForce(true);
  }

  /// Starts it on this process's own class and module paths.
  ///
  /// @param prefix what to run it by, such as a shell that sets limits
  static Process start(List<String> prefix, Path recipe, Path output, String... more)
      throws IOException {
    ProcessBuilder builder = builder(prefix, recipe, output);
    builder.command().addAll(List.of(more));
    return builder.start();
  }

  static ProcessBuilder builder(List<String> prefix, Path recipe, Path output) {
    List<String> command = new ArrayList<>(prefix);
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.add("--enable-native-access=ALL-UNNAMED");
    String library = System.getProperty("sinter.library");
    if (library != null) {
      command.add("-Dsinter.library=" + library);
    }
    command.add("-cp");
    command.add(
        System.getProperty("java.class.path", "")
            + File.pathSeparator
            + System.getProperty("jdk.module.path", ""));
    command.add(MergeProcess.class.getName());
    command.add(recipe.toString());
    command.add(output.toString());
    return new ProcessBuilder(command).redirectErrorStream(true);
  }
}

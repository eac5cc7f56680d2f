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
import java.util.List;

/// A merge in a process of its own, for tests that kill it: `RECIPE OUTPUT`.
final class MergeProcess {
  private MergeProcess() {}

  public static void main(String[] args) {
    MergeOptions options =
        MergeOptions.DEFAULT
            .withDevice(Device.cpu())
            .withMaxShardBytes(20_000_000)
            .withForce(true)
            .withWorkingDirectory(Path.of(args[0]).getParent());
    try (Merge merge = Merge.plan(Recipe.read(Path.of(args[0])), options)) {
      System.out.println("planned");
      merge.run(Path.of(args[1]), MergeListener.NONE);
      System.out.println("done");
    } catch (RuntimeException e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }

  /// Starts it on this process's own class and module paths.
  ///
  /// @param prefix what to run it by, such as a shell that sets limits
  static Process start(List<String> prefix, Path recipe, Path output) throws IOException {
    return builder(prefix, recipe, output).start();
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

// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Verification;
import io.sinter.updater.Verification.Difference;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sinter verify`.
@Command(
    name = "verify",
    description = {
      "Compare a merged model with its sinter.json: hashes, sizes, headers, index.",
      "Differences are printed one a line, and the exit code is 1 where there are any."
    })
final class VerifyCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Parameters(index = "0", paramLabel = "DIR", description = "Folder that a merge wrote.")
  private Path folder;

  @Option(names = "--statistics", description = "Take the tensors' statistics again too.")
  private boolean statistics;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Verification verification = Verification.of(folder, statistics);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.of(asMap(verification)));
    } else if (verification.same()) {
      out.printf(
          "%s is as it was written: %d files, %s, %d tensors%n",
          folder, verification.files(), Units.bytes(verification.bytes()), verification.tensors());
    } else {
      verification.differences().forEach(difference -> out.println(difference.text()));
    }
    return verification.same() ? Main.DONE : Main.FAILED;
  }

  private static Map<String, Object> asMap(Verification verification) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("folder", verification.folder().toString());
    object.put("same", verification.same());
    object.put("files", verification.files());
    object.put("bytes", verification.bytes());
    object.put("tensors", verification.tensors());
    object.put(
        "differences", verification.differences().stream().map(VerifyCommand::asMap).toList());
    return object;
  }

  private static Map<String, String> asMap(Difference difference) {
    Map<String, String> object = new LinkedHashMap<>();
    object.put("file", difference.file().toString());
    object.put("text", difference.text());
    return object;
  }
}

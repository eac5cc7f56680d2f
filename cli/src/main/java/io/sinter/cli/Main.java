// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.PrintWriter;
import picocli.CommandLine;

/// The sinter command's entry.
public final class Main {

  /// What was asked for is done.
  public static final int DONE = 0;

  /// It could not be done.
  public static final int FAILED = 1;

  /// It was asked for in a way that cannot be meant.
  public static final int USAGE = 2;

  private Main() {}

  /// Runs the command and exits with its code.
  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, true);
    PrintWriter err = new PrintWriter(System.err, true);
    int code;
    try (Cancellation cancellation = Cancellation.onShutdown()) {
      code = run(new SinterCommand(cancellation, Terminal.isStderr()), out, err, args);
    }
    System.exit(code);
  }

  /// Runs the command in this process, for programs that embed it.
  ///
  /// @param out receives what stdout would
  /// @param err receives what stderr would
  /// @return the exit code: [#DONE], [#FAILED] or [#USAGE]
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    return run(new SinterCommand(Cancellation.never(), false), out, err, args);
  }

  private static int run(SinterCommand sinter, PrintWriter out, PrintWriter err, String... args) {
    int code =
        new CommandLine(sinter)
            .setOut(out)
            .setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpAutoWidth(sinter.terminal())
            .setParameterExceptionHandler(new Errors(sinter))
            .setExecutionExceptionHandler(new Errors(sinter))
            .execute(args);
    out.flush();
    err.flush();
    return code;
  }
}

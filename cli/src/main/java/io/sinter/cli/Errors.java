// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// Says in one or two lines on stderr what went wrong.
final class Errors implements IParameterExceptionHandler, IExecutionExceptionHandler {

  private final SinterCommand sinter;

  Errors(SinterCommand sinter) {
    this.sinter = sinter;
  }

  @Override
  public int handleParseException(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("sinter: " + oneLine(e.getMessage()));
    if (!UnmatchedArgumentException.printSuggestions(e, err)) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    trace(e, err);
    return Main.USAGE;
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    err.println("sinter: " + message(sinter, e));
    if (sinter.left() != null) {
      err.println(sinter.left());
    }
    trace(e, err);
    return command.getCommandSpec().exitCodeOnExecutionException();
  }

  /// What is said of a failure.
  static String message(SinterCommand sinter, Throwable e) {
    return sinter.cancellation().requested() ? "interrupted" : message(e);
  }

  private void trace(Throwable e, PrintWriter err) {
    if (sinter.verbose()) {
      e.printStackTrace(err);
    }
  }

  /// The message for a user. The library's own exceptions name the thing and the remedy.
  private static String message(Throwable e) {
    if (e instanceof CommandLine.ExecutionException && e.getCause() != null) {
      return message(e.getCause()); // What picocli wraps errors in.
    }
    String text =
        switch (e) {
          case OutOfMemoryError _ ->
              "out of Java heap memory; give it more with JAVA_TOOL_OPTIONS=-Xmx4g";
          case Error _, NullPointerException _, IndexOutOfBoundsException _, ClassCastException _ ->
              "internal error, please report it with what --verbose prints: " + e;
          default -> e.getMessage() == null ? e.toString() : e.getMessage();
        };
    return oneLine(text);
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("(?<=:)\\s*\\R\\s*", " ").replaceAll("\\s*\\R\\s*", "; ");
  }
}

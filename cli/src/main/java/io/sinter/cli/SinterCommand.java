// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/// The command without a subcommand, and what all subcommands share.
@Command(
    name = "sinter",
    description = "Merges model weights.",
    versionProvider = SinterCommand.Version.class,
    subcommands = {
      MergeCommand.class,
      UpdateCommand.class,
      SweepCommand.class,
      AlignCommand.class,
      VerifyCommand.class,
      DiffCommand.class,
      CompareCommand.class,
      MethodsCommand.class,
      InfoCommand.class,
      DemoCommand.class,
      HelpCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:done", "1:failed", "2:wrong usage"})
final class SinterCommand implements Runnable {

  private final Cancellation cancellation;
  private final boolean terminal;
  private @Nullable String left;

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Print the version and exit.")
  private boolean version;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Print a stack trace when something fails.")
  private boolean verbose;

  SinterCommand(Cancellation cancellation, boolean terminal) {
    this.cancellation = cancellation;
    this.terminal = terminal;
  }

  /// Tells whether the user has asked to stop.
  Cancellation cancellation() {
    return cancellation;
  }

  /// Whether somebody watches stderr on a terminal.
  boolean terminal() {
    return terminal;
  }

  /// Whether errors come with a stack trace.
  boolean verbose() {
    return verbose;
  }

  /// Takes note of what a command that failed has left.
  void left(String message) {
    left = message;
  }

  /// What the command that failed has left, where it had begun something.
  @Nullable String left() {
    return left;
  }

  /// No subcommand was named.
  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }

  /// What `sinter --version` prints.
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"sinter " + io.sinter.Sinter.version()};
    }
  }

  /// The command a subcommand belongs to.
  static SinterCommand of(CommandSpec subcommand) {
    CommandLine parent = subcommand.parent().commandLine();
    return parent.getCommand();
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Sinter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UsageTest {

  @Test
  void printsItsVersion() {
    assertEquals(
        "sinter " + Sinter.version() + System.lineSeparator(), Run.of("--version").exited(0).out());
  }

  @Test
  void helpNamesEveryCommandAndExitCode() {
    Run help = Run.of("help").exited(0);
    assertEquals(help, Run.of("--help"));
    for (String text :
        new String[] {"merge", "methods", "info", "demo", "help", "failed", "wrong usage"}) {
      assertTrue(help.out().contains(text), help.out());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"merge", "align", "compare", "methods", "info", "demo"})
  void everyCommandHasHelp(String command) {
    Run help = Run.of("help", command).exited(0);
    assertTrue(help.out().startsWith("Usage: sinter " + command + " "), help.out());
    assertEquals(help, Run.of(command, "--help"));
  }

  @Test
  void noCommandIsWrongUsage() {
    Run.of().exited(2).complained("no command given", "sinter --help");
  }

  @Test
  void aMistypedCommandIsWrongUsageWithASuggestion() {
    Run.of("mrege").exited(2).complained("'mrege'", "merge");
  }

  @Test
  void wrongArgumentsAreWrongUsage() {
    Run.of("merge").exited(2).complained("RECIPE", "sinter merge --help");
    Run.of("merge", "recipe.yml").exited(2).complained("OUT");
    Run.of("merge", "recipe.yml", "out", "more").exited(2).complained("'more'");
    Run.of("merge", "recipe.yml", "out", "--shards=3").exited(2).complained("--shards");
    Run.of("info", "--sha256").exited(2).complained("--sha256");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "cuda0", "cuda:", "cuda:x", "cuda:-1", "CPU ", ""})
  void aDeviceThatCannotBeIsWrongUsage(String device) {
    Run.of("merge", "recipe.yml", "out", "--device", device)
        .exited(2)
        .complained("'" + device + "'", "auto, cpu or cuda:0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"5XB", "GB", "-5GB", "0", "0GB", "5 5GB", "1e9", "99999999TB", "I", "5I"})
  void aSizeThatCannotBeIsWrongUsage(String size) {
    Run.of("merge", "recipe.yml", "out", "--max-shard-size=" + size)
        .exited(2)
        .complained("--max-shard-size", "'" + size + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "two", "1.5"})
  void aThreadCountThatCannotBeIsWrongUsage(String threads) {
    Run.of("merge", "recipe.yml", "out", "--threads=" + threads)
        .exited(2)
        .complained("--threads", threads);
  }

  @Test
  void anUnknownIoModeIsWrongUsage() {
    Run.of("merge", "recipe.yml", "out", "--io=psychic").exited(2).complained("--io", "psychic");
  }
}

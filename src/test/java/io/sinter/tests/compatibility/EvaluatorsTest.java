// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.updater.compatibility.Candidate;
import io.sinter.updater.compatibility.CompatibilityException;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.EvaluationException;
import io.sinter.updater.compatibility.Evaluator;
import io.sinter.updater.compatibility.Evaluators;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import io.sinter.updater.compatibility.ProcessEvaluator;
import io.sinter.updater.compatibility.StoredEvaluator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Evaluators that are programs, files or classes elsewhere.
@Timeout(60)
class EvaluatorsTest {
  private static final String OWN = "io.sinter.updater.compatibility.Evaluator";

  @TempDir private Path folder;

  private static ProcessEvaluator shell(String script) {
    return ProcessEvaluator.of(List.of("sh", "-c", script));
  }

  private Evaluation evaluate(Evaluator evaluator, double alpha) {
    return evaluator.evaluate(new Candidate(folder, alpha));
  }

  private String refused(Evaluator evaluator) {
    String message =
        assertThrows(EvaluationException.class, () -> evaluate(evaluator, .3)).getMessage();
    assertTrue(message.startsWith("evaluator sh -c "), message);
    assertTrue(message.contains(" at alpha 0.3: "), message);
    assertTrue(message.endsWith("."), message);
    assertEquals(1, message.lines().count(), message);
    return message;
  }

  private void refused(Evaluator evaluator, String... texts) {
    String message = refused(evaluator);
    for (String text : texts) {
      assertTrue(message.contains(text), () -> "'" + text + "' expected in: " + message);
    }
  }

  private void refusedLine(String line, String... texts) throws IOException {
    Path file = Files.writeString(folder.resolve("line"), line);
    refused(shell("cat " + file), texts);
  }

  // ---- programs ---------------------------------------------------------------------------------

  @Test
  void readsOneLine() {
    assertEquals(
        Evaluation.of(.82, .01), evaluate(shell("echo '{\"accuracy\": 0.82, \"nfr\": 0.01}'"), 0));
    Evaluation all =
        evaluate(
            shell(
                "echo progress >&2; printf '\\n {\"loss\":2.5e-1,\"accuracy\":1,\"nfr\":0,"
                    + "\"pfr\":0.5,\"examples\":5000}\\n\\n'"),
            0);
    assertEquals(1, all.accuracy());
    assertEquals(OptionalDouble.of(.5), all.pfr());
    assertEquals(OptionalLong.of(5000), all.examples());
    assertEquals(.25, all.further().get("loss"));
  }

  @Test
  void isToldTheCandidate() {
    ProcessEvaluator evaluator =
        shell(
            "test \"$0\" = \"$SINTER_CANDIDATE\" && test -d \"$0\" && test -z \"$(cat)\" &&"
                + " echo \"{\\\"accuracy\\\": $SINTER_ALPHA, \\\"nfr\\\": 0}\"");
    assertEquals(.3, evaluate(evaluator, .3).accuracy());
    assertEquals(1, evaluate(evaluator, 1).accuracy());
    Path relative = Path.of("").toAbsolutePath().relativize(folder);
    assertEquals(.5, evaluator.evaluate(new Candidate(relative, .5)).accuracy());
  }

  @Test
  void comparesTheFileItNames() throws IOException {
    Predictions old = Predictions.of(0, 1, 0, 1);
    Labels labels = Labels.of(0, 1, 1, 0);
    Path file = Files.writeString(folder.resolve("p.csv"), "0\n0\n1\n1\n");
    String line = "echo '{\"predictions\": \"" + file + "\", \"seconds\": 2}'";
    Evaluation evaluation = evaluate(shell(line).comparing(old, labels), .3);
    assertEquals(Evaluation.of(.5, .25, .25, 4).accuracy(), evaluation.accuracy());
    assertEquals(.25, evaluation.nfr());
    assertEquals(OptionalDouble.of(.25), evaluation.pfr());
    assertEquals(OptionalLong.of(4), evaluation.examples());
    assertEquals(2, evaluation.further().get("seconds"));
    Path logits =
        ArrayFiles.npy(
            folder.resolve("l.npy"), "<f4", "(4, 2)", ArrayFiles.floats(1, 0, 1, 0, 0, 1, 0, 1));
    assertEquals(
        .25,
        evaluate(shell("echo '{\"logits\": \"" + logits + "\"}'").comparing(old, labels), 0).nfr());

    refused(shell(line), "no labels and old predictions");
    refused(
        shell("echo '{\"predictions\": \"none.csv\"}'").comparing(old, labels),
        "none.csv: cannot be read (no such file or folder)");
    refused(
        shell(line).comparing(Predictions.of(0, 1), Labels.of(0, 1)),
        file + ": holds 4 examples, and labels holds 2");
    refused(
        shell("echo '{\"predictions\": \"a.csv\", \"nfr\": 0}'").comparing(old, labels),
        "both 'nfr' and a file");
    refused(
        shell("echo '{\"predictions\": \"a.csv\", \"logits\": \"b.csv\"}'").comparing(old, labels),
        "both predictions and logits");
    refused(shell("echo '{\"logits\": 1}'").comparing(old, labels), "logits that are no file name");
  }

  @Test
  void badLinesAreOneErrorEach() throws IOException {
    refusedLine("", "printed nothing");
    refusedLine("\n\n", "printed nothing");
    refusedLine("hello\n", "not JSON");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0", "not JSON");
    refusedLine("[1, 2]", "no JSON object");
    refusedLine("0.5", "no JSON object");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0} {}", "more behind its JSON object");
    refusedLine("a\n{\"accuracy\": 1, \"nfr\": 0}\n", "printed 2 lines, the first of them: a.");
    refusedLine("{\"accuracy\": 1,\n\"nfr\": 0}", "printed 2 lines");
    refusedLine("{\"accuracy\": 1}", "printed no 'nfr'");
    refusedLine("{\"nfr\": 1}", "printed no 'accuracy'");
    refusedLine("{}", "printed no 'accuracy'");
    refusedLine("{\"accuracy\": NaN, \"nfr\": 0}", "accuracy is NaN");
    refusedLine("{\"accuracy\": 82.5, \"nfr\": 0}", "accuracy is 82.5", "not a percentage");
    refusedLine("{\"accuracy\": 1, \"nfr\": -0.1}", "nfr is -0.1");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"pfr\": Infinity}", "pfr is Infinity");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"examples\": 0}", "examples is 0");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"examples\": 1.5}", "examples as 1.5");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"examples\": 1e99}", "examples as 1.0E99");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"loss\": NaN}", "'loss' as NaN");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"loss\": 1e999}", "'loss' as Infinity");
    refusedLine("{\"accuracy\": \"1\", \"nfr\": 0}", "'accuracy' as the text '1'");
    refusedLine("{\"accuracy\": null, \"nfr\": 0}", "'accuracy' as null");
    refusedLine("{\"accuracy\": 1, \"nfr\": 0, \"x\": [1]}", "'x' as [");
    refusedLine("{\"accuracy\": 1, \"accuracy\": 1, \"nfr\": 0}", "not JSON", "Duplicate");
    refusedLine("\u001b[31m{\"accuracy\": 1}", "\\u001b");
    Path bytes = Files.write(folder.resolve("bytes"), new byte[] {(byte) 0xff});
    refused(shell("cat " + bytes), "not UTF-8");
    StringBuilder many = new StringBuilder("{\"accuracy\": 1, \"nfr\": 0");
    for (int i = 0; i < 101; i++) {
      many.append(", \"x").append(i).append("\": 1");
    }
    refusedLine(many + "}", "more than 100 further numbers");
    refusedLine("{\"" + "x".repeat(101) + "\": 1}", "name is longer than 100");
  }

  @Test
  void failuresShowTheEndOfWhatItSaid() {
    refused(shell("echo one >&2; echo two >&2; exit 7"), "exit code 7; it said: one; two");
    refused(shell("exit 1"), "failed with exit code 1. Run it by hand");
    refused(shell("kill -9 $$"), "failed with exit code 137");
    String message = refused(shell("for i in $(seq 3000); do echo line $i >&2; done; exit 1"));
    assertTrue(message.contains("line 3000"), message);
    assertFalse(message.contains("line 1;"), message);
    String none =
        assertThrows(
                EvaluationException.class,
                () -> evaluate(ProcessEvaluator.of(List.of("/none/such")), 0))
            .getMessage();
    assertTrue(none.contains("/none/such at alpha 0: cannot be started"), none);
  }

  /// Nothing that it has started goes on: children, and those that have lost their parent.
  @Test
  void timeIsLimited() throws IOException {
    // On a machine with other things to do it may not have started anything within its time.
    for (int seconds = 1; ; seconds *= 4) {
      Path pids = folder.resolve("pids" + seconds);
      String script =
          "sleep 1000 & echo $! >> %1$s; (sleep 1000 & echo $! >> %1$s); echo waiting >&2; wait"
              .formatted(pids);
      String message = refused(shell(script).within(Duration.ofSeconds(seconds)));
      assertTrue(message.contains("was not done within " + seconds + " s, and was ended"), message);
      if (message.contains("; it said: waiting.") || seconds >= 16) {
        assertTrue(message.contains("; it said: waiting."), message);
        assertGone(pids, 2);
        return;
      }
    }
  }

  /// Its output would never end, since a child holds it open.
  @Test
  void whatItLeavesIsEnded() throws IOException {
    Path pids = folder.resolve("pids");
    String script =
        "(sleep 1000 & echo $! >> %s); echo '{\"accuracy\": 1, \"nfr\": 0}'".formatted(pids);
    assertEquals(1, evaluate(shell(script), 0).accuracy());
    assertGone(pids, 1);
  }

  private static void assertGone(Path pids, int count) throws IOException {
    List<String> lines = Files.readAllLines(pids);
    assertEquals(count, lines.size(), lines.toString());
    for (String pid : lines) {
      ProcessHandle.of(Long.parseLong(pid))
          .ifPresent(handle -> handle.onExit().orTimeout(20, TimeUnit.SECONDS).join());
    }
  }

  @Test
  void outputIsLimited() throws IOException {
    Path pids = folder.resolve("pids");
    refused(
        shell("sleep 1000 & echo $! > " + pids + "; while :; do echo 0123456789; done"),
        "printed more than 1048576 bytes");
    assertGone(pids, 1);
  }

  @Test
  void isEndedByWhatWatchesIt() throws IOException {
    Path pids = folder.resolve("pids");
    ProcessEvaluator evaluator =
        shell("echo $$ > " + pids + ".new; mv " + pids + ".new " + pids + "; sleep 1000")
            .watched(
                () -> {
                  if (Files.exists(pids)) {
                    throw new CancellationException("interrupted");
                  }
                });
    assertThrows(CancellationException.class, () -> evaluate(evaluator, 0));
    assertGone(pids, 1);
  }

  @Test
  void isEndedByAnInterruption() throws IOException, InterruptedException {
    Path pids = folder.resolve("pids");
    Thread test = Thread.currentThread();
    ProcessEvaluator evaluator =
        shell("echo $$ > " + pids + ".new; mv " + pids + ".new " + pids + "; sleep 1000")
            .watched(
                () -> {
                  if (Files.exists(pids)) {
                    test.interrupt();
                  }
                });
    String message =
        assertThrows(EvaluationException.class, () -> evaluate(evaluator, 0)).getMessage();
    assertTrue(message.contains("interrupted"), message);
    assertTrue(Thread.interrupted());
    assertGone(pids, 1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "printf %s 'a b'  |a b",
        "printf %s \"a b\"|a b",
        "printf %s a\\ b|a b",
        "printf %s \"a \\\"b\\\" \\c \\\\\"|a \"b\" \\c \\",
        "printf %s 'a\\ \"b'|a\\ \"b",
        "printf %s $HOME|$HOME",
        "printf %s *|*",
        "printf %s a>b|a>b",
        "printf %s ''|''",
        "  printf  %s  a'b'\"c\" |abc"
      })
  void commandsAreSplitAndNoMore(String command, String printed) throws IOException {
    String expected = printed.equals("''") ? "" : printed;
    Path copy = folder.resolve("printf");
    Files.writeString(
        copy,
        "#!/bin/sh\nprintf %s \"$2\" > "
            + folder.resolve("word")
            + "; echo '{\"accuracy\": 1, \"nfr\": 0}'\n");
    assertTrue(copy.toFile().setExecutable(true));
    evaluate(ProcessEvaluator.of(command.replace("printf", copy.toString())), 0);
    assertEquals(expected, Files.readString(folder.resolve("word")));
  }

  @Test
  void refusesNoCommand() {
    for (String command : List.of("", "  ", "''", "a 'b", "a \"b")) {
      assertThrows(IllegalArgumentException.class, () -> ProcessEvaluator.of(command));
    }
    assertThrows(IllegalArgumentException.class, () -> ProcessEvaluator.of(List.of()));
    assertThrows(IllegalArgumentException.class, () -> shell("true").within(Duration.ZERO));
  }

  // ---- stored files -----------------------------------------------------------------------------

  @Test
  void storedFilesAreFoundByTheirAlpha() throws IOException {
    Labels labels = Labels.of(0, 1, 1, 0);
    Files.writeString(folder.resolve("1.csv"), "0\n1\n0\n1\n");
    Files.writeString(folder.resolve("alpha-0.30.csv"), "0\n0\n1\n1\n");
    ArrayFiles.npy(folder.resolve("0.0.npy"), "|u1", "(4,)", ArrayFiles.ints(1, 1, 1, 1, 1));
    Files.writeString(folder.resolve("notes.txt"), "");
    Files.writeString(folder.resolve("labels.csv"), "");
    StoredEvaluator evaluator = StoredEvaluator.of(folder, labels);
    assertEquals(List.of(0.0, .3, 1.0), evaluator.alphas());
    assertEquals(Evaluation.of(.5, 0, 0, 4), evaluate(evaluator, 1));
    assertEquals(Evaluation.of(.5, .25, .25, 4), evaluate(evaluator, .3));
    assertEquals(Evaluation.of(.5, .25, .25, 4), evaluate(evaluator, -0.0));
    assertEquals(
        .5, evaluate(StoredEvaluator.of(folder, Predictions.of(0, 1, 1, 0), labels), 1).nfr());
    String none =
        assertThrows(EvaluationException.class, () -> evaluate(evaluator, .4)).getMessage();
    assertTrue(none.startsWith(folder + ": holds no file for alpha 0.4, such as 0.4.npy"), none);

    Files.writeString(folder.resolve("0.3.csv"), "0\n");
    String twice =
        assertThrows(CompatibilityException.class, () -> StoredEvaluator.of(folder, labels))
            .getMessage();
    assertTrue(twice.contains("for the same alpha as 0.3.csv"), twice);
    Files.delete(folder.resolve("alpha-0.30.csv"));
    String short1 =
        assertThrows(
                EvaluationException.class, () -> evaluate(StoredEvaluator.of(folder, labels), .3))
            .getMessage();
    assertTrue(short1.contains("0.3.csv: holds 1 examples, and labels holds 4"), short1);
    Files.delete(folder.resolve("1.csv"));
    String old =
        assertThrows(CompatibilityException.class, () -> StoredEvaluator.of(folder, labels))
            .getMessage();
    assertTrue(old.startsWith(folder + ": holds no file for alpha 1, the old model"), old);
    Path none2 = folder.resolve("none");
    assertThrows(CompatibilityException.class, () -> StoredEvaluator.of(none2, labels));
  }

  // ---- classes ----------------------------------------------------------------------------------

  private Path compiled(String name, String source) throws IOException {
    Path file = Files.writeString(folder.resolve(name + ".java"), source);
    Path classes = Files.createDirectories(folder.resolve("classes"));
    String path = System.getProperty("jdk.module.path");
    List<String> options =
        path == null
            ? List.of("-classpath", System.getProperty("java.class.path"))
            : List.of("-classpath", path);
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                Stream.concat(
                        options.stream(),
                        Stream.of("-proc:none", "-d", classes.toString(), file.toString()))
                    .toArray(String[]::new));
    assertEquals(0, code);
    return classes;
  }

  @Test
  void classesAreLoadedFromElsewhere() throws IOException {
    String body =
        "public io.sinter.updater.compatibility.Evaluation evaluate("
            + "io.sinter.updater.compatibility.Candidate c) {"
            + " return io.sinter.updater.compatibility.Evaluation.of(c.alpha(), 0); } }";
    Path classes = compiled("Mine", "public class Mine implements " + OWN + " { " + body);
    compiled("Hidden", "class Hidden implements " + OWN + " { " + body);
    compiled(
        "Failing",
        "public class Failing implements "
            + OWN
            + " { public Failing() { throw new IllegalStateException(\"no data\"); } "
            + body);
    compiled("Other", "public class Other {}");
    assertEquals(.3, evaluate(Evaluators.load(List.of(classes), "Mine"), .3).accuracy());

    refusedClass(List.of(classes), "None", "there is no class None in " + classes);
    refusedClass(List.of(), "Mine", "there is no class Mine in this program");
    refusedClass(List.of(classes), "Other", "Other does not implement " + OWN);
    refusedClass(List.of(classes), "Hidden", "Hidden has no public constructor");
    refusedClass(List.of(folder.resolve("x.jar")), "Mine", "x.jar does not exist");
    String failing =
        assertThrows(EvaluationException.class, () -> Evaluators.load(List.of(classes), "Failing"))
            .getMessage();
    assertTrue(failing.contains("no data"), failing);
  }

  private static void refusedClass(List<Path> path, String name, String text) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Evaluators.load(path, name))
            .getMessage();
    assertTrue(message.contains(text), message);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.updater.compatibility.Candidate;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.Evaluator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sinter sweep`: with a program, a class and stored predictions as evaluators, and what goes
/// wrong with each.
class SweepCommandTest {
  @TempDir Path folder;

  @BeforeEach
  void models() throws IOException {
    for (String name : List.of("old", "new")) {
      Weights.writeZeros(folder.resolve(name), "w", 1000);
    }
  }

  private Run sweep(String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "sweep",
                "--old",
                folder.resolve("old").toString(),
                "--new",
                folder.resolve("new").toString(),
                "--device",
                "cpu",
                "--out",
                folder.resolve("out").toString()));
    all.addAll(List.of(more));
    return Run.of(all.toArray(String[]::new));
  }

  /// Nothing but the models, and what the tests themselves write.
  private void nothingIsLeft() throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      assertEquals(
          List.of(),
          entries
              .map(path -> path.getFileName().toString())
              .filter(name -> name.startsWith(".") || name.equals("out"))
              .toList());
    }
  }

  /// A shell script that knows what each alpha's accuracy is.
  private String script(String body) throws IOException {
    Path script = folder.resolve("evaluate.sh");
    Files.writeString(script, body);
    return "sh " + script;
  }

  private static final String GOOD =
      """
      case "$1" in
        *alpha-0.3) echo '{"accuracy": 0.9, "nfr": 0.02, "pfr": 0.04, "loss": 0.5}';;
        *alpha-0.[0-4]) echo '{"accuracy": 0.9, "nfr": 0.03}';;
        *) echo '{"accuracy": 0.8, "nfr": 0.0}';;
      esac
      test -f "$1/model.safetensors"
      """;

  @Test
  void aProgramEvaluates() throws IOException {
    Run run = sweep("--evaluator", script(GOOD)).exited(0);
    assertTrue(
        run.out().contains("Took alpha 0.3: accuracy 90.00 % (new model 90.00 %)"), run.out());
    assertTrue(run.out().contains("Merged 11 candidates in "), run.out());
    assertTrue(run.out().contains("  read 4.00 kB of " + folder.resolve("old")), run.out());
    assertTrue(
        run.out().lines().anyMatch(line -> line.matches(" *0\\.3 .*4\\.00 % +<")), run.out());
    JsonNode json = new ObjectMapper().readTree(folder.resolve("out/sweep.json").toFile());
    assertEquals(0.3, json.get("chosen").asDouble());
    assertTrue(Files.exists(folder.resolve("out/sweep.csv")));
    Run.of("verify", folder.resolve("out").toString()).exited(0);
  }

  @Test
  void programsAreToldOfIt() throws IOException {
    List<JsonNode> lines =
        sweep("--evaluator", script(GOOD), "--alphas", "0,.3,1", "--json").exited(0).lines();
    List<String> events = lines.stream().map(line -> line.get("event").asText()).toList();
    assertEquals(3, events.stream().filter("evaluated"::equals).count());
    assertEquals(1, events.stream().filter("merged"::equals).count());
    JsonNode done = lines.getLast();
    assertEquals("done", done.get("event").asText());
    assertEquals(0.3, done.get("chosen").asDouble());
    assertEquals(3, done.get("rows").size());
    assertEquals(0.5, done.get("rows").get(1).get("loss").asDouble());
    assertEquals(8000, done.get("bytesRead").asLong());
    assertEquals(2, done.get("read").size());
    assertTrue(
        done.get("files").get(0).get("path").asText().startsWith(folder.toRealPath().toString()));
  }

  @Test
  void candidatesAreKept() throws IOException {
    Path work = folder.resolve("work");
    sweep(
            "--evaluator",
            script(GOOD),
            "--alphas",
            "0,.3,1",
            "--work",
            work.toString(),
            "--keep-candidates")
        .exited(0);
    assertTrue(Files.exists(work.resolve("alpha-0.0/sinter.json")));
    assertTrue(Files.exists(work.resolve("alpha-1.0/sinter.json")));
    assertFalse(Files.exists(work.resolve("alpha-0.3")));
  }

  @Test
  void programsThatFail() throws IOException {
    String[][] cases = {
      {"exit 3\n", "alpha 0.0, candidate "},
      {"echo nonsense\n", "alpha 0.0, candidate "},
      {
        "case \"$1\" in *alpha-1.0) exit 9;; *) echo '{\"accuracy\": 1, \"nfr\": 0}';; esac\n",
        "alpha-1.0"
      },
      {"sleep 100\n", "alpha 0.0, candidate "}
    };
    for (String[] wrong : cases) {
      sweep("--evaluator", script(wrong[0]), "--alphas", "0,1", "--time-limit", "1")
          .exited(1)
          .complained(wrong[1], "Nothing was left behind.");
      nothingIsLeft();
    }
  }

  /// Ended while it evaluates, and while it merges.
  @Test
  void endedInTheMiddleItLeavesNothing() throws Exception {
    for (String sign : List.of("evaluating", ".out.sinter")) {
      Path evaluating = folder.resolve("evaluating");
      Files.deleteIfExists(evaluating);
      String program = script("touch " + evaluating + "\nsleep 100\n");
      Process process =
          Run.start(
              folder,
              Run.command(
                  "sweep", "--old=old", "--new=new", "--evaluator=" + program, "--out=out"));
      long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
      while (!begins(sign) && process.isAlive() && System.nanoTime() < deadline) {
        Thread.sleep(5);
      }
      process.toHandle().destroy();
      String errors = process.errorReader().readAllAsString();
      assertFalse(process.waitFor() == 0, errors);
      nothingIsLeft();
      assertTrue(
          errors.isEmpty() || errors.equals("sinter: interrupted\nNothing was left behind.\n"),
          errors);
    }
  }

  private boolean begins(String name) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.anyMatch(path -> path.getFileName().toString().startsWith(name));
    }
  }

  /// A class of the caller's.
  public static final class Middle implements Evaluator {
    @Override
    public Evaluation evaluate(Candidate candidate) {
      return Evaluation.of(0.9, Math.abs(candidate.alpha() - 0.5));
    }
  }

  @Test
  void aClassEvaluates() {
    Run run = sweep("--evaluator-class", Middle.class.getName(), "--alphas", "0,.25,.5,.75");
    // On the module path the class is not seen from there; then that is what is said.
    if (run.code() == 0) {
      assertTrue(run.out().contains("Took alpha 0.5"), run.out());
    } else {
      run.complained("there is no class " + Middle.class.getName());
    }
  }

  @Test
  void storedPredictions() throws IOException {
    Path labels = Files.writeString(folder.resolve("labels.csv"), "label\n0\n1\n1\n0\n");
    Path logits = Files.createDirectory(folder.resolve("logits"));
    Files.writeString(logits.resolve("0.csv"), "prediction\n0\n1\n0\n0\n");
    Files.writeString(logits.resolve("0.5.csv"), "prediction\n0\n1\n1\n0\n");
    Files.writeString(logits.resolve("1.csv"), "prediction\n1\n1\n1\n0\n");
    Run run =
        sweep(
                "--logits-dir",
                logits.toString(),
                "--labels",
                labels.toString(),
                "--alphas",
                "0,.5,1")
            .exited(0);
    assertTrue(run.out().contains("Took alpha 0.5: accuracy 100.00 %"), run.out());
    byte[] merged = Files.readAllBytes(folder.resolve("out/model.safetensors"));
    sweep("--logits-dir", logits.toString(), "--labels", labels.toString(), "--force")
        .exited(1)
        .complained("alpha 0.1", "holds no file for alpha 0.1");
    assertArrayEquals(merged, Files.readAllBytes(folder.resolve("out/model.safetensors")));
  }

  @Test
  void wrongUsage() throws IOException {
    sweep().exited(2).complained("give one of --evaluator, --evaluator-class and --logits-dir");
    sweep("--evaluator", "a", "--logits-dir", "b").exited(2).complained("give one of");
    sweep("--logits-dir", "b").exited(2).complained("--logits-dir needs --labels");
    sweep("--evaluator", "a", "--labels", "l").exited(2).complained("belong together");
    sweep("--evaluator-class", "a", "--time-limit", "4").exited(2).complained("--time-limit");
    sweep("--evaluator", "a", "--alphas", ".1,.2").exited(2).complained("lack 0, the new model");
    sweep("--evaluator", "a", "--alphas", "0,2").exited(2).complained("go beyond 0");
    sweep("--evaluator", "a", "--alphas", "0,x").exited(2).complained("--alphas");
    sweep("--evaluator", "a", "--epsilon", "3").exited(2).complained("epsilon is 3");
    sweep("--evaluator", "a", "--keep-candidates").exited(2).complained("--work");
    sweep("--evaluator", "/no/such/program").exited(1).complained("/no/such/program");
    nothingIsLeft();
  }
}

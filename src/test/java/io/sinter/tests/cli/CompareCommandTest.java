// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sinter compare`.
class CompareCommandTest {
  @TempDir private Path folder;
  private String old;
  private String updated;
  private String labels;

  /// Eight examples: 3 both right, 2 negative flips, 1 positive flip, 1 wrong the same, 1 wrong
  /// differently.
  @BeforeEach
  void files() throws IOException {
    labels =
        write(
            "labels.csv",
            "id,label,\"site, or shop\"\na,0,n\nb,1,n\nc,2,n\nd,0,n\ne,1,s\nf,2,s\ng,0,s\nh,1,s\n");
    old = write("old.csv", "id,prediction\na,0\nb,1\nc,2\nd,0\ne,1\nf,0\ng,1\nh,0\n");
    updated = write("new.csv", "id,prediction\na,0\nb,1\nc,2\nd,1\ne,2\nf,2\ng,1\nh,2\n");
  }

  private String write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text).toString();
  }

  private Run compare(String... more) {
    List<String> args = new ArrayList<>(List.of("compare", "--old", old, "--new", updated));
    args.addAll(List.of("--labels", labels, "--resamples=2000"));
    args.addAll(List.of(more));
    return Run.of(args.toArray(String[]::new));
  }

  @Test
  void printsATable() {
    Run run = compare().exited(0);
    assertEquals("", run.err());
    List<String> lines = run.out().lines().map(String::stripTrailing).toList();
    assertEquals("8 examples, 3 classes", lines.getFirst());
    assertTrue(
        run.out().lines().anyMatch(l -> l.matches("old accuracy +0\\.62500 +0\\..*")), run.out());
    assertTrue(run.out().lines().anyMatch(l -> l.matches("NFR +0\\.25000 +0\\.\\d+ +0\\.\\d+")));
    assertTrue(run.out().lines().anyMatch(l -> l.matches("NFR-MC +0\\.37500 .*")));
    assertTrue(run.out().contains("McNemar's exact p-value: 1.000"), run.out());
    assertTrue(lines.stream().anyMatch(l -> l.matches("old right +3 +2")), run.out());
    assertTrue(lines.stream().anyMatch(l -> l.matches("old wrong +1 +2")), run.out());
    assertTrue(lines.contains("both wrong: 1 the same, 1 different"), run.out());
    assertTrue(lines.stream().anyMatch(l -> l.matches("site, or shop +examples .*")), run.out());
    assertTrue(
        lines.stream()
            .anyMatch(l -> l.matches("s +4 +0\\.25000 +0\\.25000 +0\\.25000 +0\\.25000")));
  }

  @Test
  void printsJson() {
    JsonNode json = compare("--json", "--seed=3", "--ci=0.9").exited(0).json();
    assertEquals(8, json.get("examples").asInt());
    assertEquals(2, json.get("counts").get("negativeFlips").asInt());
    JsonNode nfr = json.get("measures").get("nfr");
    assertEquals(.25, nfr.get("value").asDouble());
    assertTrue(nfr.get("low").asDouble() < .25 && nfr.get("high").asDouble() > .25);
    assertEquals(2.0 / 4, json.get("measures").get("nfi").get("value").asDouble());
    assertEquals(3.0 / 5, json.get("measures").get("btc").get("value").asDouble());
    assertEquals(.9, json.get("bootstrap").get("level").asDouble());
    assertEquals(3, json.get("bootstrap").get("seed").asInt());
    assertEquals(2000, json.get("bootstrap").get("resamples").asInt());
    assertEquals(1, json.get("mcnemar").asDouble());
    assertEquals(3, json.get("byClass").size());
    assertEquals("site, or shop", json.get("byGroup").get(0).get("grouping").asText());
    assertEquals(1, json.get("labelToNew").get(0).get(0).asInt());
    assertEquals(2, json.get("labelToNew").get(0).get(1).asInt());
    assertEquals(2, json.get("failing").asInt());
    assertFalse(json.has("gate"));
    assertEquals(json, compare("--json", "--seed=3", "--ci=0.9").json());
  }

  @Test
  void writesTheFailingExamples() throws IOException {
    Path failures = folder.resolve("failures.csv");
    Run run = compare("--failures", failures.toString()).exited(0);
    assertTrue(run.out().endsWith("2 failing examples: " + failures + System.lineSeparator()));
    assertEquals(
        """
        example,id,label,old,new,outcome,"site, or shop"
        3,d,0,0,1,negative_flip,n
        4,e,1,1,2,negative_flip,s
        """,
        Files.readString(failures));
    compare("--failures", folder.resolve("none/f.csv").toString())
        .exited(2)
        .complained("the failing examples cannot be written to");
  }

  @Test
  void theGateDecidesTheExitCode() throws IOException {
    String passing = write("pass.yml", "nfr: {max: 0.25}\nexamples: {min: 8}\n");
    Run passed = compare("--gate", passing).exited(0);
    assertTrue(passed.out().contains("holds: nfr max 0.25: it is 0.25000, 95 % interval"));
    assertTrue(passed.out().contains("gate " + passing + ": passed"), passed.out());
    assertEquals("", passed.err());

    String failing =
        write(
            "fail.yml",
            "accuracy: {min_change: -0.2}\nnfr_mc: {max: 0.1}\ngroups: {nfr: {max: 0.3}}\n");
    Path failures = folder.resolve("failures.csv");
    Run failed = compare("--gate", failing, "--failures", failures.toString()).exited(1);
    assertEquals("", failed.err());
    assertTrue(failed.out().contains("holds: accuracy min_change -0.2: it is -0.12500"));
    assertTrue(failed.out().contains("fails: nfr_mc max 0.1: it is 0.37500"), failed.out());
    assertTrue(failed.out().contains("holds in 2 more classes and groups"), failed.out());
    assertTrue(failed.out().contains("gate " + failing + ": FAILED, 1 of 4"), failed.out());
    assertTrue(failed.out().contains("examples behind that: 3"), failed.out());
    assertEquals(4, Files.readAllLines(failures).size());
    assertTrue(Files.readString(failures).contains("7,h,1,0,2,wrong_different,s"));

    JsonNode json = compare("--gate", failing, "--json").exited(1).json();
    assertFalse(json.get("gate").get("passed").asBoolean());
    assertEquals(4, json.get("gate").get("rules").size());
    JsonNode rule = json.get("gate").get("rules").get(1);
    assertEquals("nfr_mc max 0.1", rule.get("rule").asText());
    assertFalse(rule.get("passed").asBoolean());
    assertEquals(2, rule.get("line").asInt());
    assertEquals(.375, rule.get("judged").asDouble());
    assertEquals(.1, rule.get("bound").asDouble());

    String strict = write("strict.yml", "ci: 0.99\nnfr: {max: 0.25}\n");
    Run judged = compare("--gate", strict).exited(1);
    assertTrue(judged.out().contains("99 % interval"), judged.out());
    assertTrue(judged.out().contains("its upper end is judged"), judged.out());
    assertTrue(judged.out().contains("99 % from"), judged.out());
  }

  /// A pipeline must not take what could not be compared for a gate that fails.
  @Test
  void whatCannotBeComparedIsNotAFailedGate() throws IOException {
    String gate = write("g.yml", "nfr: {max: 1}\n");
    String three = write("three.csv", "0\n1\n2\n");
    String nan = folder.resolve("nan.npy").toString();
    Files.write(folder.resolve("nan.npy"), new byte[] {1, 2, 3});
    for (String option : List.of("--old", "--new", "--labels")) {
      for (String bad : List.of(three, nan, folder.resolve("none.csv").toString(), "x.txt")) {
        List<String> args = new ArrayList<>(List.of("compare", "--gate", gate));
        args.addAll(List.of("--old", option.equals("--old") ? bad : old));
        args.addAll(List.of("--new", option.equals("--new") ? bad : updated));
        args.addAll(List.of("--labels", option.equals("--labels") ? bad : labels));
        Run.of(args.toArray(String[]::new)).exited(2).complained(": ");
      }
    }
    Run.of("compare", "--old", old, "--new", three, "--labels", labels)
        .exited(2)
        .complained("three.csv: holds 3 examples, and " + labels + " holds 8");
    compare("--gate", write("bad.yml", "nrf: {max: 1}\n"))
        .exited(2)
        .complained("bad.yml:1: unknown key 'nrf' in the gate. Did you mean 'nfr'?");
    compare("--gate", folder.resolve("none.yml").toString()).exited(2).complained("none.yml");
    compare("--classes=2").exited(2).complained("label 2 of example 'c' is out of range");
    compare("--groups", three).exited(2).complained("three.csv");
    String nothing = write("groups.yml", "groups: {nfr: {max: 1}}");
    Run.of("compare", "--old", three, "--new", three, "--labels", three, "--gate", nothing)
        .exited(2)
        .complained("has rules for groups, and the labels have none");
  }

  @Test
  void wrongUsage() {
    Run.of("compare", "--old", old, "--new", updated).exited(2).complained("--labels");
    for (String option :
        List.of(
            "--resamples=0",
            "--resamples=4000001",
            "--ci=0",
            "--ci=1",
            "--ci=NaN",
            "--classes=0",
            "--classes=1048577",
            "--seed=x")) {
      compare(option).exited(2).complained(option.substring(0, option.indexOf('=')));
    }
    Run help = Run.of("help", "compare").exited(0);
    assertTrue(help.out().contains("the gate fails"), help.out());
  }

  @Test
  void groupsOfTheirOwn() throws IOException {
    String groups =
        write("groups.csv", "lang,id\nde,h\nfr,g\nde,f\nfr,e\nde,d\nfr,c\nde,b\nfr,a\n");
    JsonNode json = compare("--json", "--groups", groups).exited(0).json();
    assertEquals(4, json.get("byGroup").size());
    JsonNode french = json.get("byGroup").get(3);
    assertEquals("lang", french.get("grouping").asText());
    assertEquals("fr", french.get("group").asText());
    assertEquals(2, french.get("bothRight").asInt());
    assertEquals(1, french.get("negativeFlips").asInt());
  }

  /// What is in a file must not move a cursor.
  @Test
  void namesAreShownPlainly() throws IOException {
    labels = write("l.csv", "label,g\n" + "0,\u001b[31mred\n".repeat(8));
    Run run = compare().exited(0);
    assertTrue(run.out().contains("?[31mred"), run.out());
    assertFalse(run.out().contains("\u001b"), run.out());
  }

  @Test
  void ofManyClassesTheWorstAreShown() throws IOException {
    StringBuilder many = new StringBuilder();
    StringBuilder flipped = new StringBuilder();
    for (int i = 0; i < 50; i++) {
      many.append(i).append('\n');
      flipped.append(i == 37 ? 0 : i).append('\n');
    }
    String right = write("r.csv", many.toString());
    Run run =
        Run.of(
                "compare",
                "--old=" + right,
                "--new=" + write("f.csv", flipped.toString()),
                "--labels=" + right,
                "--resamples=100")
            .exited(0);
    assertTrue(run.out().contains("(the 20 of 50 with the highest NFR)"), run.out());
    assertTrue(run.out().lines().anyMatch(l -> l.matches("37 +1 +1\\.00000 +0\\.00000 .*")));
  }
}

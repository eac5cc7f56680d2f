// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.updater.compatibility.Comparison;
import io.sinter.updater.compatibility.CompatibilityException;
import io.sinter.updater.compatibility.Gate;
import io.sinter.updater.compatibility.Gate.Judgement;
import io.sinter.updater.compatibility.Gate.Verdict;
import io.sinter.updater.compatibility.Grouping;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateTest {
  private static final BootstrapOptions OPTIONS = new BootstrapOptions(20_000, .95, 7);

  /// 1000 examples, label 0 but for the last 100, whose label is 1: 880 stay right, 10 negative
  /// flips (2 of label 1), 30 positive, 50 wrong the same, 30 wrong differently.
  private static Comparison comparison() {
    int n = 1000;
    int[] labels = new int[n];
    Arrays.fill(labels, 900, n, 1);
    int[] old = labels.clone();
    int[] updated = labels.clone();
    List<String> groups = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      groups.add(i < 500 ? "a" : "b");
    }
    for (int i : new int[] {0, 1, 2, 3, 600, 601, 602, 603, 998, 999}) {
      updated[i] = 2; // negative flips: 4 in a, 6 in b
    }
    for (int i = 100; i < 130; i++) {
      old[i] = 2;
    }
    for (int i = 200; i < 250; i++) {
      old[i] = 2;
      updated[i] = 2;
    }
    for (int i = 300; i < 330; i++) {
      old[i] = 2;
      updated[i] = 1;
    }
    return Comparison.of(
        Predictions.of(old),
        Predictions.of(updated),
        Labels.of(labels).with(Grouping.of("site", groups)));
  }

  private static Verdict judged(String yaml) {
    return Gate.parse(yaml, "g.yml").judge(comparison(), OPTIONS);
  }

  @Test
  void theExampleIsWhatItSays() {
    assertEquals(new Flips(880, 10, 30, 50, 30), comparison().flips());
  }

  /// By the measures themselves: the bound is met exactly, and missed by less than one example.
  @ParameterizedTest
  @CsvSource({
    "nfr, max, 0.01, 0.0099",
    "nfr, min, 0.01, 0.0101",
    "accuracy, min, 0.91, 0.9101",
    "accuracy, min_change, 0.02, 0.0201",
    "pfr, min, 0.03, 0.0301",
    "nfr_mc, max, 0.04, 0.0399",
    "nfi, max, 0.1111111111111112, 0.1111",
    "btc, min, 0.98876, 0.98877",
  })
  void boundsAreJudgedByTheMeasure(String measure, String key, double holds, double fails) {
    String yaml = "%s: {%s: %s}";
    Verdict passed = judged(yaml.formatted(measure, key, holds));
    assertTrue(passed.passed(), passed::toString);
    Verdict failed = judged(yaml.formatted(measure, key, fails));
    assertFalse(failed.passed(), failed::toString);
    assertEquals(1, failed.failures().size());
    assertEquals(failed.judgements(), failed.failures());
  }

  @Test
  void withCiTheWorseEndIsJudged() {
    Map<Measure, Interval> intervals = comparison().intervals(OPTIONS);
    Interval nfr = intervals.get(Measure.NFR);
    assertTrue(nfr.low() < .01 && .01 < nfr.high(), nfr::toString);
    assertTrue(judged("nfr: {max: 0.011}").passed());
    Verdict failed = judged("ci: 0.95\nnfr: {max: 0.011}");
    assertFalse(failed.passed());
    Judgement judgement = failed.failures().getFirst();
    assertEquals(nfr, judgement.interval());
    assertEquals(nfr.high(), judgement.judged());
    assertEquals(.01, judgement.value());
    assertEquals(2, judgement.rule().line());
    assertTrue(
        judgement
            .text()
            .matches(
                "fails: nfr max 0\\.011: it is 0\\.01000, 95 % interval 0\\.00\\d+ to 0\\.01\\d+;"
                    + " its upper end is judged"),
        judgement.text());
    assertTrue(judged("ci: 0.95\nnfr: {max: " + nfr.high() + "}").passed());

    Interval accuracy = intervals.get(Measure.NEW_ACCURACY);
    assertTrue(judged("ci: 0.95\naccuracy: {min: " + accuracy.low() + "}").passed());
    assertFalse(judged("ci: 0.95\naccuracy: {min: 0.9}").passed());
    Interval change = intervals.get(Measure.ACCURACY_CHANGE);
    assertTrue(change.low() > 0);
    assertTrue(judged("ci: 0.95\naccuracy: {min_change: 0}").passed());
    // A narrower interval lets more pass.
    assertTrue(judged("ci: 0.05\nnfr: {max: 0.011}").passed());
    assertEquals(
        judged("ci: 0.9\nseed: 3\nresamples: 1000\nnfr: {max: 1}")
            .judgements()
            .getFirst()
            .interval(),
        comparison().intervals(new BootstrapOptions(1000, .9, 3)).get(Measure.NFR));
  }

  @Test
  void rulesInClassesAndGroups() {
    Verdict classes = judged("classes: {nfr: {max: 0.01}}");
    assertEquals(2, classes.judgements().size());
    assertEquals(List.of("class 1"), classes.failures().stream().map(Judgement::where).toList());
    assertEquals(
        "fails: classes: nfr max 0.01 in class 1: it is 0.02000, 95 % interval",
        classes.failures().getFirst().text().substring(0, 69));
    assertTrue(classes.failures().getFirst().text().endsWith("; of 100 examples"));
    Verdict few = judged("classes: {min_examples: 101, nfr: {max: 0.01}}");
    assertTrue(few.passed());
    assertEquals(1, few.tooFew());
    Verdict groups = judged("groups: {nfr: {max: 0.01}, pfr: {min: 0}}");
    assertEquals(4, groups.judgements().size());
    assertEquals(List.of("site=b"), groups.failures().stream().map(Judgement::where).toList());
    assertEquals(2, judged("groups: {min_examples: 501, nfr: {max: 0}}").tooFew());
  }

  @Test
  void examplesCanBeRequired() {
    assertTrue(judged("examples: {min: 1000}").passed());
    Verdict failed = judged("examples: {min: 1001}\nnfr: {max: 1}");
    assertEquals("fails: examples min 1001: it is 1000", failed.failures().getFirst().text());
    assertEquals(0, Gate.parse("examples: {min: 1001}", "g").failing(comparison(), failed).length);
  }

  private static int[] failing(String yaml) {
    Gate gate = Gate.parse(yaml, "g.yml");
    Comparison comparison = comparison();
    return gate.failing(comparison, gate.judge(comparison, OPTIONS));
  }

  @Test
  void namesTheExamplesBehindAFailure() {
    int[] negative = {0, 1, 2, 3, 600, 601, 602, 603, 998, 999};
    assertArrayEquals(negative, failing("nfr: {max: 0}"));
    assertArrayEquals(
        negative, failing("nfr: {max: 0}\naccuracy: {min_change: 0.5}\nbtc: {min: 1}"));
    assertArrayEquals(new int[0], failing("nfr: {max: 1}"));
    assertArrayEquals(new int[0], failing("pfr: {min: 1}"));
    assertArrayEquals(new int[] {998, 999}, failing("classes: {nfr: {max: 0.01}}"));
    assertArrayEquals(
        new int[] {600, 601, 602, 603, 998, 999}, failing("groups: {nfr: {max: 0.01}}"));
    assertEquals(40, failing("nfr_mc: {max: 0}").length);
    assertEquals(90, failing("accuracy: {min: 1}").length);
    assertArrayEquals(
        comparison().examples(Outcome.NEGATIVE_FLIP, Outcome.WRONG_DIFFERENT),
        failing("nfr_mc: {max: 0}"));
  }

  @Test
  void groupsMustBeThereWhereRulesAre() {
    Comparison plain = Comparison.of(Predictions.of(0), Predictions.of(0), Labels.of(0));
    Gate gate = Gate.parse("groups: {nfr: {max: 0}}", "g.yml");
    String message =
        assertThrows(CompatibilityException.class, () -> gate.judge(plain, OPTIONS)).getMessage();
    assertEquals(
        "g.yml: has rules for groups, and the labels have none. Give groups, or remove these"
            + " rules.",
        message);
  }

  @Test
  void readsAFile(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("g.yml"), "nfr: {max: 0.5}\nci: 0.99\n");
    Gate gate = Gate.read(file);
    assertEquals(OptionalDouble.of(.99), gate.ci());
    assertEquals(1, gate.rules().size());
    assertEquals("nfr max 0.5", gate.rules().getFirst().text());
    assertEquals(file.toString(), gate.origin());
    assertEquals(new BootstrapOptions(20_000, .99, 7), gate.options(OPTIONS));
    Path none = folder.resolve("none.yml");
    String message = assertThrows(CompatibilityException.class, () -> Gate.read(none)).getMessage();
    assertEquals(
        none + ": cannot be read (no such file or folder). Check the file and its rights.",
        message);
    Files.write(file, new byte[] {(byte) 0xff});
    assertTrue(
        assertThrows(CompatibilityException.class, () -> Gate.read(file))
            .getMessage()
            .contains("not UTF-8"));
    Files.writeString(file, "#".repeat(70_000));
    assertTrue(
        assertThrows(CompatibilityException.class, () -> Gate.read(file))
            .getMessage()
            .contains("more than the 65536"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | g.yml: is empty. A gate has at least one rule",
        "'ci: 0.9' | g.yml:1: has no rules. Add one",
        "'nfr: 0.1' | g.yml:1: nfr is '0.1'. Write 'key: value' lines.",
        "'nfr: {}' | g.yml:1: nfr has no bound.",
        "'nfr: {maxx: 0}' | g.yml:1: unknown key 'maxx' in nfr. Did you mean 'max'?",
        "'nfr: {min_change: 0}' | g.yml:1: unknown key 'min_change' in nfr.",
        "'ci: .9~nrf: {max: 0}' | g.yml:2: unknown key 'nrf' in the gate. Did you mean 'nfr'?",
        "'nfr: {max: 5}' | g.yml:1: nfr.max is 5, and must be a share from 0 to 1, not a"
            + " percentage.",
        "'nfr: {max: -0.1}' | g.yml:1: nfr.max is -0.1, and must",
        "'accuracy: {min_change: -2}' | g.yml:1: accuracy.min_change is -2, and must be a share"
            + " from -1",
        "'nfr: {max: x}' | g.yml:1: nfr.max is 'x'. Write a number.",
        "'nfr: {max: .nan}' | g.yml:1: nfr.max is .nan, and must be finite.",
        "'nfr: {max: 0, max: 1}' | g.yml:1: 'max' appears twice in nfr",
        "'nfr: {min: 0.5, max: 0.4}' | g.yml:1: nfr.max is below its min.",
        "'nfr: {max: 0}~ci: 95' | g.yml:2: ci is 95, and must be between 0 and 1, such as 0.95.",
        "'nfr: {max: 0}~seed: 1.5' | g.yml:2: seed is '1.5', and must be a whole number of 64"
            + " bits.",
        "'nfr: {max: 0}~resamples: 0' | g.yml:2: resamples is '0', and must be a whole number from"
            + " 1.",
        "'nfr: {max: 0}~resamples: 99999999' | g.yml:2: resamples is 99999999, and may be at most",
        "'examples: {min: 0}' | g.yml:1: examples.min is '0', and must be a whole number from 1.",
        "'examples: {max: 1}' | g.yml:1: unknown key 'max' in examples.",
        "'examples: {}' | g.yml:1: examples has no bound.",
        "'classes: {min_examples: 5}' | g.yml:1: classes has no rules.",
        "'classes: {examples: {min: 5}}' | g.yml:1: unknown key 'examples' in classes.",
        "'groups: [nfr]' | g.yml:1: groups is a list.",
        "'nfr:' | g.yml:1: 'nfr' has no value.",
        "'nfr: {max: 0' | g.yml:1: is not YAML",
        "'- nfr' | g.yml:1: the gate is a list.",
      })
  void errorsNameTheLine(String yaml, String message) {
    String text = yaml.replace('~', '\n');
    String actual =
        assertThrows(CompatibilityException.class, () -> Gate.parse(text, "g.yml")).getMessage();
    assertTrue(actual.startsWith(message), () -> message + "\nexpected, but was\n" + actual);
    assertTrue(actual.endsWith(".") || actual.endsWith("?"), actual);
  }

  // ---- intervals --------------------------------------------------------------------------------

  @Test
  void intervalsAreTheBootstraps() {
    try (Stream stream = Device.cpu().stream()) {
      assertEquals(
          Compatibility.bootstrap(stream, comparison().flips(), List.of(Measure.values()), OPTIONS),
          comparison().intervals(OPTIONS));
    }
  }

  /// Where resamples are all alike, exact binomial bounds: 3.6 % for 0 of 100 at 95 %.
  @Test
  void nothingSeenIsNotCertainty() {
    Map<Measure, Interval> intervals = Comparison.intervals(new Flips(100, 0, 0, 0, 0), OPTIONS);
    double bound = 1 - Math.pow(.025, .01);
    assertEquals(.0362, bound, 5e-5);
    for (Measure measure : List.of(Measure.NFR, Measure.PFR, Measure.NFR_MC)) {
      assertEquals(0, intervals.get(measure).low());
      assertEquals(bound, intervals.get(measure).high(), 1e-15);
    }
    for (Measure measure : List.of(Measure.OLD_ACCURACY, Measure.NEW_ACCURACY, Measure.BTC)) {
      assertEquals(1 - bound, intervals.get(measure).low(), 1e-15);
      assertEquals(1, intervals.get(measure).high());
    }
    assertEquals(-bound, intervals.get(Measure.ACCURACY_CHANGE).low(), 1e-15);
    assertEquals(bound, intervals.get(Measure.ACCURACY_CHANGE).high(), 1e-15);
    assertEquals(0, intervals.get(Measure.NFI).high()); // It made no errors to have a share of.
    Map<Measure, Interval> wrong = Comparison.intervals(new Flips(0, 0, 0, 20, 0), OPTIONS);
    assertEquals(1 - Math.pow(.025, .05), wrong.get(Measure.NFI).high(), 1e-15);
    assertEquals(1, wrong.get(Measure.BTC).low()); // The old model got nothing right to keep.
    assertFalse(judged("ci: 0.95\nnfi: {max: 0}").passed());
  }

  @Test
  void mcnemar() {
    // 10 against 30 of 40: twice the tail of the binomial.
    double tail = 0;
    double term = Math.pow(.5, 40);
    for (int k = 0; k <= 10; k++) {
      tail += term;
      term = term * (40 - k) / (k + 1);
    }
    assertEquals(2 * tail, comparison().mcnemar(), 1e-12 * tail);
  }
}

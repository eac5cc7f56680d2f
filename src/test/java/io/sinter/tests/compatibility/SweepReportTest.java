// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sinter.updater.compatibility.Candidate;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.SweepReport;
import io.sinter.updater.compatibility.SweepReport.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SweepReportTest {

  private static Row row(double alpha, double accuracy, double nfr) {
    return new Row(alpha, Evaluation.of(accuracy, nfr));
  }

  private static double chosen(double epsilon, Row... rows) {
    return new SweepReport("bcwi", List.of(rows)).choose(epsilon).alpha();
  }

  @Test
  void takesTheLowestFlipRateThatCostsNoAccuracy() {
    Row[] rows = {
      row(0, .82, .04), row(.1, .825, .03), row(.2, .82, .02), row(.3, .819, .01), row(1, .7, 0)
    };
    assertEquals(.2, chosen(0, rows));
    assertEquals(.3, chosen(.001, rows));
    assertEquals(.3, chosen(.119, rows));
    assertEquals(1, chosen(.12, rows));
  }

  @Test
  void ofEqualOnesTheClosestToTheNewModel() {
    assertEquals(.1, chosen(0, row(0, .8, .04), row(.2, .8, .02), row(.1, .8, .02)));
    assertEquals(0, chosen(0, row(-.1, .9, .04), row(0, .8, .04), row(.1, .9, .04)));
  }

  @Test
  void keepsTheNewModelWhereNothingIsBetter() {
    assertEquals(0, chosen(0, row(0, .8, .04), row(.5, .79, .01), row(1, .8, .05)));
    assertEquals(0, chosen(0, row(-0.0, .8, .04)));
  }

  /// Shares that come from different sums of the same counts differ in their last bits.
  @Test
  void roundingDecidesNothing() {
    double nfr = .1 + .2;
    assertTrue(nfr != .3);
    assertEquals(.1, chosen(0, row(0, .6, .4), row(.1, .6, nfr), row(.2, .6, .3)));
    assertEquals(.1, chosen(.1, row(0, .8, .04), row(.1, .7, .03)));
    assertTrue(.8 - .1 > .7);
  }

  @Test
  void refusesWhatIsNoSweep() {
    assertThrows(IllegalArgumentException.class, () -> new SweepReport("bcwi", List.of()));
    String twice =
        assertThrows(
                IllegalArgumentException.class, () -> chosen(0, row(.1, .8, .1), row(.1, .8, .2)))
            .getMessage();
    assertTrue(twice.startsWith("alpha 0.1 is there twice; "), twice);
    String none =
        assertThrows(IllegalArgumentException.class, () -> chosen(0, row(.1, .8, .1))).getMessage();
    assertTrue(none.startsWith("the sweep has no alpha 0, "), none);
    for (double epsilon : new double[] {-.01, 1.01, Double.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> chosen(epsilon, row(0, .8, .1)));
    }
    for (double alpha : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> row(alpha, .8, .1));
      assertThrows(IllegalArgumentException.class, () -> new Candidate(Path.of("x"), alpha));
    }
  }

  @Test
  void refusesWhatIsNoEvaluation() {
    for (double share : new double[] {-.01, 1.01, 82.5, Double.NaN}) {
      String accuracy =
          assertThrows(IllegalArgumentException.class, () -> Evaluation.of(share, 0)).getMessage();
      assertTrue(accuracy.startsWith("accuracy is " + share + "; "), accuracy);
      assertThrows(IllegalArgumentException.class, () -> Evaluation.of(1, share));
      assertThrows(IllegalArgumentException.class, () -> Evaluation.of(1, 0, share, 1));
    }
    assertThrows(IllegalArgumentException.class, () -> Evaluation.of(1, 0, 0, 0));
    assertThrows(
        IllegalArgumentException.class, () -> Evaluation.of(1, 0).with(Map.of("loss", Double.NaN)));
  }

  @Test
  void writesWhatItHolds(@TempDir Path folder) throws IOException {
    Map<String, Double> more = new LinkedHashMap<>();
    more.put("loss, mean", 1.0 / 3);
    SweepReport report =
        new SweepReport(
            "bcwi",
            List.of(
                row(1, .7, 0),
                row(0, .8, .04),
                new Row(
                    .3,
                    new Evaluation(
                            .81,
                            .01,
                            OptionalDouble.of(.02),
                            OptionalLong.of(5000),
                            new LinkedHashMap<>())
                        .with(more))));
    Path out = folder.resolve("a/b");
    assertEquals(
        List.of(out.resolve("sweep.csv"), out.resolve("sweep.json")), report.write(out, .001));
    assertEquals(
        """
        alpha,accuracy,nfr,pfr,examples,"loss, mean",chosen
        0.0,0.8,0.04,,,,0
        0.3,0.81,0.01,0.02,5000,0.3333333333333333,1
        1.0,0.7,0.0,,,,0
        """,
        Files.readString(out.resolve("sweep.csv")));
    JsonNode json = JsonMapper.builder().build().readTree(out.resolve("sweep.json").toFile());
    assertEquals("bcwi", json.get("method").asText());
    assertEquals(.001, json.get("epsilon").asDouble());
    assertEquals(.3, json.get("chosen").asDouble());
    assertEquals(3, json.get("rows").size());
    assertEquals(1.0 / 3, json.get("rows").get(1).get("further").get("loss, mean").asDouble());
    assertEquals(5000, json.get("rows").get(1).get("examples").asLong());
    assertFalse(json.get("rows").get(0).has("pfr"));
    assertEquals(.7, json.get("rows").get(2).get("accuracy").asDouble());
    try (Stream<Path> files = Files.list(out)) {
      assertEquals(2, files.count());
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.examples.bcwi.Results.PanelResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What docs/bcwi.md reports is what the committed results say.
class DocumentTest {

  private static final Path ROOT = Path.of(System.getProperty("sinter.sources", "../.."));
  private static final Path DOCUMENT = ROOT.resolve("docs/bcwi.md");

  private static Results results = new Results("", List.of());

  @BeforeAll
  static void read() throws IOException {
    results = Results.read(ROOT.resolve("examples/bcwi/results.json"));
  }

  @Test
  void tablesAreMadeOfTheResults() throws IOException {
    String document = Files.readString(DOCUMENT);
    assertEquals(Tables.refresh(document, results), document);
    for (String panel : Panels.IDS) {
      assertTrue(document.contains("<!-- table " + panel + " -->"), panel);
    }
  }

  @Test
  void chartsAreThere() throws IOException {
    Matcher chart =
        Pattern.compile("\\((bcwi/[a-z_]+\\.png)\\)").matcher(Files.readString(DOCUMENT));
    int charts = 0;
    while (chart.find()) {
      assertTrue(Files.exists(DOCUMENT.resolveSibling(chart.group(1))), chart.group(1));
      charts++;
    }
    assertTrue(charts > 0);
  }

  /// What was promised of the main set-up: a quarter of the negative flips less, for certain less,
  /// and no more than 0.2 points of accuracy given up.
  @Test
  void mainSetUpKeepsItsPromise() {
    assertEquals("full", results.form());
    PanelResult main = results.panel(Panels.MAIN).orElseThrow();
    assertEquals(10, main.repetitions().size());
    double[] before = Tables.values(main, Methods.NEW, Measures::nfr);
    Statistics change = Statistics.paired(Tables.values(main, Methods.BCWI, Measures::nfr), before);
    assertTrue(change.mean() <= -.25 * Statistics.of(before).mean());
    assertTrue(change.mean() + change.margin() < 0);
    assertTrue(
        Statistics.paired(
                    Tables.values(main, Methods.BCWI, Measures::accuracy),
                    Tables.values(main, Methods.NEW, Measures::accuracy))
                .mean()
            >= -.002);
  }
}

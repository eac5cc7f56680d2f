// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.examples.bcwi.Panel.Trial;
import io.sinter.examples.bcwi.Results.PanelResult;
import io.sinter.updater.FisherDiagonal.Estimator;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every panel in a tiny form, on data that need no download.
class StudyTest {

  private static final Panels TINY =
      new Panels(
          new Split.Sizes(120, 180, 200),
          new Split.Sizes(40, 60, 200),
          60,
          new Split.Sizes(120, 180, 100),
          30,
          4,
          1e-2);
  private static final Panel.Scale SCALE = new Panel.Scale(2, new int[] {1, 3}, 1);

  private static final Arena ARENA = Arena.ofShared();
  private static List<Panel> panels = List.of();
  private static Results results = new Results("tiny", List.of());

  @BeforeAll
  static void run() throws InterruptedException {
    panels = new ArrayList<>();
    Data images = Synthetic.images(ARENA);
    panels.addAll(TINY.ofImages(images, images, 3));
    panels.addAll(TINY.ofMail(Synthetic.mails(ARENA, 2), Synthetic.mails(ARENA, 3)));
    results = new Study(2, _ -> {}, Optional.empty()).run(panels, SCALE, "tiny");
  }

  @AfterAll
  static void close() {
    ARENA.close();
  }

  @Test
  void everyPanelReportsEveryMethodItTries() {
    assertEquals(Panels.IDS, results.panels().stream().map(PanelResult::id).toList());
    for (int i = 0; i < panels.size(); i++) {
      PanelResult result = results.panels().get(i);
      List<String> expected = new ArrayList<>();
      for (String method : Methods.titles().keySet()) {
        if (tries(panels.get(i), method)) {
          expected.add(method);
        }
      }
      for (Repetition repetition : result.repetitions()) {
        List<String> reported =
            Methods.titles().keySet().stream()
                .filter(method -> repetition.row(method).isPresent())
                .toList();
        assertEquals(expected, reported, result.id() + ", seed " + repetition.seed());
      }
    }
    PanelResult main = results.panel(Panels.MAIN).orElseThrow();
    for (int k : SCALE.soups()) {
      assertTrue(main.repetitions().getFirst().row(Methods.soup(k)).isPresent());
      assertTrue(main.repetitions().getFirst().row(Methods.soupBcwi(k)).isPresent());
      assertFalse(main.repetitions().getLast().row(Methods.soup(k)).isPresent());
    }
  }

  private static boolean tries(Panel panel, String method) {
    return switch (method) {
      case Methods.OLD, Methods.NEW, Methods.BCWI, Methods.BCWI_FIXED -> true;
      case Methods.ENSEMBLE, Methods.ENSEMBLE_HALF -> panel.trials().contains(Trial.ENSEMBLE);
      case Methods.CHECKPOINTS -> panel.trials().contains(Trial.CHECKPOINTS);
      case Methods.DECAYED -> panel.trials().contains(Trial.DECAY);
      case Methods.DISTILLATION -> panel.trials().contains(Trial.DISTILLATION);
      case Methods.COMPATIBILITY, Methods.COMPATIBILITY_CE, Methods.COMPATIBILITY_LIKELIHOOD ->
          panel.trials().contains(Trial.COMPATIBILITY);
      default ->
          panel
              .trials()
              .contains(
                  method.equals(Methods.fisher(Estimator.ARGMAX))
                      ? Trial.FISHER
                      : Trial.ESTIMATORS);
    };
  }

  /// Whatever is chosen has, on development examples, the new model's accuracy at least, and its
  /// share of the old model is on the grid. At its ends the grid holds the models themselves.
  @Test
  void whatIsChosenIsOnTheCurveAndNoLessAccurateThanTheNewModel() {
    for (PanelResult panel : results.panels()) {
      boolean sameClasses = !panel.id().endsWith("add_classes");
      for (Repetition repetition : panel.repetitions()) {
        for (Repetition.Curve curve : repetition.curves()) {
          String what = panel.id() + ", seed " + repetition.seed() + ", " + curve.method();
          int last = curve.alpha().size() - 1;
          assertEquals(0, curve.alpha().getFirst(), what);
          assertEquals(1, curve.alpha().get(last), what);
          if (sameClasses) {
            assertEquals(0, curve.nfr().get(last), what);
          }
          Double chosen = repetition.row(curve.method()).orElseThrow().setting();
          int at = curve.alpha().indexOf(chosen);
          assertTrue(at >= 0, what);
          assertTrue(curve.accuracy().get(at) >= curve.accuracy().getFirst(), what);
          assertTrue(curve.nfr().get(at) <= curve.nfr().getFirst(), what);
        }
        // Alpha 0 is the new model, whatever the method.
        assertEquals(
            1,
            repetition.curves().stream()
                .filter(curve -> !curve.method().startsWith(Methods.SOUP + "_3"))
                .map(curve -> curve.accuracy().getFirst() + " " + curve.nfr().getFirst())
                .distinct()
                .count());
      }
    }
  }

  @Test
  void modelsLearn() {
    for (PanelResult panel : results.panels()) {
      double[] accuracy = Tables.values(panel, Methods.NEW, Measures::accuracy);
      double guess = panel.id().startsWith("mail") ? .5 : .2;
      if (!panel.id().equals("small") && !panel.id().equals("mail_add_classes")) {
        assertTrue(Statistics.of(accuracy).mean() > 1.2 * guess, panel.id() + ": " + accuracy[0]);
      }
    }
  }

  /// Also: a sweep of files comes to the same as one in memory, heads that have grown included.
  @Test
  void resultsDependOnTheSeedAndNotOnThreadsOrFiles(@TempDir Path folder)
      throws InterruptedException {
    List<Panel> main = panels.subList(0, 2);
    Results again = new Study(1, _ -> {}, Optional.of(folder)).run(main, SCALE, "tiny");
    assertTrue(Files.exists(folder.resolve("main/updated/sweep.json")));
    assertTrue(Files.exists(folder.resolve("add_classes/updated-fisher/model.safetensors")));
    for (int panel = 0; panel < main.size(); panel++) {
      List<Repetition> expected = results.panels().get(panel).repetitions();
      List<Repetition> repetitions = again.panels().get(panel).repetitions();
      for (int i = 0; i < expected.size(); i++) {
        // One by one: a difference is then a line or two to read.
        assertListEquals(expected.get(i).curves(), repetitions.get(i).curves());
        assertListEquals(expected.get(i).rows(), repetitions.get(i).rows());
      }
      assertNotEquals(repetitions.get(0).row(Methods.NEW), repetitions.get(1).row(Methods.NEW));
    }
  }

  private static void assertListEquals(List<?> expected, List<?> actual) {
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i));
    }
    assertEquals(expected.size(), actual.size());
  }

  @Test
  void resultsAreReadBackAsTheyWereWritten(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("results.json");
    results.write(file);
    assertTrue(results.equals(Results.read(file)));
  }

  @Test
  void everyMethodHasItsRowInTheTables() {
    String tables = Tables.all(results);
    for (String title : Methods.titles().values()) {
      assertTrue(tables.contains("| " + title + " |"), title);
    }
    assertTrue(tables.contains("| SoupBCWI 3, α chosen |"));
    assertFalse(tables.contains("NaN"), tables);
  }

  @Test
  void tablesGoToTheirPlacesInADocument() {
    String document =
        "before\n"
            + "<!-- table main -->\n"
            + "stale\n"
            + "<!-- end -->\n"
            + "between\n"
            + "<!-- table nosuch -->\n"
            + "kept\n"
            + "<!-- end -->\n"
            + "<!-- table main soups -->\n"
            + "<!-- end -->\n";
    String fresh = Tables.refresh(document, results);
    assertFalse(fresh.contains("stale"));
    assertTrue(fresh.startsWith("before\n<!-- table main -->\n\n2 repetitions"), fresh);
    assertTrue(fresh.contains("between\n<!-- table nosuch -->\nkept\n<!-- end -->"));
    assertTrue(fresh.contains("| soup of 3 |"));
    assertEquals(fresh, Tables.refresh(fresh, results));
  }

  @Test
  void chartsArePictures(@TempDir Path folder) throws IOException {
    List<Path> charts = Charts.write(results, folder);
    assertEquals(Panels.IDS.size() + 1, charts.size());
    for (Path chart : charts) {
      assertTrue(ImageIO.read(chart.toFile()).getWidth() > 0, chart.toString());
      assertTrue(
          Files.size(chart) < 100_000,
          String.format(Locale.ROOT, "%s has %d bytes", chart, Files.size(chart)));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sinter.cli.SweepChart;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.SweepReport;
import io.sinter.updater.compatibility.SweepReport.Row;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.xml.sax.SAXException;

class SweepChartTest {
  private static final int CURVE = 0xff1f5fa8;
  private static final int CHOSEN = 0xffd1662a;

  @TempDir private Path folder;

  static SweepReport report() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i <= 10; i++) {
      double alpha = i / 10.0;
      rows.add(
          new Row(
              alpha, Evaluation.of(.825 + .01 * alpha - .02 * alpha * alpha, .03 - .03 * alpha)));
    }
    return new SweepReport("bcwi", rows);
  }

  private List<Path> draw(SweepReport report) throws IOException {
    List<String> notices = new ArrayList<>();
    List<Path> files = SweepChart.draw(report, 0, folder, notices::add);
    assumeTrue(notices.isEmpty(), notices::toString);
    assertEquals(List.of(folder.resolve("sweep.png"), folder.resolve("sweep.svg")), files);
    return files;
  }

  private static long pixels(BufferedImage image, int color) {
    return IntStream.range(0, image.getHeight())
        .mapToLong(
            y ->
                IntStream.range(0, image.getWidth())
                    .filter(x -> image.getRGB(x, y) == color)
                    .count())
        .sum();
  }

  @Test
  void drawsTheCurvesAndTheChoice() throws IOException, ParserConfigurationException, SAXException {
    List<Path> files = draw(report());
    BufferedImage image = ImageIO.read(files.get(0).toFile());
    assertEquals(800, image.getWidth());
    assertEquals(680, image.getHeight());
    BufferedImage upper = image.getSubimage(0, 0, 800, 340);
    BufferedImage lower = image.getSubimage(0, 340, 800, 340);
    for (BufferedImage panel : List.of(upper, lower)) {
      assertTrue(pixels(panel, CURVE) > 500, "a curve");
      assertTrue(pixels(panel, CHOSEN) > 20, "the choice");
    }
    // alpha 0.5 is chosen: the mark is in the middle of the plot, the other one in the legend.
    assertEquals(.5, report().choose(0).alpha());
    assertTrue(pixels(upper.getSubimage(300, 0, 130, 340), CHOSEN) > 10);
    assertEquals(0, pixels(upper.getSubimage(0, 0, 300, 340), CHOSEN));

    DocumentBuilderFactory parsers = DocumentBuilderFactory.newInstance();
    parsers.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    Element svg = parsers.newDocumentBuilder().parse(files.get(1).toFile()).getDocumentElement();
    assertEquals("svg", svg.getTagName());
    String text = Files.readString(files.get(1));
    assertTrue(text.contains("rgb(31,95,168)"), "the curve's colour");
    assertTrue(text.contains("rgb(209,102,42)"), "the choice's colour");
  }

  @Test
  void drawsTheSmallestSweeps() throws IOException {
    Row only = new Row(0, Evaluation.of(.5, 0));
    draw(new SweepReport("bcwi", List.of(only)));
    draw(new SweepReport("bcwi", List.of(only, new Row(1, Evaluation.of(.5, 0)))));
    draw(
        new SweepReport(
            "bcwi",
            List.of(new Row(-.1, Evaluation.of(1, 0)), only, new Row(1.1, Evaluation.of(0, 1)))));
  }

  @Test
  void withoutFontsItSaysSo() throws IOException, InterruptedException, URISyntaxException {
    Path fonts =
        Files.writeString(
            folder.resolve("fonts.conf"), "<?xml version=\"1.0\"?><fontconfig></fontconfig>");
    Path probe =
        Path.of(ChartProbe.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    String modules = System.getProperty("jdk.module.path");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Duser.home=" + folder); // Where the JDK remembers fonts.
    if (modules == null) {
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    } else {
      command.addAll(List.of("--module-path", modules, "--add-modules", "io.sinter.cli"));
      command.addAll(List.of("-cp", probe.toString()));
    }
    command.addAll(List.of(ChartProbe.class.getName(), folder.resolve("out").toString()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("FONTCONFIG_FILE", fonts.toString());
    builder.redirectOutput(folder.resolve("log").toFile());
    Process process = builder.start();
    assertEquals(0, process.waitFor(), () -> read(folder.resolve("log").toFile()));
    List<String> lines = Files.readAllLines(folder.resolve("log"));
    assertEquals(4, lines.size(), lines.toString());
    for (int i : new int[] {0, 2}) {
      assertTrue(
          lines.get(i).startsWith("there is no chart, since Java cannot draw"), lines::toString);
      assertTrue(lines.get(i).endsWith("apt-get install fontconfig fonts-dejavu-core"));
      assertEquals("[]", lines.get(i + 1));
    }
    assertFalse(Files.exists(folder.resolve("out")));
  }

  private static String read(File file) {
    try {
      return Files.readString(file.toPath());
    } catch (IOException e) {
      return e.toString();
    }
  }
}

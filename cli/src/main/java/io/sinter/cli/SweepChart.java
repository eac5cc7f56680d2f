// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import de.erichseifert.vectorgraphics2d.Document;
import de.erichseifert.vectorgraphics2d.Processors;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import io.sinter.updater.compatibility.SweepReport;
import io.sinter.updater.compatibility.SweepReport.Row;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/// A sweep as a picture: accuracy and negative flip rate against alpha, the old and the new model
// as
/// lines, the chosen alpha marked.
///
/// No other class of this module uses what draws it, so that the command line starts without.
public final class SweepChart {
  private static final int WIDTH = 800;
  private static final int HEIGHT = 340;
  private static final int LEFT = 85;

  private static final Color CURVE = new Color(0x1f5fa8);
  private static final Color CHOSEN = new Color(0xd1662a);
  private static final Color NEW = new Color(0x1a1a1a);
  private static final Color OLD = new Color(0x6b6b6b);

  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);

  private SweepChart() {}

  /// Writes `sweep.png` and `sweep.svg`; where this machine cannot draw text, it says so and writes
  /// nothing.
  ///
  /// @param epsilon as for [SweepReport#choose]
  /// @param notice takes a line that says why there is no chart
  /// @return the files
  public static List<Path> draw(
      SweepReport report, double epsilon, Path folder, Consumer<String> notice) throws IOException {
    System.setProperty("java.awt.headless", "true");
    Optional<String> problem = fontProblem();
    if (problem.isPresent()) {
      notice.accept(
          "there is no chart, since Java cannot draw text here ("
              + problem.get()
              + "); on Debian: apt-get install fontconfig fonts-dejavu-core");
      return List.of();
    }
    XYChart accuracy = chart(report, epsilon, "accuracy, %", row -> row.evaluation().accuracy());
    XYChart nfr = chart(report, epsilon, "negative flip rate, %", row -> row.evaluation().nfr());
    nfr.setXAxisTitle("α, the old model's share");
    Files.createDirectories(folder);
    return List.of(
        png(folder.resolve("sweep.png"), accuracy, nfr),
        svg(folder.resolve("sweep.svg"), accuracy, nfr));
  }

  /// Why text cannot be drawn, where it cannot: the JDK needs fontconfig, FreeType and a font.
  private static Optional<String> fontProblem() {
    try {
      new TextLayout("α", FONT, new FontRenderContext(null, true, true)).getBounds();
      return Optional.empty();
    } catch (RuntimeException | InternalError | LinkageError e) {
      // One of these, depending on what is missing and on how often it was tried.
      return Optional.of(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }

  private static Path png(Path file, XYChart... panels) throws IOException {
    BufferedImage image =
        new BufferedImage(WIDTH, HEIGHT * panels.length, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    paint(graphics, panels);
    graphics.dispose();
    if (!ImageIO.write(image, "png", file.toFile())) {
      throw new IOException(file + ": this Java cannot write PNG");
    }
    return file;
  }

  private static Path svg(Path file, XYChart... panels) throws IOException {
    VectorGraphics2D graphics = new VectorGraphics2D();
    paint(graphics, panels);
    Document document =
        Processors.get("svg")
            .getDocument(graphics.getCommands(), new PageSize(WIDTH, HEIGHT * panels.length));
    try (OutputStream out = Files.newOutputStream(file)) {
      document.writeTo(out);
    }
    return file;
  }

  private static void paint(Graphics2D graphics, XYChart... panels) {
    for (XYChart panel : panels) {
      panel.paint(graphics, WIDTH, HEIGHT);
      graphics.translate(0, HEIGHT);
    }
  }

  /// One measure against alpha.
  private static XYChart chart(
      SweepReport report, double epsilon, String title, ToDoubleFunction<Row> measure) {
    List<Row> rows = report.rows();
    double first = rows.getFirst().alpha();
    double last = rows.getLast().alpha();
    double margin = first == last ? .5 : 0.02 * (last - first);
    XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).yAxisTitle(title).build();
    chart
        .getStyler()
        .setXAxisMin(first - margin)
        .setXAxisMax(last + margin)
        .setLegendPosition(Styler.LegendPosition.OutsideE)
        .setLegendBorderColor(Color.WHITE)
        .setBaseFont(FONT)
        .setChartBackgroundColor(Color.WHITE)
        .setPlotBorderVisible(false)
        .setPlotContentSize(.95)
        .setYAxisLeftWidthHint(LEFT); // The panels' axes of alpha stand below each other.
    Row chosen = report.choose(epsilon);
    double[] ends = {first - margin, last + margin};
    Optional<Row> old = report.row(1);
    old.ifPresent(row -> level(chart, "old", ends, 100 * measure.applyAsDouble(row), OLD, 2.5f));
    level(chart, "new", ends, 100 * measure.applyAsDouble(report.row(0).orElseThrow()), NEW, 6);
    series(
            chart,
            report.method(),
            rows.stream().mapToDouble(Row::alpha).toArray(),
            rows.stream().mapToDouble(row -> 100 * measure.applyAsDouble(row)).toArray(),
            CURVE,
            SeriesMarkers.CIRCLE)
        .setLineWidth(1.8f);
    series(
        chart,
        "chosen: α = " + chosen.alpha(),
        new double[] {chosen.alpha()},
        new double[] {100 * measure.applyAsDouble(chosen)},
        CHOSEN,
        SeriesMarkers.DIAMOND);
    chart.getStyler().setMarkerSize(9);
    return chart;
  }

  private static XYSeries series(
      XYChart chart, String name, double[] x, double[] y, Color color, Marker marker) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(marker).setMarkerColor(color).setLineColor(color);
    return series;
  }

  private static void level(
      XYChart chart, String name, double[] ends, double value, Color color, float dash) {
    series(chart, name, ends, new double[] {value, value}, color, SeriesMarkers.NONE)
        .setLineStyle(
            new BasicStroke(
                1.3f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, new float[] {dash, 4}, 0));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.examples.bcwi.Results.PanelResult;
import io.sinter.updater.FisherDiagonal.Estimator;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/// Draws results.
final class Charts {

  private static final Color BLUE = new Color(0x1f5fa8);
  private static final Color ORANGE = new Color(0xd1662a);
  private static final Color GREEN = new Color(0x2e8b57);
  private static final Color PURPLE = new Color(0x7b4fa3);
  private static final Color GREY = new Color(0x6b6b6b);
  private static final Color BLACK = new Color(0x1a1a1a);
  private static final Color RED = new Color(0xb03060);

  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);

  private Charts() {}

  /// Why text cannot be drawn, where it cannot: the JDK needs fontconfig, FreeType and a font.
  static Optional<String> problem() {
    try {
      new TextLayout("α", FONT, new FontRenderContext(null, true, true)).getBounds();
      return Optional.empty();
    } catch (RuntimeException | InternalError | LinkageError e) {
      // One of these, depending on what is missing and on how often it was tried.
      return Optional.of(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }

  /// Writes the charts of all panels to a folder.
  static List<Path> write(Results results, Path folder) throws IOException {
    Files.createDirectories(folder);
    List<Path> files = new ArrayList<>();
    for (PanelResult panel : results.panels()) {
      files.add(
          save(folder.resolve(panel.id() + ".png"), curves(panel, true), curves(panel, false)));
    }
    Optional<PanelResult> main = results.panel(Panels.MAIN);
    if (main.isPresent()) {
      files.add(save(folder.resolve("trade.png"), trade(main.get())));
    }
    return files;
  }

  /// Draws charts side by side. (As PNG: in SVG every letter is an outline, at ten times the size.)
  private static Path save(Path file, XYChart... charts) throws IOException {
    int width = Arrays.stream(charts).mapToInt(XYChart::getWidth).sum();
    BufferedImage image =
        new BufferedImage(width, charts[0].getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    for (XYChart chart : charts) {
      chart.paint(graphics, chart.getWidth(), chart.getHeight());
      graphics.translate(chart.getWidth(), 0);
    }
    graphics.dispose();
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  /// Accuracy, or the negative flip rate, against alpha on development examples: the mean over
  /// repetitions.
  private static XYChart curves(PanelResult panel, boolean accuracy) {
    XYChart chart =
        chart(
            accuracy ? 390 : 510,
            "α, the old model's share",
            accuracy ? "accuracy, % (development)" : "negative flip rate, % (development)");
    chart.getStyler().setLegendVisible(!accuracy);
    chart.getStyler().setXAxisMin(0.0).setXAxisMax(1.0);
    curve(chart, panel, Methods.BCWI, "BCWI", BLUE, accuracy);
    curve(chart, panel, Methods.fisher(Estimator.ARGMAX), "FisherBCWI", ORANGE, accuracy);
    curve(chart, panel, Methods.ENSEMBLE, "ensemble", GREEN, accuracy);
    List<Repetition.Curve> bcwi = curves(panel, Methods.BCWI);
    double atNew = mean(bcwi, accuracy, 0);
    double atOld = mean(bcwi, accuracy, bcwi.getFirst().alpha().size() - 1);
    level(chart, "new", atNew, BLACK);
    level(chart, "old", atOld, GREY);
    return chart;
  }

  private static List<Repetition.Curve> curves(PanelResult panel, String method) {
    return panel.repetitions().stream()
        .flatMap(repetition -> repetition.curves().stream())
        .filter(curve -> curve.method().equals(method))
        .toList();
  }

  private static double mean(List<Repetition.Curve> curves, boolean accuracy, int at) {
    return 100
        * curves.stream()
            .mapToDouble(curve -> (accuracy ? curve.accuracy() : curve.nfr()).get(at))
            .average()
            .orElseThrow();
  }

  private static void curve(
      XYChart chart,
      PanelResult panel,
      String method,
      String title,
      Color color,
      boolean accuracy) {
    List<Repetition.Curve> curves = curves(panel, method);
    if (curves.isEmpty()) {
      return;
    }
    double[] alpha = curves.getFirst().alpha().stream().mapToDouble(a -> a).toArray();
    double[] mean = new double[alpha.length];
    Arrays.setAll(mean, i -> mean(curves, accuracy, i));
    XYSeries series = chart.addSeries(title, alpha, mean);
    series.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(color).setLineColor(color);
    series.setLineWidth(1.6f);
  }

  private static void level(XYChart chart, String title, double value, Color color) {
    XYSeries series = chart.addSeries(title, new double[] {0, 1}, new double[] {value, value});
    series.setMarker(SeriesMarkers.NONE).setLineColor(color);
    series.setLineStyle(
        new BasicStroke(
            1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10f, new float[] {6, 4}, 0f));
  }

  /// What each method gives up and gains on test examples, against the new model: the best are at
  /// the upper left.
  private static XYChart trade(PanelResult panel) {
    XYChart chart = chart(900, "change of NFR, %", "change of accuracy, points");
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    List<Color> colors = List.of(BLUE, ORANGE, GREEN, PURPLE, RED, GREY, BLACK);
    List<Marker> markers =
        List.of(SeriesMarkers.CIRCLE, SeriesMarkers.DIAMOND, SeriesMarkers.SQUARE);
    int next = 0;
    double[] reference = Tables.values(panel, Methods.NEW, Measures::accuracy);
    double[] flips = Tables.values(panel, Methods.NEW, Measures::nfr);
    for (Map.Entry<String, String> method : Methods.titles().entrySet()) {
      String key = method.getKey();
      if (key.equals(Methods.OLD) || !Tables.has(panel, key)) {
        continue;
      }
      double gained =
          100 * Statistics.paired(Tables.values(panel, key, Measures::accuracy), reference).mean();
      double flipped =
          100
              * Statistics.paired(Tables.values(panel, key, Measures::nfr), flips).mean()
              / Statistics.of(flips).mean();
      XYSeries series =
          chart.addSeries(method.getValue(), new double[] {flipped}, new double[] {gained});
      series.setMarker(markers.get(next / colors.size() % markers.size()));
      series.setMarkerColor(colors.get(next % colors.size()));
      next++;
    }
    return chart;
  }

  private static XYChart chart(int width, String x, String y) {
    XYChart chart = new XYChartBuilder().width(width).height(340).build();
    chart.setXAxisTitle(x);
    chart.setYAxisTitle(y);
    chart
        .getStyler()
        .setChartBackgroundColor(Color.WHITE)
        .setChartTitleVisible(false)
        .setPlotBorderVisible(false)
        .setLegendPosition(Styler.LegendPosition.OutsideE)
        .setLegendBorderColor(Color.WHITE)
        .setLegendFont(FONT)
        .setAnnotationTextFont(FONT);
    chart
        .getStyler()
        .setAxisTitleFont(FONT)
        .setAxisTickLabelsFont(FONT)
        .setPlotGridLinesColor(new Color(0xdddddd))
        .setMarkerSize(7);
    return chart;
  }
}

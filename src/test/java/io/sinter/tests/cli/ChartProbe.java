// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import io.sinter.cli.SweepChart;
import java.io.IOException;
import java.nio.file.Path;

/// Draws a chart in a JVM of its own, twice, and prints what came of it.
final class ChartProbe {
  private ChartProbe() {}

  public static void main(String[] args) throws IOException {
    for (int i = 0; i < 2; i++) {
      System.out.println(
          SweepChart.draw(SweepChartTest.report(), 0, Path.of(args[0]), System.out::println));
    }
  }
}

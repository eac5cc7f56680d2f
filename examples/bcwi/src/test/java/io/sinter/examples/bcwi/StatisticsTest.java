// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StatisticsTest {

  @Test
  void meanAndStandardErrorAreThoseOfTheBook() {
    Statistics statistics = Statistics.of(new double[] {2, 4, 4, 4, 5, 5, 7, 9});
    assertEquals(5, statistics.mean());
    assertEquals(Math.sqrt(32.0 / 7 / 8), statistics.error(), Math.ulp(1.0));
    assertEquals(2.365 * statistics.error(), statistics.margin(), Math.ulp(2.0));
    assertTrue(Double.isNaN(Statistics.of(new double[] {1}).margin()));
  }

  @Test
  void pairsMustBePairs() {
    assertEquals(-1, Statistics.paired(new double[] {1, 2, 3}, new double[] {2, 3, 4}).mean());
    assertEquals(0, Statistics.paired(new double[] {1, 2}, new double[] {2, 3}).error());
    assertThrows(
        IllegalArgumentException.class,
        () -> Statistics.paired(new double[] {1}, new double[] {2, 3}));
  }

  /// An interval of 95 % holds the truth in 95 of 100 cases: 3 standard errors of 20 000 cases are
  /// half a point.
  @Test
  void intervalsHoldTheTruthAsOftenAsTheySay() {
    long seed = 5;
    SplittableRandom random = new SplittableRandom(seed);
    for (int count : new int[] {2, 3, 10, 31}) {
      int held = 0;
      for (int i = 0; i < 20_000; i++) {
        double[] values = random.doubles(count, -1, 1).map(v -> random.nextGaussian()).toArray();
        Statistics statistics = Statistics.of(values);
        held += Math.abs(statistics.mean()) <= statistics.margin() ? 1 : 0;
      }
      assertEquals(.95, held / 20_000.0, .005, count + " values, seed " + seed);
    }
  }
}

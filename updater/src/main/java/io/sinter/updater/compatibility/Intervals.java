// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/// Confidence intervals of measures.
final class Intervals {
  private Intervals() {}

  static Map<Measure, Interval> of(Flips flips, Set<Measure> measures, BootstrapOptions options) {
    Map<Measure, Interval> intervals = new EnumMap<>(Measure.class);
    try (Stream stream = Device.cpu().stream()) {
      intervals.putAll(Compatibility.bootstrap(stream, flips, measures, options));
    }
    intervals.replaceAll((measure, interval) -> widened(flips, measure, interval));
    return intervals;
  }

  /// No resample has what no example has, so the bootstrap takes a share of 0 or 1 for certain, of
  /// however few examples it is. What n examples without one do tell is that the share is below
  /// `1 - (tail)^(1/n)`: Clopper and Pearson's exact interval for these counts.
  private static Interval widened(Flips flips, Measure measure, Interval interval) {
    double tail = (1 - interval.level()) / 2;
    if (measure == Measure.ACCURACY_CHANGE) {
      double bound = 1 - Math.pow(tail, 1.0 / flips.examples());
      return flips.negative() + flips.positive() == 0
          ? new Interval(interval.estimate(), -bound, bound, interval.level())
          : interval;
    }
    long wrong = flips.wrongSame() + flips.wrongDifferent();
    long all =
        switch (measure) {
          case BTC -> flips.bothRight() + flips.negative();
          case NFI -> flips.negative() + wrong;
          default -> flips.examples();
        };
    if (all == 0) {
      return interval;
    }
    double least = Math.pow(tail, 1.0 / all);
    double low = interval.estimate() == 1 ? least : interval.low();
    double high = interval.estimate() == 0 ? 1 - least : interval.high();
    return new Interval(interval.estimate(), low, high, interval.level());
  }
}

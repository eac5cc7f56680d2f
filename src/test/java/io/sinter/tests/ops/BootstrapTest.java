// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility;
import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Interval;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.ops.Compatibility.ScoreChanges;
import io.sinter.ops.Compatibility.ScoreMeasure;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.View;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Graded answers, bootstrap intervals and McNemar's test.
class BootstrapTest {
  private static final BootstrapOptions SHORT = BootstrapOptions.DEFAULT.withResamples(20_000);

  // ---- Intervals of flips

  /// The quantiles of a binomial proportion, from its exact distribution: what the ends of an
  /// interval of a rate tend to.
  private static double[] exactEnds(long n, double p, double below, double above) {
    double[] ends = {Double.NaN, Double.NaN};
    double cumulative = 0;
    double logFactor = n * Math.log1p(-p);
    for (long k = 0; k <= n; k++) {
      cumulative += Math.exp(logFactor);
      if (Double.isNaN(ends[0]) && cumulative > below) {
        ends[0] = k;
      }
      if (Double.isNaN(ends[1]) && cumulative > above) {
        ends[1] = k;
        break;
      }
      logFactor += Math.log((double) (n - k) / (k + 1)) + Math.log(p / (1 - p));
    }
    return ends;
  }

  /// Each rate's count is binomial, so an end of its interval lies between the exact quantiles of
  /// slightly lower and higher probability, as far as the resamples' own noise goes.
  @TestFactory
  java.util.stream.Stream<DynamicNode> endsAreExactQuantiles() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> ends(device)));
  }

  private static void ends(Device device) {
    long resamples = Devices.slow(device) ? 4_000 : 1_000_000;
    List<Flips> cases =
        List.of(
            new Flips(7_500, 420, 700, 900, 480),
            new Flips(3, 2, 1, 1, 0),
            new Flips(0, 1, 0, 0, 999_999),
            new Flips(90_000, 30, 9_970, 0, 0),
            new Flips(1, 40_000, 2, 59_000, 997));
    try (Stream stream = device.stream()) {
      for (Flips flips : cases) {
        BootstrapOptions options = BootstrapOptions.DEFAULT.withResamples(resamples).withSeed(7);
        Map<Measure, Interval> found =
            Compatibility.bootstrap(stream, flips, EnumSet.allOf(Measure.class), options);
        long n = flips.examples();
        rate(found.get(Measure.NFR), flips.negative(), n, resamples);
        rate(found.get(Measure.PFR), flips.positive(), n, resamples);
        rate(found.get(Measure.NFR_MC), flips.negative() + flips.wrongDifferent(), n, resamples);
        rate(found.get(Measure.OLD_ACCURACY), flips.bothRight() + flips.negative(), n, resamples);
        rate(found.get(Measure.NEW_ACCURACY), flips.bothRight() + flips.positive(), n, resamples);
        for (Measure measure : Measure.values()) {
          Interval interval = found.get(measure);
          assertEquals(flips.measure(measure), interval.estimate());
          assertTrue(interval.low() <= interval.high(), measure + ": " + interval);
        }
      }
    }
  }

  private static void rate(Interval interval, long count, long n, long resamples) {
    double p = (double) count / n;
    if (count == 0 || count == n) {
      assertEquals(p, interval.low());
      assertEquals(p, interval.high());
      return;
    }
    // Six standard deviations of an empirical quantile's probability.
    double noise = 6 * Math.sqrt(0.025 * 0.975 / resamples) + 2.0 / resamples;
    double[] least = exactEnds(n, p, 0.025 - noise, 0.975 - noise);
    double[] most = exactEnds(n, p, 0.025 + noise, 0.975 + noise);
    double low = Math.rint(interval.low() * n);
    double high = Math.rint(interval.high() * n);
    assertTrue(
        least[0] <= low && low <= most[0] && least[1] <= high && high <= most[1],
        interval
            + " of "
            + count
            + " in "
            + n
            + ": "
            + low
            + " is from "
            + least[0]
            + " to "
            + most[0]
            + ", and "
            + high
            + " from "
            + least[1]
            + " to "
            + most[1]);
  }

  /// All resamples of few examples against the multinomial distribution itself: a chi-square test
  /// over every possible outcome.
  @TestFactory
  java.util.stream.Stream<DynamicNode> resamplesAreMultinomial() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> multinomial(device)));
  }

  private static void multinomial(Device device) {
    // Two outcomes of 60: means of 24 and of 6, so both ways to draw a binomial.
    for (long negative : new long[] {24, 6, 54, 30}) {
      int n = 60;
      int resamples = Devices.slow(device) ? 3_000 : 300_000;
      Flips flips = new Flips(n - negative, negative, 0, 0, 0);
      long[] counts = new long[n + 1];
      double[] values = draws(device, flips, resamples, 11 + negative);
      for (double value : values) {
        counts[(int) Math.rint(value * n)]++;
      }
      double p = (double) negative / n;
      double chi = 0;
      int cells = 0;
      double restExpected = 0;
      long restCounted = 0;
      double logProbability = n * Math.log1p(-p);
      for (int k = 0; k <= n; k++) {
        double expected = resamples * Math.exp(logProbability);
        if (expected >= 10) {
          chi += (counts[k] - expected) * (counts[k] - expected) / expected;
          cells++;
        } else {
          restExpected += expected;
          restCounted += counts[k];
        }
        logProbability += Math.log((double) (n - k) / (k + 1)) + Math.log(p / (1 - p));
      }
      chi +=
          (restCounted - restExpected) * (restCounted - restExpected) / Math.max(restExpected, 1);
      // A chi-square number of so many degrees has this mean and variance; six deviations.
      double bound = cells + 6 * Math.sqrt(2.0 * cells);
      assertTrue(chi <= bound, negative + " of " + n + ": chi-square " + chi + " > " + bound);
    }
  }

  private static double[] draws(Device device, Flips flips, int resamples, long seed) {
    try (Stream stream = device.stream();
        Tensor out = stream.allocate(DType.F64, 1, resamples)) {
      Compatibility.resample(stream, flips, List.of(Measure.NFR), seed, out);
      return read(stream, out);
    }
  }

  private static double[] read(Stream stream, Tensor tensor) {
    try (Tensor host = stream.allocatePinned(DType.F64, tensor.shape())) {
      stream.copy(tensor, host);
      stream.synchronize();
      return host.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }
  }

  /// Counts of a resample belong together: the measures of one are those of some counts.
  @Test
  void measuresOfAResampleAgree() {
    Flips flips = new Flips(210, 40, 55, 60, 35);
    List<Measure> all = List.of(Measure.values());
    int resamples = 5_000;
    double[] values;
    try (Stream stream = Device.cpu().stream();
        Tensor out = stream.allocate(DType.F64, all.size(), resamples)) {
      Compatibility.resample(stream, flips, all, 5, out);
      values = read(stream, out);
    }
    int n = 400;
    double negativePositive = 0;
    double[] mean = new double[2];
    for (int r = 0; r < resamples; r++) {
      long negative = Math.round(values[3 * resamples + r] * n);
      long positive = Math.round(values[4 * resamples + r] * n);
      long both = Math.round(values[r] * n) - negative;
      long different = Math.round(values[7 * resamples + r] * n) - negative;
      Flips drawn =
          new Flips(
              both, negative, positive, n - both - negative - positive - different, different);
      for (int j = 0; j < all.size(); j++) {
        assertEquals(drawn.measure(all.get(j)), values[j * resamples + r], 1e-15);
      }
      negativePositive += (double) negative * positive;
      mean[0] += negative;
      mean[1] += positive;
    }
    // The covariance of two counts of a multinomial draw is -n p q.
    double covariance = negativePositive / resamples - mean[0] / resamples * (mean[1] / resamples);
    double deviation = Math.sqrt(40 * 0.9 * 55 * 0.8625 / resamples);
    assertEquals(-40.0 * 55 / n, covariance, 6 * deviation);
  }

  @Test
  void seedsAndThreads() {
    Flips flips = new Flips(7_500, 420, 700, 900, 480);
    double[] first = draws(Device.cpu(), flips, 5_000, 3);
    assertNotEquals(0, Arrays.compare(first, draws(Device.cpu(), flips, 5_000, 4)));
    // A resample does not depend on how many there are.
    assertEquals(0, Arrays.compare(Arrays.copyOf(first, 100), draws(Device.cpu(), flips, 100, 3)));
    for (Device device : Devices.all()) {
      assertEquals(0, Arrays.compare(first, draws(device, flips, 5_000, 3)), device.toString());
    }
    StreamOptions one = StreamOptions.DEFAULT.withThreads(1);
    try (Stream stream = Device.cpu().stream(one);
        Tensor out = stream.allocate(DType.F64, 1, 5_000)) {
      Compatibility.resample(stream, flips, List.of(Measure.NFR), 3, out);
      assertEquals(0, Arrays.compare(first, read(stream, out)));
    }
  }

  /// Examples drawn from a known truth: so many intervals hold it. Four deviations of the number
  /// that do, if the rate is the stated one.
  @Test
  void intervalsCoverTheTruth() {
    SplittableRandom random = Seeds.of("bootstrap coverage");
    double[] truth = {0.62, 0.08, 0.12, 0.13, 0.05};
    Map<Measure, Double> truths =
        Map.of(Measure.NFR, 0.08, Measure.ACCURACY_CHANGE, 0.04, Measure.BTC, 0.62 / 0.70);
    int simulations = 1_000;
    for (double level : new double[] {0.95, 0.8}) {
      Map<Measure, Integer> covered = new EnumMap<>(Measure.class);
      try (Stream stream = Device.cpu().stream()) {
        for (int s = 0; s < simulations; s++) {
          Flips flips = sample(truth, 600, random);
          BootstrapOptions options = new BootstrapOptions(2_000, level, s);
          Compatibility.bootstrap(stream, flips, truths.keySet(), options)
              .forEach(
                  (measure, interval) -> {
                    if (interval.low() <= truths.get(measure)
                        && truths.get(measure) <= interval.high()) {
                      covered.merge(measure, 1, Integer::sum);
                    }
                  });
        }
      }
      double slack = 4 * Math.sqrt(level * (1 - level) / simulations);
      covered.forEach(
          (measure, count) ->
              assertEquals(
                  level, (double) count / simulations, slack, measure + " (" + Seeds.note() + ")"));
    }
  }

  private static Flips sample(double[] truth, int n, SplittableRandom random) {
    long[] counts = new long[truth.length];
    for (int i = 0; i < n; i++) {
      double u = random.nextDouble();
      int k = 0;
      while (k < truth.length - 1 && u >= truth[k]) {
        u -= truth[k++];
      }
      counts[k]++;
    }
    return new Flips(counts[0], counts[1], counts[2], counts[3], counts[4]);
  }

  // ---- Graded answers

  @TestFactory
  java.util.stream.Stream<DynamicNode> scores() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> scores(device)));
  }

  private static void scores(Device device) {
    SplittableRandom random = Seeds.of("scores");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        for (int n : new int[] {1, 2, 63, 257, 4_097, Devices.slow(device) ? 5_000 : 100_000}) {
          Elements old = graded(type, n, random);
          Elements updated = graded(type, n, random);
          double[] before = old.values();
          double[] after = updated.values();
          long gains = 0;
          long regressions = 0;
          double gained = 0;
          double lost = 0;
          for (int i = 0; i < n; i++) {
            double change = after[i] - before[i];
            gains += change > 0 ? 1 : 0;
            regressions += change < 0 ? 1 : 0;
            gained += Math.max(change, 0);
            lost += Math.max(-change, 0);
          }
          try (Operand a = flat(stream, old, random);
              Operand b = flat(stream, updated, random)) {
            ScoreChanges found = Compatibility.scores(stream, a.tensor(), b.tensor());
            assertEquals(n, found.examples());
            assertEquals(gains, found.gains());
            assertEquals(regressions, found.regressions());
            // The loop above rounds n times.
            assertEquals(gained, found.gained(), 0x1p-53 * n * gained);
            assertEquals(lost, found.lost(), 0x1p-53 * n * lost);
          }
        }
      }
    }
  }

  private static Operand flat(Stream stream, Elements elements, SplittableRandom random) {
    return Operand.input(stream, elements, View.flat(elements.count()), random);
  }

  private static Elements graded(DType type, int n, SplittableRandom random) {
    double[] values = new double[n];
    Arrays.setAll(
        values,
        i ->
            switch (random.nextInt(4)) {
              case 0 -> 0;
              case 1 -> 1;
              default -> random.nextDouble();
            });
    return Elements.of(type, values);
  }

  @Test
  void scoreMeasures() {
    ScoreChanges changes = new ScoreChanges(10, 4, 2, 1.2, 0.5);
    assertEquals(0.4, changes.gainRate());
    assertEquals(0.2, changes.regressionRate());
    assertEquals(0.07, changes.meanChange(), 1e-16);
    assertEquals(0.3, changes.meanGain());
    assertEquals(0.25, changes.meanRegression());
    double[] all = Arrays.stream(ScoreMeasure.values()).mapToDouble(changes::measure).toArray();
    assertArrayEquals(new double[] {0.4, 0.2, 0.07, 0.3, 0.25}, all, 1e-16);
    ScoreChanges none = new ScoreChanges(3, 0, 0, 0, 0);
    assertEquals(0, none.meanGain());
    assertEquals(0, none.meanRegression());
  }

  /// Intervals of graded answers that are right or wrong are those of flips, as far as the
  /// resamples' noise goes; and the same bytes on every device.
  @Test
  void scoreIntervals() {
    SplittableRandom random = Seeds.of("score bootstrap");
    int n = 1_000;
    double[] before = new double[n];
    double[] after = new double[n];
    for (int i = 0; i < n; i++) {
      before[i] = i < 780 ? 1 : 0;
      after[i] = i < 700 || i >= 780 && i < 900 ? 1 : 0;
    }
    Flips flips = new Flips(700, 80, 120, 100, 0);
    double[] first = null;
    for (Device device : Devices.all()) {
      int resamples = Devices.slow(device) ? 2_000 : 20_000;
      try (Stream stream = device.stream();
          Operand a = flat(stream, Elements.of(DType.F32, before), random);
          Operand b = flat(stream, Elements.of(DType.F64, after), random);
          Tensor out = stream.allocate(DType.F64, 5, 200)) {
        BootstrapOptions options = BootstrapOptions.DEFAULT.withResamples(resamples);
        Map<ScoreMeasure, Interval> found =
            Compatibility.bootstrap(
                stream, a.tensor(), b.tensor(), EnumSet.allOf(ScoreMeasure.class), options);
        rate(found.get(ScoreMeasure.REGRESSION_RATE), 80, n, resamples);
        rate(found.get(ScoreMeasure.GAIN_RATE), 120, n, resamples);
        assertEquals(flips.accuracyChange(), found.get(ScoreMeasure.MEAN_CHANGE).estimate(), 1e-16);
        // Every change is 1 or -1.
        assertEquals(new Interval(1, 1, 1, 0.95), found.get(ScoreMeasure.MEAN_GAIN));
        assertEquals(new Interval(1, 1, 1, 0.95), found.get(ScoreMeasure.MEAN_REGRESSION));
        Compatibility.resample(
            stream, a.tensor(), b.tensor(), List.of(ScoreMeasure.values()), 9, out);
        double[] values = read(stream, out);
        first = first == null ? values : first;
        assertEquals(0, Arrays.compare(first, values), device.toString());
      }
    }
  }

  /// As above, of scores of any size, whose mean change is known.
  @Test
  void scoreIntervalsCoverTheTruth() {
    SplittableRandom random = Seeds.of("score bootstrap coverage");
    int simulations = 400;
    int covered = 0;
    try (Stream stream = Device.cpu().stream()) {
      for (int s = 0; s < simulations; s++) {
        double[] before = new double[300];
        double[] after = new double[300];
        for (int i = 0; i < before.length; i++) {
          // Means of 1/2 and 2/3.
          before[i] = random.nextDouble();
          after[i] = Math.sqrt(0.5 * before[i] * before[i] + 0.5 * random.nextDouble());
        }
        // E sqrt(u^2 / 2 + v / 2) over the unit square.
        double truth = meanOfRoots() - 0.5;
        try (Operand a = flat(stream, Elements.of(DType.F64, before), random);
            Operand b = flat(stream, Elements.of(DType.F64, after), random)) {
          Interval interval =
              Compatibility.bootstrap(
                      stream,
                      a.tensor(),
                      b.tensor(),
                      List.of(ScoreMeasure.MEAN_CHANGE),
                      new BootstrapOptions(1_000, 0.9, s))
                  .get(ScoreMeasure.MEAN_CHANGE);
          covered += interval.low() <= truth && truth <= interval.high() ? 1 : 0;
        }
      }
    }
    double slack = 4 * Math.sqrt(0.9 * 0.1 / simulations);
    assertEquals(0.9, (double) covered / simulations, slack, Seeds.note());
  }

  /// By the integral over v, 4/3 [(u^2 + 1)^1.5 - u^3] / 2^1.5, and the midpoint rule over u.
  private static double meanOfRoots() {
    double sum = 0;
    for (int i = 0; i < 10_000; i++) {
      double u = (i + 0.5) / 10_000;
      sum += 4.0 / 3 * (Math.pow((u * u + 1) / 2, 1.5) - Math.pow(u * u / 2, 1.5));
    }
    return sum / 10_000;
  }

  // ---- McNemar's test

  /// P-values of `scipy.stats.binomtest(min(b, c), b + c, 0.5)` (scipy 1.17.1), to all digits by
  /// mpmath: the terms of the tail and log-gamma with 60 digits.
  @ParameterizedTest
  @CsvSource({
    "0, 0, 1",
    "0, 1, 1",
    "1, 0, 1",
    "0, 5, 0.0625",
    "1, 7, 0.0703125",
    "3, 4, 1",
    "6, 16, 0.052478790283203125",
    "25, 10, 0.016673847800120711",
    "48, 73, 0.028703199173736941",
    "0, 1000, 1.8665272370064378e-301",
    "100, 160, 0.00023894190306814022",
    "1234, 1111, 0.011741199482692287",
    "500, 700, 8.5353660810343348e-9",
    "50000, 50700, 0.027612869431937065",
    "1000000, 1004321, 0.0022777095510218493",
    "1000000000, 1000000000, 1",
    "999999999, 1000000000, 1",
    "1000000000, 999900000, 0.025345121887370327",
    "1000000000, 999990000, 0.82308023956909633",
  })
  void mcnemar(long negative, long positive, double expected) {
    double p = Compatibility.mcnemar(new Flips(12, negative, positive, 3, 4));
    assertEquals(expected, p, 1e-12 * expected);
  }

  @Test
  void mistakes() {
    SplittableRandom random = new SplittableRandom(1);
    Flips none = new Flips(0, 0, 0, 0, 0);
    try (Stream stream = Device.cpu().stream();
        Operand three = flat(stream, Elements.of(DType.F32, 0, 1, 0.5), random);
        Operand two = flat(stream, Elements.of(DType.F32, 0, 1), random)) {
      refused(
          IllegalArgumentException.class,
          () -> Compatibility.bootstrap(stream, none, List.of(Measure.NFR), SHORT),
          "no examples");
      refused(
          IllegalArgumentException.class,
          () -> Compatibility.bootstrap(stream, new Flips(1, 0, 0, 0, 0), List.of(), SHORT),
          "no measures");
      refused(
          IllegalArgumentException.class,
          () -> Compatibility.scores(stream, three.tensor(), two.tensor()),
          "old has 3 examples",
          "updated has 2");
      refused(
          IllegalArgumentException.class,
          () -> Compatibility.scores(stream, three.tensor().reshape(1, 3), two.tensor()),
          "f32[1, 3]",
          "one dimension");
      refused(
          IllegalArgumentException.class,
          () ->
              Compatibility.scores(
                  stream, two.tensor().slice(0, 0, 0), two.tensor().slice(0, 0, 0)),
          "no examples");
      refused(IllegalArgumentException.class, () -> SHORT.withLevel(1), "level is 1");
      refused(IllegalArgumentException.class, () -> SHORT.withResamples(0), "resamples is 0");
    }
    for (Device device : Devices.all()) {
      try (Stream stream = device.stream();
          Operand good = flat(stream, Elements.of(DType.F32, 0, 1, 0.5), random);
          Operand high = flat(stream, Elements.of(DType.F32, 0, 1.25, 2), random);
          Operand nan = flat(stream, Elements.of(DType.F32, 0, 1, Double.NaN), random);
          Tensor out = stream.allocate(DType.F64, 1, 10)) {
        refused(
            NumericException.class,
            () -> Compatibility.scores(stream, good.tensor(), high.tensor().named("v2")),
            "new_scores 'v2' is 1.25 at example 1");
        refused(
            NumericException.class,
            () -> {
              Compatibility.resample(
                  stream, nan.tensor(), good.tensor(), List.of(ScoreMeasure.MEAN_GAIN), 1, out);
              stream.synchronize();
            },
            "old_scores is nan at example 2");
      }
    }
  }

  private static void refused(
      Class<? extends RuntimeException> type, Executable call, String... parts) {
    RuntimeException thrown = assertThrows(type, call);
    for (String part : parts) {
      assertTrue(
          String.valueOf(thrown.getMessage()).contains(part),
          "\"" + part + "\" is not in: " + thrown.getMessage());
    }
  }
}

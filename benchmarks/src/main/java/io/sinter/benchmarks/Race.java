// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import java.util.Arrays;
import java.util.List;

/// Contenders timed side by side in one process: A B C A B C ..., each round started by another.
///
/// What a machine can do changes from second to second, on shared hosts by half. Neighbours in time
/// see the same machine, so two contenders are compared round by round, and the median of those
/// ratios is the result.
///
/// Turns leave traces: after libtorch's, its threads still spin for a while. Whoever always comes
/// next would pay for that, so a short piece of work is done once untimed before it is timed.
final class Race {
  /// Work of up to so many samples is settled; in longer work no trace shows.
  private static final int SETTLED = 4;

  private final List<Contender> contenders;
  private final double[][] nanoseconds;

  private Race(List<Contender> contenders, double[][] nanoseconds) {
    this.contenders = contenders;
    this.nanoseconds = nanoseconds;
  }

  /// Runs every contender once to warm up and to see how long it takes, then a number of rounds.
  ///
  /// @param sample the least time of one sample, in nanoseconds; work is repeated to fill it
  static Race run(List<Contender> contenders, int rounds, long sample) {
    int n = contenders.size();
    int[] repeats = new int[n];
    boolean[] settles = new boolean[n];
    for (int c = 0; c < n; c++) {
      repeats[c] = repeatsFor(contenders.get(c), sample);
      settles[c] = time(contenders.get(c), 1) <= SETTLED * sample;
    }
    double[][] nanoseconds = new double[n][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < n; i++) {
        int c = (i + round) % n;
        if (settles[c]) {
          time(contenders.get(c), 1);
        }
        nanoseconds[c][round] = time(contenders.get(c), repeats[c]) / (double) repeats[c];
      }
    }
    return new Race(contenders, nanoseconds);
  }

  /// {@return the median time of one run, in nanoseconds}
  double nanoseconds(String name) {
    return median(nanoseconds[index(name)]);
  }

  /// {@return how many times as fast `name` is as `other`: the median over the rounds}
  double ratio(String name, String other) {
    double[] mine = nanoseconds[index(name)];
    double[] theirs = nanoseconds[index(other)];
    double[] ratios = new double[mine.length];
    Arrays.setAll(ratios, i -> theirs[i] / mine[i]);
    return median(ratios);
  }

  /// {@return the contender with the least median time}
  String fastest() {
    String best = contenders.getFirst().name();
    for (Contender c : contenders) {
      if (nanoseconds(c.name()) < nanoseconds(best)) {
        best = c.name();
      }
    }
    return best;
  }

  private int index(String name) {
    for (int c = 0; c < contenders.size(); c++) {
      if (contenders.get(c).name().equals(name)) {
        return c;
      }
    }
    throw new IllegalArgumentException("no contender is called " + name);
  }

  /// Doubles the repeats until a sample takes long enough; what runs often enough is compiled then.
  private static int repeatsFor(Contender contender, long sample) {
    time(contender, 1);
    for (int repeats = 1; ; repeats *= 2) {
      if (time(contender, repeats) >= sample || repeats >= 1 << 24) {
        return repeats;
      }
    }
  }

  private static long time(Contender contender, int repeats) {
    long start = System.nanoTime();
    contender.work().run(repeats);
    return System.nanoTime() - start;
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}

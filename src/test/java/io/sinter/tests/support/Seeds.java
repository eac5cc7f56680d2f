// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import java.util.SplittableRandom;

/// Randomness that can be had again: one seed for the run (`-Dsinter.seed`), and from it one
/// generator per label, so that a failing test fails alone as it failed in company.
public final class Seeds {
  private static final long SEED = Long.getLong("sinter.seed", 20260119L);

  private Seeds() {}

  public static SplittableRandom of(String label) {
    long mixed = SEED;
    for (int i = 0; i < label.length(); i++) {
      mixed = (mixed ^ label.charAt(i)) * 0x9e3779b97f4a7c15L;
      mixed ^= mixed >>> 29;
    }
    return new SplittableRandom(mixed);
  }

  /// For failure messages.
  public static String note() {
    return "again with -Dsinter.seed=" + SEED;
  }

  /// Whether the whole case product was asked for (`-Dsinter.cases=full`).
  public static boolean full() {
    return "full".equals(System.getProperty("sinter.cases"));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;

/// The three ways in which a result may be compared with a reference. There is no fourth: every
/// bound is exact, derived from the number of roundings, or measured on a plain computation.
public final class Tolerance {
  private interface Bound {
    double of(double reference);
  }

  private final String words;
  private final Bound bound;

  private Tolerance(String words, Bound bound) {
    this.words = words;
    this.bound = bound;
  }

  /// Equal values (of either zero; NaN equals NaN).
  public static Tolerance exact() {
    return new Tolerance("exactly", reference -> 0);
  }

  /// `atol + |reference| · eps(type) · roundings`, with `eps` the error of one rounding. `atol` is
  /// for what cancels or underflows, and is the caller's to derive.
  public static Tolerance roundings(DType type, double roundings, double atol) {
    double eps = Codec.unitRoundoff(type);
    return new Tolerance(
        "within " + atol + " + " + roundings + " roundings of " + type,
        reference -> atol + Math.abs(reference) * eps * roundings);
  }

  /// Twice the error that a plain computation in low precision makes.
  public static Tolerance twiceErrorOf(double plain, double reference) {
    double error = 2 * Math.abs(plain - reference);
    return new Tolerance("within twice the plain error " + error, any -> error);
  }

  public boolean accepts(double reference, double actual) {
    if (Double.compare(reference, actual) == 0 || reference == actual) {
      return true;
    }
    return Math.abs(reference - actual) <= bound.of(reference);
  }

  /// Fails, in words, where `actual` is not close enough.
  public void check(String what, double reference, double actual) {
    if (!accepts(reference, actual)) {
      throw new AssertionError(
          what
              + ": expected "
              + reference
              + " "
              + words
              + ", was "
              + actual
              + " (off by "
              + Math.abs(reference - actual)
              + ")");
    }
  }
}

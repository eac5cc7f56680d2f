// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.Arrays;

/// A mean over repetitions and how sure it is.
///
/// @param mean the mean
/// @param error its standard error; NaN for one value
/// @param count how many values
record Statistics(double mean, double error, int count) {

  /// Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1.
  private static final double[] T95 = {
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042
  };

  static Statistics of(double[] values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("there is no mean of no values");
    }
    double mean = Arrays.stream(values).average().orElseThrow();
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    double error = Math.sqrt(squares / (values.length - 1) / values.length);
    return new Statistics(mean, values.length == 1 ? Double.NaN : error, values.length);
  }

  /// Of the differences `a - b`, pair by pair.
  static Statistics paired(double[] a, double[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(a.length + " values and " + b.length + " are no pairs");
    }
    double[] differences = new double[a.length];
    Arrays.setAll(differences, i -> a[i] - b[i]);
    return of(differences);
  }

  /// Half the width of the mean's 95 % confidence interval.
  double margin() {
    if (count == 1) {
      return Double.NaN;
    }
    if (count - 1 > T95.length) {
      throw new IllegalStateException("no quantile is tabulated for " + count + " repetitions");
    }
    return T95[count - 2] * error;
  }
}

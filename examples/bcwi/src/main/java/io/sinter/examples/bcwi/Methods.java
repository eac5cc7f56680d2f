// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.updater.FisherDiagonal.Estimator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;

/// Keys of methods in the results, and what the report calls them.
final class Methods {

  static final String OLD = "old";
  static final String NEW = "new";
  static final String BCWI = "bcwi";
  static final String BCWI_FIXED = "bcwi_fixed";
  static final String FISHER_BCWI = "fisher_bcwi";
  static final String ENSEMBLE = "ensemble";
  static final String ENSEMBLE_HALF = "ensemble_half";
  static final String DISTILLATION = "distillation";
  static final String CHECKPOINTS = "checkpoints";
  static final String COMPATIBILITY = "compatibility";
  static final String COMPATIBILITY_CE = "compatibility_ce";
  static final String COMPATIBILITY_LIKELIHOOD = "compatibility_likelihood";
  static final String DECAYED = "decayed";
  static final String SOUP = "soup";

  private static final SequencedMap<String, String> TITLES = new LinkedHashMap<>();

  static {
    TITLES.put(OLD, "old");
    TITLES.put(NEW, "new");
    TITLES.put(DECAYED, "new, its rate falling to 0");
    TITLES.put(BCWI, "BCWI, α chosen");
    TITLES.put(BCWI_FIXED, "BCWI, α = .3");
    for (Estimator estimator : Estimator.values()) {
      TITLES.put(
          fisher(estimator),
          "FisherBCWI (" + estimator.name().toLowerCase(Locale.ROOT) + "), α chosen");
    }
    TITLES.put(ENSEMBLE, "ensemble, share of old chosen");
    TITLES.put(ENSEMBLE_HALF, "ensemble, half each");
    TITLES.put(CHECKPOINTS, "average of checkpoints");
    TITLES.put(DISTILLATION, "distillation, weight chosen");
    TITLES.put(COMPATIBILITY, "compatibility loss, rate chosen");
    TITLES.put(COMPATIBILITY_CE, "compatibility loss + cross-entropy, rate chosen");
    TITLES.put(COMPATIBILITY_LIKELIHOOD, "compatibility loss, likelihood mask, rate chosen");
  }

  private Methods() {}

  /// The key of FisherBCWI by an estimator.
  static String fisher(Estimator estimator) {
    return FISHER_BCWI + "_" + estimator.name().toLowerCase(Locale.ROOT);
  }

  /// The key of a soup of `k` new models.
  static String soup(int k) {
    return SOUP + "_" + k;
  }

  /// The key of BCWI with a soup of `k` new models, alpha chosen.
  static String soupBcwi(int k) {
    return soup(k) + "_bcwi";
  }

  /// The key of BCWI with a soup of `k` new models, alpha fixed.
  static String soupFixed(int k) {
    return soup(k) + "_bcwi_fixed";
  }

  /// Titles by key, in the order of a report.
  static Map<String, String> titles() {
    return TITLES;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SequencedMap;

/// How a candidate did.
///
/// @param accuracy share of the examples that it gets right
/// @param nfr negative flip rate: share of the examples that the old model gets right and it does
///     not
/// @param pfr positive flip rate: share that it gets right and the old model does not; empty where
///     nobody counted
/// @param examples how many examples were looked at; empty where nobody said
/// @param further other numbers, by name, in order; reports show them, nothing is decided by them
public record Evaluation(
    double accuracy,
    double nfr,
    OptionalDouble pfr,
    OptionalLong examples,
    SequencedMap<String, Double> further) {

  /// @throws IllegalArgumentException where a share is not from 0 to 1, `examples` is not positive,
  ///     or another number is not finite
  public Evaluation {
    requireShare("accuracy", accuracy);
    requireShare("nfr", nfr);
    pfr.ifPresent(share -> requireShare("pfr", share));
    if (examples.isPresent() && examples.getAsLong() < 1) {
      throw new IllegalArgumentException(
          "examples is " + examples.getAsLong() + "; there must be at least 1");
    }
    further.forEach(
        (name, value) -> {
          if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(name + " is " + value + "; it must be finite");
          }
        });
    further = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(further));
  }

  /// Of accuracy and negative flip rate alone.
  public static Evaluation of(double accuracy, double nfr) {
    return new Evaluation(
        accuracy, nfr, OptionalDouble.empty(), OptionalLong.empty(), new LinkedHashMap<>());
  }

  /// Of both rates, and how many examples they are of.
  public static Evaluation of(double accuracy, double nfr, double pfr, long examples) {
    return new Evaluation(
        accuracy, nfr, OptionalDouble.of(pfr), OptionalLong.of(examples), new LinkedHashMap<>());
  }

  /// The same with more numbers.
  public Evaluation with(Map<String, Double> more) {
    SequencedMap<String, Double> all = new LinkedHashMap<>(further);
    all.putAll(more);
    return new Evaluation(accuracy, nfr, pfr, examples, all);
  }

  private static void requireShare(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be a share from 0 to 1, not a percentage");
    }
  }
}

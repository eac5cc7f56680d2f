// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.Reading;

/// What an evaluator prints.
public final class EvaluationFuzz {
  private static final String NAME = "evaluator x at alpha 0.3";

  private EvaluationFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(
            NAME, input.length, EvaluationException.class, () -> EvaluationLine.parse(NAME, input))
        .ifPresent(EvaluationFuzz::check);
  }

  /// Numbers, or a file to take them from, and not both.
  private static void check(EvaluationLine line) {
    Evaluation evaluation = line.evaluation();
    Reading.require((evaluation == null) != (line.predictions() == null), () -> "bad " + line);
    line.further()
        .forEach((name, value) -> Reading.require(Double.isFinite(value), () -> name + value));
    if (evaluation != null) {
      Reading.require(
          evaluation.accuracy() >= 0 && evaluation.accuracy() <= 1 && evaluation.nfr() >= 0,
          () -> "bad " + evaluation);
      evaluation.examples().ifPresent(n -> Reading.require(n > 0, () -> n + " examples"));
    }
  }
}

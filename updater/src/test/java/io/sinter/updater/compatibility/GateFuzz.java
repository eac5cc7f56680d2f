// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.ops.BootstrapOptions;
import io.sinter.ops.Compatibility.Measure;
import io.sinter.updater.Reading;

/// A gate.
public final class GateFuzz {
  private static final String FILE = "g.yml";

  private GateFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    Reading.of(FILE, input.length, CompatibilityException.class, () -> Gate.parse(input, FILE))
        .ifPresent(GateFuzz::check);
  }

  /// What is accepted has rules, whose bounds a model could meet.
  private static void check(Gate gate) {
    Reading.require(!gate.rules().isEmpty(), () -> "no rules");
    for (Gate.Rule rule : gate.rules()) {
      double least = rule.measure() == Measure.ACCURACY_CHANGE ? -1 : 0;
      double most = rule.measure() == null ? Long.MAX_VALUE : 1;
      Reading.require(rule.bound() >= least && rule.bound() <= most, () -> "bound of " + rule);
      Reading.require(rule.line() > 0 && !rule.text().isBlank(), () -> "bad " + rule);
    }
    gate.options(BootstrapOptions.DEFAULT);
  }
}

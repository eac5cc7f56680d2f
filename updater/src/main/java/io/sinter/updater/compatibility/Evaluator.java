// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

/// Runs a candidate on the examples that decide, and says how well it did.
///
/// A sweep asks it once for each candidate, one after the other, from one thread. The examples must
/// be the same each time, and others than those that results are reported on.
@FunctionalInterface
public interface Evaluator {

  /// Evaluates one candidate.
  ///
  /// @throws EvaluationException where it cannot be evaluated
  Evaluation evaluate(Candidate candidate) throws EvaluationException;
}

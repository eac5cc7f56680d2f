// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.Set;
import java.util.function.LongFunction;

/// One part of the experiment: a scenario, how its models are trained, and what is tried on them.
///
/// @param id its name in files
/// @param title its name in the report
/// @param split who sees which examples, by seed
/// @param trainer how old and new models are trained
/// @param fromScratch whether the new model starts from weights of its own, not from the old model
/// @param trials what is tried beside BCWI
record Panel(
    String id,
    String title,
    LongFunction<Split> split,
    Trainer trainer,
    boolean fromScratch,
    Set<Trial> trials) {

  /// What may be tried beside BCWI.
  enum Trial {
    /// FisherBCWI with the published estimator.
    FISHER,
    /// FisherBCWI with the other estimators.
    ESTIMATORS,
    /// Both models' probabilities, averaged.
    ENSEMBLE,
    /// The new model trained on the old one's probabilities too.
    DISTILLATION,
    /// The mean of the new model as it was after each of the last epochs.
    CHECKPOINTS,
    /// The new model fine-tuned with the compatibility loss.
    COMPATIBILITY,
    /// BCWI with the mean of several new models.
    SOUP,
    /// The new model trained with a falling rate, where the panel's rate stays.
    DECAY
  }

  /// How much of everything.
  ///
  /// @param seeds repetitions, from seed 1 on
  /// @param soups new models in a soup
  /// @param soupSeeds repetitions with soups
  record Scale(int seeds, int[] soups, int soupSeeds) {}
}

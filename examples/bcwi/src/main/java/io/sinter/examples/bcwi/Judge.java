// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.Stream;
import io.sinter.ops.Compatibility;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.SweepReport;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;

/// Compares classifiers with the old model, on development examples for a choice and on the others
/// for the report.
final class Judge {

  /// The grid of alpha.
  static final List<Double> GRID = List.of(0.0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1.0);

  /// The grid where alpha is weighed with Fisher information: most of it is small.
  static final List<Double> FISHER_GRID =
      List.of(0.0, .1, .2, .3, .4, .5, .6, .7, .8, .85, .9, .92, .94, .96, .98, 1.0);

  private record Reference(Sample sample, int[] labels, int[] before) {}

  private final Stream stream;
  private final int classes;
  private final Reference development;
  private final Reference test;
  private final Reference oldInstances;
  private final Reference newInstances;

  Judge(Stream stream, Split split, Classifier oldModel) {
    this.stream = stream;
    classes = split.newModel().classes();
    development = reference(split.development(), oldModel);
    test = reference(split.test(), oldModel);
    oldInstances = reference(split.oldInstances(), oldModel);
    newInstances = reference(split.newInstances(), oldModel);
  }

  private static Reference reference(Sample sample, Classifier oldModel) {
    return new Reference(sample, sample.labels(), oldModel.classify(sample));
  }

  /// On development examples.
  Evaluation develop(Classifier classifier) {
    return evaluate(development, classifier);
  }

  /// On development examples, one classifier for each alpha.
  SweepReport sweep(String method, List<Double> grid, DoubleFunction<Classifier> candidates) {
    List<SweepReport.Row> rows = new ArrayList<>();
    for (double alpha : grid) {
      rows.add(new SweepReport.Row(alpha, develop(candidates.apply(alpha))));
    }
    return new SweepReport(method, rows);
  }

  /// On the examples that are reported on.
  Measures report(Classifier classifier) {
    Evaluation all = evaluate(test, classifier);
    Evaluation old = evaluate(oldInstances, classifier);
    Evaluation added = evaluate(newInstances, classifier);
    return new Measures(
        Results.rounded(all.accuracy()),
        Results.rounded(all.nfr()),
        Results.rounded(all.pfr().orElseThrow()),
        Results.rounded(old.accuracy()),
        Results.rounded(old.nfr()),
        Results.rounded(added.accuracy()),
        Results.rounded(added.nfr()));
  }

  private Evaluation evaluate(Reference reference, Classifier classifier) {
    Compatibility.Flips flips =
        Compatibility.flips(
            stream,
            reference.before(),
            classifier.classify(reference.sample()),
            reference.labels(),
            classes);
    return Evaluation.of(flips.newAccuracy(), flips.nfr(), flips.pfr(), flips.examples());
  }
}

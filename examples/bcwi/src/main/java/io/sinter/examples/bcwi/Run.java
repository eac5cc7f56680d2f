// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.examples.bcwi.Panel.Trial;
import io.sinter.ops.LossOptions;
import io.sinter.ops.LossOptions.Mask;
import io.sinter.updater.FisherDiagonal.Estimator;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.SweepReport;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// One repetition of a panel: trains the models of one seed, and tries the methods on them.
final class Run implements AutoCloseable {

  /// The alpha that is reported beside the chosen one.
  static final double FIXED = .3;

  /// How many checkpoints are averaged, where there are as many epochs: the last half of them.
  static final int CHECKPOINTS = 10;

  /// Shares of the teacher in distillation to choose from.
  static final List<Double> TEACHER = List.of(.25, .5, .75);

  /// Learning rates of fine-tuning to choose from.
  static final List<Double> RATES = List.of(3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2);

  private static final int TUNING_EPOCHS = 5;

  /// The most examples that a Fisher diagonal with several gradients for each is taken over.
  private static final int FEW_EXAMPLES = 2000;

  /// What a random number is for: each use has its own stream of them.
  private enum Role {
    SPLIT,
    INITIAL,
    OLD,
    GROWN,
    NEW,
    FISHER,
    TUNING,
    SOUP;

    long seed(long seed) {
      return seed + 1_000_003L * (ordinal() + 1);
    }
  }

  private final Panel panel;
  private final int seed;
  private final int[] soups;
  private final Arena arena = Arena.ofConfined();
  private final Stream stream = Device.cpu().stream();
  private final Split split;
  private final Perceptron oldPerceptron;
  private final Perceptron perceptron;
  private final Merger merger;
  private final Optional<Deployment> deployment;
  private final List<Repetition.Row> rows = new ArrayList<>();
  private final List<Repetition.Curve> curves = new ArrayList<>();

  /// @param soups sizes of the soups to try
  /// @param deployment what sweeps alpha for one pair of models, by their files; empty where that
  ///     is done in memory. It comes to the same.
  Run(Panel panel, int seed, int[] soups, Optional<Deployment> deployment) {
    this.deployment = deployment;
    this.panel = panel;
    this.seed = seed;
    this.soups = soups;
    split = panel.split().apply(Role.SPLIT.seed(seed));
    perceptron = new Perceptron(arena, split.newModel(), 256);
    oldPerceptron =
        split.oldModel().equals(split.newModel())
            ? perceptron
            : new Perceptron(arena, split.oldModel(), 256);
    merger = new Merger(stream, arena, split.oldModel(), split.newModel());
  }

  @Override
  public void close() {
    stream.close();
    arena.close();
  }

  /// Trains, tries and measures.
  Repetition run() {
    Model oldModel =
        panel
            .trainer()
            .train(
                oldPerceptron,
                Model.initial(split.oldModel(), new SplittableRandom(Role.INITIAL.seed(seed))),
                split.oldTraining(),
                Objective.crossEntropy(),
                Role.OLD.seed(seed));
    List<Model> epochs = new ArrayList<>();
    Model newModel =
        panel
            .trainer()
            .train(
                perceptron,
                start(oldModel),
                split.newTraining(),
                Objective.crossEntropy(),
                Role.NEW.seed(seed),
                epochs::add);
    Judge judge = new Judge(stream, split, classifier(oldModel));
    report(Methods.OLD, null, judge.report(classifier(oldModel)));
    report(Methods.NEW, null, judge.report(classifier(newModel)));
    Evaluation developed = judge.develop(classifier(newModel));

    bcwi(judge, oldModel, newModel);
    if (has(Trial.FISHER)) {
      fisher(judge, Estimator.ARGMAX, oldModel, newModel);
    }
    if (has(Trial.ESTIMATORS)) {
      for (Estimator estimator : List.of(Estimator.EXACT, Estimator.SAMPLED, Estimator.EMPIRICAL)) {
        fisher(judge, estimator, oldModel, newModel);
      }
    }
    if (has(Trial.ENSEMBLE)) {
      ensemble(judge, oldModel, newModel);
    }
    if (has(Trial.CHECKPOINTS)) {
      List<Merger.Weights> last =
          epochs.subList(Math.max(epochs.size() - CHECKPOINTS, 0), epochs.size()).stream()
              .map(merger::upload)
              .toList();
      Model mean = merger.bcwi(merger.upload(oldModel, last.getFirst()), last, 0);
      report(Methods.CHECKPOINTS, null, judge.report(classifier(mean)));
    }
    if (has(Trial.DECAY)) {
      Trainer falling =
          new Trainer(panel.trainer().epochs(), panel.trainer().rate(), Schedule.COSINE);
      Model decayed =
          falling.train(
              perceptron,
              start(oldModel),
              split.newTraining(),
              Objective.crossEntropy(),
              Role.NEW.seed(seed));
      report(Methods.DECAYED, null, judge.report(classifier(decayed)));
    }
    if (has(Trial.DISTILLATION)) {
      distillation(judge, oldModel, developed);
    }
    if (has(Trial.COMPATIBILITY)) {
      compatibility(judge, oldModel, newModel, developed);
    }
    if (has(Trial.SOUP) && soups.length > 0) {
      soup(judge, oldModel, newModel);
    }
    return new Repetition(seed, rows, curves);
  }

  private boolean has(Trial trial) {
    return panel.trials().contains(trial);
  }

  /// What the training of a new model starts from.
  private Model start(Model oldModel) {
    SplittableRandom random = new SplittableRandom(Role.GROWN.seed(seed));
    if (panel.fromScratch()) {
      return Model.initial(split.newModel(), random);
    }
    return split.oldModel().equals(split.newModel())
        ? oldModel
        : oldModel.grown(split.newModel().classes(), random);
  }

  private Classifier classifier(Model model) {
    Perceptron computing =
        model.architecture().equals(split.newModel()) ? perceptron : oldPerceptron;
    return sample ->
        Softmax.largest(computing.logits(model, sample), model.architecture().classes());
  }

  private void report(String method, @Nullable Double setting, Measures measures) {
    rows.add(new Repetition.Row(method, setting, measures));
  }

  /// Takes the alpha that did best on development examples, and reports how it does on the others.
  private void choose(Judge judge, SweepReport sweep, DoubleFunction<Classifier> candidates) {
    curves.add(
        new Repetition.Curve(
            sweep.method(),
            sweep.rows().stream().map(SweepReport.Row::alpha).toList(),
            sweep.rows().stream().map(row -> Results.rounded(row.evaluation().accuracy())).toList(),
            sweep.rows().stream().map(row -> Results.rounded(row.evaluation().nfr())).toList()));
    double chosen = sweep.choose(0).alpha();
    report(sweep.method(), chosen, judge.report(candidates.apply(chosen)));
  }

  private void bcwi(Judge judge, Model oldModel, Model newModel) {
    Merger.Weights after = merger.upload(newModel);
    Merger.Weights before = merger.upload(oldModel, after);
    DoubleFunction<Classifier> merged =
        alpha -> classifier(merger.bcwi(before, List.of(after), alpha));
    SweepReport sweep =
        deployment.isPresent()
            ? deployment.get().sweep(oldModel, newModel, null, develop(judge))
            : judge.sweep(Methods.BCWI, Judge.GRID, merged);
    choose(judge, new SweepReport(Methods.BCWI, sweep.rows()), merged);
    report(Methods.BCWI_FIXED, FIXED, judge.report(merged.apply(FIXED)));
  }

  private void fisher(Judge judge, Estimator estimator, Model oldModel, Model newModel) {
    Sample updated = split.newTraining();
    Sample sample =
        estimator == Estimator.EXACT
            ? updated.range(0, Math.min(updated.count(), FEW_EXAMPLES))
            : updated;
    Information information =
        Information.of(
            stream,
            arena,
            oldPerceptron,
            oldModel,
            sample,
            estimator,
            new SplittableRandom(Role.FISHER.seed(seed)));
    Merger.Weights after = merger.upload(newModel);
    Merger.Weights before = merger.upload(oldModel, after);
    Merger.Importance importance = merger.importance(information);
    DoubleFunction<Classifier> merged =
        alpha -> classifier(merger.fisherBcwi(before, after, importance, alpha));
    SweepReport sweep =
        deployment.isPresent()
            ? deployment.get().sweep(oldModel, newModel, information, develop(judge))
            : judge.sweep(Methods.fisher(estimator), Judge.FISHER_GRID, merged);
    choose(judge, new SweepReport(Methods.fisher(estimator), sweep.rows()), merged);
  }

  private Function<Model, Evaluation> develop(Judge judge) {
    return model -> judge.develop(classifier(model));
  }

  private void ensemble(Judge judge, Model oldModel, Model newModel) {
    int classes = split.newModel().classes();
    int known = split.oldModel().classes();
    DoubleFunction<Classifier> mixed =
        share ->
            sample -> {
              float[] mine = Softmax.rows(perceptron.logits(newModel, sample), classes);
              float[] old = Softmax.rows(oldPerceptron.logits(oldModel, sample), known);
              for (int i = 0; i < sample.count(); i++) {
                for (int c = 0; c < classes; c++) {
                  // The old model gives no probability to a class that it does not know.
                  double p = c < known ? old[i * known + c] : 0;
                  mine[i * classes + c] = (float) (share * p + (1 - share) * mine[i * classes + c]);
                }
              }
              return Softmax.largest(mine, classes);
            };
    choose(judge, judge.sweep(Methods.ENSEMBLE, Judge.GRID, mixed), mixed);
    report(Methods.ENSEMBLE_HALF, .5, judge.report(mixed.apply(.5)));
  }

  private void distillation(Judge judge, Model oldModel, Evaluation newModel) {
    int classes = split.newModel().classes();
    float[] teacher = Softmax.rows(oldPerceptron.logits(oldModel, split.newTraining()), classes);
    List<Tried> tried = new ArrayList<>();
    for (double weight : TEACHER) {
      Model student =
          panel
              .trainer()
              .train(
                  perceptron,
                  start(oldModel),
                  split.newTraining(),
                  Objective.distillation(teacher, (float) weight),
                  Role.NEW.seed(seed));
      tried.add(tried(judge, weight, student));
    }
    report(judge, Methods.DISTILLATION, tried, newModel);
  }

  private void compatibility(Judge judge, Model oldModel, Model newModel, Evaluation developed) {
    float[] oldLogits = oldPerceptron.logits(oldModel, split.newTraining());
    float[] newLogits = perceptron.logits(newModel, split.newTraining());
    Map<String, LossOptions> kinds = new LinkedHashMap<>();
    kinds.put(Methods.COMPATIBILITY, LossOptions.DEFAULT);
    kinds.put(Methods.COMPATIBILITY_CE, LossOptions.DEFAULT.withCrossEntropy(1));
    kinds.put(Methods.COMPATIBILITY_LIKELIHOOD, LossOptions.DEFAULT.withMask(Mask.LIKELIHOOD));
    kinds.forEach(
        (method, options) -> {
          List<Tried> tried = new ArrayList<>();
          for (double rate : RATES) {
            tried.add(tried(judge, rate, tuned(newModel, oldLogits, newLogits, options, rate)));
          }
          report(judge, method, tried, developed);
        });
  }

  private Model tuned(
      Model newModel, float[] oldLogits, float[] newLogits, LossOptions options, double rate) {
    int epochs = Math.min(TUNING_EPOCHS, panel.trainer().epochs());
    try (CompatibilityObjective objective =
        new CompatibilityObjective(
            stream, oldLogits, newLogits, split.newModel().classes(), options)) {
      return new Trainer(epochs, rate, Schedule.COSINE)
          .train(perceptron, newModel, split.newTraining(), objective, Role.TUNING.seed(seed));
    }
  }

  private void soup(Judge judge, Model oldModel, Model newModel) {
    Merger.Weights first = merger.upload(newModel);
    Merger.Weights before = merger.upload(oldModel, first);
    List<Merger.Weights> members = new ArrayList<>(List.of(first));
    for (int k : soups) {
      while (members.size() < k) {
        Model member =
            panel
                .trainer()
                .train(
                    perceptron,
                    start(oldModel),
                    split.newTraining(),
                    Objective.crossEntropy(),
                    Role.SOUP.seed(seed) + 7_919L * members.size());
        members.add(merger.upload(member));
      }
      List<Merger.Weights> cooked = members.subList(0, k);
      DoubleFunction<Classifier> merged = alpha -> classifier(merger.bcwi(before, cooked, alpha));
      report(Methods.soup(k), null, judge.report(merged.apply(0)));
      choose(judge, judge.sweep(Methods.soupBcwi(k), Judge.GRID, merged), merged);
      report(Methods.soupFixed(k), FIXED, judge.report(merged.apply(FIXED)));
    }
  }

  /// A trained model that may be chosen.
  private record Tried(double setting, Model model, Evaluation evaluation) {}

  private Tried tried(Judge judge, double setting, Model model) {
    return new Tried(setting, model, judge.develop(classifier(model)));
  }

  /// Reports the one with the lowest negative flip rate of those that are at least as accurate as
  /// the new model on development examples; where none is, the most accurate.
  private void report(Judge judge, String method, List<Tried> tried, Evaluation newModel) {
    Tried best = null;
    for (Tried candidate : tried) {
      if (best == null || better(candidate.evaluation(), best.evaluation(), newModel)) {
        best = candidate;
      }
    }
    if (best != null) {
      report(method, best.setting(), judge.report(classifier(best.model())));
    }
  }

  private static boolean better(Evaluation a, Evaluation b, Evaluation newModel) {
    boolean aGood = a.accuracy() >= newModel.accuracy();
    boolean bGood = b.accuracy() >= newModel.accuracy();
    if (aGood && bGood) {
      return a.nfr() < b.nfr();
    }
    return aGood || !bGood && a.accuracy() > b.accuracy();
  }
}

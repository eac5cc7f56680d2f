// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.Scalars;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What an update does to single answers: how many examples that the old model got right the new
/// one gets wrong, and the other measures that follow.
///
/// Counts are exact, and the same on every device. All forms return numbers and synchronise the
/// stream.
///
/// Source: Yan et al., "Positive-congruent training", CVPR 2021; Srivastava et al., "An empirical
/// analysis of backward compatibility in machine learning systems", KDD 2020.
public final class Compatibility {
  private Compatibility() {}

  /// What becomes of one example.
  public enum Outcome {
    /// Both models are right.
    BOTH_RIGHT(Abi.SINTER_OUTCOME_BOTH_RIGHT),
    /// The old model was right, the new one is wrong.
    NEGATIVE_FLIP(Abi.SINTER_OUTCOME_NEGATIVE_FLIP),
    /// The old model was wrong, the new one is right.
    POSITIVE_FLIP(Abi.SINTER_OUTCOME_POSITIVE_FLIP),
    /// Both are wrong, with the same answer.
    WRONG_SAME(Abi.SINTER_OUTCOME_WRONG_SAME),
    /// Both are wrong, with different answers.
    WRONG_DIFFERENT(Abi.SINTER_OUTCOME_WRONG_DIFFERENT);

    Outcome(int code) {
      if (code != ordinal()) {
        throw new AssertionError(name() + " has another number in sinter.h");
      }
    }
  }

  /// A number that follows from [Flips].
  public enum Measure {
    /// Share that the old model gets right.
    OLD_ACCURACY(Abi.SINTER_MEASURE_OLD_ACCURACY),
    /// Share that the new model gets right.
    NEW_ACCURACY(Abi.SINTER_MEASURE_NEW_ACCURACY),
    /// The new model's accuracy less the old one's.
    ACCURACY_CHANGE(Abi.SINTER_MEASURE_ACCURACY_CHANGE),
    /// Negative flip rate: share that the old model gets right and the new one wrong.
    NFR(Abi.SINTER_MEASURE_NFR),
    /// Positive flip rate: share that the old model gets wrong and the new one right.
    PFR(Abi.SINTER_MEASURE_PFR),
    /// Negative flip impact: the share of the new model's errors that are negative flips; 0 where
    // it
    /// makes none.
    NFI(Abi.SINTER_MEASURE_NFI),
    /// Backward trust compatibility: the share of what the old model got right that the new one
    /// still does; 1 where the old model got nothing right.
    BTC(Abi.SINTER_MEASURE_BTC),
    /// Negative flip rate that counts changes from one wrong answer to another: share that the new
    /// model gets wrong with another answer than the old one's.
    NFR_MC(Abi.SINTER_MEASURE_NFR_MC);

    private final int code;

    Measure(int code) {
      this.code = code;
    }
  }

  /// A number that follows from [ScoreChanges].
  public enum ScoreMeasure {
    /// Share of examples whose score rises.
    GAIN_RATE(Abi.SINTER_SCORE_GAIN_RATE),
    /// Share of examples whose score falls.
    REGRESSION_RATE(Abi.SINTER_SCORE_REGRESSION_RATE),
    /// Mean change of all examples.
    MEAN_CHANGE(Abi.SINTER_SCORE_MEAN_CHANGE),
    /// Mean rise of those that rise; 0 where none does.
    MEAN_GAIN(Abi.SINTER_SCORE_MEAN_GAIN),
    /// Mean fall of those that fall; 0 where none does.
    MEAN_REGRESSION(Abi.SINTER_SCORE_MEAN_REGRESSION);

    private final int code;

    ScoreMeasure(int code) {
      this.code = code;
    }
  }

  /// How many examples had which outcome.
  ///
  /// Rates of no examples at all, as a class may have in a breakdown, are NaN; [#nfi] is 0 and
  /// [#btc] 1 there.
  ///
  /// @param bothRight both models are right
  /// @param negative the old model was right, the new one is wrong
  /// @param positive the old model was wrong, the new one is right
  /// @param wrongSame both are wrong, with the same answer
  /// @param wrongDifferent both are wrong, with different answers
  public record Flips(
      long bothRight, long negative, long positive, long wrongSame, long wrongDifferent) {
    /// @throws IllegalArgumentException if a count is negative
    public Flips {
      if (Math.min(
              Math.min(bothRight, negative),
              Math.min(positive, Math.min(wrongSame, wrongDifferent)))
          < 0) {
        throw new IllegalArgumentException(
            "counts must be 0 or more: "
                + bothRight
                + ", "
                + negative
                + ", "
                + positive
                + ", "
                + wrongSame
                + ", "
                + wrongDifferent);
      }
    }

    private static Flips at(long[] counts, int place) {
      int first = place * Abi.SINTER_OUTCOMES;
      return new Flips(
          counts[first],
          counts[first + 1],
          counts[first + 2],
          counts[first + 3],
          counts[first + 4]);
    }

    private static List<Flips> all(long[] counts) {
      return IntStream.range(0, counts.length / Abi.SINTER_OUTCOMES)
          .mapToObj(i -> at(counts, i))
          .toList();
    }

    /// {@return how many examples there are}
    public long examples() {
      return bothRight + negative + positive + wrongSame + wrongDifferent;
    }

    /// {@return how many had an outcome}
    ///
    /// @param outcome the outcome
    public long count(Outcome outcome) {
      return switch (outcome) {
        case BOTH_RIGHT -> bothRight;
        case NEGATIVE_FLIP -> negative;
        case POSITIVE_FLIP -> positive;
        case WRONG_SAME -> wrongSame;
        case WRONG_DIFFERENT -> wrongDifferent;
      };
    }

    /// {@return the old model's accuracy}
    public double oldAccuracy() {
      return share(bothRight + negative);
    }

    /// {@return the new model's accuracy}
    public double newAccuracy() {
      return share(bothRight + positive);
    }

    /// {@return the new model's accuracy less the old one's}
    public double accuracyChange() {
      return share(positive - negative);
    }

    /// {@return the negative flip rate}
    public double nfr() {
      return share(negative);
    }

    /// {@return the positive flip rate}
    public double pfr() {
      return share(positive);
    }

    /// {@return the share of the new model's errors that are negative flips; 0 where it makes none}
    public double nfi() {
      return negative == 0 ? 0 : (double) negative / (negative + wrongSame + wrongDifferent);
    }

    /// {@return the share of the old model's right answers that stay right; 1 where it had none}
    public double btc() {
      return negative == 0 ? 1 : (double) bothRight / (bothRight + negative);
    }

    /// {@return the share that the new model gets wrong with another answer than the old one's}
    public double nfrMc() {
      return share(negative + wrongDifferent);
    }

    /// {@return a measure}
    ///
    /// @param measure which
    public double measure(Measure measure) {
      return switch (measure) {
        case OLD_ACCURACY -> oldAccuracy();
        case NEW_ACCURACY -> newAccuracy();
        case ACCURACY_CHANGE -> accuracyChange();
        case NFR -> nfr();
        case PFR -> pfr();
        case NFI -> nfi();
        case BTC -> btc();
        case NFR_MC -> nfrMc();
      };
    }

    private double share(long count) {
      return (double) count / examples();
    }
  }

  /// What is counted beside the totals.
  ///
  /// @param byClass flips by label
  /// @param groupOf a group for each example, or null: any partition of the examples, such as those
  ///     that the old model was trained on and the others
  /// @param groups groups are 0 to `groups - 1`; 0 where `groupOf` is null
  /// @param confusion pairs of labels and predictions
  /// @param outcomes the outcome of each example
  public record Detail(
      boolean byClass, @Nullable Labels groupOf, int groups, boolean confusion, boolean outcomes) {
    /// Totals only.
    public static final Detail NONE = new Detail(false, null, 0, false, false);

    /// @throws IllegalArgumentException if there are groups and no number of them, or the reverse
    public Detail {
      if (groupOf == null ? groups != 0 : groups < 1) {
        throw new IllegalArgumentException(
            groupOf == null
                ? groups + " groups and no groupOf: give both or neither"
                : "groups is " + groups + "; it must be 1 or more where groupOf is given");
      }
    }

    /// {@return these with flips by label or without}
    ///
    /// @param wanted whether
    public Detail withByClass(boolean wanted) {
      return new Detail(wanted, groupOf, groups, confusion, outcomes);
    }

    /// {@return these with flips by group}
    ///
    /// @param of a group for each example
    /// @param number groups are 0 to `number - 1`
    public Detail withGroups(Labels of, int number) {
      return new Detail(byClass, of, number, confusion, outcomes);
    }

    /// {@return these with confusion matrices or without}
    ///
    /// @param wanted whether
    public Detail withConfusion(boolean wanted) {
      return new Detail(byClass, groupOf, groups, wanted, outcomes);
    }

    /// {@return these with each example's outcome or without}
    ///
    /// @param wanted whether
    public Detail withOutcomes(boolean wanted) {
      return new Detail(byClass, groupOf, groups, confusion, wanted);
    }
  }

  /// How many examples had a pair of classes.
  public static final class Confusion {
    private final int classes;
    private final long[] counts;

    private Confusion(int classes, long[] counts) {
      this.classes = classes;
      this.counts = counts;
    }

    /// {@return the number of classes}
    public int classes() {
      return classes;
    }

    /// {@return how many examples had the pair}
    ///
    /// @param from the label, or the old prediction
    /// @param to the prediction, or the new one
    public long count(int from, int to) {
      Objects.checkIndex(from, classes);
      return counts[from * classes + Objects.checkIndex(to, classes)];
    }
  }

  /// The outcome of each example.
  public static final class Outcomes {
    private static final Outcome[] ALL = Outcome.values();
    private final byte[] codes;

    private Outcomes(byte[] codes) {
      this.codes = codes;
    }

    /// {@return how many examples there are}
    public int size() {
      return codes.length;
    }

    /// {@return the outcome of an example}
    ///
    /// @param example its place
    public Outcome get(int example) {
      return ALL[codes[example]];
    }

    /// {@return the places of the examples that had an outcome, ascending}
    ///
    /// @param outcome the outcome
    public int[] examples(Outcome outcome) {
      return IntStream.range(0, codes.length).filter(i -> codes[i] == outcome.ordinal()).toArray();
    }
  }

  /// What two models made of the same examples. Parts that were not asked for are empty or null.
  ///
  /// @param flips of all examples
  /// @param byClass by label
  /// @param byGroup by group
  /// @param oldToNew by old and new prediction
  /// @param labelToOld by label and old prediction
  /// @param labelToNew by label and new prediction
  /// @param outcomes of each example
  public record FlipTable(
      Flips flips,
      List<Flips> byClass,
      List<Flips> byGroup,
      @Nullable Confusion oldToNew,
      @Nullable Confusion labelToOld,
      @Nullable Confusion labelToNew,
      @Nullable Outcomes outcomes) {}

  /// {@return how many examples had which outcome, given both models' predictions}
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's predictions
  /// @param updated the new model's, of the same examples
  /// @param labels what is right
  /// @param classes all numbers are 0 to `classes - 1`
  /// @throws IllegalArgumentException if the numbers of examples differ, or there are none
  /// @throws NumericException if a number is out of range
  public static Flips flips(Stream stream, int[] old, int[] updated, int[] labels, int classes) {
    checkLengths(old.length, "old", labels.length);
    checkLengths(updated.length, "updated", labels.length);
    try (Labels before = Labels.of(stream, old);
        Labels after = Labels.of(stream, updated);
        Labels right = Labels.of(stream, labels)) {
      return flips(stream, before, after, right, classes, Detail.NONE).flips();
    }
  }

  /// Compares two models by their predictions.
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's predictions
  /// @param updated the new model's, of the same examples
  /// @param labels what is right
  /// @param classes all numbers are 0 to `classes - 1`
  /// @param detail what is counted beside the totals
  /// @return the counts
  /// @throws IllegalArgumentException if the numbers of examples differ, or there are none
  /// @throws NumericException if a number is out of range
  public static FlipTable flips(
      Stream stream, Labels old, Labels updated, Labels labels, int classes, Detail detail) {
    checkLengths(old.size(), "old", labels.size());
    checkLengths(updated.size(), "updated", labels.size());
    return count(
        stream,
        labels,
        classes,
        detail,
        (call, examples, table) ->
            Abi.sinter_flips(
                call.stream(),
                examples,
                call.array("old", old.words(), false),
                call.array("updated", updated.words(), false),
                table,
                call.error()));
  }

  /// Compares two models by their logits: a prediction is the index of a row's largest element, the
  /// lowest of equal ones; `old[examples, classes], updated[examples, classes]`.
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's logits, of any dtype
  /// @param updated the new model's, of the same examples
  /// @param labels what is right
  /// @param detail what is counted beside the totals
  /// @return the counts
  /// @throws IllegalArgumentException if shapes or numbers of examples differ, or there are none
  /// @throws NumericException if a logit is NaN, or a number is out of range
  public static FlipTable flips(
      Stream stream, Tensor old, Tensor updated, Labels labels, Detail detail) {
    long[] shape = old.shape();
    if (shape.length != 2 || shape[1] < 1 || shape[1] > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "flips: old is " + old + "; its shape must be [examples, classes]");
    }
    checkLengths(shape[0], "old", labels.size());
    return count(
        stream,
        labels,
        (int) shape[1],
        detail,
        (call, examples, table) ->
            Abi.sinter_logit_flips(
                call.stream(),
                examples,
                call.matrix("old", old, false, shape),
                call.matrix("updated", updated, false, shape),
                table,
                call.error()));
  }

  /// What became of graded answers: each example has a score from 0 (wrong) to 1 (right) for each
  /// model.
  ///
  /// @param examples how many there are; 1 or more
  /// @param gains examples whose score rises
  /// @param regressions examples whose score falls
  /// @param gained the sum of all rises
  /// @param lost the sum of all falls, 0 or more
  public record ScoreChanges(
      long examples, long gains, long regressions, double gained, double lost) {
    /// {@return the share of examples whose score rises}
    public double gainRate() {
      return (double) gains / examples;
    }

    /// {@return the share of examples whose score falls}
    public double regressionRate() {
      return (double) regressions / examples;
    }

    /// {@return the mean change of all examples}
    public double meanChange() {
      return (gained - lost) / examples;
    }

    /// {@return the mean rise of those that rise; 0 where none does}
    public double meanGain() {
      return gains == 0 ? 0 : gained / gains;
    }

    /// {@return the mean fall of those that fall; 0 where none does}
    public double meanRegression() {
      return regressions == 0 ? 0 : lost / regressions;
    }

    /// {@return a measure}
    ///
    /// @param measure which
    public double measure(ScoreMeasure measure) {
      return switch (measure) {
        case GAIN_RATE -> gainRate();
        case REGRESSION_RATE -> regressionRate();
        case MEAN_CHANGE -> meanChange();
        case MEAN_GAIN -> meanGain();
        case MEAN_REGRESSION -> meanRegression();
      };
    }
  }

  /// Compares two models by graded answers; `old[examples], updated[examples]`.
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's scores, of any dtype
  /// @param updated the new model's, of the same examples
  /// @return what became of them
  /// @throws IllegalArgumentException if shapes differ, or there are no examples
  /// @throws NumericException if a score is not from 0 to 1
  public static ScoreChanges scores(Stream stream, Tensor old, Tensor updated) {
    checkScores(old, updated);
    double[] numbers =
        Results.read(
            stream,
            out -> {
              try (Call call = Call.on(stream, "scores", 1)) {
                MemorySegment before = call.matrix("old", old, false, old.shape());
                MemorySegment after = call.matrix("updated", updated, false, old.shape());
                MemorySegment results = call.results("out", out, 4);
                call.check(
                    Abi.sinter_score_changes(call.stream(), before, after, results, call.error()));
              }
            },
            4);
    return new ScoreChanges(
        old.elements(), (long) numbers[0], (long) numbers[1], numbers[2], numbers[3]);
  }

  private static void checkScores(Tensor old, Tensor updated) {
    for (Tensor each : List.of(old, updated)) {
      if (each.rank() != 1) {
        throw new IllegalArgumentException(
            "scores: "
                + (each == old ? "old" : "updated")
                + " is "
                + each
                + "; it must have one dimension, a score for each example");
      }
    }
    if (old.elements() != updated.elements()) {
      throw new IllegalArgumentException(
          "scores: old has "
              + old.elements()
              + " examples, and updated has "
              + updated.elements()
              + "; give the same examples in the same order");
    }
    if (old.elements() == 0) {
      throw new IllegalArgumentException(
          "scores: there are no examples, and no rate is defined without; give at least one");
    }
  }

  /// What [#loss] came to.
  ///
  /// @param value the loss
  /// @param divergence its part from divergence
  /// @param crossEntropy the mean cross-entropy, without its weight; 0 where the weight is
  /// @param held the share of examples held to the old model
  /// @param examples how many were not left out
  public record Loss(
      double value, double divergence, double crossEntropy, double held, long examples) {}

  /// The MUSCLE compatibility loss and its gradient: the mean divergence from the old model on
  /// examples that the mask holds to it (those that the trained model gets wrong), from the new one
  /// on the others, plus cross-entropy where the options give it a weight;
  /// `old, updated, logits[rows, classes] (-> gradient[rows, classes])`.
  ///
  /// Rows with the label -100 are left out and have gradient 0; without any other all numbers are
  // 0.
  /// Everything is computed in float64 and rounded once to the gradient's dtype; the mask is
  /// constant in the gradient.
  ///
  /// Source: Echterhoff et al., "MUSCLE: a model update strategy for compatible LLM evolution",
  /// EMNLP 2024.
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's logits, of any dtype
  /// @param updated the new model's logits
  /// @param logits those of the model that is trained
  /// @param labels a class for each row, or -100
  /// @param options temperature, cross-entropy and mask
  /// @param gradient receives the loss's derivatives by `logits`; overlaps no input; or null
  /// @return the loss
  /// @throws IllegalArgumentException if shapes differ, or there are no rows
  /// @throws NumericException if a logit that is read is NaN or infinity (minus infinity is fine
  ///     beside finite ones), or a label is out of range
  public static Loss loss(
      Stream stream,
      Tensor old,
      Tensor updated,
      Tensor logits,
      Labels labels,
      LossOptions options,
      @Nullable Tensor gradient) {
    long[] shape = logits.shape();
    if (shape.length != 2 || shape[0] < 1 || shape[1] < 1 || shape[1] > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "loss: logits is " + logits + "; its shape must be [rows, classes], both 1 or more");
    }
    if (labels.size() != shape[0]) {
      throw new IllegalArgumentException(
          "loss: labels has "
              + labels.size()
              + " numbers, and logits has "
              + shape[0]
              + " rows; give a label for each row");
    }
    double[] numbers =
        Results.read(
            stream,
            out -> {
              try (Call call = Call.on(stream, "loss", 1)) {
                MemorySegment how = call.struct(Abi.sinter_loss_options.LAYOUT);
                Abi.sinter_loss_options.struct_size(
                    how, 0, Abi.sinter_loss_options.LAYOUT.byteSize());
                Abi.sinter_loss_options.temperature(how, 0, options.temperature());
                Abi.sinter_loss_options.cross_entropy(how, 0, options.crossEntropy());
                Abi.sinter_loss_options.mask(how, 0, options.mask().code());
                MemorySegment before = call.matrix("old", old, false, shape);
                MemorySegment after = call.matrix("updated", updated, false, shape);
                MemorySegment trained = call.matrix("logits", logits, false, shape);
                MemorySegment right = call.array("labels", labels.words(), false);
                MemorySegment results = call.results("out", out, 5);
                MemorySegment derivatives =
                    gradient == null
                        ? MemorySegment.NULL
                        : call.matrix("gradient", gradient, true, shape);
                call.check(
                    Abi.sinter_compatibility_loss(
                        call.stream(),
                        before,
                        after,
                        trained,
                        right,
                        how,
                        results,
                        derivatives,
                        call.error()));
              }
            },
            5);
    return new Loss(numbers[0], numbers[1], numbers[2], numbers[3], (long) numbers[4]);
  }

  /// A confidence interval.
  ///
  /// @param estimate the measure of the examples themselves
  /// @param low the lower end
  /// @param high the upper end
  /// @param level the share of such intervals that should hold the truth
  public record Interval(double estimate, double low, double high, double level) {}

  /// Confidence intervals by the paired percentile bootstrap: the measures of many resamples, each
  /// as many examples drawn with replacement; of their values in ascending order `v[0]` to
  /// `v[resamples - 1]` the interval runs from `v[j]` to `v[resamples - 1 - j]`, with
  /// `j = floor((1 - level) / 2 (resamples - 1))`.
  ///
  /// Both models' answers to an example stay together. A resample is one multinomial draw, whose
  /// time does not depend on the number of examples. Intervals of a rate whose count is 0 are a
  /// point: no resample has what no example has.
  ///
  /// Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993.
  ///
  /// @param stream the stream, which is synchronised
  /// @param flips counts of at least one example
  /// @param measures of what; at least one
  /// @param options how many resamples, level, seed
  /// @return an interval for each measure, in their order
  /// @throws IllegalArgumentException if there are no examples or no measures
  public static Map<Measure, Interval> bootstrap(
      Stream stream, Flips flips, Collection<Measure> measures, BootstrapOptions options) {
    return intervals(
        stream,
        measures,
        flips::measure,
        options,
        (wanted, out) -> resample(stream, flips, wanted, options.seed(), out));
  }

  /// The measures of resamples: `out[j][r]` is that of `measures[j]` of resample `r`;
  /// `out f64[measures, resamples]`. A resample depends on the counts, the seed and `r` alone.
  ///
  /// @param stream the stream
  /// @param flips counts of at least one example
  /// @param measures of what; at least one
  /// @param seed any number
  /// @param out contiguous
  /// @throws IllegalArgumentException if there are no examples or no measures, or the shape differs
  public static void resample(
      Stream stream, Flips flips, List<Measure> measures, long seed, Tensor out) {
    if (flips.examples() == 0) {
      throw new IllegalArgumentException("bootstrap: there are no examples; give at least one");
    }
    try (Call call = Call.on(stream, "bootstrap", 1)) {
      MemorySegment values = call.results("out", out, measures.size(), resamples(out));
      MemorySegment counts =
          call.list(
              new long[] {
                flips.bothRight(),
                flips.negative(),
                flips.positive(),
                flips.wrongSame(),
                flips.wrongDifferent()
              });
      MemorySegment codes = call.list(measures.stream().mapToInt(m -> m.code).toArray());
      call.check(
          Abi.sinter_flip_bootstrap(
              call.stream(),
              counts,
              resamples(out),
              seed,
              measures.size(),
              codes,
              values,
              call.error()));
    }
  }

  private static long resamples(Tensor out) {
    long[] shape = out.shape();
    return shape.length == 2 ? shape[1] : 1;
  }

  /// Confidence intervals of graded answers, as [#bootstrap(Stream, Flips, Collection,
  /// BootstrapOptions)]. Here the time grows with examples times resamples.
  ///
  /// @param stream the stream, which is synchronised
  /// @param old the old model's scores, as of [#scores]
  /// @param updated the new model's
  /// @param measures of what; at least one
  /// @param options how many resamples, level, seed
  /// @return an interval for each measure, in their order
  /// @throws IllegalArgumentException if shapes differ, or there are no examples or no measures
  /// @throws NumericException if a score is not from 0 to 1
  public static Map<ScoreMeasure, Interval> bootstrap(
      Stream stream,
      Tensor old,
      Tensor updated,
      Collection<ScoreMeasure> measures,
      BootstrapOptions options) {
    ScoreChanges changes = scores(stream, old, updated);
    return intervals(
        stream,
        measures,
        changes::measure,
        options,
        (wanted, out) -> resample(stream, old, updated, wanted, options.seed(), out));
  }

  /// The measures of resamples of graded answers, as [#resample(Stream, Flips, List, long,
  // Tensor)];
  /// `old[examples], updated[examples] -> out f64[measures, resamples]`.
  ///
  /// @param stream the stream
  /// @param old the old model's scores, as of [#scores]
  /// @param updated the new model's
  /// @param measures of what; at least one
  /// @param seed any number
  /// @param out contiguous
  /// @throws IllegalArgumentException if shapes differ, or there are no examples or no measures
  /// @throws NumericException if a score is not from 0 to 1
  public static void resample(
      Stream stream,
      Tensor old,
      Tensor updated,
      List<ScoreMeasure> measures,
      long seed,
      Tensor out) {
    checkScores(old, updated);
    try (Call call = Call.on(stream, "bootstrap", 1)) {
      MemorySegment before = call.matrix("old", old, false, old.shape());
      MemorySegment after = call.matrix("updated", updated, false, old.shape());
      MemorySegment values = call.results("out", out, measures.size(), resamples(out));
      MemorySegment codes = call.list(measures.stream().mapToInt(m -> m.code).toArray());
      call.check(
          Abi.sinter_score_bootstrap(
              call.stream(),
              before,
              after,
              resamples(out),
              seed,
              measures.size(),
              codes,
              values,
              call.error()));
    }
  }

  private interface Resampler<M> {
    void draw(List<M> measures, Tensor out);
  }

  private static <M> Map<M, Interval> intervals(
      Stream stream,
      Collection<M> measures,
      ToDoubleFunction<M> estimate,
      BootstrapOptions options,
      Resampler<M> resampler) {
    List<M> wanted = measures.stream().distinct().toList();
    if (wanted.isEmpty()) {
      throw new IllegalArgumentException("bootstrap: there are no measures; give at least one");
    }
    long last = options.resamples() - 1;
    long below = (long) Math.floor((1 - options.level()) / 2 * last);
    double[] ends = {share(below, last), share(last - below, last)};
    double[] found;
    try (Tensor values = stream.allocate(DType.F64, wanted.size(), options.resamples())) {
      resampler.draw(wanted, values);
      List<Tensor> rows =
          IntStream.range(0, wanted.size())
              .mapToObj(j -> values.slice(0, j, j + 1).reshape(options.resamples()))
              .toList();
      found =
          Results.read(
              stream, out -> Selection.quantile(stream, rows, ends, null, out), wanted.size(), 2);
    }
    Map<M, Interval> intervals = new LinkedHashMap<>();
    for (int j = 0; j < wanted.size(); j++) {
      M measure = wanted.get(j);
      intervals.put(
          measure,
          new Interval(
              estimate.applyAsDouble(measure), found[2 * j], found[2 * j + 1], options.level()));
    }
    return intervals;
  }

  /// A number whose product with `last` lies above `place` by a quarter: [Selection#quantile]
  // rounds
  /// it down to `place`.
  private static double share(long place, long last) {
    return last == 0 ? 0 : Math.min(1, (place + 0.25) / last);
  }

  /// McNemar's exact test of whether both models are equally often right.
  ///
  /// @param flips the counts, of which negative and positive flips matter
  /// @return the two-sided p-value: the probability of at least as uneven a split of the flips if
  ///     either direction were equally likely; 1 where there are none
  public static double mcnemar(Flips flips) {
    return Scalars.mcnemar(flips.negative(), flips.positive());
  }

  private static void checkLengths(long models, String argument, long labels) {
    if (models != labels) {
      throw new IllegalArgumentException(
          "flips: "
              + argument
              + " has "
              + models
              + " examples, and labels has "
              + labels
              + "; give the same examples in the same order");
    }
    if (labels == 0) {
      throw new IllegalArgumentException(
          "flips: there are no examples, and no rate is defined without; give at least one");
    }
  }

  private interface Counter {
    int count(Call call, MemorySegment examples, MemorySegment table);
  }

  private static FlipTable count(
      Stream stream, Labels labels, int classes, Detail detail, Counter counter) {
    long n = labels.size();
    if (classes < 1) {
      throw new IllegalArgumentException("flips: classes is " + classes + "; it must be 1 or more");
    }
    if (detail.groupOf() != null) {
      checkLengths(detail.groupOf().size(), "groupOf", n);
    }
    if (detail.outcomes() && n > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "flips: " + n + " outcomes do not fit in an array; compare fewer examples at a time");
    }
    if (detail.confusion() && (long) classes * classes > Integer.MAX_VALUE / 4) {
      throw new IllegalArgumentException(
          "flips: a confusion matrix of " + classes + " classes does not fit in an array");
    }
    if (detail.byClass() && classes > Integer.MAX_VALUE / 64) {
      throw new IllegalArgumentException(
          "flips: flips by " + classes + " classes do not fit in an array");
    }
    try (Gathered gathered = new Gathered(stream)) {
      Part totals = gathered.counts(Abi.SINTER_OUTCOMES);
      Part byClass = gathered.counts(detail.byClass() ? (long) classes * Abi.SINTER_OUTCOMES : 0);
      Part byGroup = gathered.counts((long) detail.groups() * Abi.SINTER_OUTCOMES);
      long pairs = detail.confusion() ? (long) classes * classes : 0;
      Part oldToNew = gathered.counts(pairs);
      Part labelToOld = gathered.counts(pairs);
      Part labelToNew = gathered.counts(pairs);
      Part outcomes = gathered.bytes(detail.outcomes() ? n : 0);
      try (Call call = Call.on(stream, "flips", 1)) {
        MemorySegment examples = call.struct(Abi.sinter_examples.LAYOUT);
        Abi.sinter_examples.struct_size(examples, 0, Abi.sinter_examples.LAYOUT.byteSize());
        Abi.sinter_examples.count(examples, 0, n);
        Abi.sinter_examples.classes(examples, 0, classes);
        Abi.sinter_examples.groups(examples, 0, detail.groups());
        Abi.sinter_examples.labels(examples, 0, call.array("labels", labels.words(), false));
        Labels groupOf = detail.groupOf();
        Abi.sinter_examples.group_of(
            examples, 0, call.array("groupOf", groupOf == null ? null : groupOf.words(), false));
        MemorySegment table = call.struct(Abi.sinter_flip_table.LAYOUT);
        Abi.sinter_flip_table.struct_size(table, 0, Abi.sinter_flip_table.LAYOUT.byteSize());
        Abi.sinter_flip_table.totals(table, 0, totals.on(call));
        Abi.sinter_flip_table.by_class(table, 0, byClass.on(call));
        Abi.sinter_flip_table.by_group(table, 0, byGroup.on(call));
        Abi.sinter_flip_table.old_to_new(table, 0, oldToNew.on(call));
        Abi.sinter_flip_table.label_to_old(table, 0, labelToOld.on(call));
        Abi.sinter_flip_table.label_to_new(table, 0, labelToNew.on(call));
        Abi.sinter_flip_table.outcomes(table, 0, outcomes.on(call));
        call.check(counter.count(call, examples, table));
      }
      gathered.fetch();
      return new FlipTable(
          Flips.at(totals.longs(), 0),
          Flips.all(byClass.longs()),
          Flips.all(byGroup.longs()),
          detail.confusion() ? new Confusion(classes, oldToNew.longs()) : null,
          detail.confusion() ? new Confusion(classes, labelToOld.longs()) : null,
          detail.confusion() ? new Confusion(classes, labelToNew.longs()) : null,
          detail.outcomes() ? new Outcomes(outcomes.bytes()) : null);
    }
  }

  /// Results that are no floating-point numbers, in tensors of elements as wide: copies keep bytes.
  private static final class Gathered implements AutoCloseable {
    private final Stream stream;
    private final List<Part> parts = new ArrayList<>();

    Gathered(Stream stream) {
      this.stream = stream;
    }

    Part counts(long size) {
      return part(DType.F64, size);
    }

    Part bytes(long size) {
      return part(DType.F8_E4M3, size);
    }

    private Part part(DType width, long size) {
      Part part = new Part(stream, width, size);
      parts.add(part);
      return part;
    }

    /// Brings all to the host.
    void fetch() {
      for (Part part : parts) {
        if (part.there != part.here) {
          stream.copy(part.there, part.here);
        }
      }
      stream.synchronize();
    }

    @Override
    public void close() {
      for (Part part : parts) {
        part.here.close();
        part.there.close();
      }
    }
  }

  /// One array of results.
  private static final class Part {
    private final Tensor here;
    private final Tensor there;

    Part(Stream stream, DType width, long size) {
      here = stream.allocatePinned(width, size);
      there = stream.device().isCpu() ? here : stream.allocate(width, size);
    }

    /// Its address for a call, or NULL where nothing is wanted.
    MemorySegment on(Call call) {
      return call.array("a result", there.elements() == 0 ? null : there, true);
    }

    long[] longs() {
      return here.segment().toArray(ValueLayout.JAVA_LONG);
    }

    byte[] bytes() {
      return here.segment().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}

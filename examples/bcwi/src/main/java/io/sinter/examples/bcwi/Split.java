// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/// Who sees which examples in one repetition.
///
/// @param oldModel the old model's architecture
/// @param newModel the new model's: a larger head where classes were added
/// @param oldTraining what the old model is trained on
/// @param newTraining what the new model is trained on: the same, and more
/// @param development for choosing alpha and other settings; nothing is trained on it
/// @param test for the reported numbers, and for nothing else
/// @param oldInstances examples the old model was made for
/// @param newInstances examples that came with the update
record Split(
    Architecture oldModel,
    Architecture newModel,
    Sample oldTraining,
    Sample newTraining,
    Sample development,
    Sample test,
    Sample oldInstances,
    Sample newInstances) {

  /// How many examples.
  ///
  /// @param before the old model's
  /// @param after the new model's
  /// @param development for development
  record Sizes(int before, int after, int development) {}

  /// More examples of the same classes. Old instances are the old model's training examples, new
  /// instances those that were added.
  static Split addData(Data data, Sizes sizes, long seed) {
    Sample shuffled = shuffled(data.pool(), seed);
    Sample added = shuffled.range(sizes.before, sizes.after);
    int held = shuffled.count() - sizes.development;
    Sample before = shuffled.range(0, sizes.before);
    return new Split(
        data.architecture(),
        data.architecture(),
        before,
        shuffled.range(0, sizes.after),
        shuffled.range(held, shuffled.count()),
        data.test().orElseGet(() -> shuffled.range(sizes.after, held)),
        before,
        added);
  }

  /// Classes that the old model lacks: it knows the first `oldClasses`. Old instances are test
  /// examples of these, new instances those of the others.
  ///
  /// @param added how many of the examples that the new model has more are of the added classes
  static Split addClasses(Data data, Sizes sizes, int oldClasses, int added, long seed) {
    Sample shuffled = shuffled(data.pool(), seed);
    int held = shuffled.count() - sizes.development;
    IntPredicate known = label -> label < oldClasses;
    Sample rest = shuffled.range(0, held);
    Sample ofKnown = rest.labelled(known);
    Sample ofAdded = rest.labelled(known.negate());
    Sample before = ofKnown.range(0, sizes.before);
    Sample training = ofKnown.range(0, sizes.after - added).and(ofAdded.range(0, added));
    Sample test = data.test().orElseGet(() -> without(rest, training));
    return new Split(
        data.architecture().withClasses(oldClasses),
        data.architecture(),
        before,
        training,
        shuffled.range(held, shuffled.count()),
        test,
        test.labelled(known),
        test.labelled(known.negate()));
  }

  private static Sample shuffled(Sample pool, long seed) {
    int[] rows = pool.rows().clone();
    Trainer.shuffle(rows, new SplittableRandom(seed));
    return new Sample(pool.examples(), rows);
  }

  private static Sample without(Sample sample, Sample left) {
    Set<Integer> rows = Arrays.stream(left.rows()).boxed().collect(Collectors.toSet());
    return new Sample(
        sample.examples(),
        Arrays.stream(sample.rows()).filter(row -> !rows.contains(row)).toArray());
  }
}

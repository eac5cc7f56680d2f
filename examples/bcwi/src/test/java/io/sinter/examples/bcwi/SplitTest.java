// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SplitTest {

  private static final Split.Sizes SIZES = new Split.Sizes(100, 150, 80);

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void addedDataContinueTheOldOnesAndNothingIsSeenTwice() {
    Data mails = Synthetic.mails(arena, 2);
    Split split = Split.addData(mails, SIZES, 1);
    assertEquals(100, split.oldTraining().count());
    assertEquals(150, split.newTraining().count());
    assertArrayEquals(split.oldTraining().rows(), Arrays.copyOf(split.newTraining().rows(), 100));
    assertArrayEquals(split.oldTraining().rows(), split.oldInstances().rows());
    assertEquals(50, split.newInstances().count());
    assertEquals(80, split.development().count());
    assertEquals(500 - 150 - 80, split.test().count());
    assertApart(split.newTraining(), split.development(), split.test());
    assertNotEquals(
        List.of(split.test().rows()), List.of(Split.addData(mails, SIZES, 2).test().rows()));
  }

  @Test
  void addedClassesAreNewToTheOldModel() {
    Data mails = Synthetic.mails(arena, 3);
    Split split = Split.addClasses(mails, SIZES, 2, 20, 1);
    assertEquals(2, split.oldModel().classes());
    assertEquals(3, split.newModel().classes());
    assertEquals(Set.of(0, 1), labels(split.oldTraining()));
    assertEquals(100, split.oldTraining().count());
    assertEquals(150, split.newTraining().count());
    assertEquals(20, split.newTraining().labelled(label -> label == 2).count());
    assertArrayEquals(split.oldTraining().rows(), Arrays.copyOf(split.newTraining().rows(), 100));
    assertEquals(Set.of(0, 1), labels(split.oldInstances()));
    assertEquals(Set.of(2), labels(split.newInstances()));
    assertEquals(split.test().count(), split.oldInstances().count() + split.newInstances().count());
    assertEquals(500 - 150 - 80, split.test().count());
    assertApart(split.newTraining(), split.development(), split.test());
  }

  @Test
  void aTestSetOfItsOwnIsTakenWhole() {
    Data images = Synthetic.images(arena);
    assertEquals(300, Split.addData(images, SIZES, 1).test().count());
    assertEquals(300, Split.addClasses(images, SIZES, 3, 40, 1).test().count());
  }

  private static Set<Integer> labels(Sample sample) {
    return Arrays.stream(sample.labels()).boxed().collect(Collectors.toSet());
  }

  private static void assertApart(Sample... samples) {
    Set<Integer> seen = new HashSet<>();
    for (Sample sample : samples) {
      for (int row : sample.rows()) {
        assertTrue(seen.add(row), "example " + row + " is in two samples");
      }
    }
  }
}

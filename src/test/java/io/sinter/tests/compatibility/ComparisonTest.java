// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.ops.Compatibility.Flips;
import io.sinter.ops.Compatibility.Outcome;
import io.sinter.updater.compatibility.Comparison;
import io.sinter.updater.compatibility.CompatibilityException;
import io.sinter.updater.compatibility.Evaluation;
import io.sinter.updater.compatibility.Grouping;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two models compared, against plain loops over the examples.
class ComparisonTest {
  private static final long SEED = 20261123;

  @TempDir private Path folder;

  private static Flips flips(int[] old, int[] updated, int[] labels, boolean[] in) {
    long[] counts = new long[5];
    for (int i = 0; i < labels.length; i++) {
      if (!in[i]) {
        continue;
      }
      boolean before = old[i] == labels[i];
      boolean after = updated[i] == labels[i];
      counts[before ? after ? 0 : 1 : after ? 2 : old[i] == updated[i] ? 3 : 4]++;
    }
    return new Flips(counts[0], counts[1], counts[2], counts[3], counts[4]);
  }

  private static boolean[] all(int n) {
    boolean[] in = new boolean[n];
    Arrays.fill(in, true);
    return in;
  }

  @Test
  void countsAsPlainLoopsDo() {
    SplittableRandom random = new SplittableRandom(SEED);
    int n = 3000;
    int classes = 7;
    int[] labels = random.ints(n, 0, classes).toArray();
    int[] old = labels.clone();
    int[] updated = labels.clone();
    List<String> groups = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      if (random.nextInt(3) == 0) {
        old[i] = random.nextInt(classes);
      }
      if (random.nextInt(4) == 0) {
        updated[i] = random.nextInt(classes);
      }
      groups.add(random.nextInt(3) == 0 ? "old" : "new");
    }
    Comparison comparison =
        Comparison.of(
            Predictions.of(old),
            Predictions.of(updated),
            Labels.of(labels).with(Grouping.of("instance", groups)));
    assertEquals(flips(old, updated, labels, all(n)), comparison.flips(), "seed " + SEED);
    assertEquals(n, comparison.examples());
    assertEquals(classes, comparison.classes());
    for (int c = 0; c < classes; c++) {
      boolean[] in = new boolean[n];
      for (int i = 0; i < n; i++) {
        in[i] = labels[i] == c;
      }
      assertEquals(flips(old, updated, labels, in), comparison.byClass().get(c));
    }
    assertEquals(2, comparison.byGroup().size());
    for (Comparison.Group group : comparison.byGroup()) {
      assertEquals("instance", group.grouping());
      boolean[] in = new boolean[n];
      for (int i = 0; i < n; i++) {
        in[i] = groups.get(i).equals(group.group());
      }
      assertEquals(flips(old, updated, labels, in), group.flips());
    }
    long[][] confusion = new long[classes][classes];
    long[][] changes = new long[classes][classes];
    for (int i = 0; i < n; i++) {
      confusion[labels[i]][updated[i]]++;
      changes[old[i]][updated[i]]++;
    }
    for (int a = 0; a < classes; a++) {
      for (int b = 0; b < classes; b++) {
        assertEquals(confusion[a][b], comparison.labelToNew().orElseThrow().count(a, b));
        assertEquals(changes[a][b], comparison.oldToNew().orElseThrow().count(a, b));
      }
    }
    int[] negative = comparison.examples(Outcome.NEGATIVE_FLIP);
    assertEquals(comparison.flips().negative(), negative.length);
    for (int i : negative) {
      assertTrue(old[i] == labels[i] && updated[i] != labels[i]);
    }
    int[] wrong =
        comparison.examples(Outcome.NEGATIVE_FLIP, Outcome.WRONG_SAME, Outcome.WRONG_DIFFERENT);
    assertEquals(n - comparison.flips().bothRight() - comparison.flips().positive(), wrong.length);
    Comparison.Example example = comparison.example(negative[0]);
    assertEquals(Integer.toString(negative[0]), example.id());
    assertEquals(Outcome.NEGATIVE_FLIP, example.outcome());
    assertEquals(labels[negative[0]], example.label());
    assertEquals(old[negative[0]], example.old());
    assertEquals(updated[negative[0]], example.updated());
    assertEquals(List.of(groups.get(negative[0])), example.groups());
  }

  @Test
  void examplesAreMatchedByTheirIds() throws IOException {
    Path labels = Files.writeString(folder.resolve("l.csv"), "id,label,g\na,0,x\nb,1,y\nc,2,x\n");
    Path old = Files.writeString(folder.resolve("o.csv"), "id,prediction\nc,2\na,0\nb,0\n");
    Path updated = Files.writeString(folder.resolve("n.csv"), "id,prediction\nb,1\nc,1\na,0\n");
    Comparison comparison =
        Comparison.of(Predictions.read(old), Predictions.read(updated), Labels.read(labels));
    assertEquals(new Flips(1, 1, 1, 0, 0), comparison.flips());
    assertArrayEquals(new int[] {2}, comparison.examples(Outcome.NEGATIVE_FLIP));
    assertEquals(
        new Comparison.Example(2, "c", 2, 2, 1, Outcome.NEGATIVE_FLIP, List.of("x")),
        comparison.example(2));
    assertEquals(List.of("g"), comparison.groupings());
    // Without ids on one side, places decide.
    Comparison placed =
        Comparison.of(Predictions.of(2, 0, 0), Predictions.read(updated), Labels.read(labels));
    assertEquals(new Flips(0, 0, 2, 0, 1), placed.flips());
  }

  @Test
  void otherIdsAreRefused() throws IOException {
    Path labels = Files.writeString(folder.resolve("l.csv"), "id,label\na,0\nb,1\nc,2\n");
    Path other = Files.writeString(folder.resolve("o.csv"), "id,prediction\na,0\nd,0\ne,1\n");
    refused(
        () -> Comparison.of(Predictions.read(other), Predictions.of(0, 1, 2), Labels.read(labels)),
        other + ": lacks the example 'b' of " + labels + " (and 1 more). Give both");
    Path twice = Files.writeString(folder.resolve("t.csv"), "id,prediction\na,0\nb,0\na,1\n");
    refused(
        () -> Comparison.of(Predictions.read(twice), Predictions.of(0, 1, 2), Labels.read(labels)),
        twice + ": holds the id 'a' twice. ");
  }

  @Test
  void manyIdsAreMatched() throws IOException {
    int n = 20_000;
    StringBuilder labels = new StringBuilder("id,label\n");
    StringBuilder old = new StringBuilder("id,prediction\n");
    for (int i = 0; i < n; i++) {
      labels.append("e").append(i).append(',').append(i % 10).append('\n');
      int j = (int) (i * 7919L % n);
      old.append("e").append(j).append(',').append(j % 10).append('\n');
    }
    Path l = Files.writeString(folder.resolve("l.csv"), labels);
    Path o = Files.writeString(folder.resolve("o.csv"), old);
    assertEquals(
        new Flips(n, 0, 0, 0, 0),
        Comparison.of(Predictions.read(o), Predictions.read(o), Labels.read(l)).flips());
  }

  private static void refused(Runnable comparison, String text) {
    String message = assertThrows(CompatibilityException.class, comparison::run).getMessage();
    assertTrue(message.contains(text), () -> "'" + text + "' expected in: " + message);
  }

  @Test
  void otherLengthsAreRefused() {
    refused(
        () -> Comparison.of(Predictions.of(0, 1), Predictions.of(0, 1, 2), Labels.of(0, 1, 2)),
        "predictions: holds 2 examples, and labels holds 3. Both must be of the same examples.");
    refused(
        () -> Comparison.of(Predictions.of(0, 1, 1), Predictions.of(0, 1), Labels.of(0, 1, 2)),
        "predictions: holds 2 examples, and labels holds 3");
  }

  @Test
  void numbersBeyondTheClassesAreRefused() {
    Predictions logits = Predictions.ofLogits(new float[][] {{1, 0, 0}, {0, 1, 0}});
    refused(
        () -> Comparison.of(Predictions.of(0, 1), logits, Labels.of(0, 3)),
        "labels: label 3 of example 1 is out of range: logits has logits of 3 classes. Number");
    refused(
        () -> Comparison.of(Predictions.of(4, 1), logits, Labels.of(0, 1)),
        "predictions: prediction 4 of example 0 is out of range");
    refused(
        () -> Comparison.of(Predictions.of(0, 1), Predictions.of(0, 2), Labels.of(0, 1), 2),
        "prediction 2 of example 1 is out of range: there are 2 classes");
    // An old model may have fewer classes than the new one: the update brought some.
    Predictions two = Predictions.ofLogits(new float[][] {{1, 0}, {0, 1}});
    assertEquals(new Flips(1, 0, 0, 1, 0), Comparison.of(two, logits, Labels.of(0, 2)).flips());
    assertEquals(3, Comparison.of(two, logits, Labels.of(0, 2)).classes());
    assertEquals(5, Comparison.of(two, Predictions.of(0, 1), Labels.of(0, 1), 5).classes());
    for (int classes : new int[] {-1, (1 << 20) + 1}) {
      assertThrows(
          IllegalArgumentException.class, () -> Comparison.of(two, two, Labels.of(0, 1), classes));
    }
  }

  @Test
  void confusionOfManyClassesIsNotCounted() {
    Comparison most = Comparison.of(Predictions.of(1023), Predictions.of(1), Labels.of(1023));
    assertEquals(1, most.labelToOld().orElseThrow().count(1023, 1023));
    Comparison more = Comparison.of(Predictions.of(1024), Predictions.of(1), Labels.of(1024));
    assertTrue(more.labelToOld().isEmpty() && more.labelToNew().isEmpty());
    assertTrue(more.oldToNew().isEmpty());
    assertEquals(1, more.byClass().get(1024).negative());
    Comparison largest =
        Comparison.of(Predictions.of(1), Predictions.of((1 << 20) - 1), Labels.of((1 << 20) - 1));
    assertEquals(1, largest.byClass().getLast().positive());
  }

  @Test
  void evaluation() {
    assertEquals(
        Evaluation.of(.5, .25, .25, 4),
        Comparison.evaluation(
            Predictions.of(0, 1, 0, 1), Predictions.of(0, 0, 1, 1), Labels.of(0, 1, 1, 0)));
  }
}

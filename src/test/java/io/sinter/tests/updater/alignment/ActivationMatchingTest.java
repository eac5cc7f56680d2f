// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater.alignment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.NumericException;
import io.sinter.tests.support.Seeds;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.StorageType;
import io.sinter.updater.alignment.Alignment;
import io.sinter.updater.alignment.AlignmentListener;
import io.sinter.updater.alignment.AlignmentOptions;
import io.sinter.updater.alignment.AlignmentReport;
import io.sinter.updater.alignment.Architectures;
import io.sinter.updater.alignment.Group;
import io.sinter.updater.alignment.Permutation;
import io.sinter.updater.alignment.PermutationSpec;
import io.sinter.updater.alignment.Role;
import io.sinter.updater.alignment.Similarity;
import io.sinter.updater.alignment.SpecException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Activation matching: planted orders are found, similarities are what plain loops say, and taps
/// that are missing or do not fit are refused by name.
class ActivationMatchingTest {
  private static final int SAMPLES = 60;

  @TempDir Path folder;

  /// Taps of a model: samples by units, by name.
  private Path write(String name, Map<String, double[][]> taps) {
    CheckpointWriter writer = new CheckpointWriter();
    taps.forEach(
        (tap, rows) -> {
          ByteBuffer bytes =
              ByteBuffer.allocate(4 * rows.length * rows[0].length).order(ByteOrder.LITTLE_ENDIAN);
          for (double[] row : rows) {
            for (double value : row) {
              bytes.putFloat((float) value);
            }
          }
          // Two axes of samples where that can be: tokens of texts.
          long[] shape =
              rows.length % 2 == 0
                  ? new long[] {2, rows.length / 2, rows[0].length}
                  : new long[] {rows.length, rows[0].length};
          writer.add(tap, StorageType.F32, shape, MemorySegment.ofArray(bytes.array()));
        });
    Path file = folder.resolve(name);
    writer.write(file, 0, true);
    return file;
  }

  private static Alignment match(
      PermutationSpec spec, Path reference, Path model, Similarity similarity) {
    try (Checkpoint a = Checkpoint.open(reference);
        Checkpoint b = Checkpoint.open(model)) {
      return Alignment.activations(
          spec, a, b, similarity, AlignmentOptions.DEFAULT, AlignmentListener.NONE);
    }
  }

  private static PermutationSpec spec(Network network) {
    return Architectures.recognise(
        network.shapes(), network.config().isEmpty() ? null : network.config());
  }

  private static double[][] random(int samples, int units, SplittableRandom random) {
    double[][] rows = new double[samples][units];
    for (double[] row : rows) {
      // Far from 0, each unit at a place and a scale of its own.
      Arrays.setAll(row, i -> (float) (100 + 7 * i + (1 + i % 3) * random.nextGaussian()));
    }
    return rows;
  }

  /// What the other model's units did: `[p[i]]` is what unit `i` of the reference did, nearly.
  private static double[][] moved(double[][] rows, int[] order, SplittableRandom random) {
    double[][] moved = new double[rows.length][rows[0].length];
    for (int s = 0; s < rows.length; s++) {
      for (int i = 0; i < order.length; i++) {
        moved[s][order[i]] = (float) (rows[s][i] + 0.1 * random.nextGaussian());
      }
    }
    return moved;
  }

  private static double similarity(double[][] x, int i, double[][] y, int j, boolean correlation) {
    double[] a = Arrays.stream(x).mapToDouble(row -> (float) row[i]).toArray();
    double[] b = Arrays.stream(y).mapToDouble(row -> (float) row[j]).toArray();
    double meanA = correlation ? Arrays.stream(a).sum() / a.length : 0;
    double meanB = correlation ? Arrays.stream(b).sum() / b.length : 0;
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int s = 0; s < a.length; s++) {
      ab += (a[s] - meanA) * (b[s] - meanB);
      aa += (a[s] - meanA) * (a[s] - meanA);
      bb += (b[s] - meanB) * (b[s] - meanB);
    }
    return correlation ? (aa * bb == 0 ? 0 : ab / Math.sqrt(aa * bb)) : ab / a.length;
  }

  @ParameterizedTest
  @EnumSource(Similarity.class)
  void plantedOrdersAreFound(Similarity similarity) {
    boolean correlation = similarity == Similarity.CORRELATION;
    for (Network network : Network.all()) {
      SplittableRandom random = Seeds.of("activations " + network.name() + similarity);
      PermutationSpec spec = spec(network);
      Map<String, Permutation> planted = new HashMap<>();
      SequencedMap<String, double[][]> mine = new LinkedHashMap<>();
      SequencedMap<String, double[][]> others = new LinkedHashMap<>();
      Map<String, Double> expected = new HashMap<>();
      spec.groups()
          .forEach(
              (name, group) -> {
                planted.put(name, AlignmentTest.shuffled(group, random));
                for (Role role : Role.values()) {
                  if (group instanceof Group.Units != (role == Role.UNITS)) {
                    continue;
                  }
                  for (String tap : List.of("", "@more")) {
                    String key = name + (role == Role.UNITS ? "" : "." + role.code()) + tap;
                    int[] order = planted.get(name).indices(role);
                    double[][] rows = random(SAMPLES, order.length, random);
                    if (!correlation) {
                      for (double[] row : rows) {
                        Arrays.setAll(row, i -> row[i] - 100 - 7 * i);
                      }
                    }
                    double[][] theirs = moved(rows, order, random);
                    mine.put(key, rows);
                    others.put(key, theirs);
                    for (int i = 0; i < order.length; i++) {
                      expected.merge(
                          name, similarity(rows, i, theirs, order[i], correlation), Double::sum);
                    }
                  }
                }
              });
      Alignment found = match(spec, write("a", mine), write("b", others), similarity);
      AlignmentTest.assertFound(spec, planted, found);
      for (AlignmentReport.OfGroup group : found.report().groups()) {
        assertTrue(group.isCertified());
        double sum = expected.get(group.group().name());
        // Float64 sums of 60 products each, in another order.
        assertEquals(sum, group.after(), 1e-11 * Math.abs(sum), group.group().name());
        assertTrue(group.after() >= group.before());
      }
    }
  }

  @Test
  void aUnitThatNeverChangesIsLikeNoOther() {
    Network mlp = Network.all().getFirst();
    SplittableRandom random = Seeds.of("constant");
    SequencedMap<String, double[][]> taps = new LinkedHashMap<>();
    spec(mlp)
        .groups()
        .forEach(
            (name, group) -> taps.put(name, random(SAMPLES, ((Group.Units) group).size(), random)));
    for (double[] row : taps.get("fc0")) {
      row[3] = 5;
    }
    Path file = write("a", taps);
    AlignmentReport.OfGroup first =
        match(spec(mlp), file, file, Similarity.CORRELATION).report().groups().getFirst();
    assertEquals(23, first.after(), 1e-12 * 23);
    assertEquals(0, first.moved());
  }

  @Test
  void whatDoesNotFitIsRefused() {
    PermutationSpec spec = spec(Network.all().getFirst());
    SplittableRandom random = Seeds.of("refused activations");
    SequencedMap<String, double[][]> taps = new LinkedHashMap<>();
    spec.groups()
        .forEach(
            (name, group) -> taps.put(name, random(SAMPLES, ((Group.Units) group).size(), random)));
    Path all = write("all", taps);

    SequencedMap<String, double[][]> changed = new LinkedHashMap<>(taps);
    changed.remove("fc1");
    Path fewer = write("fewer", changed);
    assertRefused(spec, fewer, fewer, "group 'fc1' has no activations", "no tensor 'fc1'");
    assertRefused(
        spec, all, fewer, "activations 'fc1' of " + all, "has no counterpart in " + fewer);
    assertRefused(
        spec, fewer, all, "activations 'fc1' of " + all, "has no counterpart in " + fewer);

    changed.put("fc1", random(SAMPLES, 19, random));
    Path narrow = write("narrow", changed);
    assertRefused(spec, narrow, narrow, "'fc1'", "[2, 30, 19]", "the 20 units");
    changed.put("fc1", random(SAMPLES + 2, 20, random));
    assertRefused(
        spec, all, write("longer", changed), "'fc1'", "is [2, 30, 20] here and [2, 31, 20] in");
    changed.put("fc1", random(1, 20, random));
    Path one = write("one", changed);
    assertRefused(spec, one, one, "'fc1'", "has 1 sample, and correlation needs at least 2");

    changed.put("fc1", taps.get("fc1"));
    changed.put("fc9", taps.get("fc1"));
    Path more = write("more", changed);
    assertRefused(spec, more, more, "'fc9'", "no group has this name", "--explain");

    changed.remove("fc9");
    double[][] broken = random(SAMPLES, 20, random);
    broken[7][3] = Double.POSITIVE_INFINITY;
    changed.put("fc1", broken);
    Path infinite = write("infinite", changed);
    String message =
        assertThrows(
                NumericException.class, () -> match(spec, all, infinite, Similarity.CORRELATION))
            .getMessage();
    assertTrue(message.contains("group 'fc1'"), message);

    PermutationSpec heads = spec(Network.all().get(6));
    SequencedMap<String, double[][]> some = new LinkedHashMap<>();
    heads
        .groups()
        .forEach(
            (name, group) -> {
              switch (group) {
                case Group.Units units -> some.put(name, random(4, units.size(), random));
                case Group.Heads of ->
                    some.put(name + ".output", random(4, of.elements(Role.OUTPUT), random));
              }
            });
    Path outputs = write("outputs", some);
    assertRefused(
        heads,
        outputs,
        outputs,
        "group 'h.0.attention' has no activations",
        "'h.0.attention.query' or 'h.0.attention.key'");
    some.put("h.0.attention", random(4, 18, random));
    Path vague = write("vague", some);
    assertRefused(heads, vague, vague, "is of heads: say which, as in 'h.0.attention.output'");
  }

  private static void assertRefused(
      PermutationSpec spec, Path reference, Path model, String... texts) {
    String message =
        assertThrows(
                SpecException.class, () -> match(spec, reference, model, Similarity.CORRELATION))
            .getMessage();
    for (String text : texts) {
      assertTrue(message.contains(text), () -> "'" + text + "' expected in: " + message);
    }
  }
}

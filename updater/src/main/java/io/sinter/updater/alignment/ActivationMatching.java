// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Assignment;
import io.sinter.ops.Conversion;
import io.sinter.ops.Products;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Matches units by what they did on the same samples. Groups do not depend on each other: each is
/// solved once.
///
/// Files hold a tensor for every tap, `[..., units]`, all axes but the last counting samples. Its
/// name is the group's, of heads with the role behind it (`layers.0.attention.value`), and where a
/// group has several taps `@` and a name of the tap's own: what they say is added.
///
/// Moments are float64: means and deviations in a first pass, products of standardised blocks in a
/// second.
final class ActivationMatching {
  /// Bytes of a block of samples.
  private static final long BLOCK = 1L << 25;

  private static final double NOISE = 1e-12;

  private final PermutationSpec spec;
  private final Checkpoint reference;
  private final Checkpoint model;
  private final Similarity similarity;
  private final Stream stream;
  private final AlignmentListener listener;
  private final Map<String, Map<Role, List<String>>> taps = new LinkedHashMap<>();
  private long productNanos;
  private long assignmentNanos;

  ActivationMatching(
      PermutationSpec spec,
      Checkpoint reference,
      Checkpoint model,
      Similarity similarity,
      Stream stream,
      AlignmentListener listener) {
    this.spec = spec;
    this.reference = reference;
    this.model = model;
    this.similarity = similarity;
    this.stream = stream;
    this.listener = listener;
    reference.tensors().values().forEach(this::add);
    model.tensors().keySet().stream()
        .filter(name -> !reference.tensors().containsKey(name))
        .findFirst()
        .ifPresent(name -> refuse(name, model, "has no counterpart in " + reference.path()));
    spec.groups().values().forEach(this::requireTaps);
  }

  private static void refuse(String tensor, Checkpoint of, String problem) {
    throw new SpecException(
        "activations '"
            + tensor
            + "' of "
            + of.path()
            + ": "
            + problem
            + ". Record the same taps of both models, on the same samples.");
  }

  /// Finds the group of a tap, and checks that both models have it alike.
  private void add(TensorEntry tap) {
    String name =
        tap.name().contains("@") ? tap.name().substring(0, tap.name().indexOf('@')) : tap.name();
    @Nullable Group group = spec.groups().get(name);
    Role role = Role.UNITS;
    for (Role other : Role.values()) {
      String end = "." + other.code();
      if (group == null && other != Role.UNITS && name.endsWith(end)) {
        group = spec.groups().get(name.substring(0, name.length() - end.length()));
        role = other;
      }
    }
    if (group == null || group instanceof Group.Units != (role == Role.UNITS)) {
      refuse(
          tap.name(),
          reference,
          group == null
              ? "no group has this name; 'sinter align --explain' lists them"
              : "group '"
                  + group.name()
                  + "' is of heads: say which, as in '"
                  + group.name()
                  + ".output'");
      return;
    }
    TensorEntry other = model.tensors().get(tap.name());
    if (other == null) {
      refuse(tap.name(), reference, "has no counterpart in " + model.path());
      return;
    }
    long[] shape = tap.shape();
    int units = group.elements(role);
    if (shape.length < 2 || shape[shape.length - 1] != units) {
      refuse(
          tap.name(),
          reference,
          "is "
              + Arrays.toString(shape)
              + ", and the last of at least two axes must be the "
              + units
              + " units");
    }
    if (!Arrays.equals(shape, other.shape())) {
      refuse(
          tap.name(),
          reference,
          "is "
              + Arrays.toString(shape)
              + " here and "
              + Arrays.toString(other.shape())
              + " in "
              + model.path());
    }
    long samples = tap.elements() / Math.max(1, units);
    long least = similarity == Similarity.CORRELATION ? 2 : 1;
    if (samples < least) {
      refuse(
          tap.name(),
          reference,
          "has "
              + samples
              + (samples == 1 ? " sample" : " samples")
              + ", and "
              + similarity.name().toLowerCase(Locale.ROOT).replace('_', ' ')
              + " needs at least "
              + least);
    }
    for (Checkpoint of : List.of(reference, model)) {
      if (of.tensor(tap.name()).type().dtype().isEmpty()) {
        refuse(
            tap.name(),
            of,
            "is " + of.tensor(tap.name()).type().code() + ", which is no floating-point type");
      }
    }
    taps.computeIfAbsent(group.name(), _ -> new EnumMap<>(Role.class))
        .computeIfAbsent(role, _ -> new ArrayList<>())
        .add(tap.name());
  }

  /// Every group needs taps for all that may move in it.
  private void requireTaps(Group group) {
    Map<Role, List<String>> known = taps.getOrDefault(group.name(), Map.of());
    @Nullable String missing =
        switch (group) {
          case Group.Units _ -> known.isEmpty() ? "'" + group.name() + "'" : null;
          case Group.Heads heads ->
              heads.size() > 1 && !known.containsKey(Role.VALUE) && !known.containsKey(Role.OUTPUT)
                  ? "'" + group.name() + ".value' or '" + group.name() + ".output'"
                  : heads.size() > 1
                          && !heads.rotary()
                          && !known.containsKey(Role.QUERY)
                          && !known.containsKey(Role.KEY)
                      ? "'" + group.name() + ".query' or '" + group.name() + ".key'"
                      : known.isEmpty() ? "'" + group.name() + ".output'" : null;
        };
    if (missing != null) {
      throw new SpecException(
          "group '"
              + group.name()
              + "' has no activations: "
              + reference.path()
              + " holds no tensor "
              + missing
              + ". Record it for both models.");
    }
  }

  Alignment run() {
    long start = System.nanoTime();
    SequencedMap<String, Permutation> permutations = new LinkedHashMap<>();
    List<AlignmentReport.OfGroup> groups = new ArrayList<>();
    double before = 0;
    double after = 0;
    for (Group group : spec.groups().values()) {
      AlignmentReport.OfGroup found =
          switch (group) {
            case Group.Units units -> units(units, permutations);
            case Group.Heads heads -> heads(heads, permutations);
          };
      groups.add(found);
      before += found.before();
      after += found.after();
      listener.solved(1, group.name(), found.after() - found.before());
    }
    return new Alignment(
        spec,
        permutations,
        new AlignmentReport(
            spec.architecture(),
            before,
            after,
            1,
            true,
            groups.size(),
            0,
            (System.nanoTime() - start) / 1e9,
            productNanos / 1e9,
            assignmentNanos / 1e9,
            groups));
  }

  private AlignmentReport.OfGroup units(Group.Units group, Map<String, Permutation> permutations) {
    try (Costs.Square sums = similarities(group, Role.UNITS, 1)) {
      long start = System.nanoTime();
      Assignment.Solution solution =
          Assignment.solve(stream, sums.tensor(), Assignment.Sense.MAXIMIZE);
      assignmentNanos += System.nanoTime() - start;
      Permutation.Units now = (Permutation.Units) Permutation.identity(group);
      Permutation.Units found = new Permutation.Units(solution.columns());
      double before = sums.sum(now.order());
      double after = sums.sum(found.order());
      boolean rises = after - before > NOISE * Math.abs(before);
      permutations.put(group.name(), rises ? found : now);
      return AlignmentReport.OfGroup.of(
          group,
          permutations.get(group.name()),
          before,
          rises ? after : before,
          1,
          solution.gap(),
          solution.spread(),
          solution.method().toString());
    } catch (NumericException e) {
      throw notFinite(group, e);
    }
  }

  private AlignmentReport.OfGroup heads(Group.Heads group, Map<String, Permutation> permutations) {
    int together = group.rotary() ? group.size() : 1;
    try (Costs.OfHeads sums =
        new Costs.OfHeads(
            similarities(group, Role.QUERY, together),
            similarities(group, Role.KEY, together),
            similarities(group, Role.VALUE, 1),
            similarities(group, Role.OUTPUT, 1))) {
      Permutation.Heads now = (Permutation.Heads) Permutation.identity(group);
      HeadMatching matching = new HeadMatching(group, sums, now, stream);
      HeadMatching.Found found = matching.solve();
      assignmentNanos += found.nanos();
      double before = matching.objective(now);
      double after = matching.objective(found.permutation());
      boolean rises = after - before > NOISE * Math.abs(before);
      permutations.put(group.name(), rises ? found.permutation() : now);
      return AlignmentReport.OfGroup.of(
          group,
          permutations.get(group.name()),
          before,
          rises ? after : before,
          1,
          found.gap(),
          found.spread(),
          HeadMatching.method(group));
    } catch (NumericException e) {
      throw notFinite(group, e);
    }
  }

  private NumericException notFinite(Group group, NumericException cause) {
    NumericException better =
        new NumericException(
            "the units of group '"
                + group.name()
                + "' cannot be compared: its activations in "
                + reference.path()
                + " or "
                + model.path()
                + " are not finite, or too large. Record them again.",
            cause.tensor());
    better.initCause(cause);
    return better;
  }

  // ---- similarities -----------------------------------------------------------------------------

  /// The sum over a role's taps of the similarities of all units; 0 where it has none.
  ///
  /// @param together elements that follow one another and count as one unit
  private Costs.Square similarities(Group group, Role role, int together) {
    int elements = group.elements(role);
    Tensor sums = zeros(elements, elements);
    for (String tap : taps.get(group.name()).getOrDefault(role, List.of())) {
      add(tap, elements, sums);
    }
    if (together == 1) {
      return new Costs.Square(sums);
    }
    int units = elements / together;
    Tensor folded = zeros(units, units);
    try (Costs.Square all = new Costs.Square(sums)) {
      for (int i = 0; i < units; i++) {
        for (int j = 0; j < units; j++) {
          double sum = 0;
          for (int x = 0; x < together; x++) {
            sum += all.get((long) i * together + x, (long) j * together + x);
          }
          folded.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, (long) i * units + j, sum);
        }
      }
    }
    return new Costs.Square(folded);
  }

  private Tensor zeros(long rows, long columns) {
    Tensor zeros = stream.allocate(DType.F64, rows, columns);
    zeros.segment().fill((byte) 0);
    return zeros;
  }

  /// What is taken from each unit's activations, and what they are multiplied by then.
  private record Standard(double[] mean, double[] factor) {}

  private void add(String tap, int units, Tensor sums) {
    Standard mine = standard(reference, tap, units);
    Standard other = standard(model, tap, units);
    blocks(
        tap,
        units,
        (x, y) -> {
          standardise(x, mine);
          standardise(y, other);
          long start = System.nanoTime();
          Products.gemm(stream, true, x, false, y, 1, 1, sums);
          productNanos += System.nanoTime() - start;
        });
  }

  private static void standardise(Tensor block, Standard by) {
    MemorySegment elements = block.segment();
    int units = by.mean().length;
    for (long i = 0; i < block.elements(); i++) {
      int unit = (int) (i % units);
      double value = elements.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      elements.setAtIndex(
          ValueLayout.JAVA_DOUBLE, i, (value - by.mean()[unit]) * by.factor()[unit]);
    }
  }

  /// Such that the product over all samples is the similarity.
  private Standard standard(Checkpoint of, String tap, int units) {
    long samples = of.tensor(tap).elements() / units;
    double[] mean = new double[units];
    double[] factor = new double[units];
    if (similarity == Similarity.CROSS_MOMENT) {
      Arrays.fill(factor, 1 / Math.sqrt(samples));
      return new Standard(mean, factor);
    }
    // Welford's, so that units far from 0 lose nothing.
    double[] squares = new double[units];
    long[] seen = new long[1];
    samples(
        of,
        tap,
        units,
        block -> {
          MemorySegment elements = block.segment();
          for (long row = 0; row < block.shape()[0]; row++) {
            seen[0]++;
            for (int unit = 0; unit < units; unit++) {
              double value = elements.getAtIndex(ValueLayout.JAVA_DOUBLE, row * units + unit);
              double difference = value - mean[unit];
              mean[unit] += difference / seen[0];
              squares[unit] += difference * (value - mean[unit]);
            }
          }
        });
    for (int unit = 0; unit < units; unit++) {
      factor[unit] = squares[unit] == 0 ? 0 : 1 / Math.sqrt(squares[unit]);
    }
    return new Standard(mean, factor);
  }

  private void blocks(String tap, int units, BiConsumer<Tensor, Tensor> to) {
    long samples = reference.tensor(tap).elements() / units;
    long step = Math.max(1, BLOCK / (8L * units));
    for (long from = 0; from < samples; from += step) {
      long end = Math.min(samples, from + step);
      try (Tensor x = block(reference, tap, units, from, end);
          Tensor y = block(model, tap, units, from, end)) {
        to.accept(x, y);
      }
    }
  }

  private void samples(Checkpoint of, String tap, int units, Consumer<Tensor> to) {
    long samples = of.tensor(tap).elements() / units;
    long step = Math.max(1, BLOCK / (8L * units));
    for (long from = 0; from < samples; from += step) {
      try (Tensor x = block(of, tap, units, from, Math.min(samples, from + step))) {
        to.accept(x);
      }
    }
  }

  private Tensor block(Checkpoint of, String tap, int units, long from, long to) {
    TensorEntry entry = of.tensor(tap);
    Tensor stored =
        Tensor.of(of.map(tap), entry.type().dtype().orElseThrow(), entry.elements() / units, units)
            .slice(0, from, to);
    Tensor block = stream.allocate(DType.F64, to - from, units);
    Conversion.cast(stream, stored, block);
    stream.synchronize();
    return block;
  }
}

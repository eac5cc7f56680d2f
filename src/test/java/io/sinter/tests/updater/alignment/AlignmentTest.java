// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater.alignment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.updater.Goldens;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.Realignment;
import io.sinter.updater.StorageType;
import io.sinter.updater.alignment.Alignment;
import io.sinter.updater.alignment.AlignmentListener;
import io.sinter.updater.alignment.AlignmentOptions;
import io.sinter.updater.alignment.AlignmentReport;
import io.sinter.updater.alignment.Architectures;
import io.sinter.updater.alignment.Axis;
import io.sinter.updater.alignment.Group;
import io.sinter.updater.alignment.Permutation;
import io.sinter.updater.alignment.PermutationSpec;
import io.sinter.updater.alignment.Role;
import io.sinter.updater.alignment.SpecException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Weight and head matching: what was planted is found, functions stay as they are, and what does
/// not fit together is refused by name.
class AlignmentTest {
  @TempDir Path folder;

  private static Alignment align(Path reference, Path model, AlignmentListener listener) {
    return align(reference, model, AlignmentOptions.DEFAULT, listener);
  }

  private static Alignment align(
      Path reference, Path model, AlignmentOptions options, AlignmentListener listener) {
    try (Checkpoint a = Checkpoint.open(reference);
        Checkpoint b = Checkpoint.open(model)) {
      return Alignment.weights(Architectures.of(a, null), a, b, options, listener);
    }
  }

  private Path write(Realignment realignment, Device device) {
    Path out = folder.resolve("out-" + device.toString().replace(':', '-'));
    try (Merge merge =
        Merge.plan(realignment.recipe(), MergeOptions.DEFAULT.withDevice(device).withForce(true))) {
      merge.run(out, MergeListener.NONE);
    }
    return out;
  }

  // ---- A golden pair ---------------------------------------------------------------------------

  @Test
  void aPermutedLlamaComesBackBitForBit() {
    Path golden = Goldens.root().resolve("align/llama");
    Path base = Goldens.root().resolve("models/base");
    Path model = golden.resolve("model");
    Alignment alignment = align(base, model, AlignmentListener.NONE);
    AlignmentReport report = alignment.report();
    assertTrue(report.sweeps() <= 3, () -> report.sweeps() + " sweeps");
    assertTrue(report.converged());
    assertTrue(report.groups().stream().allMatch(AlignmentReport.OfGroup::isCertified));
    for (Device device : Devices.all()) {
      Path out = write(Realignment.of(base, model, alignment), device);
      try (Checkpoint expected = Checkpoint.open(golden.resolve("expected"));
          Checkpoint actual = Checkpoint.open(out)) {
        assertEquals(expected.tensors().keySet(), actual.tensors().keySet());
        for (String name : expected.tensors().keySet()) {
          assertArrayEquals(
              expected.map(name).toArray(ValueLayout.JAVA_BYTE),
              actual.map(name).toArray(ValueLayout.JAVA_BYTE),
              name + " on " + device);
        }
      }
    }
  }

  // ---- Planted permutations --------------------------------------------------------------------

  private static List<Network> networks() {
    return Network.all();
  }

  /// A network, the same with units renamed and a tenth of noise, and how they were renamed.
  private record Planted(
      Path reference,
      Path model,
      PermutationSpec spec,
      Map<String, Permutation> permutations,
      Map<String, double[]> weights) {}

  private Planted plant(Network network, SplittableRandom random) throws IOException {
    PermutationSpec spec =
        Architectures.recognise(
            network.shapes(), network.config().isEmpty() ? null : network.config());
    Map<String, Permutation> permutations = new HashMap<>();
    spec.groups().forEach((name, group) -> permutations.put(name, shuffled(group, random)));
    SequencedMap<String, double[]> original = new LinkedHashMap<>();
    SequencedMap<String, double[]> renamed = new LinkedHashMap<>();
    network
        .shapes()
        .forEach(
            (name, shape) -> {
              double[] weights = weights(name, shape, random);
              double[] moved = new double[weights.length];
              int[] from = flat(spec.tensors().get(name), spec, permutations);
              boolean statistics = name.contains("running");
              for (int i = 0; i < weights.length; i++) {
                double noise = statistics ? 0 : 0.1 * scale(shape) * random.nextGaussian();
                moved[from[i]] = (float) (weights[i] + noise);
              }
              original.put(name, weights);
              renamed.put(name, moved);
            });
    return new Planted(
        model("reference", network, original),
        model("model", network, renamed),
        spec,
        permutations,
        renamed);
  }

  private static double scale(long[] shape) {
    return shape.length < 2
        ? 0.3
        : 1 / Math.sqrt(Arrays.stream(shape, 1, shape.length).reduce(1, (a, b) -> a * b));
  }

  private static double[] weights(String name, long[] shape, SplittableRandom random) {
    int elements = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    double[] weights = new double[elements];
    for (int i = 0; i < elements; i++) {
      boolean gain = shape.length == 1 && name.endsWith("weight");
      double value = scale(shape) * random.nextGaussian() + (gain ? 1 : 0);
      weights[i] = (float) (name.endsWith("running_var") ? Math.abs(value) + 0.5 : value);
    }
    return weights;
  }

  private Path model(String name, Network network, SequencedMap<String, double[]> weights)
      throws IOException {
    Path path = folder.resolve(name);
    CheckpointWriter writer = new CheckpointWriter();
    weights.forEach(
        (tensor, values) -> {
          boolean counter = tensor.endsWith("num_batches_tracked");
          int bytes = counter ? 8 : 4;
          ByteBuffer data =
              ByteBuffer.allocate(bytes * values.length).order(ByteOrder.LITTLE_ENDIAN);
          for (double value : values) {
            if (counter) {
              data.putLong((long) (100 * value));
            } else {
              data.putFloat((float) value);
            }
          }
          writer.add(
              tensor,
              counter ? StorageType.I64 : StorageType.F32,
              network.shapes().get(tensor),
              MemorySegment.ofArray(data.array()));
        });
    writer.write(path, 0, true);
    if (!network.config().isEmpty()) {
      Files.writeString(path.resolve("config.json"), network.config());
    }
    return path;
  }

  static Permutation shuffled(Group group, SplittableRandom random) {
    return switch (group) {
      case Group.Units units -> new Permutation.Units(shuffled(units.size(), random));
      case Group.Heads heads ->
          new Permutation.Heads(
              shuffled(heads.groups(), random),
              shuffled(heads.groups(), heads.queries(), random),
              heads.rotary()
                  ? shuffled(heads.groups(), heads.size(), null)
                  : shuffled(heads.groups(), heads.size(), random),
              shuffled(heads.groups(), heads.size(), random));
    };
  }

  private static int[] shuffled(int size, @Nullable SplittableRandom random) {
    int[] order = IntStream.range(0, size).toArray();
    for (int i = size - 1; i > 0 && random != null; i--) {
      int j = random.nextInt(i + 1);
      int kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }

  private static int[][] shuffled(int count, int size, @Nullable SplittableRandom random) {
    return IntStream.range(0, count).mapToObj(_ -> shuffled(size, random)).toArray(int[][]::new);
  }

  /// Where each element of a tensor comes from.
  private static int[] flat(
      List<Axis> axes, PermutationSpec spec, Map<String, Permutation> permutations) {
    int[] from = {0};
    for (Axis axis : axes) {
      int[] indices = spec.indices(axis, permutations);
      int[] next = new int[from.length * indices.length];
      for (int i = 0; i < next.length; i++) {
        next[i] = from[i / indices.length] * indices.length + indices[i % indices.length];
      }
      from = next;
    }
    return from;
  }

  private static Map<String, double[]> read(Path path) {
    Map<String, double[]> weights = new HashMap<>();
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      checkpoint
          .tensors()
          .forEach(
              (name, entry) -> {
                if (entry.type() == StorageType.F32) {
                  float[] values = checkpoint.map(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                  weights.put(
                      name,
                      IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray());
                }
              });
    }
    return weights;
  }

  static void assertFound(PermutationSpec spec, Map<String, Permutation> planted, Alignment found) {
    spec.groups()
        .forEach(
            (name, group) -> {
              for (Role role :
                  group instanceof Group.Units
                      ? List.of(Role.UNITS)
                      : List.of(Role.QUERY, Role.KEY, Role.VALUE, Role.OUTPUT)) {
                assertArrayEquals(
                    planted.get(name).indices(role),
                    found.permutations().get(name).indices(role),
                    name + " " + role + " (" + Seeds.note() + ")");
              }
            });
  }

  /// The largest difference of two outputs, in units of the largest output.
  private static double distance(double[] a, double[] b) {
    assertEquals(a.length, b.length);
    double most = 0;
    double difference = 0;
    for (int i = 0; i < a.length; i++) {
      most = Math.max(most, Math.abs(a[i]));
      difference = Math.max(difference, Math.abs(a[i] - b[i]));
    }
    return difference / most;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void whatWasPlantedIsFoundAndTheFunctionStays(Network network) throws IOException {
    Planted planted = plant(network, Seeds.of("planted " + network.name()));
    List<Double> rises = new ArrayList<>();
    Alignment found = align(planted.reference(), planted.model(), (_, _, rise) -> rises.add(rise));
    assertFound(planted.spec(), planted.permutations(), found);

    AlignmentReport report = found.report();
    assertTrue(report.converged());
    assertTrue(rises.stream().allMatch(rise -> rise >= 0), rises::toString);
    // Rises are measured on cost matrices, the objective on the models: float32 sums of each.
    double risen = rises.stream().mapToDouble(Double::doubleValue).sum();
    assertEquals(
        report.after() - report.before(), risen, 1e-5 * report.after(), "the sum of all rises");
    assertTrue(report.groups().stream().allMatch(AlignmentReport.OfGroup::isCertified));
    assertEquals(rises.size(), report.solved());

    for (Device device : Devices.all()) {
      Path out = write(Realignment.of(planted.reference(), planted.model(), found), device);
      Map<String, double[]> renamed = read(out);
      for (String name : renamed.keySet()) {
        int[] from =
            flat(planted.spec().tensors().get(name), planted.spec(), planted.permutations());
        double[] held = planted.weights().get(name);
        assertArrayEquals(
            Arrays.stream(from).mapToDouble(i -> held[i]).toArray(), renamed.get(name), name);
      }
      double[] before = network.forward().run(read(planted.model()));
      double[] after = network.forward().run(renamed);
      // Sums of at most a few hundred doubles, in another order, through a dozen layers.
      assertTrue(distance(before, after) < 1e-11, () -> "differs by " + distance(before, after));
      double[] wanted = network.forward().run(read(planted.reference()));
      assertTrue(distance(wanted, after) > 1e-6, "the noise must show");
    }
  }

  @Test
  void between() throws IOException {
    Network network = Network.all().get(1);
    Planted planted = plant(network, Seeds.of("between"));
    Alignment found = align(planted.reference(), planted.model(), AlignmentListener.NONE);
    for (Device device : Devices.all()) {
      Map<String, double[]> a = read(planted.reference());
      Map<String, double[]> b =
          read(write(Realignment.of(planted.reference(), planted.model(), found), device));
      Map<String, double[]> merged =
          read(
              write(
                  Realignment.of(planted.reference(), planted.model(), found).withAlpha(0.25),
                  device));
      merged.forEach(
          (name, values) -> {
            for (int i = 0; i < values.length; i++) {
              double x = a.get(name)[i];
              double y = b.get(name)[i];
              double rounding = Math.ulp((float) Math.max(Math.abs(x), Math.abs(y)));
              assertEquals(0.75 * x + 0.25 * y, values[i], rounding, name);
            }
          });
      Map<String, double[]> all =
          read(
              write(
                  Realignment.of(planted.reference(), planted.model(), found).withAlpha(0),
                  device));
      all.forEach((name, values) -> assertArrayEquals(a.get(name), values, name));
    }
  }

  /// What is stored in another type is computed in float32 or float64, and keeps its bytes.
  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16", "F64"})
  void otherTypes(StorageType type) throws IOException {
    Path golden = Goldens.root().resolve("align/llama");
    Path reference = stored(Goldens.root().resolve("models/base"), type, "typed-reference");
    Path model = stored(golden.resolve("model"), type, "typed-model");
    Path expected = stored(golden.resolve("expected"), type, "typed-expected");
    Alignment found = align(reference, model, AlignmentListener.NONE);
    for (Device device : Devices.all()) {
      try (Checkpoint wanted = Checkpoint.open(expected);
          Checkpoint actual =
              Checkpoint.open(write(Realignment.of(reference, model, found), device))) {
        for (String name : wanted.tensors().keySet()) {
          assertEquals(type, actual.tensor(name).type());
          assertArrayEquals(
              wanted.map(name).toArray(ValueLayout.JAVA_BYTE),
              actual.map(name).toArray(ValueLayout.JAVA_BYTE),
              name + " on " + device);
        }
      }
    }
  }

  private Path stored(Path model, StorageType type, String name) throws IOException {
    CheckpointWriter writer = new CheckpointWriter();
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      checkpoint
          .tensors()
          .forEach(
              (tensor, entry) -> {
                ByteBuffer bytes =
                    ByteBuffer.allocate(Math.toIntExact(type.bytes(entry.elements())))
                        .order(ByteOrder.LITTLE_ENDIAN);
                for (float x : checkpoint.map(tensor).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED)) {
                  switch (type) {
                    case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(x) >>> 16));
                    case F16 -> bytes.putShort(Float.floatToFloat16(x));
                    default -> bytes.putDouble(x);
                  }
                }
                writer.add(tensor, type, entry.shape(), MemorySegment.ofArray(bytes.array()));
              });
      writer.write(folder.resolve(name), 0, true);
    }
    Files.copy(model.resolve("config.json"), folder.resolve(name).resolve("config.json"));
    return folder.resolve(name);
  }

  // ---- How it goes on --------------------------------------------------------------------------

  @Test
  void groupsWhoseNeighboursStayAreSkippedAndASeedDecidesTheOrder() throws IOException {
    Planted planted = plant(Network.all().getFirst(), Seeds.of("order"));
    List<String> order = new ArrayList<>();
    Alignment once = align(planted.reference(), planted.model(), (_, group, _) -> order.add(group));
    List<String> again = new ArrayList<>();
    align(planted.reference(), planted.model(), (_, group, _) -> again.add(group));
    assertEquals(order, again);
    int groups = planted.spec().groups().size();
    AlignmentReport report = once.report();
    assertEquals(groups * report.sweeps(), report.solved() + report.skipped());
    assertTrue(report.skipped() > 0, report::toString);

    Alignment rest =
        align(
            planted.reference(),
            planted.reference(),
            AlignmentOptions.DEFAULT.withSeed(7),
            AlignmentListener.NONE);
    assertEquals(1, rest.report().sweeps());
    assertTrue(rest.report().groups().stream().allMatch(group -> group.moved() == 0));
    assertEquals(rest.report().before(), rest.report().after());

    Alignment stopped =
        align(
            planted.reference(),
            planted.model(),
            AlignmentOptions.DEFAULT.withMaxSweeps(1),
            AlignmentListener.NONE);
    assertEquals(1, stopped.report().sweeps());
    assertTrue(!stopped.report().converged());
    assertTrue(stopped.report().after() > stopped.report().before());

    // A workspace for one group at a time changes nothing.
    Alignment alone =
        align(
            planted.reference(),
            planted.model(),
            AlignmentOptions.DEFAULT.withWorkspace(0),
            AlignmentListener.NONE);
    assertFound(planted.spec(), once.permutations(), alone);
  }

  // ---- Bad input -------------------------------------------------------------------------------

  private static void assertRefused(
      Class<? extends RuntimeException> type,
      org.junit.jupiter.api.function.Executable run,
      String... texts) {
    String message = assertThrows(type, run).getMessage();
    for (String text : texts) {
      assertTrue(message.contains(text), () -> "'" + text + "' expected in: " + message);
    }
  }

  @Test
  void whatDoesNotBelongTogetherIsRefused() throws IOException {
    Network network = Network.all().getFirst();
    Planted planted = plant(network, Seeds.of("refused"));
    SequencedMap<String, double[]> more = new LinkedHashMap<>(planted.weights());
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>(network.shapes());
    shapes.put("extra.weight", new long[] {2, 5});
    more.put("extra.weight", new double[10]);
    Path extra = model("extra", new Network("", "", shapes, network.forward()), more);
    assertRefused(
        SpecException.class,
        () -> align(planted.reference(), extra, AlignmentListener.NONE),
        "tensor 'extra.weight' of " + extra + " is not in the spec");

    shapes.remove("extra.weight");
    more.remove("extra.weight");
    shapes.put("fc1.weight", new long[] {24, 20});
    Path turned = model("turned", new Network("", "", shapes, network.forward()), more);
    assertRefused(
        SpecException.class,
        () -> align(planted.reference(), turned, AlignmentListener.NONE),
        "tensor 'fc1.weight' is [24, 20] in " + turned,
        "and [20, 24] in the spec");

    SequencedMap<String, double[]> broken = new LinkedHashMap<>();
    network
        .shapes()
        .keySet()
        .forEach(name -> broken.put(name, planted.weights().get(name).clone()));
    broken.get("fc2.weight")[7] = Double.NaN;
    Path nan = model("nan", network, broken);
    assertRefused(
        NumericException.class,
        () -> align(planted.reference(), nan, AlignmentListener.NONE),
        "tensor 'fc2.weight' of " + nan + " has 1 element that is not finite",
        "Repair the model.");

    try (Checkpoint a = Checkpoint.open(planted.reference());
        Checkpoint b = Checkpoint.open(planted.model())) {
      PermutationSpec other = Architectures.recognise(Network.all().get(1).shapes(), null);
      assertRefused(
          SpecException.class,
          () -> Alignment.weights(other, a, b, AlignmentOptions.DEFAULT),
          "the spec names tensor 'features.0.weight', which is not in " + planted.reference());
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static io.sinter.tests.core.Fixtures.floats;
import static io.sinter.tests.core.Fixtures.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Interpolation;
import io.sinter.ops.KarcherOptions;
import io.sinter.ops.Mixture;
import io.sinter.ops.MultislerpOptions;
import io.sinter.ops.RamplusOptions;
import io.sinter.ops.Rescale;
import io.sinter.ops.Spherical;
import io.sinter.ops.TaskVectors;
import io.sinter.ops.Vectors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every error path of the merge methods: what is refused, and how.
class MethodErrorsTest extends OperandErrors {
  private static final Mixture L1 = Mixture.DEFAULT.withRescale(Rescale.L1);

  /// By the name that their messages start with.
  private static final Map<String, Operation> METHODS = new LinkedHashMap<>();

  /// Those that read the tensor before they write it, and refuse what is not finite.
  private static final Set<String> TAKE_STATISTICS =
      Set.of(
          "nuslerp",
          "multislerp",
          "karcher",
          "modelStock",
          "ties",
          "breadcrumbs",
          "della",
          "sce",
          "arceeFusion");

  private static long[][] keys(int count, int models) {
    long[][] keys = new long[count][];
    Arrays.setAll(keys, k -> new long[models]);
    return keys;
  }

  static {
    METHODS.put(
        "nearswap",
        (stream, a, b, out, arithmetic) ->
            Interpolation.nearswap(stream, a, b, numbers(a.size()), out, arithmetic));
    METHODS.put(
        "nuslerp",
        (stream, a, b, out, arithmetic) ->
            Spherical.nuslerp(
                stream, null, a, b, numbers(a.size()), Vectors.ROWS, out, arithmetic));
    METHODS.put(
        "multislerp",
        (stream, a, b, out, arithmetic) ->
            Spherical.multislerp(
                stream,
                null,
                pairs(a, b),
                table(a.size(), 2),
                MultislerpOptions.DEFAULT,
                out,
                arithmetic));
    METHODS.put(
        "karcher",
        (stream, a, b, out, arithmetic) ->
            Spherical.karcher(stream, pairs(a, b), KarcherOptions.DEFAULT, out, arithmetic));
    METHODS.put(
        "modelStock",
        (stream, a, b, out, arithmetic) ->
            Spherical.modelStock(stream, a, pairs(a, b), Vectors.WHOLE, out, arithmetic));
    METHODS.put(
        "ties",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.ties(
                stream,
                a,
                pairs(a, b),
                table(a.size(), 2),
                table(a.size(), 2),
                numbers(a.size()),
                Mixture.DEFAULT,
                out,
                arithmetic));
    METHODS.put(
        "breadcrumbs",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.breadcrumbs(
                stream,
                a,
                pairs(a, b),
                table(a.size(), 2),
                table(a.size(), 2),
                table(a.size(), 2),
                numbers(a.size()),
                L1,
                out,
                arithmetic));
    METHODS.put(
        "dare",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.dare(
                stream,
                a,
                pairs(a, b),
                table(a.size(), 2),
                table(a.size(), 2),
                keys(a.size(), 2),
                numbers(a.size()),
                Mixture.DEFAULT.withRescale(Rescale.DENSITY),
                out,
                arithmetic));
    METHODS.put(
        "della",
        (stream, a, b, out, arithmetic) -> {
          double[][] epsilons = table(a.size(), 2);
          Arrays.setAll(epsilons, k -> new double[] {0.1, 0.2});
          TaskVectors.della(
              stream,
              a,
              pairs(a, b),
              table(a.size(), 2),
              table(a.size(), 2),
              epsilons,
              keys(a.size(), 2),
              numbers(a.size()),
              Mixture.DEFAULT,
              out,
              arithmetic);
        });
    METHODS.put(
        "sce",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.sce(stream, a, pairs(a, b), numbers(a.size()), 0, out, arithmetic));
    METHODS.put(
        "ram",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.ram(stream, a, pairs(a, b), 1e-5, out, arithmetic));
    METHODS.put(
        "ramplusTl",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.ramplusTl(stream, a, pairs(a, b), RamplusOptions.DEFAULT, out, arithmetic));
    METHODS.put(
        "consensusTa",
        (stream, a, b, out, arithmetic) ->
            TaskVectors.consensusTa(
                stream,
                a,
                pairs(a, b),
                table(a.size(), 2),
                table(a.size(), 2),
                1,
                numbers(a.size()),
                out,
                arithmetic));
    METHODS.put("arceeFusion", TaskVectors::arceeFusion);
  }

  MethodErrorsTest() {
    super(METHODS);
  }

  static List<Object[]> elementwise() {
    return onAllDevices(METHODS);
  }

  static List<Object[]> takeStatistics() {
    List<Object[]> cases = elementwise();
    cases.removeIf(each -> !TAKE_STATISTICS.contains((String) each[1]));
    return cases;
  }

  static List<Object[]> takeNone() {
    List<Object[]> cases = elementwise();
    cases.removeIf(each -> TAKE_STATISTICS.contains((String) each[1]));
    return cases;
  }

  @ParameterizedTest
  @MethodSource("takeStatistics")
  void elementsThatAreNotFiniteNameTensorAndModel(Device device, String name) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      try (Stream stream = device.stream();
          Tensor good = floats(stream, 1, 2, 3);
          Tensor broken = floats(stream, 1, bad, 2).named("broken");
          Tensor first = floats(stream, 7, 7, 7).named("layer.0");
          Tensor second = floats(stream, 7, 7, 7).named("layer.1")) {
        List<Tensor> out = List.of(first, second);
        NumericException thrown =
            assertThrows(
                NumericException.class,
                () -> {
                  METHODS
                      .get(name)
                      .run(
                          stream,
                          List.of(good, good),
                          List.of(good, broken),
                          out,
                          Arithmetic.DEFAULT);
                  assertFalse(device.isCpu(), "on the CPU the call itself fails");
                  stream.synchronize();
                });
        assertEquals(1, thrown.tensor(), thrown.getMessage());
        assertTrue(thrown.getMessage().contains("non-finite"), thrown.getMessage());
        if (device.isCpu()) {
          for (Tensor each : out) {
            assertArrayEquals(new float[] {7, 7, 7}, read(stream, each), "written before");
          }
        }
        stream.synchronize(); // reported once
        List<Tensor> repaired = List.of(good, good);
        METHODS.get(name).run(stream, repaired, repaired, out, Arithmetic.DEFAULT);
        stream.synchronize();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("takeNone")
  void elementsThatAreNotFiniteComeOutWhereNoStatisticIsTaken(Device device, String name) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 1, 1, 1, 1, 1, 1, 1);
        Tensor b =
            floats(
                stream, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN,
                Float.NaN);
        Tensor out = stream.allocate(DType.F32, 8)) {
      METHODS.get(name).run(stream, List.of(a), List.of(b), List.of(out), Arithmetic.DEFAULT);
      for (float each : read(stream, out)) {
        assertTrue(Float.isNaN(each), "never dropped unseen");
      }
    }
  }

  /// What a call with one bad number must say.
  private record Bad(String message, Executable call) {}

  private static void assertRefused(List<Bad> bad) {
    for (Bad each : bad) {
      assertMessage(IllegalArgumentException.class, each.call(), each.message());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void numbersThatAreNotFiniteAreNamed(double bad) {
    for (Device device : Device.all()) {
      try (Stream stream = device.stream();
          Tensor a = floats(stream, 1, 2)) {
        List<Tensor> two = List.of(a, a);
        double[] good = {1, 1};
        double[] first = {bad, 1};
        double[] last = {1, bad};
        long[] keys = {1, 2};
        Mixture mix = Mixture.DEFAULT;
        assertRefused(
            List.of(
                new Bad(
                    "nearswap: t[0] is " + bad, () -> Interpolation.nearswap(stream, a, a, bad, a)),
                new Bad(
                    "nuslerp: t[0] is " + bad,
                    () -> Spherical.nuslerp(stream, a, a, a, bad, Vectors.WHOLE, a)),
                new Bad(
                    "multislerp: weights[0][1] is " + bad,
                    () -> Spherical.multislerp(stream, a, two, last, MultislerpOptions.DEFAULT, a)),
                new Bad(
                    "ties: weights[0][0] is " + bad,
                    () -> TaskVectors.ties(stream, a, two, first, good, 1, mix, a)),
                new Bad(
                    "ties: densities[0][1] is " + bad,
                    () -> TaskVectors.ties(stream, a, two, good, last, 1, mix, a)),
                new Bad(
                    "ties: lambda[0] is " + bad,
                    () -> TaskVectors.ties(stream, a, two, good, good, bad, mix, a)),
                new Bad(
                    "breadcrumbs: weights[0][1] is " + bad,
                    () -> TaskVectors.breadcrumbs(stream, a, two, last, good, good, 1, mix, a)),
                new Bad(
                    "breadcrumbs: densities[0][0] is " + bad,
                    () -> TaskVectors.breadcrumbs(stream, a, two, good, first, good, 1, mix, a)),
                new Bad(
                    "breadcrumbs: gammas[0][1] is " + bad,
                    () -> TaskVectors.breadcrumbs(stream, a, two, good, good, last, 1, mix, a)),
                new Bad(
                    "breadcrumbs: lambda[0] is " + bad,
                    () -> TaskVectors.breadcrumbs(stream, a, two, good, good, good, bad, mix, a)),
                new Bad(
                    "dare: weights[0][0] is " + bad,
                    () -> TaskVectors.dare(stream, a, two, first, good, keys, 1, mix, a)),
                new Bad(
                    "dare: densities[0][1] is " + bad,
                    () -> TaskVectors.dare(stream, a, two, good, last, keys, 1, mix, a)),
                new Bad(
                    "dare: lambda[0] is " + bad,
                    () -> TaskVectors.dare(stream, a, two, good, good, keys, bad, mix, a))));
        assertRefused(
            List.of(
                new Bad(
                    "della: weights[0][1] is " + bad,
                    () -> TaskVectors.della(stream, a, two, last, good, good, keys, 1, mix, a)),
                new Bad(
                    "della: densities[0][0] is " + bad,
                    () -> TaskVectors.della(stream, a, two, good, first, good, keys, 1, mix, a)),
                new Bad(
                    "della: epsilons[0][1] is " + bad,
                    () -> TaskVectors.della(stream, a, two, good, good, last, keys, 1, mix, a)),
                new Bad(
                    "della: lambda[0] is " + bad,
                    () -> TaskVectors.della(stream, a, two, good, good, good, keys, bad, mix, a)),
                new Bad("sce: topk[0] is " + bad, () -> TaskVectors.sce(stream, a, two, bad, 0, a)),
                new Bad("sce: floor is " + bad, () -> TaskVectors.sce(stream, a, two, 1, bad, a)),
                new Bad("ram: epsilon is " + bad, () -> TaskVectors.ram(stream, a, two, bad, a)),
                new Bad(
                    "consensusTa: weights[0][1] is " + bad,
                    () -> TaskVectors.consensusTa(stream, a, two, last, good, 2, 1, a)),
                new Bad(
                    "consensusTa: lambdaT[0][0] is " + bad,
                    () -> TaskVectors.consensusTa(stream, a, two, good, first, 2, 1, a)),
                new Bad(
                    "consensusTa: lambda[0] is " + bad,
                    () -> TaskVectors.consensusTa(stream, a, two, good, good, 2, bad, a))));
        assertArrayEquals(new float[] {1, 2}, read(stream, a));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void numbersOutOfRangeAreNamedWithTheRange(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      double[] low = {1, -0.25};
      double[] high = {1.5, 1};
      long[] keys = {1, 2};
      Mixture mix = Mixture.DEFAULT;
      String negative = " is -0.25; it must be finite and 0 or more";
      assertRefused(
          List.of(
              new Bad(
                  "nearswap: t[0]" + negative,
                  () -> Interpolation.nearswap(stream, a, a, -0.25, a)),
              new Bad(
                  "ties: densities[0][1]" + negative,
                  () -> TaskVectors.ties(stream, a, two, good, low, 1, mix, a)),
              new Bad(
                  "breadcrumbs: densities[0][1]" + negative,
                  () -> TaskVectors.breadcrumbs(stream, a, two, good, low, good, 1, mix, a)),
              new Bad(
                  "breadcrumbs: gammas[0][1] is -0.25; it must be from 0 to 1",
                  () -> TaskVectors.breadcrumbs(stream, a, two, good, good, low, 1, mix, a)),
              new Bad(
                  "breadcrumbs: gammas[0][0] is 1.5; it must be from 0 to 1",
                  () -> TaskVectors.breadcrumbs(stream, a, two, good, good, high, 1, mix, a)),
              new Bad(
                  "dare: densities[0][1]" + negative,
                  () -> TaskVectors.dare(stream, a, two, good, low, keys, 1, mix, a)),
              new Bad(
                  "della: densities[0][1]" + negative,
                  () -> TaskVectors.della(stream, a, two, good, low, good, keys, 1, mix, a)),
              new Bad(
                  "sce: topk[0]" + negative, () -> TaskVectors.sce(stream, a, two, -0.25, 0, a)),
              new Bad("sce: floor" + negative, () -> TaskVectors.sce(stream, a, two, 1, -0.25, a)),
              new Bad("ram: epsilon" + negative, () -> TaskVectors.ram(stream, a, two, -0.25, a)),
              new Bad(
                  "consensusTa: lambdaT[0][1]" + negative,
                  () -> TaskVectors.consensusTa(stream, a, two, good, low, 2, 1, a)),
              new Bad(
                  "consensusTa: threshold is 0; it must be from 1 to the number of models, 2",
                  () -> TaskVectors.consensusTa(stream, a, two, good, good, 0, 1, a)),
              new Bad(
                  "consensusTa: threshold is 3; it must be from 1 to the number of models, 2",
                  () -> TaskVectors.consensusTa(stream, a, two, good, good, 3, 1, a))));
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void numbersMustFitTheModelsAndTheBatch(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      double[] one = {1};
      long[] keys = {1, 2};
      Mixture mix = Mixture.DEFAULT;
      Arithmetic plain = Arithmetic.DEFAULT;
      List<Tensor> batch = List.of(a);
      List<List<Tensor>> models = List.of(two);
      double[][] ones = {{1, 1}};
      assertRefused(
          List.of(
              new Bad(
                  "nearswap: t has 2 entries, and the batch has 1",
                  () -> Interpolation.nearswap(stream, batch, batch, good, batch, plain)),
              new Bad(
                  "nuslerp: t has 2 entries",
                  () ->
                      Spherical.nuslerp(
                          stream, null, batch, batch, good, Vectors.WHOLE, batch, plain)),
              new Bad(
                  "nuslerp: base has 2 entries",
                  () ->
                      Spherical.nuslerp(
                          stream, two, batch, batch, one, Vectors.WHOLE, batch, plain)),
              new Bad(
                  "multislerp: weights[0] has 1 numbers for 2 models",
                  () -> Spherical.multislerp(stream, null, two, one, MultislerpOptions.DEFAULT, a)),
              new Bad(
                  "multislerp: base has 2 entries",
                  () ->
                      Spherical.multislerp(
                          stream, two, models, ones, MultislerpOptions.DEFAULT, batch, plain)),
              new Bad(
                  "karcher: out has 2 entries",
                  () -> Spherical.karcher(stream, models, KarcherOptions.DEFAULT, two, plain)),
              new Bad(
                  "modelStock: inputs has 1 entries, and the batch has 2",
                  () -> Spherical.modelStock(stream, two, models, Vectors.WHOLE, batch, plain)),
              new Bad(
                  "ties: densities[0] has 1 numbers for 2 models",
                  () -> TaskVectors.ties(stream, a, two, good, one, 1, mix, a)),
              new Bad(
                  "ties: lambda has 2 entries",
                  () ->
                      TaskVectors.ties(
                          stream, batch, models, ones, ones, good, mix, batch, plain))));
      assertRefused(
          List.of(
              new Bad(
                  "breadcrumbs: gammas[0] has 1 numbers for 2 models",
                  () -> TaskVectors.breadcrumbs(stream, a, two, good, good, one, 1, mix, a)),
              new Bad(
                  "dare: keys[0] has 1 numbers for 2 models",
                  () -> TaskVectors.dare(stream, a, two, good, good, new long[1], 1, mix, a)),
              new Bad(
                  "dare: keys has 0 entries",
                  () ->
                      TaskVectors.dare(
                          stream,
                          batch,
                          models,
                          ones,
                          ones,
                          new long[0][],
                          one,
                          mix,
                          batch,
                          plain)),
              new Bad(
                  "della: epsilons[0] has 1 numbers for 2 models",
                  () -> TaskVectors.della(stream, a, two, good, good, one, keys, 1, mix, a)),
              new Bad(
                  "sce: topk has 2 entries",
                  () -> TaskVectors.sce(stream, batch, models, good, 0, batch, plain)),
              new Bad(
                  "inputs[0] has no models; give at least one",
                  () -> TaskVectors.ram(stream, a, List.of(), 0, a)),
              new Bad(
                  "ramplusTl: inputs[1] has 1 models, and inputs[0] has 2",
                  () ->
                      TaskVectors.ramplusTl(
                          stream, two, List.of(two, batch), RamplusOptions.DEFAULT, two, plain)),
              new Bad(
                  "consensusTa: lambdaT[0] has 1 numbers for 2 models",
                  () -> TaskVectors.consensusTa(stream, a, two, good, one, 2, 1, a)),
              new Bad(
                  "arceeFusion: x has 2 entries",
                  () -> TaskVectors.arceeFusion(stream, batch, two, batch, plain))));
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void optionsMustNotBeNull(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      Map<String, Executable> calls = new LinkedHashMap<>();
      calls.put("vectors", () -> Spherical.nuslerp(stream, null, a, a, 0.5, null, a));
      calls.put("vectors ", () -> Spherical.modelStock(stream, a, two, null, a));
      calls.put("options", () -> Spherical.multislerp(stream, null, two, good, null, a));
      calls.put("options ", () -> Spherical.karcher(stream, two, null, a));
      calls.put("options  ", () -> TaskVectors.ramplusTl(stream, a, two, null, a));
      calls.put("mixture", () -> TaskVectors.ties(stream, a, two, good, good, 1, null, a));
      calls.put(
          "mixture ",
          () ->
              TaskVectors.ties(
                  stream,
                  List.of(a),
                  List.of(two),
                  new double[][] {good},
                  a,
                  good,
                  null,
                  List.of(a),
                  Arithmetic.DEFAULT));
      calls.put(
          "mixture  ", () -> TaskVectors.breadcrumbs(stream, a, two, good, good, good, 1, null, a));
      calls.put(
          "mixture   ",
          () -> TaskVectors.dare(stream, a, two, good, good, new long[2], 1, null, a));
      calls.put(
          "mixture    ",
          () -> TaskVectors.della(stream, a, two, good, good, good, new long[2], 1, null, a));
      calls.forEach(
          (what, call) ->
              assertEquals(
                  what.strip(), assertThrows(NullPointerException.class, call).getMessage()));
      assertThrows(
          NullPointerException.class,
          () ->
              TaskVectors.ties(
                  stream,
                  List.of(a),
                  List.of(two),
                  new double[][] {null},
                  new double[][] {good},
                  new double[] {1},
                  Mixture.DEFAULT,
                  List.of(a),
                  Arithmetic.DEFAULT));
      stream.synchronize();
    }
    assertThrows(NullPointerException.class, () -> new Mixture(false, false, false, null));
  }

  @Test
  void optionsRefuseWhatIsOutOfRange() {
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, 0, -1}) {
      assertMessage(
          IllegalArgumentException.class,
          () -> new MultislerpOptions(true, bad),
          "epsilon is " + bad,
          "finite and above 0");
      assertMessage(
          IllegalArgumentException.class,
          () -> KarcherOptions.DEFAULT.withTolerance(bad),
          "tolerance is " + bad,
          "finite and above 0");
    }
    assertMessage(
        IllegalArgumentException.class,
        () -> KarcherOptions.DEFAULT.withMaxIterations(0),
        "maxIterations is 0; it must be 1 or more");
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, -1}) {
      assertMessage(
          IllegalArgumentException.class,
          () -> RamplusOptions.DEFAULT.withEpsilon(bad),
          "epsilon is " + bad,
          "finite and 0 or more");
      assertMessage(
          IllegalArgumentException.class,
          () -> RamplusOptions.DEFAULT.withAlpha(bad),
          "alpha is " + bad,
          "finite and 0 or more");
    }
    assertMessage(
        IllegalArgumentException.class,
        () -> RamplusOptions.DEFAULT.withR(Double.NaN),
        "r is NaN; it must be finite");
    assertEquals(new RamplusOptions(0, -1, 0), new RamplusOptions(0, -1, 0));
    assertEquals(
        new Mixture(true, true, true, Rescale.L1),
        Mixture.DEFAULT
            .withConsensus(true)
            .withPlainElection(true)
            .withNormalize(true)
            .withRescale(Rescale.L1));
    assertEquals(
        new MultislerpOptions(false, 1e-8), MultislerpOptions.DEFAULT.withNormalize(false));
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void selectionsMustBeTwoNumbersPerTensorAndModel(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2);
        Tensor narrow = stream.allocate(DType.F64, 1, 2, 1);
        Tensor single = stream.allocate(DType.F32, 1, 2, 2);
        Tensor wide = stream.allocate(DType.F64, 1, 2, 4)) {
      for (Tensor wrong : List.of(narrow, single, wide, wide.slice(2, 0, 2))) {
        assertMessage(
            IllegalArgumentException.class,
            () -> ties(stream, a, wrong),
            "ties: selections is " + wrong,
            "f64[1, 2, 2]");
      }
      assertThrows(NullPointerException.class, () -> ties(stream, a, null));
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  private static void ties(Stream stream, Tensor a, Tensor selections) {
    TaskVectors.ties(
        stream,
        List.of(a),
        List.of(List.of(a, a)),
        new double[][] {{1, 1}},
        selections,
        new double[] {1},
        Mixture.DEFAULT,
        List.of(a),
        Arithmetic.DEFAULT);
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void rescalingByDensityIsForMethodsThatDropAtRandom(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      Mixture mix = Mixture.DEFAULT.withRescale(Rescale.DENSITY);
      assertMessage(
          IllegalArgumentException.class,
          () -> TaskVectors.ties(stream, a, two, good, good, 1, mix, a),
          "sinter_ties",
          "rescale");
      assertMessage(
          IllegalArgumentException.class,
          () -> TaskVectors.breadcrumbs(stream, a, two, good, good, good, 1, mix, a),
          "sinter_breadcrumbs",
          "rescale");
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void probabilitiesOfDellaMustBeBetweenZeroAndOne(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2, 3)) {
      List<Tensor> two = List.of(a, a);
      double[] good = {1, 1};
      for (double[] pair : new double[][] {{0.1, 0.15}, {0.9, 0.15}, {0, 0.1}, {0.5, 0.5}}) {
        assertMessage(
            IllegalArgumentException.class,
            () ->
                TaskVectors.della(
                    stream,
                    a,
                    two,
                    good,
                    new double[] {0.5, pair[0]},
                    new double[] {0.1, pair[1]},
                    new long[2],
                    1,
                    Mixture.DEFAULT,
                    a),
            "sinter_della");
      }
      assertArrayEquals(new float[] {1, 2, 3}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void modelStockNeedsTwoModelsAndNoColumns(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () -> Spherical.modelStock(stream, a, List.of(a), Vectors.WHOLE, a),
          "sinter_model_stock",
          "models is 1");
      assertMessage(
          IllegalArgumentException.class,
          () -> Spherical.modelStock(stream, a, List.of(a, a), Vectors.COLUMNS, a),
          "sinter_model_stock",
          "vectors");
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void weightsThatCancelCannotBeNormalisedOnTheSphere(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 1, 2)) {
      assertMessage(
          IllegalArgumentException.class,
          () ->
              Spherical.multislerp(
                  stream, null, List.of(a, a), new double[] {1, -1}, MultislerpOptions.DEFAULT, a),
          "sinter_multislerp",
          "normalise");
      assertArrayEquals(new float[] {1, 2}, read(stream, a));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void directionsThatCancelAreNamed(Device device) {
    try (Stream stream = device.stream();
        Tensor a = floats(stream, 2, 0);
        Tensor b = floats(stream, -1, 0);
        Tensor zero = floats(stream, 0, 0);
        Tensor out = stream.allocate(DType.F32, 2)) {
      assertThrows(
          NumericException.class,
          () -> {
            Spherical.multislerp(
                stream,
                null,
                List.of(a, b, zero),
                new double[] {1, 1, 1},
                MultislerpOptions.DEFAULT,
                out);
            stream.synchronize();
          });
      Spherical.multislerp(
          stream, null, List.of(a, b), new double[] {1, 1}, MultislerpOptions.DEFAULT, out);
      assertArrayEquals(new float[] {0.5f, 0}, read(stream, out));
    }
  }

  @ParameterizedTest
  @MethodSource("takeStatistics")
  void workspaceBeyondItsLimitIsRefused(Device device, String name) {
    int n = 1 << 16;
    try (Stream stream = device.stream(StreamOptions.DEFAULT.withWorkspaceLimit(64));
        Tensor a = floats(stream, new float[n]);
        Tensor b = floats(stream, new float[n]);
        Tensor out = floats(stream, new float[n])) {
      assertThrows(
          DeviceOutOfMemoryException.class,
          () -> {
            METHODS.get(name).run(stream, List.of(a), List.of(b), List.of(out), Arithmetic.DEFAULT);
            stream.synchronize();
          });
      assertArrayEquals(new float[n], read(stream, out));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

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
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import io.sinter.ops.Interpolation.SlerpWeights;
import io.sinter.ops.Reductions;
import io.sinter.ops.TaskVectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Tolerance;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What is promised of interpolation beyond the formula: identities, the arc, and refusals.
class InterpolationTest {
  private static final int COUNT = 5003;

  static List<Device> devices() {
    return Devices.all();
  }

  /// Tensors of one test on one device, let go of at its end.
  private static final class Bench implements AutoCloseable {
    final Stream stream;
    final SplittableRandom random = Seeds.of("interpolation");
    private final List<Operand> operands = new ArrayList<>();

    Bench(Device device) {
      stream = device.stream();
    }

    Tensor input(Elements elements) {
      return keep(Operand.input(stream, elements, View.flat(elements.count()), random)).tensor();
    }

    Operand output(DType type, int count) {
      return keep(Operand.output(stream, type, View.flat(count), random));
    }

    private Operand keep(Operand operand) {
      operands.add(operand);
      return operand;
    }

    @Override
    public void close() {
      operands.forEach(Operand::close);
      stream.close();
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void endsKeepEveryByte(Device device) {
    try (Bench bench = new Bench(device)) {
      for (DType type : DType.values()) {
        Elements a = Values.SPECIAL.elements(type, COUNT, bench.random);
        Elements b = Values.BITS.elements(type, COUNT, bench.random);
        Tensor first = bench.input(a);
        Tensor second = bench.input(b);
        for (double t : new double[] {0, 1}) {
          Operand out = bench.output(type, COUNT);
          Interpolation.lerp(bench.stream, first, second, t, out.tensor());
          out.check(bench.stream, t == 0 ? a : b, "lerp of " + type + " at " + t);
        }
        Operand copy = bench.output(type, COUNT);
        Conversion.cast(bench.stream, first, copy.tensor());
        copy.check(bench.stream, a, "cast of " + type + " to itself");
        Operand alone = bench.output(type, COUNT);
        Interpolation.linear(
            bench.stream, List.of(second), new double[] {0.3}, true, alone.tensor());
        alone.check(bench.stream, b, "normalized linear of one " + type);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void equalElementsStayWhatTheyAre(Device device) {
    try (Bench bench = new Bench(device)) {
      for (DType type : DType.values()) {
        Elements same = Values.RANGE.elements(type, COUNT, bench.random);
        Tensor a = bench.input(same);
        Tensor b = bench.input(same);
        for (double t : new double[] {1e-60, 0.1, 0.3, 0.5, 0.7, 0.9999999999}) {
          Operand out = bench.output(type, COUNT);
          Interpolation.lerp(bench.stream, a, b, t, out.tensor());
          bench.stream.synchronize();
          Elements actual = out.elements(bench.stream);
          for (int i = 0; i < COUNT; i++) {
            Tolerance.exact().check("lerp of equal " + type, same.value(i), actual.value(i));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void twoModelsAreALerpAndNoDeltaIsTheBase(Device device) {
    try (Bench bench = new Bench(device)) {
      for (DType type : DType.values()) {
        Elements a = Values.SPECIAL.elements(type, COUNT, bench.random);
        Elements b = Values.NORMAL.elements(type, COUNT, bench.random);
        Tensor first = bench.input(a);
        Tensor second = bench.input(b);
        Operand lerp = bench.output(type, COUNT);
        Operand linear = bench.output(type, COUNT);
        Interpolation.lerp(bench.stream, first, second, 3.0 / 4, lerp.tensor());
        Interpolation.linear(
            bench.stream, List.of(first, second), new double[] {0.5, 1.5}, true, linear.tensor());
        bench.stream.synchronize();
        linear.check(bench.stream, lerp.elements(bench.stream), "linear of two " + type);
        Operand task = bench.output(type, COUNT);
        TaskVectors.taskArithmetic(
            bench.stream, second, List.of(second), new double[] {2}, 0.7, false, task.tensor());
        bench.stream.synchronize();
        Elements actual = task.elements(bench.stream);
        for (int i = 0; i < COUNT; i++) {
          Tolerance.exact().check("no delta", b.value(i), actual.value(i));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void slerpOfParallelVectorsIsALerp(Device device) {
    try (Bench bench = new Bench(device)) {
      Elements a = Values.NORMAL.elements(DType.F32, COUNT, bench.random);
      for (double factor : new double[] {2, -3}) {
        Elements b =
            Elements.of(DType.F32, Arrays.stream(a.values()).map(x -> factor * x).toArray());
        Tensor first = bench.input(a);
        Tensor second = bench.input(b);
        Operand lerp = bench.output(DType.F32, COUNT);
        Operand slerp = bench.output(DType.F32, COUNT);
        Interpolation.lerp(bench.stream, first, second, 0.3, lerp.tensor());
        Interpolation.slerp(bench.stream, first, second, 0.3, slerp.tensor());
        bench.stream.synchronize();
        slerp.check(bench.stream, lerp.elements(bench.stream), "slerp of parallel vectors");
      }
    }
  }

  /// A tensor streamed in pieces: the weights from the whole tensor's dot products, then a weighted
  /// sum of each piece, wherever it is cut.
  @ParameterizedTest
  @MethodSource("devices")
  void slerpInPiecesIsSlerp(Device device) {
    try (Bench bench = new Bench(device)) {
      Elements a = Values.WEIGHTS.elements(DType.BF16, COUNT, bench.random);
      Elements b = Values.WEIGHTS.elements(DType.BF16, COUNT, bench.random);
      Tensor first = bench.input(a);
      Tensor second = bench.input(b);
      Operand whole = bench.output(DType.BF16, COUNT);
      Operand pieces = bench.output(DType.BF16, COUNT);
      Interpolation.slerp(bench.stream, first, second, 0.4, whole.tensor());
      Reductions.Dots dots = Reductions.dots(bench.stream, first, second);
      SlerpWeights w = Interpolation.slerpWeights(dots.aa(), dots.ab(), dots.bb(), 0.4);
      for (int from = 0; from < COUNT; from += 777) {
        int to = Math.min(from + 777, COUNT);
        Interpolation.linear(
            bench.stream,
            List.of(first.slice(0, from, to), second.slice(0, from, to)),
            new double[] {w.a(), w.b()},
            false,
            pieces.tensor().slice(0, from, to));
      }
      bench.stream.synchronize();
      pieces.check(bench.stream, whole.elements(bench.stream), "slerp in pieces");
    }
  }

  /// The arc in double, with the platform's own functions, against the operation.
  @ParameterizedTest
  @MethodSource("devices")
  void slerpStaysOnTheArc(Device device) {
    try (Bench bench = new Bench(device)) {
      for (DType type : List.of(DType.F64, DType.F32, DType.BF16)) {
        Elements a = Values.NORMAL.elements(type, COUNT, bench.random);
        Elements b = Values.NORMAL.elements(type, COUNT, bench.random);
        double aa = 0;
        double ab = 0;
        double bb = 0;
        for (int i = 0; i < COUNT; i++) {
          aa += a.value(i) * a.value(i);
          ab += a.value(i) * b.value(i);
          bb += b.value(i) * b.value(i);
        }
        double theta = StrictMath.acos(ab / Math.sqrt(aa * bb));
        for (double t : new double[] {0.25, 0.5, 0.9}) {
          Operand out = bench.output(type, COUNT);
          Interpolation.slerp(bench.stream, bench.input(a), bench.input(b), t, out.tensor());
          bench.stream.synchronize();
          Elements actual = out.elements(bench.stream);
          DType compute = type == DType.F64 ? DType.F64 : DType.F32;
          for (int i = 0; i < COUNT; i++) {
            double p = StrictMath.sin((1 - t) * theta) / StrictMath.sin(theta) * a.value(i);
            double q = StrictMath.sin(t * theta) / StrictMath.sin(theta) * b.value(i);
            // Weights agree to the order of their sums: 4 chunks of 64 roundings, and a few here.
            double atol = 100 * Codec.unitRoundoff(compute) * (Math.abs(p) + Math.abs(q));
            Tolerance.roundings(type, 1.5, atol).check("slerp", p + q, actual.value(i));
          }
        }
      }
    }
  }

  /// Sine and arc cosine are the library's own; the platform's are exact to one unit.
  @Test
  void slerpWeightsAreSinesOfTheAngle() {
    SplittableRandom random = Seeds.of("slerp weights");
    for (int i = 0; i < 100_000; i++) {
      double c = i % 2 == 0 ? random.nextDouble(-0.9995, 0.9995) : edge(random);
      double t = i % 3 == 0 ? random.nextDouble(-2, 3) : random.nextDouble();
      double lengths = Math.scalb(1.0, random.nextInt(-20, 21));
      SlerpWeights w = Interpolation.slerpWeights(lengths * lengths, c * lengths, 1, t);
      double theta = StrictMath.acos(c);
      String at = " of c = " + c + ", t = " + t;
      assertFalse(w.linear(), "linear" + at);
      checkWeight("a" + at, 1 - t, theta, w.a());
      checkWeight("b" + at, t, theta, w.b());
    }
  }

  /// An angle off by `d` moves `sin(s θ) / sin θ` by at most `(|s| + |weight|) d / sin θ`; here `d`
  /// is four roundings of π, and the sines and the division add as many to the weight.
  private static void checkWeight(String what, double share, double theta, double actual) {
    double sine = StrictMath.sin(theta);
    double expected = StrictMath.sin(share * theta) / sine;
    double angle = 4 * Math.PI * Codec.unitRoundoff(DType.F64);
    double atol = (Math.abs(share) + Math.abs(expected)) * angle / sine;
    Tolerance.roundings(DType.F64, 4, atol).check(what, expected, actual);
  }

  private static double edge(SplittableRandom random) {
    double near = random.nextBoolean() ? 0.9995 : random.nextDouble() * 1e-3;
    double c = near - random.nextDouble() * 1e-6;
    return random.nextBoolean() ? c : -c;
  }

  /// Every machine agrees on the weights, to the bit: this hash changes only when somebody means to
  /// change what slerp gives.
  @Test
  void slerpWeightsAreTheSameEverywhere() throws NoSuchAlgorithmException {
    SplittableRandom random = new SplittableRandom(1985);
    ByteBuffer bytes = ByteBuffer.allocate(16 * 20_000);
    for (int i = 0; i < 20_000; i++) {
      double c = random.nextDouble(-0.9995, 0.9995);
      double t = i % 2 == 0 ? random.nextDouble() : random.nextDouble(-3, 3);
      SlerpWeights w = Interpolation.slerpWeights(1, c, 1, t);
      bytes.putDouble(w.a()).putDouble(w.b());
    }
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.array());
    assertEquals(
        "6f568200c78bfd5f5fd58575b8ee5fc1014e6aaad929bfa399cc1e533d634324",
        HexFormat.of().formatHex(hash));
  }

  @Test
  void slerpWeightsTurnLinearAtTheThreshold() {
    assertFalse(Interpolation.slerpWeights(1, 0.9995, 1, 0.5).linear());
    assertTrue(Interpolation.slerpWeights(1, Math.nextUp(0.9995), 1, 0.5).linear());
    assertFalse(Interpolation.slerpWeights(1, -0.9995, 1, 0.5).linear());
    assertTrue(Interpolation.slerpWeights(1, -Math.nextUp(0.9995), 1, 0.5).linear());
    for (double norm : new double[] {0, 0.5e-8, 1e-8, 1.5e-8, 1e-7}) {
      double square = norm * norm;
      boolean counts = norm > 1e-8; // a smaller one counts as 1, so that the cosine is small
      assertEquals(counts, Interpolation.slerpWeights(square, norm, 1, 0.5).linear(), "a " + norm);
      assertEquals(counts, Interpolation.slerpWeights(1, norm, square, 0.5).linear(), "b " + norm);
    }
    SlerpWeights right = Interpolation.slerpWeights(4, 0, 9, 0.5);
    Tolerance close = Tolerance.roundings(DType.F64, 4, 0);
    close.check("a right angle's half", Math.sqrt(0.5), right.a());
    close.check("a right angle's half", Math.sqrt(0.5), right.b());
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThrows(NumericException.class, () -> Interpolation.slerpWeights(bad, 0, 1, 0.5));
      assertThrows(NumericException.class, () -> Interpolation.slerpWeights(1, bad, 1, 0.5));
      assertThrows(NumericException.class, () -> Interpolation.slerpWeights(1, 0, bad, 0.5));
    }
  }

  /// Non-finite data admits no arc: the error names the tensor, and the stream goes on.
  @ParameterizedTest
  @MethodSource("devices")
  void slerpNamesTheTensorThatIsNotFinite(Device device) {
    try (Bench bench = new Bench(device)) {
      for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
        for (int side = 0; side < 2; side++) {
          List<List<Tensor>> inputs = List.of(new ArrayList<>(), new ArrayList<>());
          List<Tensor> outputs = new ArrayList<>();
          for (int k = 0; k < 3; k++) {
            for (int model = 0; model < 2; model++) {
              Elements e = Values.NORMAL.elements(DType.F32, COUNT, bench.random);
              if (k == 1 && model == side) {
                e.bits()[COUNT - 1] = Codec.encode(DType.F32, bad);
              }
              inputs.get(model).add(bench.input(e).named("layer." + k + ".weight"));
            }
            outputs.add(bench.output(DType.F32, COUNT).tensor().named("layer." + k + ".weight"));
          }
          double[] t = {0.5, 0.5, 0.5};
          NumericException e =
              assertThrows(
                  NumericException.class,
                  () -> {
                    Interpolation.slerp(
                        bench.stream, inputs.get(0), inputs.get(1), t, outputs, Arithmetic.DEFAULT);
                    bench.stream.synchronize();
                  });
          assertEquals(1, e.tensor());
          assertTrue(e.getMessage().contains("layer.1.weight"), e.getMessage());
          Interpolation.slerp(
              bench.stream, inputs.get(0).get(0), inputs.get(1).get(0), 0.5, outputs.get(0));
          bench.stream.synchronize();
        }
      }
    }
  }

  /// slerp's partial sums are workspace: a stream that may hold none refuses, and writes nothing.
  @ParameterizedTest
  @MethodSource("devices")
  void workspaceHasALimit(Device device) {
    SplittableRandom random = Seeds.of("workspace");
    int count = 100_003;
    Elements a = Values.NORMAL.elements(DType.F32, count, random);
    Elements b = Values.NORMAL.elements(DType.F32, count, random);
    View flat = View.flat(count);
    try (Stream stream = device.stream(StreamOptions.DEFAULT.withWorkspaceLimit(64));
        Operand first = Operand.input(stream, a, flat, random);
        Operand second = Operand.input(stream, b, flat, random);
        Operand out = Operand.output(stream, DType.F32, flat, random)) {
      assertThrows(
          DeviceOutOfMemoryException.class,
          () -> Interpolation.slerp(stream, first.tensor(), second.tensor(), 0.5, out.tensor()));
      out.checkUntouched(stream, "an operation refused for want of workspace");
    }
  }

  /// An output is an input or apart from it.
  @ParameterizedTest
  @MethodSource("devices")
  void overlapIsRefused(Device device) {
    try (Bench bench = new Bench(device)) {
      Tensor all = bench.input(Values.NORMAL.elements(DType.F32, 101, bench.random));
      Tensor a = all.slice(0, 0, 100);
      Tensor shifted = all.slice(0, 1, 101);
      assertThrows(
          IllegalArgumentException.class,
          () -> Interpolation.lerp(bench.stream, a, a, 0.5, shifted));
      assertThrows(IllegalArgumentException.class, () -> Conversion.cast(bench.stream, a, shifted));
      bench.stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void weightsMustBeFiniteAndTheirSumNotZero(Device device) {
    try (Bench bench = new Bench(device)) {
      Tensor a = bench.input(Values.NORMAL.elements(DType.F32, 10, bench.random));
      Tensor out = bench.output(DType.F32, 10).tensor();
      for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        assertThrows(
            IllegalArgumentException.class, () -> Interpolation.lerp(bench.stream, a, a, bad, out));
        assertThrows(
            IllegalArgumentException.class,
            () -> Interpolation.slerp(bench.stream, a, a, bad, out));
        assertThrows(
            IllegalArgumentException.class,
            () ->
                Interpolation.linear(
                    bench.stream, List.of(a, a), new double[] {1, bad}, false, out));
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> Interpolation.linear(bench.stream, List.of(a, a), new double[] {1, -1}, true, out));
      Interpolation.linear(bench.stream, List.of(a, a), new double[] {1, -1}, false, out);
      bench.stream.synchronize();
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void oneTensorIsABatchOfOne(Device device) {
    try (Bench bench = new Bench(device)) {
      Tensor a = bench.input(Values.NORMAL.elements(DType.F16, COUNT, bench.random));
      Tensor b = bench.input(Values.NORMAL.elements(DType.F16, COUNT, bench.random));
      double[] t = {0.3};
      Operand one = bench.output(DType.F16, COUNT);
      Operand batch = bench.output(DType.F16, COUNT);
      Interpolation.slerp(bench.stream, a, b, 0.3, one.tensor());
      Interpolation.slerp(
          bench.stream, List.of(a), List.of(b), t, List.of(batch.tensor()), Arithmetic.DEFAULT);
      bench.stream.synchronize();
      assertArrayEquals(
          one.elements(bench.stream).bits(), batch.elements(bench.stream).bits(), "slerp");
    }
  }
}

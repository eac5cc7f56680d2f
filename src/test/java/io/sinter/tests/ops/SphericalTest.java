// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.KarcherOptions;
import io.sinter.ops.MultislerpOptions;
import io.sinter.ops.Spherical;
import io.sinter.ops.Vectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Tolerance;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Spherical averages against the same vectors averaged in the open: whole vectors in double, with
/// the platform's sine and arc cosine, no Gram matrix.
class SphericalTest {
  private static final long[][] SHAPES = {
    {}, {0}, {1}, {2}, {31}, {33}, {64}, {255}, {257}, {1021}, {4095}, {4097}, {8209}, {1, 1},
    {5, 7}, {7, 64}, {64, 7}, {2, 4097}, {3, 5, 2}, {300, 3}, {3, 300}
  };

  static List<Device> devices() {
    return Devices.all();
  }

  private enum Method {
    NUSLERP,
    MULTISLERP,
    KARCHER,
    MODEL_STOCK
  }

  // ---- The reference --------------------------------------------------------------------------

  private static double norm(double[] x) {
    return Math.sqrt(inner(x, x));
  }

  private static double inner(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  private static double[] sum(List<double[]> x, double[] c) {
    double[] sum = new double[x.get(0).length];
    for (int k = 0; k < c.length; k++) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += c[k] * x.get(k)[i];
      }
    }
    return sum;
  }

  private static double[] scaled(double[] x, double factor) {
    return Arrays.stream(x).map(v -> v * factor).toArray();
  }

  private static double[] equal(int n) {
    double[] each = new double[n];
    Arrays.fill(each, 1.0 / n);
    return each;
  }

  private static double[] nuslerp(List<double[]> x, double t) {
    double na = Math.max(norm(x.get(0)), 1e-7);
    double nb = Math.max(norm(x.get(1)), 1e-7);
    double c = Math.max(-1, Math.min(1, inner(x.get(0), x.get(1)) / (na * nb)));
    double theta = StrictMath.acos(c);
    double s = StrictMath.sin(theta);
    return Math.abs(s) < 1e-8
        ? sum(x, new double[] {1 - t, t})
        : sum(x, new double[] {StrictMath.sin((1 - t) * theta) / s, StrictMath.sin(t * theta) / s});
  }

  /// An angle is off by a rounding over its sine, and the weights by as much again.
  private static double condition(List<double[]> x) {
    double c = inner(x.get(0), x.get(1)) / (norm(x.get(0)) * norm(x.get(1)));
    double square = 1 - c * c;
    return square > 1e-14 ? 1 / square : 1;
  }

  private static double[] multislerp(List<double[]> x, double[] w, double epsilon) {
    double mean = 0;
    boolean zero = true;
    List<double[]> units = new ArrayList<>();
    for (int k = 0; k < w.length; k++) {
      double n = norm(x.get(k));
      zero &= n == 0;
      mean += w[k] * n;
      units.add(scaled(x.get(k), 1 / (n + epsilon)));
    }
    double[] m = sum(units, w);
    return zero || norm(m) < 1e-8 ? sum(x, w) : scaled(m, mean / norm(m));
  }

  private static double[] karcher(List<double[]> x, int iterations, double tolerance) {
    double mean = 0;
    List<double[]> units = new ArrayList<>();
    for (double[] v : x) {
      double n = norm(v);
      mean += n / x.size();
      if (n > tolerance) {
        units.add(scaled(v, 1 / n));
      }
    }
    if (units.isEmpty()) {
      return sum(x, equal(x.size()));
    }
    double[] u = sum(units, equal(units.size()));
    u = norm(u) < tolerance ? units.get(0) : scaled(u, 1 / norm(u));
    for (int step = 0; step < iterations; step++) {
      double[] tangent = new double[u.length];
      for (double[] each : units) {
        double c = Math.max(-1, Math.min(1, inner(u, each)));
        double theta = StrictMath.acos(c);
        double s = StrictMath.sin(theta);
        if (theta >= tolerance && s >= tolerance) {
          for (int i = 0; i < u.length; i++) {
            tangent[i] += theta / s * (each[i] - c * u[i]) / units.size();
          }
        }
      }
      double length = norm(tangent);
      if (length < tolerance) {
        break;
      }
      u = sum(List.of(u, tangent), new double[] {Math.cos(length), Math.sin(length) / length});
      u = scaled(u, 1 / norm(u));
    }
    return scaled(u, mean);
  }

  private static double[] modelStock(List<double[]> d) {
    int n = d.size();
    double c = 0;
    for (int i = 0; i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        double cosine = inner(d.get(i), d.get(j)) / Math.max(norm(d.get(i)) * norm(d.get(j)), 1e-6);
        c += Math.max(-1, Math.min(1, cosine)) / (n * (n - 1) / 2);
      }
    }
    double t = Math.abs(1 + (n - 1) * c) < 1e-6 ? 0 : n * c / (1 + (n - 1) * c);
    return scaled(sum(d, equal(n)), t);
  }

  // ---- One tensor of a call -------------------------------------------------------------------

  private record Case(
      Method method,
      Vectors vectors,
      long[] shape,
      List<Elements> models,
      @Nullable Elements base,
      double[] weights,
      DType out,
      @Nullable DType dtype,
      @Nullable DType delta) {

    static Case random(Method method, long[] shape, DType type, SplittableRandom random) {
      boolean based = method == Method.MODEL_STOCK || method != Method.KARCHER && coin(random);
      int models =
          switch (method) {
            case NUSLERP -> 2;
            case MODEL_STOCK -> 2 + random.nextInt(4);
            default -> 1 + random.nextInt(5);
          };
      int count = (int) Arrays.stream(shape).reduce(1, (x, y) -> x * y);
      boolean mixed = random.nextInt(4) == 0;
      List<Elements> list = new ArrayList<>();
      double[] shared = Values.NORMAL.elements(DType.F64, count, random).values();
      double spread = random.nextBoolean() ? 0.3 : 3;
      for (int k = 0; k < models; k++) {
        DType own = mixed ? DType.values()[random.nextInt(6)] : type;
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
          values[i] = shared[i] + spread * random.nextGaussian();
        }
        list.add(Elements.of(own, values));
      }
      double[] weights = new double[method == Method.NUSLERP ? 1 : models];
      Arrays.setAll(weights, k -> 0.1 + random.nextDouble() * 0.8);
      return new Case(
          method,
          switch (method) {
            case NUSLERP -> Vectors.values()[random.nextInt(3)];
            case MODEL_STOCK -> Vectors.values()[random.nextInt(2)];
            default -> Vectors.WHOLE;
          },
          shape,
          list,
          based ? Values.WEIGHTS.elements(type, count, random) : null,
          weights,
          coin(random) ? type : DType.values()[random.nextInt(4)],
          random.nextInt(4) == 0 ? DType.values()[random.nextInt(4)] : null,
          random.nextInt(3) == 0 ? DType.values()[random.nextInt(4)] : null);
    }

    private static boolean coin(SplittableRandom random) {
      return random.nextBoolean();
    }

    int count() {
      return models.get(0).count();
    }

    boolean wide() {
      boolean wide = dtype == DType.F64;
      for (Elements e : models) {
        wide |= dtype == null && e.type() == DType.F64;
      }
      return wide || base != null && dtype == null && base.type() == DType.F64;
    }

    private double[] loaded(Elements e) {
      return (dtype == null ? e : e.cast(dtype)).values();
    }

    /// The vectors that are averaged, and what is added to the result.
    List<double[]> averaged() {
      List<double[]> x = new ArrayList<>();
      for (Elements e : models) {
        double[] values = loaded(e);
        if (base != null) {
          double[] from = loaded(base);
          for (int i = 0; i < values.length; i++) {
            double d = wide() ? values[i] - from[i] : (float) values[i] - (float) from[i];
            values[i] = delta == null ? d : Codec.round(delta, d);
          }
        }
        x.add(values);
      }
      return x;
    }

    /// `conditions` receives by how much a rounding of an angle is larger in its element.
    double[] expected(double[] conditions) {
      List<double[]> x = averaged();
      double[] from = base == null ? new double[count()] : loaded(base);
      int count = count();
      int length =
          shape.length == 0 || vectors == Vectors.WHOLE
              ? count
              : (int) shape[vectors == Vectors.ROWS ? shape.length - 1 : 0];
      int vectorCount = length == 0 ? 0 : count / length;
      double[] out = new double[count];
      Arrays.fill(conditions, 1);
      for (int v = 0; v < vectorCount; v++) {
        int at = v;
        int[] places = new int[length];
        Arrays.setAll(
            places,
            i ->
                vectors == Vectors.COLUMNS && shape.length > 0
                    ? i * vectorCount + at
                    : at * length + i);
        List<double[]> vector = new ArrayList<>();
        for (double[] all : x) {
          vector.add(Arrays.stream(places).mapToDouble(i -> all[i]).toArray());
        }
        double[] result =
            switch (method) {
              case NUSLERP -> nuslerp(vector, weights[0]);
              case MULTISLERP -> multislerp(vector, normalised(), 1e-8);
              case KARCHER -> karcher(vector, 10, 1e-5);
              case MODEL_STOCK -> modelStock(vector);
            };
        double condition = method == Method.NUSLERP ? condition(vector) : 1;
        for (int i = 0; i < length; i++) {
          out[places[i]] = result[i] + from[places[i]];
          conditions[places[i]] = condition;
        }
      }
      return out;
    }

    double[] normalised() {
      double total = Arrays.stream(weights).sum();
      return Arrays.stream(weights).map(w -> w / total).toArray();
    }

    @Override
    public String toString() {
      return method
          + " of "
          + models.stream().map(e -> e.type().toString()).toList()
          + (base == null ? "" : " from " + base.type())
          + " "
          + Arrays.toString(shape)
          + " "
          + vectors
          + " -> "
          + out
          + ", weights "
          + Arrays.toString(weights)
          + ", load "
          + dtype
          + ", delta "
          + delta
          + " ("
          + Seeds.note()
          + ")";
    }
  }

  /// Runs one call and gives outputs and counts.
  private record Outcome(Elements out, double[] counts) {}

  private static Outcome run(Stream stream, Case c, SplittableRandom random) {
    List<Operand> operands = new ArrayList<>();
    try {
      List<Tensor> models = new ArrayList<>();
      for (Elements e : c.models) {
        operands.add(Operand.input(stream, e, GramTest.laidOut(c.shape, random), random));
        models.add(operands.get(operands.size() - 1).tensor());
      }
      List<Tensor> base = null;
      if (c.base != null) {
        operands.add(Operand.input(stream, c.base, GramTest.laidOut(c.shape, random), random));
        base = List.of(operands.get(operands.size() - 1).tensor());
      }
      int inputs = operands.size();
      Operand out = Operand.output(stream, c.out, GramTest.laidOut(c.shape, random), random);
      Operand counts = Operand.output(stream, DType.F64, View.flat(3), random);
      operands.add(out);
      operands.add(counts);
      Arithmetic arithmetic = new Arithmetic(c.dtype, c.delta, counts.tensor().reshape(1, 3));
      List<Tensor> outputs = List.of(out.tensor());
      switch (c.method) {
        case NUSLERP ->
            Spherical.nuslerp(
                stream,
                base,
                List.of(models.get(0)),
                List.of(models.get(1)),
                c.weights,
                c.vectors,
                outputs,
                arithmetic);
        case MULTISLERP ->
            Spherical.multislerp(
                stream,
                base,
                List.of(models),
                new double[][] {c.weights},
                MultislerpOptions.DEFAULT,
                outputs,
                arithmetic);
        case KARCHER ->
            Spherical.karcher(stream, List.of(models), KarcherOptions.DEFAULT, outputs, arithmetic);
        case MODEL_STOCK ->
            Spherical.modelStock(
                stream,
                java.util.Objects.requireNonNull(base),
                List.of(models),
                c.vectors,
                outputs,
                arithmetic);
      }
      stream.synchronize();
      for (Operand input : operands.subList(0, inputs)) {
        input.checkUntouched(stream, c + ", an input");
      }
      out.check(stream, out.elements(stream), c + ", around the output");
      return new Outcome(out.elements(stream), counts.elements(stream).values());
    } finally {
      operands.forEach(Operand::close);
    }
  }

  /// Coefficients are rounded to what elements are computed in, and sums of N terms add a rounding
  /// each. In double, the scalars' own roundings count as well: an angle's error over its sine.
  private static void check(Stream stream, Case c, SplittableRandom random) {
    Elements actual = run(stream, c, random).out;
    double[] conditions = new double[c.count()];
    double[] expected = c.expected(conditions);
    List<double[]> x = c.averaged();
    double unit = Codec.unitRoundoff(c.wide() ? DType.F64 : DType.F32);
    double roundings = (c.wide() ? 200 : 4) + 2 * c.models.size();
    double limit = Codec.decode(c.out, Codec.largest(c.out));
    for (int i = 0; i < expected.length; i++) {
      double terms = Math.abs(expected[i]);
      for (double[] values : x) {
        terms += 3 * Math.abs(values[i]);
      }
      double bounded =
          c.out == DType.F8_E4M3 || c.out == DType.F8_E5M2
              ? Math.max(-limit, Math.min(limit, expected[i]))
              : expected[i];
      double atol = roundings * unit * terms * conditions[i] + Codec.smallest(c.out);
      Tolerance.roundings(c.out, 1.01, atol)
          .check(c + " on " + stream.device() + ", element " + i, bounded, actual.value(i));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void everyMethodTypeAndShape(Device device) {
    SplittableRandom random = Seeds.of("spherical");
    int rounds = Seeds.full() ? 10 : Devices.slow(device) ? 1 : 3;
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        for (long[] shape : SHAPES) {
          for (DType type : DType.values()) {
            for (int round = 0; round < rounds; round++) {
              check(stream, Case.random(method, shape, type, random), random);
            }
          }
        }
      }
    }
  }

  /// The same bytes for any number of threads, and on every device as on the CPU.
  @ParameterizedTest
  @MethodSource("devices")
  void threadsAndDevicesAgree(Device device) {
    SplittableRandom random = Seeds.of("spherical threads");
    for (Method method : Method.values()) {
      for (long[] shape : new long[][] {{200_003}, {67, 3001}}) {
        Case c = Case.random(method, shape, DType.BF16, random);
        Elements first = null;
        for (int threads : new int[] {1, 2, 3}) {
          try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
            Elements out = run(stream, c, random).out;
            first = first == null ? out : first;
            assertArrayEquals(first.bits(), out.bits(), c + " with " + threads + " threads");
          }
        }
        try (Stream stream = device.stream()) {
          Elements out = run(stream, c, random).out;
          assertArrayEquals(
              java.util.Objects.requireNonNull(first).bits(), out.bits(), c + " on " + device);
        }
      }
    }
  }

  // ---- The edges ------------------------------------------------------------------------------

  private static Case of(
      Method method,
      List<Elements> models,
      @Nullable Elements base,
      double[] weights,
      Vectors vectors,
      long... shape) {
    return new Case(
        method, vectors, shape, models, base, weights, models.get(0).type(), null, null);
  }

  private static double[] weightsOf(Method method, int models, SplittableRandom random) {
    double[] weights = new double[method == Method.NUSLERP ? 1 : models];
    Arrays.setAll(weights, k -> random.nextDouble() * 0.9 + 0.05);
    return weights;
  }

  /// One model many times over: within two units in the last place, and never a NaN.
  @ParameterizedTest
  @MethodSource("devices")
  void identicalModelsComeBack(Device device) {
    SplittableRandom random = Seeds.of("identical models");
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        for (DType type : DType.values()) {
          for (int models : new int[] {1, 2, 3, 7, 40}) {
            if (method == Method.NUSLERP && models != 2
                || method == Method.MODEL_STOCK && models < 2
                // Roundings of a float32 sum of 40 add up to more, whoever adds.
                || models == 40 && (type == DType.F32 || type == DType.F64)) {
              continue;
            }
            for (Values values : new Values[] {Values.NORMAL, Values.WEIGHTS, Values.TIES}) {
              Elements e = values.elements(type, 37 * 11, random);
              Elements base =
                  method == Method.MODEL_STOCK ? Elements.of(type, new double[e.count()]) : null;
              Case c =
                  of(
                      method,
                      Collections.nCopies(models, e),
                      base,
                      weightsOf(method, models, random),
                      method == Method.NUSLERP
                          ? Vectors.values()[random.nextInt(3)]
                          : Vectors.WHOLE,
                      37,
                      11);
              Elements out = run(stream, c, random).out;
              for (int i = 0; i < e.count(); i++) {
                // A unit is two roundings; of float64, coefficients have as many of their own.
                double units = type == DType.F64 ? 5 : 2;
                Tolerance.roundings(type, 2 * units, 2 * Codec.smallest(type))
                    .check(c + ", element " + i, e.value(i), out.value(i));
              }
            }
          }
        }
      }
    }
  }

  /// Zero tensors and models that point in opposite directions.
  @ParameterizedTest
  @MethodSource("devices")
  void zeroAndOppositeModels(Device device) {
    SplittableRandom random = Seeds.of("opposite models");
    int n = 130;
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        Elements x = Values.NORMAL.elements(type, n, random);
        Elements opposite = Elements.of(type, scaled(x.values(), -1));
        Elements zero = Elements.of(type, new double[n]);
        double[] w = {0.25, 0.25};
        // Antipodal: the linear combination, which is no fall-back of nuslerp's.
        expect(
            stream,
            of(Method.NUSLERP, List.of(x, opposite), null, new double[] {0.25}, Vectors.WHOLE, n),
            scaled(x.values(), 0.5),
            0,
            random);
        // A zero vector is at a right angle to everything.
        expect(
            stream,
            of(Method.NUSLERP, List.of(x, zero), null, new double[] {0.5}, Vectors.WHOLE, n),
            scaled(x.values(), Math.sqrt(0.5)),
            0,
            random);
        expect(
            stream,
            of(Method.NUSLERP, List.of(zero, zero), null, new double[] {0.5}, Vectors.ROWS, 13, 10),
            new double[n],
            0,
            random);
        expect(
            stream,
            of(Method.MULTISLERP, List.of(x, opposite), null, w, Vectors.WHOLE, n),
            new double[n],
            1,
            random);
        expect(
            stream,
            of(
                Method.MULTISLERP,
                List.of(zero, zero, zero),
                null,
                new double[] {1, 2, 3},
                Vectors.WHOLE,
                n),
            new double[n],
            1,
            random);
        expect(
            stream,
            of(Method.KARCHER, List.of(zero, zero), null, w, Vectors.WHOLE, n),
            new double[n],
            1,
            random);
        // The zero model is left out of the direction, not of the mean norm.
        expect(
            stream,
            of(Method.KARCHER, List.of(zero, x), null, w, Vectors.WHOLE, n),
            scaled(x.values(), 0.5),
            0,
            random);
        // Their mean is zero, so the first is the start; the other is at pi, and skipped.
        expect(
            stream,
            of(Method.KARCHER, List.of(x, opposite), null, w, Vectors.WHOLE, n),
            x.values(),
            0,
            random);
        // 1 + c = 0: no t.
        expect(
            stream,
            of(Method.MODEL_STOCK, List.of(x, opposite), zero, w, Vectors.WHOLE, n),
            new double[n],
            1,
            random);
        expect(
            stream,
            of(Method.MODEL_STOCK, List.of(x, opposite), zero, w, Vectors.ROWS, 13, 10),
            new double[n],
            13,
            random);
        expect(
            stream,
            of(Method.MODEL_STOCK, List.of(x, x, x), x, w, Vectors.WHOLE, n),
            x.values(),
            0,
            random);
        NumericException cancelled =
            assertThrows(
                NumericException.class,
                () -> {
                  run(
                      stream,
                      of(
                          Method.MULTISLERP,
                          List.of(x, opposite, zero),
                          null,
                          new double[] {1, 1, 1},
                          Vectors.WHOLE,
                          n),
                      random);
                });
        assertTrue(cancelled.getMessage().contains("no direction"), cancelled.getMessage());
      }
    }
  }

  private static void expect(
      Stream stream, Case c, double[] expected, int fallbacks, SplittableRandom random) {
    Outcome outcome = run(stream, c, random);
    for (int i = 0; i < expected.length; i++) {
      // Of a sum that cancels, what is left is a rounding of its terms; NORMAL stays below 8.
      double atol = 8 * 4 * Codec.unitRoundoff(c.wide() ? DType.F64 : DType.F32);
      Tolerance.roundings(c.out, 1.01, atol + Codec.smallest(c.out))
          .check(c + ", element " + i, expected[i], outcome.out.value(i));
    }
    assertEquals(0, outcome.counts[0], c + ": none that is not finite");
    assertEquals(fallbacks, outcome.counts[2], c + ": fall-backs");
  }

  /// What is not finite is named: tensor, and model or base.
  @ParameterizedTest
  @MethodSource("devices")
  void namesWhatIsNotFinite(Device device) {
    SplittableRandom random = Seeds.of("not finite");
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        boolean[] bases =
            method == Method.KARCHER
                ? new boolean[] {false}
                : method == Method.MODEL_STOCK ? new boolean[] {true} : new boolean[] {false, true};
        for (boolean based : bases) {
          for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
            for (int at = based ? -1 : 0; at < 2; at++) {
              List<Elements> models = new ArrayList<>();
              for (int k = 0; k < 2; k++) {
                models.add(Values.NORMAL.elements(DType.F16, 9000, random));
              }
              Elements base = Values.NORMAL.elements(DType.F16, 9000, random);
              (at < 0 ? base : models.get(at)).bits()[8765] = Codec.encode(DType.F16, bad);
              Case c =
                  of(
                      method,
                      models,
                      based ? base : null,
                      weightsOf(method, 2, random),
                      method == Method.NUSLERP ? Vectors.COLUMNS : Vectors.WHOLE,
                      3,
                      3000);
              NumericException refusal =
                  assertThrows(NumericException.class, () -> run(stream, c, random), c.toString());
              String name =
                  at < 0
                      ? "input base"
                      : method == Method.NUSLERP ? "input " + "ab".charAt(at) : "model " + at + " ";
              assertTrue(refusal.getMessage().contains(name), refusal.getMessage());
            }
          }
        }
      }
    }
  }

  /// A batch is its tensors one by one.
  @ParameterizedTest
  @MethodSource("devices")
  void aBatchIsItsTensors(Device device) {
    SplittableRandom random = Seeds.of("spherical batch");
    List<Operand> operands = new ArrayList<>();
    try (Stream stream = device.stream()) {
      List<List<Tensor>> inputs = new ArrayList<>();
      List<Tensor> outputs = new ArrayList<>();
      List<Operand> alone = new ArrayList<>();
      List<Operand> together = new ArrayList<>();
      for (int size : new int[] {1, 0, 4097, 64, 9999}) {
        DType type = DType.values()[random.nextInt(6)];
        List<Tensor> models = new ArrayList<>();
        for (int k = 0; k < 5; k++) {
          Operand model =
              Operand.input(
                  stream, Values.NORMAL.elements(type, size, random), View.flat(size), random);
          operands.add(model);
          models.add(model.tensor());
        }
        inputs.add(models);
        alone.add(Operand.output(stream, DType.F32, View.flat(size), random));
        together.add(Operand.output(stream, DType.F32, View.flat(size), random));
        outputs.add(together.get(together.size() - 1).tensor());
        Spherical.karcher(
            stream, models, KarcherOptions.DEFAULT, alone.get(alone.size() - 1).tensor());
      }
      Spherical.karcher(stream, inputs, KarcherOptions.DEFAULT, outputs, Arithmetic.DEFAULT);
      stream.synchronize();
      for (int k = 0; k < outputs.size(); k++) {
        together.get(k).check(stream, alone.get(k).elements(stream), "tensor " + k);
      }
      operands.addAll(alone);
      operands.addAll(together);
      operands.forEach(Operand::close);
    }
  }

  @Test
  void weightsThatCancelAreRefused() {
    SplittableRandom random = Seeds.of("weights that cancel");
    try (Stream stream = Device.cpu().stream()) {
      Elements x = Values.NORMAL.elements(DType.F32, 10, random);
      Case c = of(Method.MULTISLERP, List.of(x, x), null, new double[] {1, -1}, Vectors.WHOLE, 10);
      assertThrows(IllegalArgumentException.class, () -> run(stream, c, random));
    }
  }
}

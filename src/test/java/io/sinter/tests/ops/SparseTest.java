// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Mixture;
import io.sinter.ops.Rescale;
import io.sinter.ops.TaskVectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// ties, breadcrumbs, dare and della against the header's words in plain Java, to the byte; what is
/// kept, how often, and what becomes of what is not finite.
class SparseTest {
  static List<Device> devices() {
    return Devices.all();
  }

  enum Method {
    TIES,
    SELECTED,
    BREADCRUMBS,
    DARE,
    DELLA
  }

  /// One tensor of a call.
  private static final class Case {
    final Method method;
    final List<Elements> inputs; // the base first
    final long[] shape;
    final double[] weights;
    final double[] densities;
    final double[] spreads; // gammas or epsilons
    final long[] keys;
    final double lambda;
    final Mixture mixture;
    final @Nullable DType load;
    final @Nullable DType delta;
    final boolean wide;
    // Of all models: what is kept, as computed.
    final boolean[][] keep;
    final double[][] selections;
    long fallbacks;

    Case(
        Method method,
        List<Elements> inputs,
        long[] shape,
        double[] weights,
        double[] densities,
        double[] spreads,
        long[] keys,
        double lambda,
        Mixture mixture,
        @Nullable DType load,
        @Nullable DType delta) {
      this.method = method;
      this.inputs = inputs;
      this.shape = shape;
      this.weights = weights;
      this.densities = densities;
      this.spreads = spreads;
      this.keys = keys;
      this.lambda = lambda;
      this.mixture = mixture;
      this.load = load;
      this.delta = delta;
      wide =
          load == DType.F64 || load == null && inputs.stream().anyMatch(e -> e.type() == DType.F64);
      keep = new boolean[weights.length][];
      selections = new double[weights.length][];
    }

    int count() {
      return inputs.get(0).count();
    }

    double round(double x) {
      return wide ? x : (double) (float) x;
    }

    double fma(double a, double b, double c) {
      return wide ? Math.fma(a, b, c) : Math.fma((float) a, (float) b, (float) c);
    }

    double element(int input, int i) {
      double x = inputs.get(input).value(i);
      return round(load == null ? x : Codec.round(load, x));
    }

    double difference(int model, int i) {
      double d = round(element(1 + model, i) - element(0, i));
      return delta == null ? d : round(Codec.round(delta, d));
    }

    /// The elements, largest magnitude first, of equal ones the lowest index.
    Integer[] order(double[] d) {
      Integer[] order = IntStream.range(0, d.length).boxed().toArray(Integer[]::new);
      Arrays.sort(
          order,
          Comparator.<Integer>comparingDouble(i -> -Math.abs(d[i])).thenComparingInt(i -> i));
      return order;
    }

    Elements expected(DType out) {
      int n = count();
      int models = weights.length;
      double[][] d = new double[models][n];
      double[][] p = new double[models][n];
      for (int m = 0; m < models; m++) {
        for (int i = 0; i < n; i++) {
          d[m][i] = difference(m, i);
          p[m][i] = 1;
        }
        keep(m, d[m], p[m]);
        double factor = 1;
        double[] all = d[m].clone();
        boolean[] kept = keep[m];
        if (mixture.rescale() == Rescale.L1) {
          double whole = Reference.sum(n, i -> Math.abs(all[i]));
          double part = canonicalOfKept(all, kept);
          factor = whole < 1e-7 || part < 1e-7 ? 1 : whole / part;
        }
        for (int i = 0; i < n; i++) {
          double each = mixture.rescale() == Rescale.DENSITY && p[m][i] > 0 ? 1 / p[m][i] : factor;
          d[m][i] = kept[i] ? round(d[m][i] * round(each)) : d[m][i] - d[m][i];
        }
      }
      double[] result = new double[n];
      for (int i = 0; i < n; i++) {
        result[i] = mixed(d, i);
      }
      return Elements.of(out, result);
    }

    private static double canonicalOfKept(double[] d, boolean[] kept) {
      return Reference.sum(d.length, i -> kept[i] ? Math.abs(d[i]) : 0);
    }

    private double mixed(double[][] d, int i) {
      double sign = 0;
      double ballot;
      if (mixture.consensus()) {
        for (int m = 0; m < weights.length; m++) {
          sign =
              mixture.plainElection()
                  ? round(sign + d[m][i])
                  : fma(round(weights[m]), d[m][i], sign);
        }
      }
      double sum = 0;
      double weight = 0;
      for (int m = 0; m < weights.length; m++) {
        double w = round(weights[m]);
        boolean part = keep[m][i];
        if (mixture.consensus()) {
          ballot = mixture.plainElection() ? d[m][i] : round(w * d[m][i]);
          part = sign < 0 ? ballot < 0 : ballot > 0;
        }
        if (part || !mixture.consensus()) {
          sum = fma(w, d[m][i], sum);
        }
        if (part) {
          weight = round(weight + w);
        }
      }
      if (Double.isNaN(sign)) {
        sum = Double.NaN;
      }
      double divisor = mixture.normalize() && weight != 0 ? weight : 1;
      return fma(round(lambda), round(sum / divisor), element(0, i));
    }

    /// Fills keep, and the probabilities of keeping where it is by chance.
    private void keep(int m, double[] d, double[] p) {
      int n = d.length;
      boolean[] kept = new boolean[n];
      double density = densities[m];
      switch (method) {
        case SELECTED -> {
          double threshold = n > 0 ? Math.abs(d[(m + n) / 3 % n]) : 0;
          threshold = Double.isFinite(threshold) ? threshold : 0.5;
          int cutoff = n / 2;
          for (int i = 0; i < n; i++) {
            double magnitude = Math.abs(d[i]);
            kept[i] = !(magnitude <= threshold) || magnitude == threshold && i < cutoff;
          }
          selections[m] = new double[] {threshold, cutoff};
        }
        case TIES, BREADCRUMBS -> {
          int k = density >= 1 ? n : (int) Math.floor(density * n);
          if (n > 0 && k < 1) {
            k = 1;
            fallbacks++;
          }
          int g = method == Method.BREADCRUMBS ? (int) Math.floor(spreads[m] * n) : 0;
          g = Math.min(g, n - k);
          Integer[] order = order(d);
          for (int r = g; r < g + k; r++) {
            kept[order[r]] = true;
          }
        }
        default -> {
          if (density >= 1) {
            Arrays.fill(kept, true);
          } else {
            if (method == Method.DARE) {
              Arrays.fill(p, density);
            } else {
              probabilities(m, d, p);
            }
            for (int i = 0; i < n; i++) {
              kept[i] = RandomTest.word(keys[m], i) < p[i] * 4294967296.0;
            }
          }
        }
      }
      keep[m] = kept;
    }

    private void probabilities(int m, double[] d, double[] p) {
      int n = d.length;
      int length = shape.length > 1 ? (int) shape[1] : n;
      int inner = 1;
      for (int k = 2; k < shape.length; k++) {
        inner *= (int) shape[k];
      }
      for (int start = 0; start < n; start++) {
        if (start / inner % length != 0) {
          continue;
        }
        double[] row = new double[length];
        for (int l = 0; l < length; l++) {
          row[l] = d[start + l * inner];
        }
        Integer[] order = IntStream.range(0, length).boxed().toArray(Integer[]::new);
        Arrays.sort(
            order,
            Comparator.<Integer>comparingDouble(i -> Math.abs(row[i])).thenComparing(i -> i));
        for (int r = 0; r < length; r++) {
          p[start + order[r] * inner] =
              length < 2
                  ? densities[m]
                  : (densities[m] - spreads[m])
                      + 2 * spreads[m] * ((double) r / (double) (length - 1));
        }
      }
    }

    @Override
    public String toString() {
      return method
          + " of "
          + inputs.stream().map(Elements::type).toList()
          + Arrays.toString(shape)
          + ", weights "
          + Arrays.toString(weights)
          + ", densities "
          + Arrays.toString(densities)
          + ", spreads "
          + Arrays.toString(spreads)
          + ", lambda "
          + lambda
          + ", "
          + mixture
          + ", load "
          + load
          + ", delta "
          + delta;
    }
  }

  private static void call(
      Stream stream,
      List<Case> cases,
      List<List<Tensor>> inputs,
      List<Tensor> out,
      @Nullable Tensor selections,
      @Nullable Tensor counts) {
    Case any = cases.get(0);
    List<Tensor> base = inputs.stream().map(list -> list.get(0)).toList();
    List<List<Tensor>> models = inputs.stream().map(list -> list.subList(1, list.size())).toList();
    double[][] weights = cases.stream().map(c -> c.weights).toArray(double[][]::new);
    double[][] densities = cases.stream().map(c -> c.densities).toArray(double[][]::new);
    double[][] spreads = cases.stream().map(c -> c.spreads).toArray(double[][]::new);
    long[][] keys = cases.stream().map(c -> c.keys).toArray(long[][]::new);
    double[] lambda = cases.stream().mapToDouble(c -> c.lambda).toArray();
    Arithmetic arithmetic = new Arithmetic(any.load, any.delta, counts);
    switch (any.method) {
      case TIES ->
          TaskVectors.ties(
              stream, base, models, weights, densities, lambda, any.mixture, out, arithmetic);
      case SELECTED ->
          TaskVectors.ties(
              stream, base, models, weights, selections, lambda, any.mixture, out, arithmetic);
      case BREADCRUMBS ->
          TaskVectors.breadcrumbs(
              stream,
              base,
              models,
              weights,
              densities,
              spreads,
              lambda,
              any.mixture,
              out,
              arithmetic);
      case DARE ->
          TaskVectors.dare(
              stream, base, models, weights, densities, keys, lambda, any.mixture, out, arithmetic);
      case DELLA ->
          TaskVectors.della(
              stream,
              base,
              models,
              weights,
              densities,
              spreads,
              keys,
              lambda,
              any.mixture,
              out,
              arithmetic);
    }
  }

  private static <T> T pick(SplittableRandom random, T[] of) {
    return of[random.nextInt(of.length)];
  }

  /// A case whose tensors have the view's shape.
  private static Case random(
      Method method,
      Mixture mixture,
      int models,
      @Nullable DType load,
      @Nullable DType delta,
      int count,
      long[] shape,
      SplittableRandom random) {
    DType in = pick(random, DType.values());
    boolean mixed = random.nextInt(4) == 0;
    boolean special =
        (method == Method.DARE || method == Method.SELECTED)
            && mixture.rescale() != Rescale.L1
            && random.nextInt(3) == 0;
    Values values =
        special ? Values.SPECIAL : pick(random, new Values[] {Values.NORMAL, Values.TIES});
    List<Elements> inputs = new ArrayList<>();
    for (int k = 0; k <= models; k++) {
      DType type = mixed && k > 0 ? pick(random, DType.values()) : in;
      inputs.add(
          random.nextInt(12) == 0 && k > 0 && inputs.get(0).type() == type
              ? inputs.get(0) // differences of zero
              : values.elements(type, count, random));
    }
    double[] weights = new double[models];
    double[] densities = new double[models];
    double[] spreads = new double[models];
    long[] keys = new long[models];
    for (int m = 0; m < models; m++) {
      weights[m] = pick(random, new Double[] {1.0, 0.5, -0.25, 0.3, 0.0});
      keys[m] = random.nextLong();
      densities[m] =
          method == Method.DELLA
              ? pick(random, new Double[] {0.5, 0.3, 0.8, 1.0, 1.5})
              : pick(random, new Double[] {0.5, 0.1, 0.9, 1.0, 2.0, 0.0, 1e-12, 0.999999999999});
      spreads[m] =
          method == Method.DELLA
              ? pick(random, new Double[] {0.15, 0.0, 0.1, 0.19})
              : pick(random, new Double[] {0.0, 0.01, 0.3, 1.0});
    }
    double lambda = random.nextBoolean() ? 1 : random.nextGaussian();
    return new Case(
        method, inputs, shape, weights, densities, spreads, keys, lambda, mixture, load, delta);
  }

  private static long[] shape(Stream stream, View view, SplittableRandom random) {
    try (Operand probe = Operand.output(stream, DType.F32, view, random)) {
      return probe.tensor().shape();
    }
  }

  private static void trial(Stream stream, Method method, boolean slow, SplittableRandom random) {
    Rescale rescale = pick(random, Rescale.values());
    if (rescale == Rescale.DENSITY && method != Method.DARE && method != Method.DELLA) {
      rescale = Rescale.L1;
    }
    Mixture mixture =
        new Mixture(random.nextBoolean(), random.nextBoolean(), random.nextBoolean(), rescale);
    int models = random.nextInt(12) == 0 ? 5 + random.nextInt(slow ? 4 : 36) : random.nextInt(1, 5);
    // Narrow formats overflow, which is an error where a statistic is taken.
    DType[] wideEnough = {DType.F64, DType.F32, DType.F16, DType.BF16};
    DType load = random.nextInt(4) == 0 ? pick(random, wideEnough) : null;
    DType delta = random.nextInt(3) == 0 ? pick(random, wideEnough) : null;
    Integer[] counts = {0, 1, 2, 31, 33, 99, 100, 255, 257, 1000, 4095, 4097, 8209};
    int tensors = random.nextInt(1, 4);
    List<Case> cases = new ArrayList<>();
    List<List<Operand>> inputs = new ArrayList<>();
    List<Operand> outputs = new ArrayList<>();
    List<Operand> all = new ArrayList<>();
    try {
      for (int k = 0; k < tensors; k++) {
        int count = models > 4 ? 257 : pick(random, counts);
        if (!slow && models <= 4 && random.nextInt(40) == 0) {
          count = 200_003;
        }
        View view = View.of(pick(random, View.Kind.values()), count, random);
        long[] shape = shape(stream, view, random);
        Case c = random(method, mixture, models, load, delta, count, shape, random);
        List<Operand> placed = new ArrayList<>();
        for (Elements elements : c.inputs) {
          View own = placed.isEmpty() ? view : view.relaid(random);
          placed.add(Operand.input(stream, elements, own, random));
        }
        cases.add(c);
        inputs.add(placed);
        all.addAll(placed);
        DType out = random.nextBoolean() ? c.inputs.get(0).type() : pick(random, DType.values());
        Operand output = Operand.output(stream, out, view.relaid(random), random);
        outputs.add(output);
        all.add(output);
      }
      List<Elements> expected = new ArrayList<>();
      double[] fallbacks = new double[tensors];
      double[] chosen = new double[tensors * models * 2];
      for (int k = 0; k < tensors; k++) {
        Case c = cases.get(k);
        expected.add(c.expected(outputs.get(k).elements(stream).type()));
        fallbacks[k] = c.fallbacks;
        for (int m = 0; method == Method.SELECTED && m < models; m++) {
          chosen[(k * models + m) * 2] = c.selections[m][0];
          chosen[(k * models + m) * 2 + 1] = c.selections[m][1];
        }
      }
      Operand selections =
          Operand.input(stream, Elements.of(DType.F64, chosen), View.flat(chosen.length), random);
      all.add(selections);
      Operand tally = Operand.output(stream, DType.F64, View.flat(3 * tensors), random);
      all.add(tally);
      call(
          stream,
          cases,
          inputs.stream().map(l -> l.stream().map(Operand::tensor).toList()).toList(),
          outputs.stream().map(Operand::tensor).toList(),
          selections.tensor().reshape(tensors, models, 2),
          tally.tensor().reshape(tensors, 3));
      stream.synchronize();
      double[] counted = tally.elements(stream).values();
      for (int k = 0; k < tensors; k++) {
        String what = cases.get(k) + " on " + stream.device() + " (" + Seeds.note() + ")";
        outputs.get(k).check(stream, expected.get(k), what);
        assertEquals(expected.get(k).nonFinite(), (long) counted[3 * k], what);
        assertEquals((long) fallbacks[k], (long) counted[3 * k + 2], what);
        for (Operand input : inputs.get(k)) {
          input.checkUntouched(stream, what);
        }
      }
    } finally {
      all.forEach(Operand::close);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void resultsAreTheHeaders(Device device) {
    boolean slow = Devices.slow(device);
    int trials = slow ? 25 : Seeds.full() ? 2000 : 250;
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        SplittableRandom random = Seeds.of("sparse " + method + (slow ? " slow" : ""));
        for (int t = 0; t < trials; t++) {
          trial(stream, method, slow, random);
        }
      }
    }
  }

  /// Elections of a few models of one dtype, side by side in memory, have loops of their own on a
  // CPU;
  /// what is not finite leaves them.
  @ParameterizedTest
  @MethodSource("devices")
  void electionsOfAFew(Device device) {
    double[][] sets = {
      {1}, {0.3}, {0.5, 0.5}, {0.3, 0.9}, {2, 1}, {-1, 0.5}, {1, 1, 2}, {0.2, 0.7, 0.1}, {1, -2, 1}
    };
    int n = Devices.slow(device) ? 1_001 : 12_289;
    SplittableRandom random = Seeds.of("sparse elections of a few");
    Mixture mixture = new Mixture(true, false, true, Rescale.NONE);
    try (Stream stream = device.stream()) {
      for (DType type : new DType[] {DType.BF16, DType.F32, DType.F16}) {
        for (double[] weights : sets) {
          int models = weights.length;
          for (Values values : new Values[] {Values.WEIGHTS, Values.TIES, Values.BITS}) {
            List<Elements> inputs = new ArrayList<>();
            for (int k = 0; k <= models; k++) {
              inputs.add(values.elements(type, n, random));
            }
            Case c =
                new Case(
                    values == Values.BITS ? Method.SELECTED : Method.TIES,
                    inputs,
                    new long[] {n},
                    weights,
                    random.doubles(models, 0.2, 0.9).toArray(),
                    new double[models],
                    new long[models],
                    random.nextBoolean() ? 1 : 0.7,
                    mixture,
                    null,
                    null);
            Elements expected = c.expected(type);
            Elements actual = run(stream, c);
            for (int i = 0; i < n; i++) {
              int at = i;
              assertEquals(
                  expected.value(i),
                  actual.value(i),
                  () -> c + ", element " + at + " (" + Seeds.note() + ")");
            }
          }
        }
      }
    }
  }

  /// Written in place, over the base or over any of the models, whatever was read of it before.
  @ParameterizedTest
  @MethodSource("devices")
  void anOutputMayBeAnyInput(Device device) {
    int count = Devices.slow(device) ? 4_620 : 92_400;
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        SplittableRandom random = Seeds.of("sparse in place " + method);
        for (View.Kind layout : View.Kind.values()) {
          for (int over = 0; over <= 2; over++) {
            Rescale rescale = random.nextBoolean() ? Rescale.L1 : Rescale.NONE;
            Mixture mixture =
                new Mixture(
                    random.nextBoolean(), random.nextBoolean(), random.nextBoolean(), rescale);
            inPlace(stream, method, mixture, View.of(layout, count, random), count, over, random);
          }
        }
      }
    }
  }

  private static void inPlace(
      Stream stream,
      Method method,
      Mixture mixture,
      View view,
      int count,
      int over,
      SplittableRandom random) {
    long[] shape = shape(stream, view, random);
    Case c = random(method, mixture, 2, null, null, count, shape, random);
    Elements expected = c.expected(c.inputs.get(over).type());
    List<Operand> operands = new ArrayList<>();
    try {
      for (int k = 0; k <= 2; k++) {
        Elements elements = c.inputs.get(k);
        operands.add(
            k == over
                ? Operand.inPlace(stream, elements, view, random)
                : Operand.input(stream, elements, view.relaid(random), random));
      }
      double[] chosen = new double[4];
      for (int k = 0; method == Method.SELECTED && k < 4; k++) {
        chosen[k] = c.selections[k / 2][k % 2];
      }
      try (Operand selections =
          Operand.input(stream, Elements.of(DType.F64, chosen), View.flat(4), random)) {
        call(
            stream,
            List.of(c),
            List.of(operands.stream().map(Operand::tensor).toList()),
            List.of(operands.get(over).tensor()),
            selections.tensor().reshape(1, 2, 2),
            null);
        stream.synchronize();
      }
      String what =
          c + " over input " + over + " on " + stream.device() + " (" + Seeds.note() + ")";
      for (int k = 0; k <= 2; k++) {
        if (k == over) {
          operands.get(k).check(stream, expected, what);
        } else {
          operands.get(k).checkUntouched(stream, what);
        }
      }
    } finally {
      operands.forEach(Operand::close);
    }
  }

  /// Kernels of convolutions: rows run along axis 1, across the axes behind it.
  @ParameterizedTest
  @MethodSource("devices")
  void dellaRanksAlongAxisOne(Device device) {
    SplittableRandom random = Seeds.of("della convolution");
    long[][] shapes = {
      {8, 12, 3, 3}, {5, 64, 1, 7}, {2, 300, 3, 3}, {1, 9, 1, 1}, {7, 1, 5, 5}, {3, 5, 2, 2, 3}
    };
    try (Stream stream = device.stream()) {
      for (long[] shape : shapes) {
        int count = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        for (Rescale rescale : Rescale.values()) {
          Mixture mixture = new Mixture(random.nextBoolean(), false, random.nextBoolean(), rescale);
          Case c = random(Method.DELLA, mixture, 2, null, null, count, shape, random);
          Elements expected = c.expected(c.inputs.get(0).type());
          assertArrayEquals(
              expected.bits(), run(stream, c).bits(), c + " on " + device + Seeds.note());
        }
      }
    }
  }

  /// A flat f32 case with one model.
  private static Case single(Method method, int count, double density, Mixture mixture) {
    SplittableRandom random = Seeds.of("sparse single");
    return new Case(
        method,
        List.of(
            Elements.of(DType.F32, new double[count]),
            Values.NORMAL.elements(DType.F32, count, random)),
        new long[] {count},
        new double[] {1},
        new double[] {density},
        new double[] {0.15},
        new long[] {12345},
        1,
        mixture,
        null,
        null);
  }

  private static Elements run(Stream stream, Case c) {
    SplittableRandom random = Seeds.of("sparse run");
    List<Operand> inputs = new ArrayList<>();
    for (Elements elements : c.inputs) {
      inputs.add(Operand.input(stream, elements, View.flat(c.count()), random));
    }
    int models = c.weights.length;
    double[] chosen = new double[2 * models];
    for (int m = 0; c.method == Method.SELECTED && m < models; m++) {
      System.arraycopy(c.selections[m], 0, chosen, 2 * m, 2);
    }
    try (Operand out =
            Operand.output(stream, c.inputs.get(0).type(), View.flat(c.count()), random);
        Operand selections =
            Operand.input(
                stream, Elements.of(DType.F64, chosen), View.flat(chosen.length), random)) {
      call(
          stream,
          List.of(c),
          List.of(inputs.stream().map(Operand::tensor).map(t -> t.reshape(c.shape)).toList()),
          List.of(out.tensor().reshape(c.shape)),
          selections.tensor().reshape(1, models, 2),
          null);
      stream.synchronize();
      return out.elements(stream);
    } finally {
      inputs.forEach(Operand::close);
    }
  }

  @Test
  void keepRatesAndExpectations() {
    int n = 1_000_000;
    try (Stream stream = Device.cpu().stream()) {
      for (double density : new double[] {0.1, 0.5, 0.9}) {
        for (Method method : new Method[] {Method.DARE, Method.DELLA}) {
          if (method == Method.DELLA && density != 0.5) {
            continue;
          }
          Mixture paper = Mixture.DEFAULT.withRescale(Rescale.DENSITY);
          Case c = single(method, n, density, paper);
          Elements out = run(stream, c);
          Elements in = c.inputs.get(1);
          long kept = 0;
          double drift = 0;
          double variance = 0;
          for (int i = 0; i < n; i++) {
            kept += out.value(i) != 0 ? 1 : 0;
            double x = in.value(i);
            drift += out.value(i) - x;
            double p = method == Method.DARE ? density : density - 0.15;
            variance += x * x * (1 - p) / p;
          }
          double error = Math.sqrt(density * (1 - density) * n);
          assertTrue(Math.abs(kept - density * n) < 4 * error, method + " kept " + kept);
          assertTrue(Math.abs(drift) < 4 * Math.sqrt(variance), method + " drift " + drift);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void keysDecideAndThreadsDoNot(Device device) {
    for (Method method : Method.values()) {
      if (method == Method.SELECTED || method == Method.BREADCRUMBS) {
        continue;
      }
      Case c = single(method, 70_001, 0.5, Mixture.DEFAULT.withRescale(Rescale.L1));
      Elements first;
      try (Stream stream = device.stream()) {
        first = run(stream, c);
        if (method != Method.TIES) {
          c.keys[0]++;
          assertFalse(Arrays.equals(first.bits(), run(stream, c).bits()), "another key");
          c.keys[0]--;
        }
      }
      for (int threads = 1; threads <= 3; threads++) {
        try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
          assertArrayEquals(first.bits(), run(stream, c).bits(), method + ", " + threads);
        }
      }
    }
  }

  /// Blocks end where lines of the output do, so that each start shifts the words against them.
  @Test
  void anyStartOfAnOutput() {
    int n = 700;
    for (Method method : new Method[] {Method.DARE, Method.TIES}) {
      Case wide = single(method, n, 0.5, Mixture.DEFAULT);
      for (DType type : new DType[] {DType.BF16, DType.F32}) {
        Case c =
            new Case(
                method,
                wide.inputs.stream().map(x -> x.cast(type)).toList(),
                wide.shape,
                wide.weights,
                wide.densities,
                wide.spreads,
                wide.keys,
                wide.lambda,
                wide.mixture,
                null,
                null);
        int width = type.bytes();
        long[] expected = c.expected(type).bits();
        try (Stream stream = Device.cpu().stream();
            Arena arena = Arena.ofConfined()) {
          List<Tensor> inputs = new ArrayList<>();
          for (Elements x : c.inputs) {
            MemorySegment memory = arena.allocate((long) n * width, 64);
            for (int j = 0; j < n; j++) {
              put(memory, j, width, x.bits()[j]);
            }
            inputs.add(Tensor.of(memory, type, n));
          }
          for (int start = 0; start < 64 / width; start++) {
            MemorySegment memory =
                arena.allocate((long) (n + start) * width, 64).asSlice((long) start * width);
            Tensor out = Tensor.of(memory, type, n);
            call(stream, List.of(c), List.of(inputs), List.of(out), null, null);
            stream.synchronize();
            for (int j = 0; j < n; j++) {
              assertEquals(expected[j], get(memory, j, width), method + ", " + start + ", " + j);
            }
          }
        }
      }
    }
  }

  private static void put(MemorySegment memory, int j, int width, long bits) {
    if (width == 2) {
      memory.set(ValueLayout.JAVA_SHORT, 2L * j, (short) bits);
    } else {
      memory.set(ValueLayout.JAVA_INT, 4L * j, (int) bits);
    }
  }

  private static long get(MemorySegment memory, int j, int width) {
    return width == 2
        ? Short.toUnsignedLong(memory.get(ValueLayout.JAVA_SHORT, 2L * j))
        : Integer.toUnsignedLong(memory.get(ValueLayout.JAVA_INT, 4L * j));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void whatIsNotFinite(Device device) {
    try (Stream stream = device.stream()) {
      for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        for (Method method : Method.values()) {
          if (method == Method.SELECTED) {
            continue;
          }
          for (Rescale rescale : new Rescale[] {Rescale.NONE, Rescale.L1}) {
            Case c = single(method, 5000, 0.3, Mixture.DEFAULT.withRescale(rescale));
            c.inputs.get(1).bits()[4321] = Codec.encode(DType.F32, bad);
            if (method == Method.DARE && rescale == Rescale.NONE) {
              // Kept or dropped, it shows.
              assertFalse(Double.isFinite(run(stream, c).value(4321)));
              continue;
            }
            NumericException e =
                assertThrows(NumericException.class, () -> run(stream, c), () -> c.toString());
            assertTrue(e.getMessage().contains("model 0"), e.getMessage());
            assertTrue(e.getMessage().contains(method.name().toLowerCase()), e.getMessage());
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void edges(Device device) {
    try (Stream stream = device.stream()) {
      // Identical models: what is kept is added as it is; nothing is NaN.
      for (Method method : new Method[] {Method.TIES, Method.BREADCRUMBS, Method.DARE}) {
        for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
          Elements base = Values.NORMAL.elements(type, 1001, Seeds.of("sparse same"));
          Case c =
              new Case(
                  method,
                  List.of(base, base, base),
                  new long[] {1001},
                  new double[] {0.5, 0.5},
                  new double[] {0.5, 0.5},
                  new double[] {0.01, 0.01},
                  new long[] {1, 2},
                  1,
                  new Mixture(true, false, true, Rescale.L1),
                  null,
                  null);
          assertArrayEquals(base.values(), run(stream, c).values());
        }
      }
      // Weights that add up to nothing divide by 1.
      Case zero = single(Method.TIES, 100, 1, Mixture.DEFAULT.withNormalize(true));
      zero.weights[0] = 0;
      assertArrayEquals(zero.inputs.get(0).values(), run(stream, zero).values());
      // dare: a density of 0 keeps none.
      Case none = single(Method.DARE, 100, 0, Mixture.DEFAULT.withRescale(Rescale.DENSITY));
      assertArrayEquals(new double[100], run(stream, none).values());
      // breadcrumbs: no gamma, and tensors of hardly anything.
      for (int count : new int[] {1, 99, 100}) {
        for (double gamma : new double[] {0, 0.01}) {
          Case c = single(Method.BREADCRUMBS, count, 0.9, Mixture.DEFAULT);
          c.spreads[0] = gamma;
          long kept = Arrays.stream(run(stream, c).values()).filter(x -> x != 0).count();
          assertEquals(Math.max(1, (long) (0.9 * count)), kept, count + " of gamma " + gamma);
        }
      }
    }
  }

  @Test
  void refusals() {
    try (Stream stream = Device.cpu().stream()) {
      Case ties = single(Method.TIES, 10, 0.5, Mixture.DEFAULT.withRescale(Rescale.DENSITY));
      assertThrows(IllegalArgumentException.class, () -> run(stream, ties));
      Case negative = single(Method.DARE, 10, -0.5, Mixture.DEFAULT);
      assertThrows(IllegalArgumentException.class, () -> run(stream, negative));
      Case gamma = single(Method.BREADCRUMBS, 10, 0.5, Mixture.DEFAULT);
      gamma.spreads[0] = 1.5;
      assertThrows(IllegalArgumentException.class, () -> run(stream, gamma));
      Case outside = single(Method.DELLA, 10, 0.9, Mixture.DEFAULT);
      assertThrows(IllegalArgumentException.class, () -> run(stream, outside));
      // Rows of one element take the density itself.
      Case column =
          new Case(
              Method.DELLA,
              outside.inputs,
              new long[] {10, 1},
              outside.weights,
              outside.densities,
              outside.spreads,
              outside.keys,
              1,
              Mixture.DEFAULT,
              null,
              null);
      assertEquals(10, run(stream, column).count());
    }
  }
}

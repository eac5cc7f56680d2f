// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Selection;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Selection, quantiles and ranks against a plain sort, to the byte.
class SelectionTest {
  private static final int[] SIZES = {
    0, 1, 2, 31, 33, 255, 257, 1021, 4095, 4097, 8191, 8193, 16_385, 65_537, 200_003
  };
  private static final double[] QUANTILES = {0, 0.25, 0.5, 0.7, 1};

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndSize() {
    return Devices.all().stream()
        .flatMap(
            device ->
                Arrays.stream(DType.values())
                    .map(
                        type ->
                            DynamicTest.dynamicTest(
                                type + " on " + device, () -> sizes(device, type))));
  }

  private static void sizes(Device device, DType type) {
    SplittableRandom random = Seeds.of("selection " + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        if (Devices.slow(device) && size > 16_385) {
          continue; // A unit of the device's kernels is 16384 elements: more take minutes there.
        }
        int some = Devices.slow(device) && size > 1_021 ? 1 : 3;
        for (int n = 0; n < (Seeds.full() ? 24 : some); n++) {
          one(stream, type, size, random);
        }
      }
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  /// Elements of a kind, or a few values many times: all equal, or mostly zeros.
  private static Elements elements(DType type, int size, SplittableRandom random) {
    int kind = random.nextInt(9);
    if (kind < 6) {
      return Values.values()[kind].elements(type, size, random);
    }
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] =
          switch (kind) {
            case 6 -> 1.5;
            case 7 -> random.nextInt(3) > 0 ? (random.nextBoolean() ? 0.0 : -0.0) : i % 7 - 3;
            default -> random.nextInt(5) - 2;
          };
    }
    return Elements.of(type, values);
  }

  private static void one(Stream stream, DType type, int size, SplittableRandom random) {
    Elements in = elements(type, size, random);
    Elements base =
        random.nextBoolean()
            ? null
            : elements(random.nextInt(3) == 0 ? any(random) : type, size, random);
    DType load = random.nextInt(4) == 0 ? any(random) : null;
    DType delta = random.nextBoolean() ? null : random.nextBoolean() ? type : any(random);
    View view =
        View.of(View.Kind.values()[random.nextInt(View.Kind.values().length)], size, random);
    long k =
        switch (random.nextInt(6)) {
          case 0 -> size;
          case 1 -> Math.min(size, 1);
          case 2 -> size / 10;
          case 3 -> random.nextLong(size + 1);
          default -> size / 2;
        };
    String what =
        type + "[" + size + "] less " + (base == null ? "nothing" : base.type().toString());
    what += ", as " + load + ", difference " + delta + ", k " + k + " (" + Seeds.note() + ")";
    try (Operand x = Operand.input(stream, in, view, random);
        Operand from =
            Operand.input(stream, base == null ? in : base, view.relaid(random), random);
        Operand pair = Operand.output(stream, DType.F64, View.flat(2), random);
        Operand five = Operand.output(stream, DType.F64, View.flat(5), random);
        Operand ranks =
            Operand.output(
                stream,
                random.nextBoolean() ? DType.F32 : DType.F64,
                view.relaid(random),
                random)) {
      double[] magnitudes = magnitudes(in, base, load, delta);
      List<Tensor> inputs = List.of(x.tensor());
      List<Tensor> bases = base == null ? null : List.of(from.tensor());
      Runnable select =
          () -> {
            Selection.select(
                stream, bases, inputs, new long[] {k}, load, delta, pair.tensor().reshape(1, 2));
            stream.synchronize();
          };
      if (k > 0 && !finite(magnitudes)) {
        assertThrows(NumericException.class, select::run, what);
      } else {
        select.run();
        pair.check(stream, Elements.of(DType.F64, selected(magnitudes, k)), what);
      }
      double[] values = values(in, load);
      Runnable quantiles =
          () -> {
            Selection.quantile(stream, inputs, QUANTILES, load, five.tensor().reshape(1, 5));
            stream.synchronize();
          };
      Runnable rank =
          () -> {
            Selection.rank(stream, inputs, load, List.of(ranks.tensor()));
            stream.synchronize();
          };
      if (!finite(values)) {
        assertThrows(NumericException.class, quantiles::run, what);
        assertThrows(NumericException.class, rank::run, what);
        return;
      }
      quantiles.run();
      five.check(stream, Elements.of(DType.F64, quantiles(values)), "quantiles of " + what);
      rank.run();
      double[] places = ranks(values, x.tensor().shape());
      ranks.check(stream, Elements.of(ranks.tensor().dtype(), places), "ranks of " + what);
    }
  }

  // ---- References: plain loops and a sort -------------------------------------------------------

  private static double[] values(Elements in, @Nullable DType load) {
    return (load == null ? in : in.cast(load)).values();
  }

  private static double[] magnitudes(
      Elements in, @Nullable Elements base, @Nullable DType load, @Nullable DType delta) {
    double[] x = values(in, load);
    double[] result = new double[x.length];
    double[] from = base == null ? x : values(base, load);
    boolean wide =
        load == DType.F64
            || load == null && (in.type() == DType.F64 || base != null && base.type() == DType.F64);
    for (int i = 0; i < x.length; i++) {
      double d = x[i];
      if (base != null) {
        d = wide ? x[i] - from[i] : (float) x[i] - (float) from[i];
        d = delta == null ? d : Codec.round(delta, d);
      }
      result[i] = Math.abs(d);
    }
    return result;
  }

  private static boolean finite(double[] values) {
    return Arrays.stream(values).allMatch(Double::isFinite);
  }

  private static double[] selected(double[] magnitudes, long k) {
    if (k == 0) {
      return new double[] {Double.POSITIVE_INFINITY, 0};
    }
    double[] sorted = magnitudes.clone();
    Arrays.sort(sorted);
    double threshold = sorted[sorted.length - (int) k];
    long left = k - Arrays.stream(magnitudes).filter(m -> m > threshold).count();
    int cutoff = 0;
    for (int i = 0; left > 0; i++) {
      if (magnitudes[i] == threshold) {
        left--;
        cutoff = i + 1;
      }
    }
    return new double[] {threshold, cutoff};
  }

  private static double[] quantiles(double[] values) {
    if (values.length == 0) {
      return all(Double.NaN);
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted); // -0 before +0
    return Arrays.stream(QUANTILES)
        .map(q -> sorted[(int) Math.floor(q * (sorted.length - 1))])
        .toArray();
  }

  private static double[] all(double value) {
    double[] all = new double[QUANTILES.length];
    Arrays.fill(all, value);
    return all;
  }

  private static double[] ranks(double[] values, long[] shape) {
    int n = values.length;
    int row = shape.length < 2 ? n : (int) shape[1];
    int inner = 1;
    for (int d = 2; d < shape.length; d++) {
      inner *= (int) shape[d];
    }
    double[] ranks = new double[n];
    for (int first = 0; row > 0 && first < n; first++) {
      if (first / inner % row != 0 && shape.length >= 2) {
        continue; // not the first of its row
      }
      if (shape.length < 2 && first > 0) {
        break;
      }
      int step = inner;
      int start = first;
      Integer[] order = IntStream.range(0, row).boxed().toArray(Integer[]::new);
      Arrays.sort(order, Comparator.comparingDouble(j -> Math.abs(values[start + j * step])));
      for (int place = 0; place < row; place++) {
        ranks[start + order[place] * step] = place;
      }
    }
    return ranks;
  }

  // ---- Batches ----------------------------------------------------------------------------------

  @TestFactory
  java.util.stream.Stream<DynamicNode> joint() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> joint(device)));
  }

  private static void joint(Device device) {
    SplittableRandom random = Seeds.of("joint selection");
    try (Stream stream = device.stream()) {
      for (int n = 0; n < 12; n++) {
        List<Operand> operands = new ArrayList<>();
        List<double[]> parts = new ArrayList<>();
        int total = 0;
        boolean mixed = n % 3 == 0;
        for (int t = 0; t < 6; t++) {
          int size = new int[] {0, 1, 100, 4096, 17_001, 33}[random.nextInt(6)];
          DType type = mixed ? any(random) : DType.BF16;
          Elements in = Values.TIES.elements(type, size, random);
          operands.add(Operand.input(stream, in, View.flat(size), random));
          parts.add(magnitudes(in, null, null, null));
          total += size;
        }
        long k = n == 1 ? 0 : n == 2 ? total : random.nextLong(total + 1);
        double[] all = parts.stream().flatMapToDouble(Arrays::stream).toArray();
        double[] expected = selected(all, k);
        try (Operand out = Operand.output(stream, DType.F64, View.flat(12), random)) {
          List<Tensor> tensors = operands.stream().map(Operand::tensor).toList();
          Selection.selectJoint(stream, null, tensors, k, null, null, out.tensor().reshape(6, 2));
          stream.synchronize();
          double[] pairs = out.elements(stream).values();
          int at = 0;
          for (int t = 0; t < 6; t++) {
            assertEquals(expected[0], pairs[2 * t], "threshold of " + k + " of " + total);
            for (int i = 0; i < parts.get(t).length; i++, at++) {
              double m = parts.get(t)[i];
              boolean kept = m > pairs[2 * t] || m == pairs[2 * t] && i < pairs[2 * t + 1];
              boolean right = m > expected[0] || m == expected[0] && at < expected[1];
              assertEquals(right, kept, "element " + i + " of tensor " + t + ", k " + k);
            }
          }
        } finally {
          operands.forEach(Operand::close);
        }
      }
    }
  }

  /// Elements above all others, as many as are kept, in places that a sample of short runs misses:
  /// the threshold is theirs, just past what the sample bounds it by.
  @Test
  void asManyAsASampleMisses() {
    int n = 100_000;
    int stride = 127;
    int length = 64;
    int clusters = 5;
    SplittableRandom random = Seeds.of("missed by a sample");
    double[] plain = new double[n];
    Arrays.fill(plain, 1);
    try (Stream stream = Device.cpu().stream();
        Operand in = Operand.inPlace(stream, Elements.of(DType.F32, plain), View.flat(n), random);
        Operand high =
            Operand.input(
                stream,
                Elements.of(
                    DType.F32, IntStream.range(0, length).mapToDouble(i -> 2 + i).toArray()),
                View.flat(length),
                random);
        Operand low =
            Operand.input(
                stream,
                Elements.of(DType.F32, Arrays.copyOf(plain, length)),
                View.flat(length),
                random);
        Operand out = Operand.output(stream, DType.F64, View.flat(2), random)) {
      for (int first = 0; first + stride * clusters < n; first += 61) {
        for (Operand of : List.of(high, low)) {
          for (int c = 0; c < clusters; c++) {
            int at = first + c * stride;
            stream.copy(of.tensor(), in.tensor().slice(0, at, at + length));
          }
          if (of == high) {
            long[] k = {(long) length * clusters};
            Selection.select(
                stream, null, List.of(in.tensor()), k, null, null, out.tensor().reshape(1, 2));
            int last = first + (clusters - 1) * stride;
            out.check(stream, Elements.of(DType.F64, 2, last + 1), "clusters from " + first);
          }
        }
      }
    }
  }

  /// Several tensors over one base, several ranks of one tensor, on any number of threads.
  @TestFactory
  java.util.stream.Stream<DynamicNode> threads() {
    return IntStream.of(1, 2, 3, 7)
        .mapToObj(n -> DynamicTest.dynamicTest(n + " threads", () -> threads(n)));
  }

  private static void threads(int threads) {
    SplittableRandom random = Seeds.of("selection threads");
    int size = 400_009;
    Elements base = Values.WEIGHTS.elements(DType.BF16, size, random);
    List<Elements> models = new ArrayList<>();
    for (int m = 0; m < 3; m++) {
      models.add(Values.WEIGHTS.elements(m == 2 ? DType.F32 : DType.BF16, size, random));
    }
    StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
    List<Operand> operands = new ArrayList<>();
    try (Stream stream = Device.cpu().stream(options)) {
      operands.add(Operand.input(stream, base, View.flat(size), random));
      for (Elements model : models) {
        operands.add(Operand.input(stream, model, View.flat(size), random));
      }
      List<Tensor> in = new ArrayList<>();
      List<Double> expected = new ArrayList<>();
      long[] k = {size / 2, size / 5, size / 2, 17, size / 3};
      int[] of = {0, 0, 1, 1, 2};
      for (DType delta : new DType[] {null, DType.BF16}) {
        in.clear();
        expected.clear();
        for (int i = 0; i < k.length; i++) {
          in.add(operands.get(1 + of[i]).tensor());
          for (double number : selected(magnitudes(models.get(of[i]), base, null, delta), k[i])) {
            expected.add(number);
          }
        }
        List<Tensor> bases = Collections.nCopies(k.length, operands.get(0).tensor());
        try (Operand out = Operand.output(stream, DType.F64, View.flat(10), random)) {
          Selection.select(stream, bases, in, k, null, delta, out.tensor().reshape(5, 2));
          double[] numbers = expected.stream().mapToDouble(Double::doubleValue).toArray();
          out.check(stream, Elements.of(DType.F64, numbers), "difference as " + delta);
        }
      }
    } finally {
      operands.forEach(Operand::close);
    }
  }

  /// The message names the tensor and the input.
  @TestFactory
  java.util.stream.Stream<DynamicNode> faults() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> faults(device)));
  }

  private static void faults(Device device) {
    SplittableRandom random = Seeds.of("selection faults");
    Elements good = Values.NORMAL.elements(DType.F32, 70_001, random);
    double[] values = good.values();
    values[69_999] = Double.NaN;
    Elements bad = Elements.of(DType.F32, values);
    View flat = View.flat(70_001);
    try (Stream stream = device.stream();
        Operand fine = Operand.input(stream, good, flat, random);
        Operand broken = Operand.input(stream, bad, flat, random);
        Operand out = Operand.output(stream, DType.F64, View.flat(4), random)) {
      for (boolean inBase : new boolean[] {false, true}) {
        List<Tensor> first = List.of(fine.tensor(), fine.tensor());
        List<Tensor> second = List.of(fine.tensor(), broken.tensor().named("w"));
        if (inBase) {
          second = List.of(fine.tensor(), fine.tensor().named("w"));
          first = List.of(fine.tensor(), broken.tensor());
        }
        List<Tensor> base = first;
        List<Tensor> in = second;
        NumericException failure =
            assertThrows(
                NumericException.class,
                () -> {
                  Selection.select(
                      stream, base, in, new long[] {5, 5}, null, null, out.tensor().reshape(2, 2));
                  stream.synchronize();
                });
        assertTrue(
            failure.getMessage().contains("input " + (inBase ? "base" : "in") + " of 'w'"),
            failure.getMessage());
      }
    }
  }
}

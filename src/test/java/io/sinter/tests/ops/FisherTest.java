// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Fisher;
import io.sinter.ops.FisherMergeOptions;
import io.sinter.ops.FisherStatistics;
import io.sinter.ops.Interpolation;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Fisher information and what it weights, step by step as the header names them, byte for byte.
class FisherTest {
  private static final int[] SIZES = {
    0, 1, 2, 7, 31, 33, 63, 64, 65, 255, 256, 257, 1021, 2049, 4095, 4097, 8200
  };

  private enum Method {
    BCWI,
    FISHER_BCWI,
    MERGE
  }

  static List<Device> devices() {
    return Devices.all();
  }

  // ---- Plain loops ----

  /// Arithmetic of one width. Sums, differences, products and quotients of two floats are exact
  /// enough in double to be rounded once more.
  private record Numbers(boolean wide) {
    double round(double x) {
      return wide ? x : (float) x;
    }

    double fma(double a, double b, double c) {
      return wide ? Math.fma(a, b, c) : Math.fma((float) a, (float) b, (float) c);
    }

    double lerp(double a, double b, double t) {
      double difference = round(b - a);
      return t < 0.5 ? fma(t, difference, a) : fma(-round(1 - t), difference, b);
    }

    /// The exponent of the power of 2 that F is multiplied by.
    int exponent(double scale, Elements fisher) {
      int most = wide || fisher.type() == DType.F64 ? 1000 : 126;
      return Math.clamp(Math.getExponent(scale), -most, most);
    }

    double most() {
      return Math.scalb(1.0, wide ? 1022 : 126);
    }
  }

  /// One tensor's part of a call.
  private record Job(
      Method method,
      Elements old,
      List<Elements> models,
      List<Elements> fishers,
      double alpha,
      double mean,
      double[] weights,
      DType out) {

    static Job random(
        Method method, DType type, int models, int size, Values values, SplittableRandom random) {
      List<Elements> inputs = new ArrayList<>();
      List<Elements> fishers = new ArrayList<>();
      double[] weights = new double[models];
      for (int k = 0; k < models; k++) {
        inputs.add(values.elements(random.nextInt(5) == 0 ? any(random) : type, size, random));
        DType own =
            new DType[] {DType.F32, DType.F32, DType.F64, type, any(random)}[random.nextInt(5)];
        fishers.add(
            random.nextInt(3) == 0
                ? values.elements(own, size, random)
                : squares(own, size, random));
        weights[k] = new double[] {1, 0.3, 0, 7}[random.nextInt(4)];
      }
      weights[random.nextInt(models)] = 0.5;
      double alpha = new double[] {0, 1, 0.1, 0.3, 0.5, 0.95, 1e-60, 1 - 1e-12}[random.nextInt(8)];
      if (method == Method.BCWI && random.nextInt(5) == 0) {
        alpha = new double[] {-0.5, 1.25}[random.nextInt(2)];
      }
      double mean = new double[] {0, 1, 1e-8, 3e-40, 1e-60, 0.37, 1e30}[random.nextInt(7)];
      return new Job(
          method,
          values.elements(type, size, random),
          inputs,
          fishers,
          alpha,
          mean,
          weights,
          random.nextBoolean() ? type : any(random));
    }

    int count() {
      return old.count();
    }
  }

  /// What all tensors of a call share.
  private record Call(@Nullable DType load, double[] scales, FisherMergeOptions options) {
    static Call random(int models, SplittableRandom random) {
      double[] scales = new double[models];
      Arrays.setAll(scales, k -> new double[] {1, 1e6, 0, 0.02, 1e42}[random.nextInt(5)]);
      return new Call(
          random.nextInt(4) == 0 ? any(random) : null,
          scales,
          new FisherMergeOptions(
              new double[] {1e-6, 0, 0.5}[random.nextInt(3)], random.nextInt(3) == 0 ? 0.01 : 0));
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  /// Squares of normal numbers, of magnitudes far apart; one in five is 0.
  private static Elements squares(DType type, int size, SplittableRandom random) {
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      double g = random.nextInt(5) == 0 ? 0 : random.nextGaussian();
      values[i] = g * g * Math.pow(10, -random.nextInt(10));
    }
    return Elements.of(type, values);
  }

  private static Elements expected(Call call, Job job) {
    Function<Elements, Elements> load = x -> call.load == null ? x : x.cast(call.load);
    List<Elements> models = job.models.stream().map(load).toList();
    Elements old = load.apply(job.old);
    boolean wide = models.stream().anyMatch(x -> x.type() == DType.F64);
    if (job.method == Method.MERGE) {
      return merge(call, job, models, new Numbers(wide));
    }
    // Copies keep bytes where the dtype is the same.
    if (job.alpha == 1) {
      return old.cast(job.out);
    }
    if (job.alpha == 0 && models.size() == 1) {
      return models.getFirst().cast(job.out);
    }
    return interpolated(job, old, models, new Numbers(wide || old.type() == DType.F64));
  }

  private static Elements merge(Call call, Job job, List<Elements> models, Numbers numbers) {
    double total = 0;
    for (double weight : job.weights) {
      total += weight;
    }
    long[] bits = new long[job.count()];
    for (int i = 0; i < bits.length; i++) {
      double mean = 0;
      double sum = 0;
      double soFar = 0;
      for (int k = 0; k < models.size(); k++) {
        double x = numbers.round(models.get(k).value(i));
        double weight = job.weights[k] / total;
        soFar += weight;
        double scale = call.scales[k];
        int e = numbers.exponent(scale, job.fishers.get(k));
        double power = scale == 0 ? 0 : Math.scalb(1.0, e);
        double r = scale == 0 ? 1 : scale * Math.scalb(1.0, -e);
        double f = numbers.round(job.fishers.get(k).value(i) * power);
        double floor = numbers.round(call.options.floor() / r);
        double raised =
            numbers.round((f < floor ? floor : f) + numbers.round(call.options.epsilon() / r));
        double important = raised > numbers.most() ? numbers.most() : raised;
        double own = numbers.round(numbers.round(weight * r) * important);
        sum = numbers.round(sum + own);
        double share = numbers.round(soFar > 0 ? weight / soFar : 0);
        mean = k == 0 ? x : numbers.lerp(mean, x, sum == 0 ? share : numbers.round(own / sum));
      }
      bits[i] = Codec.encode(job.out, mean);
    }
    return new Elements(job.out, bits);
  }

  private static Elements interpolated(
      Job job, Elements old, List<Elements> models, Numbers numbers) {
    double alpha = numbers.round(job.alpha);
    Elements fisher = job.fishers.getFirst();
    int e = job.mean == 0 ? 0 : numbers.exponent(job.mean, fisher);
    double smallest = numbers.wide ? Double.MIN_NORMAL : Float.MIN_NORMAL;
    double r = job.mean == 0 ? 1 : job.mean * Math.scalb(1.0, -e);
    double others =
        alpha < 1
            ? numbers.fma(-alpha, numbers.round(r), numbers.round(r))
            : numbers.round((1 - job.alpha) * r);
    others = Math.max(others, smallest);
    double most = numbers.round(numbers.most() * Math.min(others, 1));
    long[] bits = new long[job.count()];
    for (int i = 0; i < bits.length; i++) {
      double mean = numbers.round(models.getFirst().value(i));
      for (int k = 1; k < models.size(); k++) {
        double x = numbers.round(models.get(k).value(i));
        mean = numbers.fma(numbers.round(1.0 / (k + 1)), numbers.round(x - mean), mean);
      }
      double t = alpha;
      if (job.method == Method.FISHER_BCWI) {
        double f = numbers.round(fisher.value(i) * Math.scalb(1.0, -e));
        double floored = f < 0 ? 0 : f;
        if (job.mean == 0) {
          floored = Double.isNaN(f) ? f : 1;
        }
        double y = floored > most ? most : floored;
        t = numbers.round(alpha * numbers.round(y / numbers.fma(alpha, y, others)));
      }
      double result = job.alpha == 0 ? mean : numbers.lerp(mean, numbers.round(old.value(i)), t);
      bits[i] = Codec.encode(job.out, result);
    }
    return new Elements(job.out, bits);
  }

  // ---- Running ----

  private static void run(
      Stream stream, Call call, List<Job> jobs, View.Kind layout, SplittableRandom random) {
    Method method = jobs.getFirst().method;
    int models = jobs.getFirst().models.size();
    List<Operand> owned = new ArrayList<>();
    List<Tensor> olds = new ArrayList<>();
    List<List<Tensor>> inputs = new ArrayList<>();
    List<List<Tensor>> fishers = new ArrayList<>();
    List<Operand> outs = new ArrayList<>();
    try (Operand counts = Operand.output(stream, DType.F64, View.flat(3 * jobs.size()), random)) {
      for (Job job : jobs) {
        View view = View.of(layout, job.count(), random);
        Function<Elements, Tensor> input =
            elements -> {
              Operand operand = Operand.input(stream, elements, view.relaid(random), random);
              owned.add(operand);
              return operand.tensor();
            };
        olds.add(input.apply(job.old));
        inputs.add(job.models.stream().map(input).toList());
        fishers.add(job.fishers.stream().map(input).toList());
        outs.add(Operand.output(stream, job.out, view, random));
      }
      owned.addAll(outs);
      List<Tensor> out = outs.stream().map(Operand::tensor).toList();
      double[] alpha = jobs.stream().mapToDouble(Job::alpha).toArray();
      double[] mean = jobs.stream().mapToDouble(Job::mean).toArray();
      Arithmetic arithmetic =
          new Arithmetic(call.load, null, counts.tensor().reshape(jobs.size(), 3));
      switch (method) {
        case BCWI -> Fisher.bcwi(stream, olds, inputs, alpha, out, arithmetic);
        case FISHER_BCWI ->
            Fisher.fisherBcwi(
                stream,
                olds,
                inputs,
                fishers.stream().map(List::getFirst).toList(),
                mean,
                alpha,
                out,
                arithmetic);
        case MERGE ->
            Fisher.merge(
                stream,
                inputs,
                fishers,
                jobs.stream().map(Job::weights).toArray(double[][]::new),
                call.scales,
                call.options,
                out,
                arithmetic);
      }
      stream.synchronize();
      double[] nonFinite = new double[3 * jobs.size()];
      boolean saturates = false;
      for (int k = 0; k < jobs.size(); k++) {
        Job job = jobs.get(k);
        Elements expected = expected(call, job);
        String what =
            method
                + " of "
                + models
                + " "
                + job.models.getFirst().type()
                + " and "
                + job.old.type()
                + ", F "
                + job.fishers.getFirst().type()
                + "["
                + job.count()
                + "], alpha "
                + job.alpha
                + ", mean "
                + job.mean
                + ", "
                + call
                + " on "
                + stream.device()
                + " ("
                + Seeds.note()
                + ")";
        outs.get(k).check(stream, expected, what);
        nonFinite[3 * k] = expected.nonFinite();
        saturates |= job.out == DType.F8_E4M3 || job.out == DType.F8_E5M2;
      }
      if (!saturates) {
        counts.check(stream, Elements.of(DType.F64, nonFinite), method + ", counts");
      }
    } finally {
      owned.forEach(Operand::close);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void everyTypeAndSize(Device device) {
    SplittableRandom random = Seeds.of("fisher");
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        for (DType type : DType.values()) {
          for (int size : SIZES) {
            for (Values values : Values.values()) {
              if (Seeds.full() || random.nextInt(3) == 0) {
                int models = random.nextInt(12) == 0 ? 11 : 1 + random.nextInt(5);
                Job job = Job.random(method, type, models, size, values, random);
                View.Kind layout = View.Kind.values()[random.nextInt(View.Kind.values().length)];
                run(stream, Call.random(models, random), List.of(job), layout, random);
              }
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void batchesOfDifferentTensors(Device device) {
    SplittableRandom random = Seeds.of("fisher batches");
    try (Stream stream = device.stream()) {
      for (Method method : Method.values()) {
        for (View.Kind layout : View.Kind.values()) {
          int models = 1 + random.nextInt(3);
          List<Job> jobs = new ArrayList<>();
          for (int k = 0; k < 20; k++) {
            int size = SIZES[random.nextInt(SIZES.length)];
            jobs.add(Job.random(method, any(random), models, size, Values.NORMAL, random));
          }
          run(stream, Call.random(models, random), jobs, layout, random);
        }
      }
    }
  }

  @Test
  void threadsChangeNothing() {
    SplittableRandom random = Seeds.of("fisher threads");
    for (int threads : new int[] {1, 2, 3}) {
      try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
        for (Method method : Method.values()) {
          Job job = Job.random(method, DType.BF16, 2, 200_003, Values.WEIGHTS, random);
          run(stream, Call.random(2, random), List.of(job), View.Kind.CONTIGUOUS, random);
        }
      }
    }
  }

  // ---- Identities ----

  private static Operand input(Stream stream, Elements elements) {
    return Operand.input(
        stream, elements, View.flat(elements.count()), Seeds.of("fisher identities"));
  }

  private static Operand output(Stream stream, DType type, int count) {
    return Operand.output(stream, type, View.flat(count), Seeds.of("fisher identities"));
  }

  /// Bytes of any pattern: of the new model at 0, of the old at 1.
  @ParameterizedTest
  @MethodSource("devices")
  void endsAreCopies(Device device) {
    SplittableRandom random = Seeds.of("fisher ends");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        Elements before = Values.BITS.elements(type, 999, random);
        Elements after = Values.BITS.elements(type, 999, random);
        try (Operand old = input(stream, before);
            Operand updated = input(stream, after);
            Operand fisher = input(stream, Values.BITS.elements(DType.F32, 999, random));
            Operand first = output(stream, type, 999);
            Operand second = output(stream, type, 999)) {
          for (int alpha = 0; alpha <= 1; alpha++) {
            Elements expected = alpha == 0 ? after : before;
            Fisher.bcwi(stream, old.tensor(), updated.tensor(), alpha, first.tensor());
            Fisher.fisherBcwi(
                stream,
                old.tensor(),
                updated.tensor(),
                fisher.tensor(),
                0.1,
                alpha,
                second.tensor());
            stream.synchronize();
            first.check(stream, expected, "bcwi at " + alpha + " of " + type);
            second.check(stream, expected, "fisherBcwi at " + alpha + " of " + type);
          }
        }
      }
    }
  }

  /// One new model: lerp's bytes. F that is the same everywhere, whatever it is: bcwi's.
  @ParameterizedTest
  @MethodSource("devices")
  void equalInformationChangesNothing(Device device) {
    SplittableRandom random = Seeds.of("fisher equal");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        for (double alpha : new double[] {0.05, 0.1, 0.3, 0.5, 0.7, 0.98, 1 - 1e-9}) {
          for (double f :
              new double[] {1, 3, 49, 0.37, 0, 1e-38, 0x1p-130, 3e38, random.nextDouble()}) {
            DType information = type == DType.F64 ? DType.F64 : DType.F32;
            double[] all = new double[700];
            Arrays.fill(all, (float) f);
            try (Operand old = input(stream, Values.WEIGHTS.elements(type, 700, random));
                Operand updated = input(stream, Values.WEIGHTS.elements(type, 700, random));
                Operand fisher = input(stream, Elements.of(information, all));
                Operand between = output(stream, type, 700);
                Operand out = output(stream, type, 700)) {
              double mean =
                  FisherStatistics.of(Fisher.statistics(stream, List.of(fisher.tensor()))).mean();
              Interpolation.lerp(stream, updated.tensor(), old.tensor(), alpha, between.tensor());
              stream.synchronize();
              Elements expected = between.elements(stream);
              Fisher.bcwi(stream, old.tensor(), updated.tensor(), alpha, out.tensor());
              stream.synchronize();
              out.check(stream, expected, "bcwi at " + alpha + " of " + type);
              Fisher.fisherBcwi(
                  stream,
                  old.tensor(),
                  updated.tensor(),
                  fisher.tensor(),
                  mean,
                  alpha,
                  out.tensor());
              stream.synchronize();
              out.check(stream, expected, "F = " + f + " at " + alpha + " of " + type);
            }
          }
        }
      }
    }
  }

  /// Where the old model's F is 0 the new model stays; where it is large the old one comes back.
  @ParameterizedTest
  @MethodSource("devices")
  void informationDecides(Device device) {
    try (Stream stream = device.stream();
        Operand old = input(stream, Elements.of(DType.F32, 1, 1, 1, 1, 1));
        Operand updated = input(stream, Elements.of(DType.F32, 3, 3, 3, 3, 3));
        Operand fisher = input(stream, Elements.of(DType.F32, 0, -2, 1e30, Float.MAX_VALUE, 0.25));
        Operand out = output(stream, DType.F32, 5)) {
      Fisher.fisherBcwi(
          stream, old.tensor(), updated.tensor(), fisher.tensor(), 0.75, 0.5, out.tensor());
      stream.synchronize();
      // f = 1/3, w = (1/6) / (1/6 + 1/2) = 1/4
      out.check(stream, Elements.of(DType.F32, 3, 3, 1, 1, 2.5), "by hand");
    }
  }

  /// Extremes of F, mean and alpha that are allowed: numbers, and between the models.
  @ParameterizedTest
  @MethodSource("devices")
  void neverNan(Device device) {
    SplittableRandom random = Seeds.of("fisher extremes");
    double[] extremes = {
      0, Float.MIN_VALUE, 1e-38, 1e-20, 1, 1e20, Float.MAX_VALUE, Double.MIN_VALUE, 1e-300, 1e300
    };
    try (Stream stream = device.stream()) {
      for (DType type : new DType[] {DType.BF16, DType.F32, DType.F64}) {
        for (DType information : new DType[] {DType.F32, DType.F64}) {
          for (double extreme : extremes) {
            if (information == DType.F32 && extreme > Float.MAX_VALUE) {
              continue;
            }
            double[] mixed = new double[40];
            Arrays.setAll(mixed, i -> i % 3 == 0 ? 0 : i % 3 == 1 ? extreme : 1e-9);
            double mean = new double[] {extreme, 0, 1e-300, 1e300}[random.nextInt(4)];
            try (Operand old = input(stream, Values.WEIGHTS.elements(type, 40, random));
                Operand updated = input(stream, Values.WEIGHTS.elements(type, 40, random));
                Operand fisher = input(stream, Elements.of(information, mixed));
                Operand out = output(stream, type, 40)) {
              Tensor a = old.tensor();
              Tensor b = updated.tensor();
              Tensor f = fisher.tensor();
              for (double alpha : new double[] {1e-300, 1e-30, 0.3, 1 - 1e-16}) {
                Fisher.fisherBcwi(stream, a, b, f, mean, alpha, out.tensor());
                stream.synchronize();
                assertBetween(stream, old, updated, out, extreme + ", " + mean + ", " + alpha);
              }
              for (double floor : new double[] {0, 1e-6}) {
                for (double scale : new double[] {0, 1, extreme, 1e-300, 1e300}) {
                  Fisher.merge(
                      stream,
                      List.of(a, b),
                      List.of(f, f),
                      new double[] {1e-300, 1},
                      new double[] {scale, 1},
                      new FisherMergeOptions(floor, 0),
                      out.tensor());
                  stream.synchronize();
                  assertBetween(stream, old, updated, out, extreme + ", " + floor + ", " + scale);
                }
              }
            }
          }
        }
      }
    }
  }

  /// Within a unit in the last place of the two.
  private static void assertBetween(Stream stream, Operand a, Operand b, Operand out, String what) {
    Elements x = a.elements(stream);
    Elements y = b.elements(stream);
    Elements z = out.elements(stream);
    for (int i = 0; i < z.count(); i++) {
      double slack =
          2 * Codec.unitRoundoff(z.type()) * Math.max(Math.abs(x.value(i)), Math.abs(y.value(i)));
      assertTrue(
          z.value(i) >= Math.min(x.value(i), y.value(i)) - slack
              && z.value(i) <= Math.max(x.value(i), y.value(i)) + slack,
          () -> what + ": " + x + ", " + y + " gave " + z);
    }
  }

  /// Fisher values that are equal, or all 0, give the mean by the weights, within 2 units in the
  /// last place of the largest element; one model, or equal ones, exactly themselves.
  @ParameterizedTest
  @MethodSource("devices")
  void equalInformationMergesLinearly(Device device) {
    SplittableRandom random = Seeds.of("fisher linear");
    FisherMergeOptions plain = new FisherMergeOptions(0, 0);
    try (Stream stream = device.stream()) {
      for (DType type : new DType[] {DType.F32, DType.F64}) {
        for (int models = 1; models <= 6; models++) {
          double[] weights = new double[models];
          double[] scales = new double[models];
          Arrays.fill(scales, 1);
          Arrays.setAll(weights, k -> 0.1 + random.nextDouble());
          List<Operand> owned = new ArrayList<>();
          List<Tensor> inputs = new ArrayList<>();
          List<Tensor> equal = new ArrayList<>();
          List<Tensor> zero = new ArrayList<>();
          Elements f = squares(DType.F32, 900, random);
          double[] shifted = f.values();
          Arrays.setAll(shifted, i -> shifted[i] + 1e-12);
          double largest = 0;
          for (int k = 0; k < models; k++) {
            Elements x = Values.NORMAL.elements(type, 900, random);
            largest = Math.max(largest, Arrays.stream(x.values()).map(Math::abs).max().orElse(0));
            owned.add(input(stream, x));
            inputs.add(owned.getLast().tensor());
            owned.add(input(stream, Elements.of(DType.F32, shifted)));
            equal.add(owned.getLast().tensor());
            owned.add(input(stream, Elements.of(DType.F32, new double[900])));
            zero.add(owned.getLast().tensor());
          }
          double bound = 2 * 2 * Codec.unitRoundoff(type) * largest; // an ulp is two roundoffs
          try (Operand linear = output(stream, type, 900);
              Operand out = output(stream, type, 900)) {
            Interpolation.linear(stream, inputs, weights, true, linear.tensor());
            for (List<Tensor> fishers : List.of(equal, zero)) {
              for (FisherMergeOptions options : List.of(plain, FisherMergeOptions.DEFAULT)) {
                Fisher.merge(stream, inputs, fishers, weights, scales, options, out.tensor());
                stream.synchronize();
                Elements expected = linear.elements(stream);
                Elements actual = out.elements(stream);
                for (int i = 0; i < 900; i++) {
                  assertEquals(expected.value(i), actual.value(i), bound, options + " " + models);
                }
              }
            }
            List<Tensor> same = new ArrayList<>();
            List<Tensor> apart = new ArrayList<>();
            for (int k = 0; k < models; k++) {
              same.add(inputs.getFirst());
              apart.add(k % 2 == 0 ? equal.getFirst() : zero.getFirst());
            }
            Fisher.merge(stream, same, apart, weights, scales, plain, out.tensor());
            stream.synchronize();
            out.check(stream, owned.getFirst().elements(stream), "equal models");
          } finally {
            owned.forEach(Operand::close);
          }
        }
      }
    }
  }

  /// A model that alone knows something decides, whatever the others are; several share.
  @ParameterizedTest
  @MethodSource("devices")
  void mergeByHand(Device device) {
    try (Stream stream = device.stream();
        Operand a = input(stream, Elements.of(DType.F32, 1, 1, 1, 1));
        Operand b = input(stream, Elements.of(DType.F32, 3, 3, 3, 3));
        Operand fa = input(stream, Elements.of(DType.F32, 0, 1, 3, 0));
        Operand fb = input(stream, Elements.of(DType.F32, 2, 0, 1, 0));
        Operand out = output(stream, DType.F32, 4)) {
      Fisher.merge(
          stream,
          List.of(a.tensor(), b.tensor()),
          List.of(fa.tensor(), fb.tensor()),
          new double[] {2, 6},
          new double[] {1, 1},
          new FisherMergeOptions(0, 0),
          out.tensor());
      stream.synchronize();
      out.check(stream, Elements.of(DType.F32, 3, 1, 2, 2.5), "by hand");
    }
  }

  /// The mean of k equal new models is that model, to the bit, for every k.
  @ParameterizedTest
  @MethodSource("devices")
  void soupOfEqualModelsIsOne(Device device) {
    SplittableRandom random = Seeds.of("soup");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        try (Operand old = input(stream, Values.NORMAL.elements(type, 300, random));
            Operand updated = input(stream, Values.NORMAL.elements(type, 300, random));
            Operand one = output(stream, type, 300);
            Operand out = output(stream, type, 300)) {
          Fisher.bcwi(stream, old.tensor(), updated.tensor(), 0.3, one.tensor());
          stream.synchronize();
          for (int k : new int[] {2, 3, 4, 5, 7, 8, 9, 16}) {
            List<List<Tensor>> soup = List.of(Collections.nCopies(k, updated.tensor()));
            Fisher.bcwi(
                stream,
                List.of(old.tensor()),
                soup,
                new double[] {0.3},
                List.of(out.tensor()),
                Arithmetic.DEFAULT);
            stream.synchronize();
            out.check(stream, one.elements(stream), k + " of " + type);
          }
        }
      }
    }
  }

  /// At 0 the old model may hold anything, of a soup too.
  @ParameterizedTest
  @MethodSource("devices")
  void oldModelIsNotLookedAtAtZero(Device device) {
    double nan = Double.NaN;
    double inf = Double.POSITIVE_INFINITY;
    try (Stream stream = device.stream();
        Operand old = input(stream, Elements.of(DType.F32, nan, inf, 1));
        Operand a = input(stream, Elements.of(DType.F32, 1, 2, 3));
        Operand b = input(stream, Elements.of(DType.F32, 3, 4, 3));
        Operand fisher = input(stream, Elements.of(DType.F32, 1, 1, 1));
        Operand out = output(stream, DType.F32, 3)) {
      List<List<Tensor>> soup = List.of(List.of(a.tensor(), b.tensor()));
      for (boolean weighted : new boolean[] {false, true}) {
        List<Tensor> before = List.of(old.tensor());
        double[] zero = {0};
        if (weighted) {
          Fisher.fisherBcwi(
              stream,
              before,
              soup,
              List.of(fisher.tensor()),
              new double[] {1},
              zero,
              List.of(out.tensor()),
              Arithmetic.DEFAULT);
        } else {
          Fisher.bcwi(stream, before, soup, zero, List.of(out.tensor()), Arithmetic.DEFAULT);
        }
        stream.synchronize();
        out.check(stream, Elements.of(DType.F32, 2, 3, 3), "the soup itself");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void inPlace(Device device) {
    SplittableRandom random = Seeds.of("fisher in place");
    View flat = View.flat(1_000);
    Elements before = Values.NORMAL.elements(DType.BF16, 1_000, random);
    Elements after = Values.NORMAL.elements(DType.BF16, 1_000, random);
    Elements f = squares(DType.F32, 1_000, random);
    try (Stream stream = device.stream()) {
      for (boolean overOld : new boolean[] {true, false}) {
        try (Operand old = Operand.inPlace(stream, before, flat, random);
            Operand updated = Operand.inPlace(stream, after, flat, random);
            Operand fisher = input(stream, f);
            Operand apart = output(stream, DType.BF16, 1_000)) {
          Tensor out = overOld ? old.tensor() : updated.tensor();
          for (Tensor to : List.of(apart.tensor(), out)) {
            Fisher.fisherBcwi(
                stream, old.tensor(), updated.tensor(), fisher.tensor(), 0.1, 0.4, to);
          }
          stream.synchronize();
          (overOld ? old : updated).check(stream, apart.elements(stream), "in place");
        }
      }
    }
  }

  // ---- The diagonal ----

  @ParameterizedTest
  @MethodSource("devices")
  void accumulatesAndFinishes(Device device) {
    SplittableRandom random = Seeds.of("fisher accumulate");
    try (Stream stream = device.stream()) {
      for (DType sums : new DType[] {DType.F32, DType.F64}) {
        for (DType type : DType.values()) {
          for (int size : SIZES) {
            View view = View.of(View.Kind.values()[random.nextInt(4)], size, random);
            boolean wide = sums == DType.F64 || type == DType.F64;
            Numbers numbers = new Numbers(wide);
            Elements start = squares(sums, size, random);
            long[] bits = start.bits().clone();
            try (Operand state = Operand.inPlace(stream, start, view, random);
                Operand counts = Operand.output(stream, DType.F64, View.flat(3), random)) {
              for (double weight : new double[] {1, 0.3, 0}) {
                Values values = Values.values()[random.nextInt(Values.values().length)];
                Elements g = values.elements(type, size, random);
                try (Operand gradient = Operand.input(stream, g, view.relaid(random), random)) {
                  Fisher.accumulate(
                      stream,
                      List.of(gradient.tensor()),
                      new double[] {weight},
                      List.of(state.tensor()),
                      counts.tensor().reshape(1, 3));
                  stream.synchronize();
                }
                for (int i = 0; i < size; i++) {
                  double x = numbers.round(g.value(i));
                  double w = numbers.round(numbers.round(weight) * x);
                  bits[i] = Codec.encode(sums, numbers.fma(w, x, Codec.decode(sums, bits[i])));
                }
                Elements expected = new Elements(sums, bits.clone());
                String what =
                    type
                        + " into "
                        + sums
                        + "["
                        + size
                        + "] by "
                        + weight
                        + " of "
                        + values
                        + " ("
                        + Seeds.note()
                        + ")";
                state.check(stream, expected, what);
                counts.check(
                    stream, Elements.of(DType.F64, expected.nonFinite(), 0, 0), what + ", counts");
              }
              for (long examples : new long[] {1, 3, (1L << 24) + 1}) {
                Fisher.finish(stream, List.of(state.tensor()), examples);
                stream.synchronize();
                for (int i = 0; i < size; i++) {
                  bits[i] = Codec.encode(sums, Codec.decode(sums, bits[i]) / examples);
                }
                state.check(stream, new Elements(sums, bits.clone()), "finished by " + examples);
              }
            }
          }
        }
      }
    }
  }

  /// A whole batch, and what it is for: the mean of squares of examples' gradients.
  @ParameterizedTest
  @MethodSource("devices")
  void diagonalOfExamples(Device device) {
    SplittableRandom random = Seeds.of("fisher examples");
    int examples = 50;
    double[][] sums = new double[2][300];
    try (Stream stream = device.stream();
        Tensor first = stream.allocate(DType.F64, 300);
        Tensor second = stream.allocate(DType.F64, 300)) {
      List<Tensor> state = List.of(first, second);
      for (Tensor each : state) {
        try (Operand zero = input(stream, Elements.of(DType.F64, new double[300]))) {
          stream.copy(zero.tensor(), each);
          stream.synchronize();
        }
      }
      for (int n = 0; n < examples; n++) {
        List<Operand> gradients = new ArrayList<>();
        for (double[] sum : sums) {
          Elements g = Values.WEIGHTS.elements(DType.BF16, 300, random);
          for (int i = 0; i < 300; i++) {
            sum[i] += g.value(i) * g.value(i);
          }
          gradients.add(input(stream, g));
        }
        Fisher.accumulate(stream, gradients.stream().map(Operand::tensor).toList(), state);
        stream.synchronize();
        gradients.forEach(Operand::close);
      }
      Fisher.finish(stream, state, examples);
      for (int k = 0; k < 2; k++) {
        try (Operand host = output(stream, DType.F64, 300)) {
          stream.copy(state.get(k), host.tensor());
          stream.synchronize();
          for (int i = 0; i < 300; i++) {
            double mean = sums[k][i] / examples;
            assertEquals(mean, host.elements(stream).value(i), examples * Math.ulp(mean));
          }
        }
      }
    }
  }

  // ---- Statistics ----

  @ParameterizedTest
  @MethodSource("devices")
  void statistics(Device device) {
    SplittableRandom random = Seeds.of("fisher statistics");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        List<Operand> owned = new ArrayList<>();
        List<FisherStatistics> expected = new ArrayList<>();
        for (int size : SIZES) {
          Values values = Values.values()[random.nextInt(Values.values().length)];
          Elements x = values.elements(type, size, random);
          View.Kind layout = View.Kind.values()[random.nextInt(4)];
          owned.add(Operand.input(stream, x, View.of(layout, size, random), random));
          expected.add(
              new FisherStatistics(
                  size,
                  Reference.sum(x, null),
                  Reference.dot(x, x, null),
                  Arrays.stream(x.values()).filter(v -> v < 0).count(),
                  x.nonFinite()));
        }
        List<Tensor> tensors = owned.stream().map(Operand::tensor).toList();
        List<FisherStatistics> actual = Fisher.statistics(stream, tensors);
        for (int k = 0; k < SIZES.length; k++) {
          assertEquals(expected.get(k), actual.get(k), type + ", " + Seeds.note());
        }
        // In batches as they may come.
        int cut = 1 + random.nextInt(SIZES.length - 1);
        FisherStatistics streamed =
            FisherStatistics.of(Fisher.statistics(stream, tensors.subList(0, cut)));
        for (FisherStatistics next :
            Fisher.statistics(stream, tensors.subList(cut, SIZES.length))) {
          streamed = streamed.plus(next);
        }
        assertEquals(FisherStatistics.of(expected), streamed);
        owned.forEach(Operand::close);
      }
    }
  }

  @Test
  void wholeModel() {
    FisherStatistics some =
        FisherStatistics.of(
            List.of(new FisherStatistics(3, 6, 14, 0, 0), new FisherStatistics(1, 2, 4, 0, 0)));
    assertEquals(new FisherStatistics(4, 8, 18, 0, 0), some);
    assertEquals(2, some.mean());
    assertEquals(Math.sqrt(4.5), some.rms());
    assertEquals(1 / Math.sqrt(4.5), some.scale());
    assertTrue(some.isValid());
    assertFalse(some.plus(new FisherStatistics(1, -1, 1, 1, 0)).isValid());
    assertFalse(some.plus(new FisherStatistics(1, Double.NaN, 0, 0, 1)).isValid());
    FisherStatistics nothing = FisherStatistics.NONE;
    assertEquals(0, nothing.mean());
    assertEquals(0, nothing.rms());
    assertEquals(0, nothing.scale());
    assertEquals(0, new FisherStatistics(9, 0, 0, 0, 0).scale());
  }

  // ---- Rows of classes ----

  @ParameterizedTest
  @MethodSource("devices")
  void rowsOfClasses(Device device) {
    SplittableRandom random = Seeds.of("class rows");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        for (int round = 0; round < 12; round++) {
          int classes = 1 + random.nextInt(30);
          int olds = random.nextInt(20);
          int[] widths = {1 + random.nextInt(70), 1};
          int[] rows = new int[classes];
          Arrays.setAll(rows, r -> random.nextInt(-1, olds));
          if (round % 3 == 0) { // runs of neighbours
            Arrays.setAll(rows, r -> r < olds ? r : -1);
          }
          boolean zeros = round % 4 == 1;
          boolean inPlace = round % 4 == 2;
          List<Operand> before = new ArrayList<>();
          List<Operand> after = new ArrayList<>();
          List<Operand> outs = new ArrayList<>();
          List<Elements> expected = new ArrayList<>();
          for (int width : widths) {
            Elements from = Values.BITS.elements(type, olds * width, random);
            Elements fresh = Values.BITS.elements(type, classes * width, random);
            long[] bits = new long[classes * width];
            for (int i = 0; i < bits.length; i++) {
              int r = rows[i / width];
              bits[i] = r >= 0 ? from.bits()[r * width + i % width] : zeros ? 0 : fresh.bits()[i];
            }
            expected.add(new Elements(type, bits));
            before.add(Operand.input(stream, from, View.flat(olds * width), random));
            after.add(Operand.inPlace(stream, fresh, View.flat(classes * width), random));
            outs.add(Operand.output(stream, type, View.flat(classes * width), random));
          }
          List<Operand> to = inPlace ? after : outs;
          Fisher.classRows(
              stream,
              shaped(before, olds, widths),
              zeros ? null : shaped(after, classes, widths),
              rows,
              shaped(to, classes, widths));
          stream.synchronize();
          for (int k = 0; k < widths.length; k++) {
            to.get(k).check(stream, expected.get(k), type + " " + Arrays.toString(rows));
          }
          before.forEach(Operand::close);
          after.forEach(Operand::close);
          outs.forEach(Operand::close);
        }
      }
    }
  }

  /// Matrices of some rows; those one element wide are vectors, as biases are.
  private static List<Tensor> shaped(List<Operand> operands, int rows, int[] widths) {
    List<Tensor> tensors = new ArrayList<>();
    for (int k = 0; k < operands.size(); k++) {
      Tensor flat = operands.get(k).tensor();
      tensors.add(widths[k] == 1 ? flat : flat.reshape(rows, widths[k]));
    }
    return tensors;
  }

  /// Columns of a larger tensor, whose rows are not neighbours.
  @ParameterizedTest
  @MethodSource("devices")
  void stridedRowsOfClasses(Device device) {
    try (Stream stream = device.stream();
        Operand old = input(stream, Elements.of(DType.F32, 1, 2, 3, 4, 5, 6));
        Operand updated = input(stream, Elements.of(DType.F32, 7, 8, 9, 10, 11, 12));
        Operand out = output(stream, DType.F32, 9)) {
      Tensor columns = out.tensor().reshape(3, 3).slice(1, 0, 2);
      Fisher.classRows(
          stream,
          List.of(old.tensor().reshape(2, 3).permute(1, 0)), // rows (1, 4), (2, 5), (3, 6)
          List.of(updated.tensor().reshape(3, 2)),
          new int[] {2, -1, 0},
          List.of(columns));
      stream.synchronize();
      double[] all = out.elements(stream).values();
      assertEquals(
          List.of(3.0, 6.0, 9.0, 10.0, 1.0, 4.0),
          List.of(all[0], all[1], all[3], all[4], all[6], all[7]));
      assertTrue(Double.isNaN(all[2]) && Double.isNaN(all[5]) && Double.isNaN(all[8]));
    }
  }
}

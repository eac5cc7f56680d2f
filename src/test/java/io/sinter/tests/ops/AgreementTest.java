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
import io.sinter.ops.RamplusOptions;
import io.sinter.ops.TaskVectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Tolerance;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// ram, ramplus_tl, sce and consensus_ta, byte for byte against plain loops.
class AgreementTest {
  private static final int[] SIZES = {0, 1, 2, 31, 33, 255, 257, 1021, 4095, 4097, 12_289};

  private enum Method {
    RAM,
    RAMPLUS,
    SCE,
    CONSENSUS
  }

  /// What all tensors of a call share.
  private record Call(
      Method method,
      double epsilon,
      double r,
      double alpha,
      double floor,
      int threshold,
      @Nullable DType load,
      @Nullable DType delta) {

    static Call random(Method method, int models, SplittableRandom random) {
      return new Call(
          method,
          new double[] {0, 1e-5, 0.01, 0.7}[random.nextInt(4)],
          new double[] {0, 0.1, -2}[random.nextInt(3)],
          new double[] {0, 0.2, 1e3}[random.nextInt(3)],
          new double[] {0, 1e-6, 0.5}[random.nextInt(3)],
          1 + random.nextInt(Math.min(models, 3)),
          random.nextInt(4) == 0 ? any(random) : null,
          random.nextInt(3) == 0 ? any(random) : null);
    }
  }

  /// One tensor's part.
  private record Merge(
      Elements base,
      List<Elements> models,
      double topk,
      double[] weights,
      double[] lambdaT,
      double lambda,
      DType out) {
    static Merge random(
        Method method, DType in, int models, int size, Values values, SplittableRandom random) {
      Values kind = method == Method.SCE && !values.tame() ? Values.WEIGHTS : values;
      Elements base = kind.elements(in, size, random);
      List<Elements> inputs = new ArrayList<>();
      for (int k = 0; k < models; k++) {
        DType type = random.nextInt(4) == 0 ? any(random) : in;
        Elements other = kind.elements(type, size, random);
        // As fine-tuned models are: the same as the base in places, and as each other in some.
        Elements same = k > 0 && random.nextBoolean() ? inputs.get(random.nextInt(k)) : base;
        long[] bits = same.cast(type).bits().clone();
        for (int i = 0; i < size; i++) {
          bits[i] = random.nextBoolean() ? other.bits()[i] : bits[i];
        }
        Elements mixed = new Elements(type, bits);
        if (method == Method.SCE && mixed.nonFinite() > 0) {
          mixed = other; // a cast that overflowed
        }
        inputs.add(mixed);
      }
      double topk = new double[] {0, 0.1, 0.4, 0.999, 1, 7}[random.nextInt(6)];
      boolean plain = random.nextBoolean(); // as in the paper
      double[] weights = new double[models];
      double[] lambdaT = new double[models];
      for (int k = 0; k < models; k++) {
        weights[k] = plain ? 1 : new double[] {1, 0, 0.3, -0.7, 1e3}[random.nextInt(5)];
        lambdaT[k] = plain ? 0.4 : new double[] {0, 0.2, 0.5, 1, 1.3}[random.nextInt(5)];
      }
      double lambda = new double[] {1, 0.3, -2, 0}[random.nextInt(4)];
      DType out = random.nextBoolean() ? in : any(random);
      return new Merge(base, inputs, topk, weights, lambdaT, lambda, out);
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  // ---- The reference ----

  /// float64, or float32 where nothing is float64: the sum, product or quotient of two floats,
  /// rounded to double and then to float, is the float nearest to it.
  private record Numbers(boolean wide) {
    double round(double x) {
      return wide ? x : (float) x;
    }

    double fma(double a, double b, double c) {
      return wide ? Math.fma(a, b, c) : Math.fma((float) a, (float) b, (float) c);
    }
  }

  private static double[] expected(Call call, Merge merge) {
    Elements base = loaded(merge.base, call.load);
    List<Elements> models = merge.models.stream().map(e -> loaded(e, call.load)).toList();
    boolean wide = base.type() == DType.F64 || models.stream().anyMatch(e -> e.type() == DType.F64);
    Numbers numbers = new Numbers(wide);
    int n = base.count();
    double[][] d = new double[models.size()][n];
    for (int k = 0; k < d.length; k++) {
      for (int i = 0; i < n; i++) {
        double x = numbers.round(models.get(k).value(i)) - numbers.round(base.value(i));
        x = numbers.round(x);
        d[k][i] = call.delta == null ? x : numbers.round(Codec.round(call.delta, x));
      }
    }
    return switch (call.method) {
      case RAM, RAMPLUS -> ram(call, base, d, numbers);
      case SCE -> sce(call, merge, base, d, numbers);
      case CONSENSUS -> consensus(call, merge, base, d, numbers);
    };
  }

  private static Elements loaded(Elements elements, @Nullable DType dtype) {
    return dtype == null ? elements : elements.cast(dtype);
  }

  private static double[] ram(Call call, Elements base, double[][] d, Numbers numbers) {
    int n = base.count();
    double epsilon = numbers.round(call.epsilon);
    double[] factor = new double[d.length];
    for (int k = 0; k < d.length; k++) {
      long shared = 0;
      long unique = 0;
      for (int i = 0; i < n; i++) {
        if (active(d[k][i], epsilon)) {
          if (activeModels(d, i, epsilon) > 1) {
            shared++;
          } else {
            unique++;
          }
        }
      }
      double rho = shared == 0 ? 0 : shared / Math.max(unique, call.epsilon);
      factor[k] =
          call.method == Method.RAM ? 1 : 1 + call.r * Math.min(Math.max(rho, 0), call.alpha);
    }
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      double from = numbers.round(base.value(i));
      int count = activeModels(d, i, epsilon);
      double sum = 0;
      double alone = 1;
      for (int k = 0; k < d.length; k++) {
        if (active(d[k][i], epsilon)) {
          sum = numbers.round(sum + d[k][i]);
          alone = factor[k];
        }
      }
      out[i] =
          switch (count) {
            case 0 -> from;
            case 1 -> numbers.fma(numbers.round(alone), sum, from);
            default -> numbers.round(from + numbers.round(sum / count));
          };
    }
    return out;
  }

  private static boolean active(double d, double epsilon) {
    return Double.isNaN(d) || Math.abs(d) > epsilon;
  }

  private static int activeModels(double[][] d, int i, double epsilon) {
    int count = 0;
    for (double[] model : d) {
      count += active(model[i], epsilon) ? 1 : 0;
    }
    return count;
  }

  private static double[] sce(
      Call call, Merge merge, Elements base, double[][] d, Numbers numbers) {
    int n = base.count();
    int models = d.length;
    boolean[] kept = new boolean[n];
    Arrays.fill(kept, true);
    if (merge.topk < 1) {
      double[] variance = new double[n];
      long varied = 0;
      for (int i = 0; i < n; i++) {
        double sum = 0;
        double squares = 0;
        for (int k = 1; k < models; k++) {
          double e = d[k][i] - d[0][i];
          sum += e;
          squares = Math.fma(e, e, squares);
        }
        double v = Math.max(0, (squares - sum * sum / models) / models);
        variance[i] = numbers.wide ? v : (float) Math.min(v, Float.MAX_VALUE);
        varied += variance[i] != 0 ? 1 : 0;
      }
      int k = (int) (varied * merge.topk);
      Arrays.fill(kept, false);
      IntStream.range(0, n)
          .boxed()
          .sorted(Comparator.comparingDouble((Integer i) -> -variance[i]).thenComparing(i -> i))
          .limit(k)
          .forEach(i -> kept[i] = true);
    }
    double[] v = new double[models];
    double total = 0;
    for (int k = 0; k < models; k++) {
      double[] of = d[k];
      v[k] = Reference.sum(n, i -> kept[i] ? of[i] * of[i] : 0) / n;
      total += v[k];
    }
    for (int k = 0; k < models; k++) {
      v[k] = total < call.floor || total == 0 ? 1.0 / models : v[k] / total;
      v[k] = numbers.round(v[k]);
    }
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      double from = numbers.round(base.value(i));
      double elected = 0;
      for (double[] model : d) {
        elected = numbers.round(elected + model[i]);
      }
      double sum = 0;
      double weight = 0;
      for (int k = 0; k < models; k++) {
        if (d[k][i] != 0 && d[k][i] < 0 == elected < 0) {
          sum = numbers.fma(v[k], d[k][i], sum);
          weight = numbers.round(weight + v[k]);
        }
      }
      double divisor = Math.max(weight, numbers.round(1e-6));
      out[i] = kept[i] ? numbers.round(from + numbers.round(sum / divisor)) : from;
    }
    return out;
  }

  private static double[] consensus(
      Call call, Merge merge, Elements base, double[][] d, Numbers numbers) {
    double[] out = new double[base.count()];
    for (int i = 0; i < out.length; i++) {
      double from = numbers.round(base.value(i));
      double[] own = new double[d.length];
      double sum = 0;
      for (int k = 0; k < d.length; k++) {
        own[k] = numbers.round(numbers.round(merge.weights[k]) * d[k][i]);
        sum = numbers.round(sum + own[k]);
      }
      int important = 0;
      for (int k = 0; k < d.length; k++) {
        double others = Math.abs(numbers.round(sum - own[k]));
        double bound = numbers.round(numbers.round(merge.lambdaT[k]) * others);
        important += Math.abs(own[k]) >= bound ? 1 : 0;
      }
      if (!Double.isFinite(sum)) {
        out[i] = Double.NaN;
      } else if (important >= call.threshold && sum != 0) {
        out[i] = numbers.fma(numbers.round(merge.lambda), sum, from);
      } else {
        out[i] = from;
      }
    }
    return out;
  }

  // ---- Running ----

  private static void run(
      Stream stream, Call call, List<Merge> merges, View.Kind layout, SplittableRandom random) {
    int count = merges.size();
    List<Operand> all = new ArrayList<>();
    try {
      List<Tensor> bases = new ArrayList<>();
      List<List<Tensor>> inputs = new ArrayList<>();
      List<Operand> outs = new ArrayList<>();
      List<Operand> inputsOnly = new ArrayList<>();
      for (Merge merge : merges) {
        View view = View.of(layout, merge.base.count(), random);
        boolean inPlace = merge.out == merge.base.type() && random.nextInt(4) == 0;
        Operand base =
            inPlace
                ? Operand.inPlace(stream, merge.base, view, random)
                : Operand.input(stream, merge.base, view, random);
        all.add(base);
        bases.add(base.tensor());
        List<Tensor> models = new ArrayList<>();
        for (Elements model : merge.models) {
          Operand input = Operand.input(stream, model, view.relaid(random), random);
          all.add(input);
          inputsOnly.add(input);
          models.add(input.tensor());
        }
        inputs.add(models);
        Operand out =
            inPlace ? base : Operand.output(stream, merge.out, view.relaid(random), random);
        if (!inPlace) {
          all.add(out);
          inputsOnly.add(base);
        }
        outs.add(out);
      }
      Operand counts = Operand.output(stream, DType.F64, View.flat(3 * count), random);
      all.add(counts);
      Arithmetic arithmetic =
          new Arithmetic(call.load, call.delta, counts.tensor().reshape(count, 3));
      List<Tensor> out = outs.stream().map(Operand::tensor).toList();
      switch (call.method) {
        case RAM -> TaskVectors.ram(stream, bases, inputs, call.epsilon, out, arithmetic);
        case RAMPLUS ->
            TaskVectors.ramplusTl(
                stream,
                bases,
                inputs,
                new RamplusOptions(call.epsilon, call.r, call.alpha),
                out,
                arithmetic);
        case SCE ->
            TaskVectors.sce(
                stream,
                bases,
                inputs,
                merges.stream().mapToDouble(Merge::topk).toArray(),
                call.floor,
                out,
                arithmetic);
        case CONSENSUS ->
            TaskVectors.consensusTa(
                stream,
                bases,
                inputs,
                merges.stream().map(Merge::weights).toArray(double[][]::new),
                merges.stream().map(Merge::lambdaT).toArray(double[][]::new),
                call.threshold,
                merges.stream().mapToDouble(Merge::lambda).toArray(),
                out,
                arithmetic);
      }
      stream.synchronize();
      double[] expectedCounts = new double[3 * count];
      for (int k = 0; k < count; k++) {
        Merge merge = merges.get(k);
        double[] values = expected(call, merge);
        Elements elements =
            new Elements(
                merge.out,
                Arrays.stream(values).mapToLong(v -> Codec.encode(merge.out, v)).toArray());
        String what =
            call
                + ", tensor "
                + k
                + " of "
                + count
                + ": "
                + merge.models.size()
                + " models of "
                + merge.base.type()
                + "["
                + values.length
                + "], topk "
                + merge.topk
                + ", "
                + layout
                + " on "
                + stream.device()
                + " ("
                + Seeds.note()
                + ")";
        outs.get(k).check(stream, elements, what);
        expectedCounts[3 * k] = elements.nonFinite();
        expectedCounts[3 * k + 1] =
            Arrays.stream(values).filter(v -> Codec.saturates(merge.out, v)).count();
      }
      inputsOnly.forEach(input -> input.checkUntouched(stream, call + ", an input"));
      counts.check(stream, Elements.of(DType.F64, expectedCounts), call + ": counts");
    } finally {
      all.forEach(Operand::close);
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndSize() {
    return cases(
        (device, method) ->
            Arrays.stream(DType.values())
                .map(
                    type ->
                        DynamicTest.dynamicTest(
                            method + " of " + type + " on " + device,
                            () -> sizes(device, method, type))));
  }

  private static void sizes(Device device, Method method, DType type) {
    SplittableRandom random = Seeds.of("agreement " + method + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (Values values : Values.values()) {
          for (View.Kind layout : View.Kind.values()) {
            if (Seeds.full() || random.nextInt(8) == 0) {
              int models = random.nextInt(10) == 0 ? 40 : 1 + random.nextInt(5);
              Call call = Call.random(method, models, random);
              Merge merge = Merge.random(method, type, models, size, values, random);
              run(stream, call, List.of(merge), layout, random);
            }
          }
        }
      }
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> batches() {
    return cases(
        (device, method) ->
            java.util.stream.Stream.of(
                DynamicTest.dynamicTest(method + " on " + device, () -> batch(device, method))));
  }

  private static void batch(Device device, Method method) {
    SplittableRandom random = Seeds.of("agreement batch " + method);
    try (Stream stream = device.stream()) {
      for (int round = 0; round < 3; round++) {
        int models = 1 + random.nextInt(4);
        List<Merge> merges = new ArrayList<>();
        for (int k = 0; k < 30; k++) {
          int size = random.nextInt(1 << random.nextInt(14));
          Values values = Values.values()[random.nextInt(Values.values().length)];
          merges.add(Merge.random(method, any(random), models, size, values, random));
        }
        View.Kind layout = View.Kind.values()[round];
        run(stream, Call.random(method, models, random), merges, layout, random);
      }
    }
  }

  /// Larger than any part that one thread takes, with any number of threads.
  @TestFactory
  java.util.stream.Stream<DynamicNode> threads() {
    return IntStream.of(1, 2, 3)
        .boxed()
        .flatMap(
            threads ->
                Arrays.stream(Method.values())
                    .map(
                        method ->
                            DynamicTest.dynamicTest(
                                method + " with " + threads + " threads",
                                () -> threads(method, threads))));
  }

  private static void threads(Method method, int threads) {
    SplittableRandom random = Seeds.of("agreement threads " + method);
    StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
    try (Stream stream = Device.cpu().stream(options)) {
      Merge merge = Merge.random(method, DType.BF16, 3, 200_003, Values.WEIGHTS, random);
      Call call = new Call(method, 0.01, 0.1, 0.2, 1e-6, 2, null, null);
      run(stream, call, List.of(merge), View.Kind.CONTIGUOUS, random);
      Merge some =
          new Merge(
              merge.base, merge.models, 0.3, merge.weights, merge.lambdaT, merge.lambda, DType.F32);
      run(stream, call, List.of(some), View.Kind.CONTIGUOUS, random);
    }
  }

  private interface Cases {
    java.util.stream.Stream<? extends DynamicNode> of(Device device, Method method);
  }

  private static java.util.stream.Stream<DynamicNode> cases(Cases cases) {
    return Devices.all().stream()
        .flatMap(device -> Arrays.stream(Method.values()).flatMap(m -> cases.of(device, m)));
  }

  // ---- What is promised beyond the formula ----

  static List<Device> devices() {
    return Devices.all();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void identicalModelsGiveThatModel(Device device) {
    SplittableRandom random = Seeds.of("identical models");
    try (Stream stream = device.stream()) {
      for (DType type : List.of(DType.F64, DType.F32, DType.F16, DType.BF16)) {
        Elements base = Values.NORMAL.elements(type, 5003, random);
        Elements model = Values.NORMAL.elements(type, 5003, random);
        for (Method method : Method.values()) {
          for (double topk : new double[] {0.5, 1}) {
            Elements out = merge(stream, method, base, List.of(model, model, model), topk);
            boolean none = method == Method.SCE && topk < 1; // nothing varies, nothing is kept
            for (int i = 0; i < base.count(); i++) {
              double larger = Math.max(Math.abs(base.value(i)), Math.abs(model.value(i)));
              Tolerance.roundings(type, 2, none ? 0 : 4 * Codec.unitRoundoff(type) * larger)
                  .check(
                      method + " of three times the same " + type,
                      none ? base.value(i) : model.value(i),
                      out.value(i));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void theBaseAloneComesOutAsItIs(Device device) {
    SplittableRandom random = Seeds.of("base alone");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        Elements base = Values.TIES.elements(type, 4099, random);
        for (Method method : Method.values()) {
          Elements out = merge(stream, method, base, List.of(base, base), 0.5);
          assertArrayEquals(base.bits(), out.bits(), method + " of " + type);
        }
      }
    }
  }

  private static Elements merge(
      Stream stream, Method method, Elements base, List<Elements> models, double topk) {
    SplittableRandom random = Seeds.of("merge");
    View flat = View.flat(base.count());
    List<Operand> operands = new ArrayList<>();
    try {
      List<Tensor> inputs = new ArrayList<>();
      operands.add(Operand.input(stream, base, flat, random));
      for (Elements model : models) {
        operands.add(Operand.input(stream, model, flat, random));
        inputs.add(operands.getLast().tensor());
      }
      Operand out = Operand.output(stream, base.type(), flat, random);
      operands.add(out);
      Tensor from = operands.getFirst().tensor();
      switch (method) {
        case RAM -> TaskVectors.ram(stream, from, inputs, 1e-5, out.tensor());
        case RAMPLUS ->
            TaskVectors.ramplusTl(stream, from, inputs, RamplusOptions.DEFAULT, out.tensor());
        case SCE -> TaskVectors.sce(stream, from, inputs, topk, 0, out.tensor());
        case CONSENSUS -> {
          double[] weights = new double[models.size()]; // of the mean
          Arrays.fill(weights, 1.0 / models.size());
          double[] lambdaT = new double[models.size()];
          Arrays.fill(lambdaT, 0.4);
          TaskVectors.consensusTa(
              stream, from, inputs, weights, lambdaT, models.size(), 1, out.tensor());
        }
      }
      stream.synchronize();
      return out.elements(stream);
    } finally {
      operands.forEach(Operand::close);
    }
  }

  /// sce takes a statistic: it names the tensor and the model, and on the CPU writes nothing.
  @ParameterizedTest
  @MethodSource("devices")
  void sceNamesWhatIsNotFinite(Device device) {
    SplittableRandom random = Seeds.of("not finite");
    int n = 9001;
    View flat = View.flat(n);
    for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
      for (double topk : new double[] {0, 0.5, 1}) {
        for (int at = 0; at < 4; at++) { // the base, then the models
          List<Operand> operands = new ArrayList<>();
          try (Stream stream = device.stream()) {
            List<Tensor> tensors = new ArrayList<>();
            for (int k = 0; k < 4; k++) {
              double[] values = Values.NORMAL.elements(DType.F32, n, random).values();
              if (k == at) {
                values[random.nextInt(n)] = bad;
              }
              operands.add(Operand.input(stream, Elements.of(DType.F32, values), flat, random));
              tensors.add(operands.getLast().tensor());
            }
            Operand out = Operand.output(stream, DType.F32, flat, random);
            operands.add(out);
            NumericException thrown =
                assertThrows(
                    NumericException.class,
                    () -> {
                      TaskVectors.sce(
                          stream,
                          tensors.get(0),
                          tensors.subList(1, 4),
                          topk,
                          0,
                          out.tensor().named("block.7"));
                      stream.synchronize();
                    });
            String named = at == 0 ? "base" : "model " + (at - 1);
            assertTrue(thrown.getMessage().contains(named), thrown.getMessage());
            assertTrue(thrown.getMessage().contains("block.7"), thrown.getMessage());
            if (device.isCpu()) {
              out.checkUntouched(stream, "the output");
            }
            // Reported once; the stream goes on.
            stream.synchronize();
          } finally {
            operands.forEach(Operand::close);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void anElementThatIsNotFiniteStaysItsOwn(Device device) {
    try (Stream stream = device.stream()) {
      Elements base = Elements.of(DType.F32, 1, 1, 1, Double.NaN);
      Elements a = Elements.of(DType.F32, Double.NaN, 2, Double.POSITIVE_INFINITY, 1);
      Elements b = Elements.of(DType.F32, 1, 4, 1, 1);
      for (Method method : List.of(Method.RAM, Method.RAMPLUS)) {
        double[] out = merge(stream, method, base, List.of(a, b), 1).values();
        assertTrue(Double.isNaN(out[0]) && Double.isNaN(out[3]), method + Arrays.toString(out));
        assertEquals(3, out[1], method.toString());
        assertEquals(Double.POSITIVE_INFINITY, out[2], method.toString());
      }
    }
  }

  /// Worked by hand: agreement, opposition, one model that outweighs the other, and what is not
  /// finite.
  @ParameterizedTest
  @MethodSource("devices")
  void consensusOfTwo(Device device) {
    double nan = Double.NaN;
    double inf = Double.POSITIVE_INFINITY;
    SplittableRandom random = Seeds.of("consensus of two");
    View flat = View.flat(8);
    for (int threshold = 1; threshold <= 2; threshold++) {
      boolean one = threshold == 1;
      try (Stream stream = device.stream();
          Operand base =
              Operand.input(stream, Elements.of(DType.F32, new double[8]), flat, random);
          Operand a =
              Operand.input(
                  stream, Elements.of(DType.F32, 1, 1, 3, -1, 2, nan, inf, 3e38), flat, random);
          Operand b =
              Operand.input(
                  stream, Elements.of(DType.F32, 1, -1, 1, -1, 0.5, 1, 1, 3e38), flat, random);
          Operand out = Operand.output(stream, DType.F32, flat, random)) {
        TaskVectors.consensusTa(
            stream,
            base.tensor(),
            List.of(a.tensor(), b.tensor()),
            new double[] {1, 1},
            new double[] {0.4, 0.4},
            threshold,
            1,
            out.tensor());
        stream.synchronize();
        out.check(
            stream,
            Elements.of(DType.F32, 2, 0, one ? 4 : 0, -2, one ? 2.5 : 0, nan, nan, nan),
            threshold + " of two must agree");
      }
    }
  }
}

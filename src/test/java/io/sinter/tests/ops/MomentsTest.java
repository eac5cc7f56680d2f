// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Sums of powers, counts by kind and sums under a mask, byte for byte.
class MomentsTest {
  private static final int[] SIZES = {
    0, 1, 31, 33, 63, 64, 65, 257, 1021, 4095, 4096, 4097, 12_345
  };

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
    SplittableRandom random = Seeds.of("moments " + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (Values values : Values.values()) {
          for (View.Kind layout : View.Kind.values()) {
            if (Seeds.full() || random.nextInt(8) == 0) {
              Elements in = values.elements(type, size, random);
              Elements mask = mask(any(random), size, random);
              DType load = random.nextInt(4) == 0 ? any(random) : null;
              check(stream, List.of(in), List.of(mask), load, layout, random);
            }
          }
        }
      }
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  /// Half of it zeros, of either sign.
  private static Elements mask(DType type, int size, SplittableRandom random) {
    Elements values = Values.SPECIAL.elements(type, size, random);
    double[] mask = values.values();
    for (int i = 0; i < size; i++) {
      mask[i] = random.nextBoolean() ? mask[i] : random.nextBoolean() ? 0.0 : -0.0;
    }
    return Elements.of(type, mask);
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> batchesAndThreads() {
    return java.util.stream.Stream.concat(
        Devices.all().stream()
            .map(
                device ->
                    DynamicTest.dynamicTest(
                        "on " + device,
                        () -> {
                          try (Stream stream = device.stream()) {
                            batch(stream);
                          }
                        })),
        IntStream.of(1, 2, 3)
            .mapToObj(
                threads ->
                    DynamicTest.dynamicTest(
                        threads + " threads",
                        () -> {
                          StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
                          try (Stream stream = Device.cpu().stream(options)) {
                            batch(stream);
                          }
                        })));
  }

  private static void batch(Stream stream) {
    SplittableRandom random = Seeds.of("moments batch");
    List<Elements> in = new ArrayList<>();
    List<Elements> masks = new ArrayList<>();
    for (int k = 0; k < 30; k++) {
      int size = k == 7 ? 200_003 : random.nextInt(1 << random.nextInt(14));
      Values values = Values.values()[random.nextInt(Values.values().length)];
      in.add(values.elements(any(random), size, random));
      masks.add(mask(any(random), size, random));
    }
    check(stream, in, masks, null, View.Kind.CONTIGUOUS, random);
    check(stream, in, masks, DType.BF16, View.Kind.STRIDED, random);
  }

  private static void check(
      Stream stream,
      List<Elements> in,
      List<Elements> masks,
      @Nullable DType load,
      View.Kind layout,
      SplittableRandom random) {
    int count = in.size();
    List<Operand> operands = new ArrayList<>();
    try {
      List<Tensor> inputs = new ArrayList<>();
      List<Tensor> maskTensors = new ArrayList<>();
      double[] threshold = new double[count];
      double[] moments = new double[4 * count];
      double[] counts = new double[4 * count];
      double[] sums = new double[count];
      for (int k = 0; k < count; k++) {
        View view = View.of(layout, in.get(k).count(), random);
        operands.add(Operand.input(stream, in.get(k), view, random));
        inputs.add(operands.getLast().tensor());
        operands.add(Operand.input(stream, masks.get(k), view.relaid(random), random));
        maskTensors.add(operands.getLast().tensor());
        threshold[k] = new double[] {0, 0.5, 1, 0.7, 1e300}[random.nextInt(5)];
        Elements x = load == null ? in.get(k) : in.get(k).cast(load);
        Elements m = load == null ? masks.get(k) : masks.get(k).cast(load);
        moments[4 * k] = Reference.sum(x.count(), x::value);
        moments[4 * k + 1] = Reference.sum(x.count(), i -> x.value(i) * x.value(i));
        moments[4 * k + 2] = Reference.sum(x.count(), i -> x.value(i) * x.value(i) * x.value(i));
        moments[4 * k + 3] =
            Reference.sum(
                x.count(),
                i -> {
                  double square = x.value(i) * x.value(i);
                  return square * square;
                });
        for (double value : x.values()) {
          counts[4 * k] += Double.isFinite(value) ? 1 : 0;
          counts[4 * k + 1] += Double.isInfinite(value) ? 1 : 0;
          counts[4 * k + 2] += Double.isNaN(value) ? 1 : 0;
          counts[4 * k + 3] += Math.abs(value) > threshold[k] ? 1 : 0;
        }
        sums[k] = Reference.sum(x.count(), i -> m.value(i) != 0 ? x.value(i) : 0);
      }
      Operand ofMoments = Operand.output(stream, DType.F64, View.flat(4 * count), random);
      Operand ofCounts = Operand.output(stream, DType.F64, View.flat(4 * count), random);
      Operand ofSums = Operand.output(stream, DType.F64, View.flat(count), random);
      operands.addAll(List.of(ofMoments, ofCounts, ofSums));
      Reductions.moments(stream, inputs, load, ofMoments.tensor().reshape(count, 4));
      Reductions.count(stream, inputs, threshold, load, ofCounts.tensor().reshape(count, 4));
      Reductions.maskedSum(stream, inputs, maskTensors, load, ofSums.tensor());
      stream.synchronize();
      String what =
          " of "
              + count
              + " tensors, the first "
              + in.get(0).type()
              + "["
              + in.get(0).count()
              + "] as "
              + load
              + ", "
              + layout
              + " on "
              + stream.device()
              + " ("
              + Seeds.note()
              + ")";
      ofMoments.check(stream, Elements.of(DType.F64, moments), "moments" + what);
      ofCounts.check(stream, Elements.of(DType.F64, counts), "counts" + what);
      ofSums.check(stream, Elements.of(DType.F64, sums), "masked sums" + what);
    } finally {
      operands.forEach(Operand::close);
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> singleTensors() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> singles(device)));
  }

  private static void singles(Device device) {
    SplittableRandom random = Seeds.of("single moments");
    Elements in = Elements.of(DType.F32, 1, -2, Double.NaN, 3, Double.POSITIVE_INFINITY);
    Elements mask = Elements.of(DType.F8_E4M3, 1, 1, 0, 1, 0);
    Elements finite = Elements.of(DType.BF16, 1, -2, 3);
    try (Stream stream = device.stream();
        Operand x = Operand.input(stream, in, View.flat(5), random);
        Operand m = Operand.input(stream, mask, View.flat(5), random);
        Operand y = Operand.input(stream, finite, View.flat(3), random)) {
      assertEquals(2, Reductions.maskedSum(stream, x.tensor(), m.tensor()));
      assertEquals(new Reductions.Counted(3, 1, 1, 3), Reductions.count(stream, x.tensor(), 1));
      assertEquals(
          new Reductions.Moments(2, 14, 1 - 8 + 27, 1 + 16 + 81),
          Reductions.moments(stream, y.tensor()));
    }
  }
}

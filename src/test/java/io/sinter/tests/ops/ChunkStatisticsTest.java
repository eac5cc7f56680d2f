// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

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

/// Least, greatest, squares, non-finite and changed elements of chunks, byte for byte.
class ChunkStatisticsTest {
  private static final int[] SIZES = {
    0, 1, 2, 31, 63, 64, 65, 255, 256, 257, 1021, 4095, 4096, 4097, 8192, 12_345
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
    SplittableRandom random = Seeds.of("chunk statistics " + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (Values values : Values.values()) {
          for (View.Kind layout : View.Kind.values()) {
            if (Seeds.full() || random.nextInt(6) == 0) {
              Elements in = values.elements(type, size, random);
              check(stream, List.of(in), null, layout, random);
              check(stream, List.of(in), List.of(base(in, random)), layout, random);
            }
          }
        }
      }
    }
  }

  /// Another tensor, of any type or the same, that has some of the elements.
  private static Elements base(Elements in, SplittableRandom random) {
    DType type =
        random.nextBoolean() ? in.type() : DType.values()[random.nextInt(DType.values().length)];
    Elements other = Values.SPECIAL.elements(type, in.count(), random);
    Elements same = in.type() == type ? in : in.cast(type);
    long[] bits = other.bits().clone();
    for (int i = 0; i < bits.length; i++) {
      bits[i] = random.nextInt(3) == 0 ? bits[i] : same.bits()[i];
    }
    return new Elements(type, bits);
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
    SplittableRandom random = Seeds.of("chunk statistics batch");
    List<Elements> in = new ArrayList<>();
    List<Elements> bases = new ArrayList<>();
    for (int k = 0; k < 20; k++) {
      int size = k == 7 ? 200_003 : random.nextInt(1 << random.nextInt(14));
      Values values = Values.values()[random.nextInt(Values.values().length)];
      DType type = DType.values()[random.nextInt(DType.values().length)];
      in.add(values.elements(type, size, random));
      bases.add(base(in.getLast(), random));
    }
    check(stream, in, null, View.Kind.CONTIGUOUS, random);
    check(stream, in, bases, View.Kind.CONTIGUOUS, random);
    check(stream, in, bases, View.Kind.STRIDED, random);
  }

  private static void check(
      Stream stream,
      List<Elements> in,
      @Nullable List<Elements> bases,
      View.Kind layout,
      SplittableRandom random) {
    int numbers = bases == null ? 4 : 6;
    List<Operand> operands = new ArrayList<>();
    List<Operand> results = new ArrayList<>();
    try {
      List<Tensor> inputs = new ArrayList<>();
      List<Tensor> others = new ArrayList<>();
      List<Tensor> outs = new ArrayList<>();
      for (int k = 0; k < in.size(); k++) {
        View view = View.of(layout, in.get(k).count(), random);
        operands.add(Operand.input(stream, in.get(k), view, random));
        inputs.add(operands.getLast().tensor());
        if (bases != null) {
          operands.add(Operand.input(stream, bases.get(k), view.relaid(random), random));
          others.add(operands.getLast().tensor());
        }
        int chunks = Math.ceilDiv(in.get(k).count(), Reductions.CHUNK);
        results.add(Operand.output(stream, DType.F64, View.flat(chunks * numbers), random));
        outs.add(results.getLast().tensor().reshape(chunks, numbers));
      }
      Reductions.chunkStatistics(stream, inputs, bases == null ? null : others, outs);
      stream.synchronize();
      for (int k = 0; k < in.size(); k++) {
        Elements base = bases == null ? null : bases.get(k);
        results
            .get(k)
            .check(
                stream,
                Elements.of(DType.F64, expected(in.get(k), base)),
                "tensor %d of %d, %s[%d], base %s, %s on %s (%s)"
                    .formatted(
                        k,
                        in.size(),
                        in.get(k).type(),
                        in.get(k).count(),
                        base == null ? "none" : base.type(),
                        layout,
                        stream.device(),
                        Seeds.note()));
      }
    } finally {
      operands.forEach(Operand::close);
      results.forEach(Operand::close);
    }
  }

  private static double[] expected(Elements in, @Nullable Elements base) {
    int numbers = base == null ? 4 : 6;
    int chunks = Math.ceilDiv(in.count(), Reductions.CHUNK);
    double[] expected = new double[chunks * numbers];
    Elements cast = base == null || base.type() == in.type() ? base : base.cast(in.type());
    boolean wide = in.type() == DType.F64 || base != null && base.type() == DType.F64;
    for (int chunk = 0; chunk < chunks; chunk++) {
      int from = chunk * Reductions.CHUNK;
      int count = Math.min(Reductions.CHUNK, in.count() - from);
      double least = Double.POSITIVE_INFINITY;
      double greatest = Double.NEGATIVE_INFINITY;
      int nonFinite = 0;
      int changed = 0;
      for (int i = from; i < from + count; i++) {
        double x = in.value(i);
        if (Double.isFinite(x)) {
          least = Double.compare(x, least) < 0 ? x : least;
          greatest = Double.compare(x, greatest) > 0 ? x : greatest;
        } else {
          nonFinite++;
        }
        changed += cast != null && in.bits()[i] != cast.bits()[i] ? 1 : 0;
      }
      int at = chunk * numbers;
      expected[at] = least;
      expected[at + 1] = greatest;
      expected[at + 2] = Reference.sum(count, i -> in.value(from + i) * in.value(from + i));
      expected[at + 3] = nonFinite;
      if (base != null) {
        expected[at + 4] =
            Reference.sum(
                count,
                i -> {
                  double difference = in.value(from + i) - base.value(from + i);
                  double rounded = wide ? difference : (float) difference;
                  return rounded * rounded;
                });
        expected[at + 5] = changed;
      }
    }
    return expected;
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.NormKind;
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
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Reductions of rows: each as a tensor of its own, byte for byte.
class RowReductionsTest {
  /// Many short rows, few long ones, one, none, and rows of nothing.
  private static final long[][] SHAPES = {
    {},
    {1},
    {77},
    {4097},
    {1, 1},
    {5, 0},
    {0, 5},
    {300, 1},
    {211, 3},
    {70, 31},
    {40, 64},
    {41, 65},
    {3, 4, 129},
    {9, 1021},
    {7, 4096},
    {3, 4097},
    {2, 9001},
    {2, 1, 3, 2, 17}
  };

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndShape() {
    return Devices.all().stream()
        .flatMap(
            device ->
                Arrays.stream(DType.values())
                    .map(
                        type ->
                            DynamicTest.dynamicTest(
                                type + " on " + device, () -> shapes(device, type))));
  }

  private static void shapes(Device device, DType type) {
    SplittableRandom random = Seeds.of("rows " + type);
    try (Stream stream = device.stream()) {
      for (long[] shape : SHAPES) {
        for (boolean transposed : new boolean[] {false, true}) {
          for (Values values : Values.values()) {
            if (Seeds.full() || random.nextInt(4) == 0) {
              DType load = random.nextInt(4) == 0 ? any(random) : null;
              check(stream, List.of(shape), type, values, load, transposed, random);
            }
          }
        }
      }
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> batchesAndThreads() {
    return java.util.stream.Stream.concat(
        Devices.all().stream()
            .map(device -> DynamicTest.dynamicTest("on " + device, () -> batch(device.stream()))),
        IntStream.of(1, 2, 3)
            .mapToObj(
                threads ->
                    DynamicTest.dynamicTest(
                        threads + " threads",
                        () ->
                            batch(
                                Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))))));
  }

  private static void batch(Stream stream) {
    SplittableRandom random = Seeds.of("row batch");
    try (stream) {
      List<long[]> shapes = new ArrayList<>(List.of(SHAPES));
      shapes.add(new long[] {3000, 70});
      shapes.add(new long[] {2, 100_003});
      check(stream, shapes, DType.BF16, Values.NORMAL, null, false, random);
      check(stream, shapes, DType.F32, Values.RANGE, DType.F16, true, random);
    }
  }

  private static void check(
      Stream stream,
      List<long[]> shapes,
      DType type,
      Values values,
      @Nullable DType load,
      boolean transposed,
      SplittableRandom random) {
    List<Operand> operands = new ArrayList<>();
    try {
      List<Tensor> a = new ArrayList<>();
      List<Tensor> b = new ArrayList<>();
      List<Elements> x = new ArrayList<>();
      List<Elements> y = new ArrayList<>();
      List<List<Operand>> outs = List.of(list(), list(), list(), list(), list());
      List<List<Tensor>> tensors = List.of(list(), list(), list(), list(), list());
      for (long[] shape : shapes) {
        int count = (int) Arrays.stream(shape).reduce(1, (p, q) -> p * q);
        x.add(values.elements(type, count, random));
        y.add(values.elements(random.nextBoolean() ? type : any(random), count, random));
        a.add(operand(stream, x.getLast(), shape, transposed, random, operands));
        b.add(operand(stream, y.getLast(), shape, false, random, operands));
        long[] rows = Arrays.copyOf(shape, Math.max(0, shape.length - 1));
        int number = (int) Arrays.stream(rows).reduce(1, (p, q) -> p * q);
        for (int k = 0; k < 5; k++) {
          Operand out = Operand.output(stream, DType.F64, View.flat(number), random);
          operands.add(out);
          outs.get(k).add(out);
          tensors.get(k).add(out.tensor().reshape(rows));
        }
      }
      Reductions.rowSum(stream, a, load, tensors.get(0));
      Reductions.rowNorm(stream, a, NormKind.L1, load, tensors.get(1));
      Reductions.rowNorm(stream, a, NormKind.L2, load, tensors.get(2));
      Reductions.rowNorm(stream, a, NormKind.MAX, load, tensors.get(3));
      Reductions.rowDot(stream, a, b, load, tensors.get(4));
      stream.synchronize();
      for (int t = 0; t < shapes.size(); t++) {
        String what =
            Arrays.toString(shapes.get(t))
                + " of "
                + type
                + " and "
                + y.get(t).type()
                + " as "
                + load
                + (transposed ? ", transposed" : "")
                + " on "
                + stream.device()
                + " ("
                + Seeds.note()
                + ")";
        long[] shape = shapes.get(t);
        int width = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
        Elements of = y.get(t);
        expect(stream, outs.get(0).get(t), x.get(t), width, r -> Reference.sum(r, load), what);
        expect(stream, outs.get(1).get(t), x.get(t), width, r -> Reference.normL1(r, load), what);
        expect(stream, outs.get(2).get(t), x.get(t), width, r -> Reference.normL2(r, load), what);
        expect(stream, outs.get(3).get(t), x.get(t), width, r -> Reference.normMax(r, load), what);
        int[] row = {0};
        expect(
            stream,
            outs.get(4).get(t),
            x.get(t),
            width,
            r -> Reference.dot(r, row(of, row[0]++, width), load),
            what);
      }
    } finally {
      operands.forEach(Operand::close);
    }
  }

  private static <T> List<T> list() {
    return new ArrayList<>();
  }

  /// A tensor of this shape; transposed: its last axis is the first in memory.
  private static Tensor operand(
      Stream stream,
      Elements elements,
      long[] shape,
      boolean transposed,
      SplittableRandom random,
      List<Operand> operands) {
    int rank = shape.length;
    if (!transposed || rank < 2) {
      operands.add(Operand.input(stream, elements, View.flat(elements.count()), random));
      return operands.getLast().tensor().reshape(shape);
    }
    int width = (int) shape[rank - 1];
    int rows = width == 0 ? 0 : elements.count() / width;
    long[] bits = new long[elements.count()];
    for (int i = 0; i < bits.length; i++) {
      bits[i % width * rows + i / width] = elements.bits()[i];
    }
    Elements moved = new Elements(elements.type(), bits);
    operands.add(Operand.input(stream, moved, View.flat(bits.length), random));
    long[] turned = new long[rank];
    int[] axes = new int[rank];
    turned[0] = width;
    for (int d = 0; d < rank - 1; d++) {
      turned[d + 1] = shape[d];
      axes[d] = d + 1;
    }
    return operands.getLast().tensor().reshape(turned).permute(axes);
  }

  private static void expect(
      Stream stream,
      Operand out,
      Elements in,
      int width,
      ToDoubleFunction<Elements> reference,
      String what) {
    double[] expected = new double[out.elements(stream).count()];
    for (int r = 0; r < expected.length; r++) {
      expected[r] = reference.applyAsDouble(row(in, r, width));
    }
    out.check(stream, Elements.of(DType.F64, expected), what);
  }

  private static Elements row(Elements in, int row, int width) {
    return new Elements(in.type(), Arrays.copyOfRange(in.bits(), row * width, (row + 1) * width));
  }
}

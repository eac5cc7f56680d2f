// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Canonical reductions, byte for byte: the order is part of the contract.
class ReductionsTest {
  private static final int[] SIZES = {
    0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1021, 4032, 4095, 4096, 4097, 8191, 8192, 8193,
    12_345
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
    SplittableRandom random = Seeds.of("reductions " + type);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (Values values : Values.values()) {
          for (View.Kind layout : View.Kind.values()) {
            if (Seeds.full() || random.nextInt(8) == 0) {
              Elements a = values.elements(type, size, random);
              Elements b = values.elements(any(random), size, random);
              DType load = random.nextInt(4) == 0 ? any(random) : null;
              checkAll(stream, List.of(a), List.of(b), load, layout, random);
            }
          }
        }
      }
    }
  }

  private static DType any(SplittableRandom random) {
    return DType.values()[random.nextInt(DType.values().length)];
  }

  /// One call over tensors of all types and sizes, larger ones too.
  @TestFactory
  java.util.stream.Stream<DynamicNode> batches() {
    return Devices.all().stream()
        .map(
            device ->
                DynamicTest.dynamicTest(
                    "on " + device,
                    () -> {
                      SplittableRandom random = Seeds.of("reduction batch");
                      try (Stream stream = device.stream()) {
                        batch(stream, random);
                      }
                    }));
  }

  private static void batch(Stream stream, SplittableRandom random) {
    List<Elements> a = new ArrayList<>();
    List<Elements> b = new ArrayList<>();
    for (int k = 0; k < 60; k++) {
      int size = k == 7 ? 300_007 : random.nextInt(1 << random.nextInt(15));
      Values values = Values.values()[random.nextInt(Values.values().length)];
      a.add(values.elements(any(random), size, random));
      b.add(values.elements(any(random), size, random));
    }
    checkAll(stream, a, b, null, View.Kind.CONTIGUOUS, random);
    checkAll(stream, a, b, DType.F16, View.Kind.STRIDED, random);
  }

  @TestFactory
  java.util.stream.Stream<DynamicNode> threads() {
    return IntStream.of(1, 2, 3, 7)
        .mapToObj(
            threads ->
                DynamicTest.dynamicTest(
                    threads + " threads",
                    () -> {
                      SplittableRandom random = Seeds.of("reduction threads");
                      StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
                      try (Stream stream = Device.cpu().stream(options)) {
                        batch(stream, random);
                      }
                    }));
  }

  /// Every reduction of these tensors against its reference.
  private static void checkAll(
      Stream stream,
      List<Elements> a,
      List<Elements> b,
      @Nullable DType load,
      View.Kind layout,
      SplittableRandom random) {
    int count = a.size();
    List<Operand> operands = new ArrayList<>();
    try {
      List<Tensor> first = new ArrayList<>();
      List<Tensor> second = new ArrayList<>();
      for (int k = 0; k < count; k++) {
        View view = View.of(layout, a.get(k).count(), random);
        operands.add(Operand.input(stream, a.get(k), view, random));
        first.add(operands.getLast().tensor());
        operands.add(Operand.input(stream, b.get(k), view.relaid(random), random));
        second.add(operands.getLast().tensor());
      }
      List<Operand> outs = new ArrayList<>();
      for (int k = 0; k < 6; k++) {
        int width = k == 5 ? 3 : 1;
        outs.add(Operand.output(stream, DType.F64, View.flat(width * count), random));
        operands.add(outs.getLast());
      }
      Reductions.sum(stream, first, load, outs.get(0).tensor());
      Reductions.norm(stream, first, NormKind.L1, load, outs.get(1).tensor());
      Reductions.norm(stream, first, NormKind.L2, load, outs.get(2).tensor());
      Reductions.norm(stream, first, NormKind.MAX, load, outs.get(3).tensor());
      Reductions.dot(stream, first, second, load, outs.get(4).tensor());
      Reductions.dots(stream, first, second, load, outs.get(5).tensor().reshape(count, 3));
      stream.synchronize();
      String what =
          count
              + " of "
              + a.get(0).type()
              + "["
              + a.get(0).count()
              + "] and "
              + b.get(0).type()
              + " as "
              + load
              + ", "
              + layout
              + " on "
              + stream.device()
              + " ("
              + Seeds.note()
              + ")";
      double[][] expected = new double[6][];
      for (int k = 0; k < 6; k++) {
        expected[k] = new double[k == 5 ? 3 * count : count];
      }
      for (int k = 0; k < count; k++) {
        Elements x = a.get(k);
        Elements y = b.get(k);
        expected[0][k] = Reference.sum(x, load);
        expected[1][k] = Reference.normL1(x, load);
        expected[2][k] = Reference.normL2(x, load);
        expected[3][k] = Reference.normMax(x, load);
        expected[4][k] = Reference.dot(x, y, load);
        expected[5][3 * k] = Reference.dot(x, x, load);
        expected[5][3 * k + 1] = expected[4][k];
        expected[5][3 * k + 2] = Reference.dot(y, y, load);
      }
      String[] names = {"sum", "L1 norm", "L2 norm", "largest", "dot", "dots"};
      for (int k = 0; k < 6; k++) {
        outs.get(k).check(stream, Elements.of(DType.F64, expected[k]), names[k] + " of " + what);
      }
    } finally {
      operands.forEach(Operand::close);
    }
  }

  /// One tensor, with or without an output, is a batch of one.
  @TestFactory
  java.util.stream.Stream<DynamicNode> singleTensors() {
    return Devices.all().stream()
        .map(device -> DynamicTest.dynamicTest("on " + device, () -> singles(device)));
  }

  private static void singles(Device device) {
    SplittableRandom random = Seeds.of("single tensors");
    Elements a = Values.NORMAL.elements(DType.BF16, 10_007, random);
    Elements b = Values.WEIGHTS.elements(DType.F32, 10_007, random);
    View flat = View.flat(10_007);
    try (Stream stream = device.stream();
        Operand first = Operand.input(stream, a, flat, random);
        Operand second = Operand.input(stream, b, flat, random);
        Operand out = Operand.output(stream, DType.F64, View.flat(1), random)) {
      Tensor x = first.tensor();
      Tensor y = second.tensor();
      assertEquals(Reference.sum(a, null), Reductions.sum(stream, x));
      assertEquals(Reference.normL1(a, null), Reductions.norm(stream, x, NormKind.L1));
      assertEquals(Reference.normL2(a, null), Reductions.norm(stream, x, NormKind.L2));
      assertEquals(Reference.normMax(a, null), Reductions.norm(stream, x, NormKind.MAX));
      assertEquals(Reference.dot(a, b, null), Reductions.dot(stream, x, y));
      assertEquals(
          new Reductions.Dots(
              Reference.dot(a, a, null), Reference.dot(a, b, null), Reference.dot(b, b, null)),
          Reductions.dots(stream, x, y));
      Reductions.dot(stream, x, y, out.tensor());
      out.check(stream, Elements.of(DType.F64, Reference.dot(a, b, null)), "dot");
    }
  }

  /// A tensor cut at 4096 * 4096 elements, its pieces' sums summed: the same bytes as whole, and as
  /// the reference. The sum is of wide range, so that any other order shows.
  @Test
  void piecesAreAsGoodAsTheWhole() {
    int piece = 4096 * 4096;
    int count = piece + 3 * 4096 + 77;
    try (Stream stream = Device.cpu().stream();
        Tensor all = stream.allocatePinned(DType.F32, count);
        Tensor sums = stream.allocatePinned(DType.F64, 4)) {
      MemorySegment memory = all.segment();
      SplittableRandom random = Seeds.of("pieces");
      for (int i = 0; i < count; i++) {
        float value = (float) Math.scalb(random.nextDouble() - 0.5, random.nextInt(60));
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
      List<Tensor> pieces = List.of(all.slice(0, 0, piece), all.slice(0, piece, count));
      Reductions.sum(stream, pieces, null, sums.slice(0, 0, 2));
      Reductions.sum(stream, List.of(sums.slice(0, 0, 2)), null, sums.slice(0, 2, 3));
      Reductions.sum(stream, List.of(all), null, sums.slice(0, 3, 4));
      stream.synchronize();
      double expected = Reference.sum(count, i -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      MemorySegment results = sums.segment();
      assertEquals(expected, results.getAtIndex(ValueLayout.JAVA_DOUBLE, 3), "whole");
      assertEquals(expected, results.getAtIndex(ValueLayout.JAVA_DOUBLE, 2), "pieces");
    }
  }
}

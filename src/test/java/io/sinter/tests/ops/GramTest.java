// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import io.sinter.ops.Vectors;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Gram matrices against products summed one by one in the canonical order, byte for byte.
class GramTest {
  private static final long[][] SHAPES = {
    {}, {0}, {1}, {2}, {31}, {33}, {63}, {64}, {65}, {255}, {257}, {509}, {4095}, {4096}, {4097},
    {8209}, {3, 0}, {0, 3}, {1, 1}, {5, 7}, {7, 64}, {2, 4097}, {4097, 2}, {3, 5, 2}, {300, 3}
  };

  static List<Device> devices() {
    return Devices.all();
  }

  /// One call's operands. Layouts: contiguous, padded, transposed.
  private record Case(
      List<Elements> models,
      @Nullable Elements base,
      long[] shape,
      Vectors vectors,
      @Nullable DType dtype,
      @Nullable DType delta) {

    static Case random(long[] shape, int models, SplittableRandom random) {
      int count = (int) product(shape, 0, shape.length);
      DType type = any(random);
      boolean mixed = random.nextInt(3) == 0;
      Values values = Values.values()[random.nextInt(Values.values().length)];
      List<Elements> list = new ArrayList<>();
      for (int i = 0; i < models; i++) {
        list.add(values.elements(mixed ? any(random) : type, count, random));
      }
      boolean based = random.nextBoolean();
      return new Case(
          list,
          based ? values.elements(mixed ? any(random) : type, count, random) : null,
          shape,
          Vectors.values()[random.nextInt(3)],
          random.nextInt(4) == 0 ? any(random) : null,
          random.nextInt(3) == 0 ? any(random) : random.nextBoolean() ? type : null);
    }

    private static DType any(SplittableRandom random) {
      return DType.values()[random.nextInt(DType.values().length)];
    }

    int vectorCount() {
      return shape.length == 0 || vectors == Vectors.WHOLE
          ? 1
          : vectors == Vectors.ROWS
              ? (int) product(shape, 0, shape.length - 1)
              : (int) product(shape, 1, shape.length);
    }

    int length() {
      return shape.length == 0
          ? 1
          : vectors == Vectors.WHOLE
              ? (int) product(shape, 0, shape.length)
              : (int) shape[vectors == Vectors.ROWS ? shape.length - 1 : 0];
    }

    double[] expected() {
      int vectorCount = vectorCount();
      int length = length();
      boolean wide = dtype == DType.F64;
      List<double[]> x = new ArrayList<>();
      for (Elements e : models) {
        Elements loaded = dtype == null ? e : e.cast(dtype);
        wide |= loaded.type() == DType.F64;
        x.add(loaded.values());
      }
      if (base != null) {
        Elements loaded = dtype == null ? base : base.cast(dtype);
        wide |= loaded.type() == DType.F64;
        double[] from = loaded.values();
        for (double[] values : x) {
          for (int i = 0; i < values.length; i++) {
            double d = wide ? values[i] - from[i] : (float) values[i] - (float) from[i];
            values[i] = delta == null ? d : Codec.round(delta, d);
            if (!wide) {
              values[i] = (float) values[i];
            }
          }
        }
      }
      int n = models.size();
      double[] out = new double[vectorCount * n * n];
      int step = vectors == Vectors.COLUMNS && shape.length > 0 ? vectorCount : 1;
      for (int v = 0; v < vectorCount; v++) {
        int start = step == 1 && vectors != Vectors.COLUMNS ? v * length : v;
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < n; j++) {
            double[] a = x.get(i);
            double[] b = x.get(j);
            out[(v * n + i) * n + j] =
                Reference.sum(length, e -> a[start + e * step] * b[start + e * step]);
          }
        }
      }
      return out;
    }

    @Override
    public String toString() {
      return models.stream().map(e -> e.type().toString()).toList()
          + (base == null ? "" : " less " + base.type())
          + " of "
          + java.util.Arrays.toString(shape)
          + " "
          + vectors
          + ", load "
          + dtype
          + ", delta "
          + delta
          + " ("
          + Seeds.note()
          + ")";
    }
  }

  private static long product(long[] shape, int from, int to) {
    long product = 1;
    for (int d = from; d < to; d++) {
      product *= shape[d];
    }
    return product;
  }

  /// A shape laid out: as it is, padded on both sides of each axis, or with axes the other way
  // round.
  static View laidOut(long[] shape, SplittableRandom random) {
    int rank = shape.length;
    long[] outer = shape.clone();
    long[] from = new long[rank];
    long[] to = shape.clone();
    int[] axes = new int[rank];
    int kind = random.nextInt(4);
    for (int d = 0; d < rank; d++) {
      axes[d] = kind == 3 ? rank - 1 - d : d;
      if (kind == 2) {
        from[d] = random.nextInt(3);
        to[d] = from[d] + shape[d];
        outer[d] = to[d] + random.nextInt(3);
      } else if (kind == 3) {
        outer[d] = to[d] = shape[rank - 1 - d];
      }
    }
    return new View(outer, from, to, axes);
  }

  private static void check(Stream stream, List<Case> cases, SplittableRandom random) {
    List<Operand> operands = new ArrayList<>();
    try {
      List<List<Tensor>> inputs = new ArrayList<>();
      List<Tensor> bases = new ArrayList<>();
      List<Operand> results = new ArrayList<>();
      List<Tensor> out = new ArrayList<>();
      Case any = cases.get(0);
      for (Case c : cases) {
        List<Tensor> models = new ArrayList<>();
        for (Elements e : c.models) {
          operands.add(Operand.input(stream, e, laidOut(c.shape, random), random));
          models.add(operands.get(operands.size() - 1).tensor());
        }
        inputs.add(models);
        if (c.base != null) {
          operands.add(Operand.input(stream, c.base, laidOut(c.shape, random), random));
          bases.add(operands.get(operands.size() - 1).tensor());
        }
        int n = c.models.size();
        Operand result =
            Operand.output(stream, DType.F64, View.flat(c.vectorCount() * n * n), random);
        operands.add(result);
        results.add(result);
        out.add(result.tensor().reshape(c.vectorCount(), n, n));
      }
      Reductions.gram(
          stream, any.base == null ? null : bases, inputs, any.vectors, any.dtype, any.delta, out);
      stream.synchronize();
      for (int k = 0; k < cases.size(); k++) {
        results
            .get(k)
            .check(
                stream, Elements.of(DType.F64, cases.get(k).expected()), cases.get(k).toString());
      }
    } finally {
      operands.forEach(Operand::close);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void everyShapeAndNumberOfModels(Device device) {
    SplittableRandom random = Seeds.of("gram");
    int rounds = Seeds.full() ? 20 : Devices.slow(device) ? 1 : 4;
    try (Stream stream = device.stream()) {
      for (long[] shape : SHAPES) {
        for (int round = 0; round < rounds; round++) {
          for (int models : new int[] {1, 2, 3, 4, 5 + random.nextInt(5)}) {
            check(stream, List.of(Case.random(shape, models, random)), random);
          }
        }
      }
      check(stream, List.of(Case.random(new long[] {5, 130}, 40, random)), random);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void batchesOfAllShapes(Device device) {
    SplittableRandom random = Seeds.of("gram batches");
    try (Stream stream = device.stream()) {
      for (int models = 1; models < 7; models++) {
        Case first = Case.random(new long[] {17, 5}, models, random);
        List<Case> cases = new ArrayList<>(List.of(first));
        for (long[] shape : SHAPES) {
          Case next = Case.random(shape, models, random);
          cases.add(
              new Case(
                  next.models,
                  first.base == null
                      ? null
                      : Values.NORMAL.elements(
                          first.base.type(), next.models.get(0).count(), random),
                  shape,
                  first.vectors,
                  first.dtype,
                  first.delta));
        }
        check(stream, cases, random);
      }
    }
  }

  /// Large enough for every thread, whatever their number, and for two levels of chunks.
  @Test
  void threadsChangeNothing() {
    SplittableRandom random = Seeds.of("gram threads");
    for (int threads : new int[] {1, 2, 3}) {
      try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
        for (int models : new int[] {2, 3, 6}) {
          check(stream, List.of(Case.random(new long[] {300_007}, models, random)), random);
          check(stream, List.of(Case.random(new long[] {61, 5003}, models, random)), random);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void ofTwoTensorsItIsTheirDotProducts(Device device) {
    SplittableRandom random = Seeds.of("gram dots");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        Elements a = Values.NORMAL.elements(type, 9001, random);
        Elements b = Values.NORMAL.elements(type, 9001, random);
        try (Operand first = Operand.input(stream, a, View.flat(9001), random);
            Operand second = Operand.input(stream, b, View.flat(9001), random)) {
          Reductions.Dots dots = Reductions.dots(stream, first.tensor(), second.tensor());
          double[][] gram =
              Reductions.gram(stream, (Tensor) null, List.of(first.tensor(), second.tensor()));
          assertEquals(dots.aa(), gram[0][0], type.toString());
          assertEquals(dots.ab(), gram[0][1], type.toString());
          assertEquals(dots.ab(), gram[1][0], type.toString());
          assertEquals(dots.bb(), gram[1][1], type.toString());
          assertTrue(gram[0][0] > 0);
        }
      }
    }
  }
}

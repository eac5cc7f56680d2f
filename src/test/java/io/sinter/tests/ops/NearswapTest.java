// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Interpolation;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// nearswap, step by step as the header names them, byte for byte.
class NearswapTest {
  private static final int[] SIZES = {0, 1, 7, 31, 33, 63, 64, 65, 255, 256, 257, 1021, 4095, 4097};

  static List<Device> devices() {
    return Devices.all();
  }

  private static Elements expected(
      Elements a, Elements b, double t, DType out, @Nullable DType dtype) {
    Elements x = dtype == null ? a : a.cast(dtype);
    Elements y = dtype == null ? b : b.cast(dtype);
    boolean wide = x.type() == DType.F64 || y.type() == DType.F64;
    long[] bits = new long[x.count()];
    for (int i = 0; i < bits.length; i++) {
      bits[i] =
          Codec.encode(
              out,
              wide
                  ? inDouble(x.value(i), y.value(i), t)
                  : inFloat((float) x.value(i), (float) y.value(i), (float) t));
    }
    return new Elements(out, bits);
  }

  private static double inDouble(double a, double b, double t) {
    double apart = Math.abs(a - b);
    double w = Math.min(t / (apart > 1e-6 ? apart : 1e-6), 1);
    return w < 0.5 ? Math.fma(w, b - a, a) : Math.fma(-(1 - w), b - a, b);
  }

  private static float inFloat(float a, float b, float t) {
    float apart = Math.abs(a - b);
    float w = Math.min(t / (apart > 1e-6f ? apart : 1e-6f), 1);
    return w < 0.5f ? Math.fma(w, b - a, a) : Math.fma(-(1 - w), b - a, b);
  }

  private static void check(
      Stream stream,
      Elements a,
      Elements b,
      double t,
      DType type,
      @Nullable DType dtype,
      View.Kind layout,
      SplittableRandom random) {
    View view = View.of(layout, a.count(), random);
    String what =
        "nearswap of "
            + a.type()
            + " and "
            + b.type()
            + "["
            + a.count()
            + "] at "
            + t
            + ", load "
            + dtype
            + " on "
            + stream.device()
            + " ("
            + Seeds.note()
            + ")";
    try (Operand first = Operand.input(stream, a, view, random);
        Operand second = Operand.input(stream, b, view.relaid(random), random);
        Operand out = Operand.output(stream, type, view.relaid(random), random);
        Operand counts = Operand.output(stream, DType.F64, View.flat(3), random)) {
      Interpolation.nearswap(
          stream,
          List.of(first.tensor()),
          List.of(second.tensor()),
          new double[] {t},
          List.of(out.tensor()),
          new Arithmetic(dtype, null, counts.tensor().reshape(1, 3)));
      stream.synchronize();
      Elements expected = expected(a, b, t, type, dtype);
      out.check(stream, expected, what);
      double nonFinite = expected.nonFinite();
      if (type != DType.F8_E4M3 && type != DType.F8_E5M2) {
        counts.check(stream, Elements.of(DType.F64, nonFinite, 0, 0), what + ", counts");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void everyTypeAndSize(Device device) {
    SplittableRandom random = Seeds.of("nearswap");
    try (Stream stream = device.stream()) {
      for (DType in : DType.values()) {
        for (int size : SIZES) {
          for (Values values : Values.values()) {
            Elements a = values.elements(in, size, random);
            DType other = random.nextInt(3) == 0 ? DType.values()[random.nextInt(6)] : in;
            Elements b = values.elements(other, size, random);
            double t = new double[] {0, 1e-7, 0.02, 0.5, 3}[random.nextInt(5)];
            DType out = random.nextBoolean() ? in : DType.values()[random.nextInt(6)];
            DType dtype = random.nextInt(4) == 0 ? DType.values()[random.nextInt(6)] : null;
            View.Kind layout = View.Kind.values()[random.nextInt(View.Kind.values().length)];
            check(stream, a, b, t, out, dtype, layout, random);
          }
        }
      }
    }
  }

  @Test
  void threadsChangeNothing() {
    SplittableRandom random = Seeds.of("nearswap threads");
    Elements a = Values.WEIGHTS.elements(DType.BF16, 300_007, random);
    Elements b = Values.WEIGHTS.elements(DType.BF16, 300_007, random);
    for (int threads : new int[] {1, 2, 3}) {
      try (Stream stream = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
        check(stream, a, b, 0.01, DType.F32, null, View.Kind.CONTIGUOUS, random);
      }
    }
  }

  /// Within t of each other it is b; t = 0 is a, and equal elements stay what they are.
  @ParameterizedTest
  @MethodSource("devices")
  void nearElementsSwap(Device device) {
    SplittableRandom random = Seeds.of("nearswap ends");
    try (Stream stream = device.stream()) {
      Elements a = Elements.of(DType.F32, 1, 1, 1, -2, 0);
      Elements b = Elements.of(DType.F32, 1.25, 0.75, 1, -2.25, 1e-7);
      try (Operand first = Operand.input(stream, a, View.flat(5), random);
          Operand second = Operand.input(stream, b, View.flat(5), random);
          Operand swapped = Operand.output(stream, DType.F32, View.flat(5), random);
          Operand kept = Operand.output(stream, DType.F32, View.flat(5), random)) {
        Tensor x = first.tensor();
        Interpolation.nearswap(stream, x, second.tensor(), 0.25, swapped.tensor());
        Interpolation.nearswap(stream, x, second.tensor(), 0, kept.tensor());
        stream.synchronize();
        swapped.check(stream, b, "all within t");
        kept.check(stream, a, "none within 0");
        for (double bad : new double[] {-0.1, Double.NaN, Double.POSITIVE_INFINITY}) {
          assertThrows(
              IllegalArgumentException.class,
              () -> Interpolation.nearswap(stream, x, x, bad, kept.tensor()));
        }
      }
    }
  }
}

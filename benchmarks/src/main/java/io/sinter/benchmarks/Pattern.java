// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;

/// Inputs that repeat with a prime period, so that huge outputs are checked quickly: the first
/// period against a reference in float64, every other byte for byte against the first. The period
/// is prime, so a kernel that reads or writes at a wrong place is out of step somewhere.
final class Pattern {
  private static final int PERIOD = 1_048_573;

  private final double[][] values;
  private final List<Input> inputs;
  private final long elements;
  private final int period;
  private double slack = 1;

  /// An input's dtype, and whether its elements are squares, as a Fisher diagonal's are.
  record Input(DType dtype, boolean squares) {}

  /// Weights as models have them: normal, a few hundredths wide, or squares of such numbers,
  // rounded
  /// to the dtype.
  Pattern(List<Input> inputs, long elements) {
    this.inputs = List.copyOf(inputs);
    this.elements = elements;
    this.period = (int) Math.min(PERIOD, elements);
    this.values = new double[inputs.size()][period];
    for (int k = 0; k < inputs.size(); k++) {
      Input input = inputs.get(k);
      Random random = new Random(20_261_123L + k);
      for (int i = 0; i < period; i++) {
        double x = random.nextGaussian() * 0.02;
        float value = (float) (input.squares ? x * x : x);
        values[k][i] = decode(input.dtype, encode(input.dtype, value));
      }
    }
  }

  /// Allows this many times the error that the operation may have.
  void allow(double factor) {
    slack = factor;
  }

  /// Fills a tensor with input k's values.
  void fill(Stream stream, int k, Tensor tensor) {
    DType dtype = inputs.get(k).dtype;
    try (Tensor tile = stream.allocatePinned(dtype, period)) {
      MemorySegment segment = tile.segment();
      for (int i = 0; i < period; i++) {
        put(dtype, segment, i, encode(dtype, (float) values[k][i]));
      }
      for (long at = 0; at < tensor.elements(); at += period) {
        long n = Math.min(period, tensor.elements() - at);
        stream.copy(tile.slice(0, 0, n), tensor.slice(0, at, at + n));
      }
      stream.synchronize();
    }
  }

  /// Fills an output with NaN, so that what is never written is found.
  void poison(Stream stream, Tensor tensor) {
    try (Tensor tile = stream.allocatePinned(tensor.dtype(), period)) {
      tile.segment().fill((byte) 0xFF);
      for (long at = 0; at < tensor.elements(); at += period) {
        long n = Math.min(period, tensor.elements() - at);
        stream.copy(tile.slice(0, 0, n), tensor.slice(0, at, at + n));
      }
      stream.synchronize();
    }
  }

  /// Checks a whole output.
  ///
  /// @param reference one element of the output from the inputs' elements
  /// @throws AssertionError naming the first element that is wrong
  void check(Stream stream, Tensor out, ToDoubleFunction<double[]> reference) {
    DType dtype = out.dtype();
    try (Tensor first = stream.allocatePinned(dtype, period);
        Tensor other = stream.allocatePinned(dtype, period)) {
      stream.copy(out.slice(0, 0, period), first);
      stream.synchronize();
      checkPart(dtype, first.segment(), 0, period, (index, place, x) -> reference.applyAsDouble(x));
      for (long at = period; at < out.elements(); at += period) {
        long n = Math.min(period, out.elements() - at);
        stream.copy(out.slice(0, at, at + n), other.slice(0, 0, n));
        stream.synchronize();
        long bytes = n * dtype.bytes();
        long wrong = other.segment().asSlice(0, bytes).mismatch(first.segment().asSlice(0, bytes));
        if (wrong >= 0) {
          throw new AssertionError(
              "element "
                  + (at + wrong / dtype.bytes())
                  + " differs from the element one period before it, of equal inputs");
        }
      }
    }
  }

  /// The element of the output at `index`, whose inputs are those at `place` of the period. NaN
  /// where rounding decides what it is: then any finite number will do.
  @FunctionalInterface
  interface Reference {
    double of(long index, int place, double[] x);
  }

  /// Checks a whole output element by element, where what an element becomes depends on its index.
  ///
  /// @throws AssertionError naming the first element that is wrong
  void checkEach(Stream stream, Tensor out, Reference reference) {
    try (Tensor part = stream.allocatePinned(out.dtype(), period)) {
      for (long at = 0; at < out.elements(); at += period) {
        int n = (int) Math.min(period, out.elements() - at);
        stream.copy(out.slice(0, at, at + n), part.slice(0, 0, n));
        stream.synchronize();
        checkPart(out.dtype(), part.segment(), at, n, reference);
      }
    }
  }

  /// {@return the elements after which inputs repeat}
  int period() {
    return period;
  }

  /// {@return the element of input k at a place of the period}
  double value(int k, int place) {
    return values[k][place];
  }

  /// {@return how many elements of a tensor have the values at a place of the period}
  long times(int place) {
    return (elements - place + period - 1) / period;
  }

  /// {@return the inner products of the inputs, or, with a base, of the others' differences from
  /// the first}
  double[][] gram(boolean base) {
    int first = base ? 1 : 0;
    int models = values.length - first;
    double[][] gram = new double[models][models];
    double[] x = new double[models];
    for (int j = 0; j < period; j++) {
      for (int k = 0; k < models; k++) {
        x[k] = values[k + first][j] - (base ? values[0][j] : 0);
      }
      for (int k = 0; k < models; k++) {
        for (int l = 0; l < models; l++) {
          gram[k][l] += times(j) * x[k] * x[l];
        }
      }
    }
    return gram;
  }

  private void checkPart(DType dtype, MemorySegment segment, long at, int n, Reference reference) {
    double[] x = new double[values.length];
    double halfUlp = dtype == DType.BF16 ? 0x1p-8 : 0x1p-24;
    for (int i = 0; i < n; i++) {
      double magnitude = 0;
      for (int k = 0; k < x.length; k++) {
        x[k] = values[k][i];
        magnitude += Math.abs(x[k]);
      }
      double expected = reference.of(at + i, i, x);
      double actual = decode(dtype, get(dtype, segment, i));
      // One rounding to the dtype, and a float32 rounding per input before it.
      double tolerance = slack * (halfUlp * Math.abs(expected) + 0x1p-23 * magnitude);
      boolean eitherWay = Double.isNaN(expected) && Double.isFinite(actual);
      if (!eitherWay && !(Math.abs(actual - expected) <= tolerance)) {
        throw new AssertionError(
            "element " + (at + i) + " is " + actual + ", and the reference is " + expected);
      }
    }
  }

  private static void put(DType dtype, MemorySegment segment, long i, int bits) {
    switch (dtype) {
      case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) bits);
      case F32 -> segment.setAtIndex(ValueLayout.JAVA_INT, i, bits);
      default -> throw unsupported(dtype);
    }
  }

  private static int get(DType dtype, MemorySegment segment, long i) {
    return switch (dtype) {
      case BF16 -> segment.getAtIndex(ValueLayout.JAVA_SHORT, i);
      case F32 -> segment.getAtIndex(ValueLayout.JAVA_INT, i);
      default -> throw unsupported(dtype);
    };
  }

  private static int encode(DType dtype, float value) {
    return switch (dtype) {
      case BF16 -> JavaLoops.toBf16(value);
      case F32 -> Float.floatToRawIntBits(value);
      default -> throw unsupported(dtype);
    };
  }

  private static double decode(DType dtype, int bits) {
    return switch (dtype) {
      case BF16 -> JavaLoops.fromBf16((short) bits);
      case F32 -> Float.intBitsToFloat(bits);
      default -> throw unsupported(dtype);
    };
  }

  private static IllegalArgumentException unsupported(DType dtype) {
    return new IllegalArgumentException("benchmarks use BF16 and F32; dtype is " + dtype);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;

/// The peer that anyone can write: plain Java loops over the tensors' memory, split over as many
/// threads as the operation has.
final class JavaLoops {
  private JavaLoops() {}

  static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  static void lerp(ExecutorService pool, int threads, Tensor a, Tensor b, float t, Tensor out) {
    MemorySegment x = a.segment();
    MemorySegment y = b.segment();
    MemorySegment z = out.segment();
    boolean bf16 = out.dtype() == DType.BF16;
    split(
        pool,
        threads,
        out.elements(),
        (from, to) -> {
          if (bf16) {
            lerpBf16(x, y, t, z, from, to);
          } else {
            lerpF32(x, y, t, z, from, to);
          }
        });
  }

  static void linear(
      ExecutorService pool, int threads, List<Tensor> inputs, float[] weights, Tensor out) {
    MemorySegment[] x = inputs.stream().map(Tensor::segment).toArray(MemorySegment[]::new);
    MemorySegment z = out.segment();
    boolean bf16 = out.dtype() == DType.BF16;
    split(
        pool,
        threads,
        out.elements(),
        (from, to) -> {
          if (bf16) {
            linearBf16(x, weights, z, from, to);
          } else {
            linearF32(x, weights, z, from, to);
          }
        });
  }

  private static void lerpF32(
      MemorySegment x, MemorySegment y, float t, MemorySegment z, long from, long to) {
    for (long i = from; i < to; i++) {
      float a = x.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float b = y.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      z.setAtIndex(ValueLayout.JAVA_FLOAT, i, a + t * (b - a));
    }
  }

  private static void lerpBf16(
      MemorySegment x, MemorySegment y, float t, MemorySegment z, long from, long to) {
    for (long i = from; i < to; i++) {
      float a = fromBf16(x.getAtIndex(ValueLayout.JAVA_SHORT, i));
      float b = fromBf16(y.getAtIndex(ValueLayout.JAVA_SHORT, i));
      z.setAtIndex(ValueLayout.JAVA_SHORT, i, toBf16(a + t * (b - a)));
    }
  }

  private static void linearF32(
      MemorySegment[] x, float[] weights, MemorySegment z, long from, long to) {
    for (long i = from; i < to; i++) {
      float sum = 0;
      for (int k = 0; k < x.length; k++) {
        sum += weights[k] * x[k].getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
      z.setAtIndex(ValueLayout.JAVA_FLOAT, i, sum);
    }
  }

  private static void linearBf16(
      MemorySegment[] x, float[] weights, MemorySegment z, long from, long to) {
    for (long i = from; i < to; i++) {
      float sum = 0;
      for (int k = 0; k < x.length; k++) {
        sum += weights[k] * fromBf16(x[k].getAtIndex(ValueLayout.JAVA_SHORT, i));
      }
      z.setAtIndex(ValueLayout.JAVA_SHORT, i, toBf16(sum));
    }
  }

  @FunctionalInterface
  private interface Range {
    void run(long from, long to);
  }

  private static void split(ExecutorService pool, int threads, long elements, Range range) {
    CountDownLatch done = new CountDownLatch(threads - 1);
    for (int i = 1; i < threads; i++) {
      long from = elements * i / threads;
      long to = elements * (i + 1) / threads;
      pool.execute(
          () -> {
            try {
              range.run(from, to);
            } finally {
              done.countDown();
            }
          });
    }
    range.run(0, elements / threads);
    try {
      done.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted in a benchmark", e);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Reductions;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Statistics of the chunks of one tensor and of its difference from another: 2 reads.
public class ChunkStatisticsBenchmark extends MergeBenchmark {
  private static final int NUMBERS = 6;

  private @Nullable Tensor result;
  private @Nullable Tensor host;

  @Override
  protected int reads() {
    return 2;
  }

  @Override
  protected boolean writes() {
    return false;
  }

  @Override
  protected void prepare() {
    long chunks = Math.ceilDiv(elements, Reductions.CHUNK);
    result = own(stream().allocate(DType.F64, chunks, NUMBERS));
    host = own(stream().allocatePinned(DType.F64, chunks, NUMBERS));
  }

  @Override
  void verify(Pattern pattern) {
    operate();
    stream().copy(result, host);
    stream().synchronize();
    double least = Double.POSITIVE_INFINITY;
    double greatest = Double.NEGATIVE_INFINITY;
    double[] sums = new double[NUMBERS];
    for (long at = 0; at < host.elements(); at += NUMBERS) {
      least = Math.min(least, number(at));
      greatest = Math.max(greatest, number(at + 1));
      for (int i = 2; i < NUMBERS; i++) {
        sums[i] += number(at + i);
      }
    }
    double[] expected = new double[NUMBERS];
    double lowest = Double.POSITIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < pattern.period(); j++) {
      double x = pattern.value(0, j);
      double difference = (float) (x - pattern.value(1, j));
      lowest = Math.min(lowest, x);
      highest = Math.max(highest, x);
      expected[2] += pattern.times(j) * x * x;
      expected[4] += pattern.times(j) * difference * difference;
      expected[5] += x == pattern.value(1, j) ? 0 : pattern.times(j);
    }
    boolean right = least == lowest && greatest == highest;
    for (int i = 2; i < NUMBERS; i++) {
      right &= Math.abs(sums[i] - expected[i]) <= 1e-11 * expected[i];
    }
    if (!right) {
      throw new AssertionError(
          "least %s, greatest %s, sums %s in place of %s, %s, %s"
              .formatted(
                  least,
                  greatest,
                  Arrays.toString(sums),
                  lowest,
                  highest,
                  Arrays.toString(expected)));
    }
  }

  private double number(long index) {
    return host.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, index);
  }

  @Override
  protected void operate() {
    Reductions.chunkStatistics(stream(), List.of(input(0)), List.of(input(1)), List.of(result));
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A product in plain loops, until the library has one.
final class MatrixProduct {
  private MatrixProduct() {}

  /// `sums += x y^T`, or `x^T y` where units are columns.
  static void add(Stream stream, Tensor x, Tensor y, boolean unitsFirst, Tensor sums) {
    stream.synchronize();
    double[] a = numbers(x);
    double[] b = numbers(y);
    int n = Math.toIntExact(sums.shape()[0]);
    int k = a.length / Math.max(1, n);
    double[] c = numbers(sums);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += unitsFirst ? a[i * k + l] * b[j * k + l] : a[l * n + i] * b[l * n + j];
        }
        c[i * n + j] += sum;
      }
    }
    MemorySegment out = sums.segment();
    for (int i = 0; i < c.length; i++) {
      if (sums.dtype() == DType.F64) {
        out.setAtIndex(ValueLayout.JAVA_DOUBLE, i, c[i]);
      } else {
        out.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) c[i]);
      }
    }
  }

  private static double[] numbers(Tensor tensor) {
    MemorySegment in = tensor.segment();
    double[] numbers = new double[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] =
          tensor.dtype() == DType.F64
              ? in.getAtIndex(ValueLayout.JAVA_DOUBLE_UNALIGNED, i)
              : in.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
    }
    return numbers;
  }
}

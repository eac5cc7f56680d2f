// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.util.Arrays;

/// Numbers of which nobody knows how many will come.
final class IntColumn {
  /// More are not compared: arrays end here.
  static final int MAX = Integer.MAX_VALUE - 16;

  private int[] values = new int[16];
  private int size;

  void add(int value) {
    if (size == values.length) {
      values = Arrays.copyOf(values, (int) Math.min(2L * size, MAX));
    }
    values[size++] = value;
  }

  int size() {
    return size;
  }

  int[] toArray() {
    return size == values.length ? values : Arrays.copyOf(values, size);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.ops.Philox;

/// Random numbers: 1 write. There is no twin that only writes.
public class RandomBenchmark extends MergeBenchmark {
  private static final long KEY = 0x0123456789ABCDEFL;

  @Override
  protected int reads() {
    return 0;
  }

  @Override
  void verify(Pattern pattern) {
    pattern.checkEach(stream(), out(), (index, place, x) -> PlainPhilox.word(KEY, index) * 0x1p-32);
  }

  @Override
  protected void operate() {
    Philox.random(stream(), KEY, out());
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

/// Philox4x32-10 from its paper (Salmon et al., SC 2011), for verification.
final class PlainPhilox {
  private PlainPhilox() {}

  /// {@return word `index mod 4` of the block with counter `index div 4`, unsigned}
  static long word(long key, long index) {
    long counter = index >>> 2;
    int c0 = (int) counter;
    int c1 = (int) (counter >>> 32);
    int c2 = 0;
    int c3 = 0;
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    for (int round = 0; round < 10; round++) {
      long p0 = (c0 & 0xFFFFFFFFL) * 0xD2511F53L;
      long p1 = (c2 & 0xFFFFFFFFL) * 0xCD9E8D57L;
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c1 = (int) p1;
      c3 = (int) p0;
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    int word =
        switch ((int) (index & 3)) {
          case 0 -> c0;
          case 1 -> c1;
          case 2 -> c2;
          default -> c3;
        };
    return word & 0xFFFFFFFFL;
  }
}

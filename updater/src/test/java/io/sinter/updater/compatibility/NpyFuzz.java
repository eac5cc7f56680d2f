// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

/// Predictions, labels or groups as NumPy's array; the first byte says which.
public final class NpyFuzz {
  private NpyFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    ColumnsCheck.run("p.npy", input, NpyFile::read);
  }
}

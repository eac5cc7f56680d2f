// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

/// Predictions, labels or groups as comma-separated values; the first byte says which.
public final class CsvFuzz {
  private CsvFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    ColumnsCheck.run("p.csv", input, CsvFile::read);
  }
}

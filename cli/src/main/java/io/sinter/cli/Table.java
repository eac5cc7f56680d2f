// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/// Rows of text in columns.
final class Table {
  private Table() {}

  /// Prints rows of as many cells each.
  ///
  /// @param texts how many columns begin at their left; the others are numbers, and end at their
  ///     right
  static void print(List<String[]> rows, int texts, PrintWriter to) {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String format = "%" + (i < texts ? "-" : "") + Math.max(1, widths[i]) + "s  ";
        line.append(String.format(Locale.ROOT, format, row[i]));
      }
      to.println(line.toString().stripTrailing());
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.internal;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;

/// Help with misspelt names.
public final class Names {
  /// Nothing longer is misspelt: it is something else, and comparing it could take seconds.
  private static final int MAX_CHARS = 100;

  private Names() {}

  /// "Did you mean 'x'?" where a known name is near, else all that are known.
  public static String suggest(String name, Collection<String> known) {
    return known.stream()
        .filter(_ -> name.length() <= MAX_CHARS)
        .sorted()
        .min(Comparator.comparingInt(candidate -> distance(name, candidate)))
        .filter(nearest -> distance(name, nearest) <= Math.max(2, name.length() / 2))
        .map(nearest -> "Did you mean '" + nearest + "'?")
        .orElseGet(() -> "Known are " + String.join(", ", known.stream().sorted().toList()) + ".");
  }

  /// Levenshtein's distance, ignoring case; neighbours that change places count as one.
  private static int distance(String a, String b) {
    String from = a.toLowerCase(Locale.ROOT);
    String to = b.toLowerCase(Locale.ROOT);
    int[][] d = new int[from.length() + 1][to.length() + 1];
    for (int i = 0; i <= from.length(); i++) {
      for (int j = 0; j <= to.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int change = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(d[i - 1][j - 1] + change, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
        if (i > 1
            && j > 1
            && from.charAt(i - 1) == to.charAt(j - 2)
            && from.charAt(i - 2) == to.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[from.length()][to.length()];
  }
}

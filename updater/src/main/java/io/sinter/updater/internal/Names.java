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

  /// Levenshtein's distance, ignoring case.
  private static int distance(String a, String b) {
    String from = a.toLowerCase(Locale.ROOT);
    String to = b.toLowerCase(Locale.ROOT);
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int substituted = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[to.length()];
  }
}

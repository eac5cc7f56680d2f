// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Which example of one file is which of another: by id where both have ids, else by place.
final class Matching {
  private Matching() {}

  /// The class numbers of predictions in the labels' order.
  static int[] numbers(Columns labels, Columns predictions) {
    int[] numbers = predictions.numbers();
    int[] from = order(labels, predictions, numbers.length);
    return from == null ? numbers : Arrays.stream(from).map(i -> numbers[i]).toArray();
  }

  /// For each example of the labels its place in another file; `null` where that is the same.
  static int @Nullable [] order(Columns labels, Columns other, int size) {
    if (size != labels.numbers().length) {
      throw lengths(labels, other.origin(), size);
    }
    Ids wanted = labels.ids();
    Ids ids = other.ids();
    if (wanted == null || ids == null || same(wanted, ids)) {
      return null;
    }
    refuseTwice(labels.origin(), wanted, wanted.new Index());
    Ids.Index index = ids.new Index();
    refuseTwice(other.origin(), ids, index);
    int[] from = new int[size];
    int missing = 0;
    int first = -1;
    for (int i = 0; i < size; i++) {
      from[i] = index.find(wanted, i);
      if (from[i] < 0 && missing++ == 0) {
        first = i;
      }
    }
    if (missing > 0) {
      throw CompatibilityException.of(
          other.origin(),
          "lacks the example '"
              + wanted.get(first)
              + "' of "
              + labels.origin()
              + (missing > 1 ? " (and " + (missing - 1) + " more)" : ""),
          "Give both the same examples");
    }
    return from;
  }

  private static boolean same(Ids a, Ids b) {
    for (int i = 0; i < a.size(); i++) {
      if (!a.equal(i, b, i)) {
        return false;
      }
    }
    return true;
  }

  private static void refuseTwice(String origin, Ids ids, Ids.Index index) {
    if (index.duplicate() >= 0) {
      throw CompatibilityException.of(
          origin,
          "holds the id '" + ids.get(index.duplicate()) + "' twice",
          "Give each example an id of its own");
    }
  }

  static CompatibilityException lengths(Columns labels, String origin, int size) {
    return CompatibilityException.of(
        origin,
        "holds " + size + " examples, and " + labels.origin() + " holds " + labels.numbers().length,
        "Both must be of the same examples");
  }
}

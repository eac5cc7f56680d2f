// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.Reading;
import io.sinter.updater.compatibility.Columns.Wanted;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;

/// What holds of predictions, labels and groups that a reader accepts.
final class ColumnsCheck {
  private ColumnsCheck() {}

  interface Reader {
    Columns read(String origin, InputStream in, Wanted wanted) throws IOException;
  }

  /// @param input what is asked of the file, and the file
  static void run(String origin, byte[] input, Reader reader) {
    if (input.length == 0) {
      return;
    }
    Wanted wanted = Wanted.values()[Byte.toUnsignedInt(input[0]) % Wanted.values().length];
    byte[] file = Arrays.copyOfRange(input, 1, input.length);
    Reading.of(
            origin,
            input.length,
            CompatibilityException.class,
            () -> {
              try {
                return reader.read(origin, new ByteArrayInputStream(file), wanted);
              } catch (IOException e) {
                throw new UncheckedIOException(e); // An array in memory does not fail.
              }
            })
        .ifPresent(columns -> check(columns, wanted, file.length));
  }

  /// As many of everything as there are examples, of which each takes a byte at least.
  private static void check(Columns columns, Wanted wanted, int bytes) {
    int[] numbers = columns.numbers();
    Reading.require((numbers.length == 0) == (wanted == Wanted.GROUPS), () -> "numbers of groups");
    int examples = wanted == Wanted.GROUPS ? columns.groupings().getFirst().size() : numbers.length;
    Reading.require(examples > 0 && examples <= bytes, () -> examples + " examples");
    for (int number : numbers) {
      Reading.require(Columns.isClass(number), () -> "no class: " + number);
      Reading.require(
          columns.width() == 0 || number < columns.width(), () -> "not a column: " + number);
    }
    Ids ids = columns.ids();
    if (ids != null) {
      Reading.require(ids.size() == examples, () -> ids.size() + " ids for " + examples);
      Ids.Index index = ids.new Index();
      for (int i = 0; i < examples; i++) {
        int at = index.duplicate() >= 0 ? i : index.find(ids, i);
        Reading.require(ids.get(at).equals(ids.get(i)), () -> "another id is found");
      }
    }
    for (Grouping grouping : columns.groupings()) {
      Reading.require(grouping.size() == examples, () -> grouping.name() + " is of others");
      Reading.require(
          grouping.groups().size() <= Columns.MAX_GROUPS, () -> "too many of " + grouping.name());
      for (int i = 0; i < examples; i++) {
        int group = grouping.group(i);
        Reading.require(group >= 0 && group < grouping.groups().size(), () -> "group " + group);
      }
    }
  }
}

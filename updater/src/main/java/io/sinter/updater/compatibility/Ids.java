// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// The names of a file's examples: their UTF-8 in one array, since a string for each would take ten
/// times the file.
final class Ids {
  private final byte[] text;
  private final int[] ends;

  private Ids(byte[] text, int[] ends) {
    this.text = text;
    this.ends = ends;
  }

  /// Takes one id after the other.
  static final class Builder {
    private byte[] text = new byte[64];
    private int used;
    private final IntColumn ends = new IntColumn();

    /// Whether this one, too, fits into an array.
    boolean add(String id) {
      byte[] utf8 = id.getBytes(StandardCharsets.UTF_8);
      if (utf8.length > Integer.MAX_VALUE - 16 - used) {
        return false;
      }
      if (used + utf8.length > text.length) {
        long doubled = Math.max(2L * text.length, used + (long) utf8.length);
        text = Arrays.copyOf(text, (int) Math.min(doubled, Integer.MAX_VALUE - 16));
      }
      System.arraycopy(utf8, 0, text, used, utf8.length);
      used += utf8.length;
      ends.add(used);
      return true;
    }

    Ids build() {
      return new Ids(Arrays.copyOf(text, used), ends.toArray());
    }
  }

  int size() {
    return ends.length;
  }

  private int start(int i) {
    return i == 0 ? 0 : ends[i - 1];
  }

  String get(int i) {
    return new String(text, start(i), ends[i] - start(i), StandardCharsets.UTF_8);
  }

  boolean equal(int i, Ids other, int j) {
    return Arrays.equals(text, start(i), ends[i], other.text, other.start(j), other.ends[j]);
  }

  private int slot(int i, int slots) {
    int hash = 1;
    for (int k = start(i); k < ends[i]; k++) {
      hash = 31 * hash + text[k];
    }
    hash *= 0x9e3779b9; // Neighbouring ids to slots that are not neighbours.
    return (hash ^ hash >>> 16) & slots - 1;
  }

  /// Where ids are, by their text.
  final class Index {
    private final int[] table; // Place + 1; 0 is free. At most half is taken.
    private final int duplicate;

    Index() {
      int slots = Integer.highestOneBit(Math.max(1, Math.min(size(), (1 << 28) - 1))) << 2;
      table = new int[slots];
      int twice = -1;
      for (int i = 0; i < size() && twice < 0; i++) {
        int slot = slot(i, slots);
        while (table[slot] != 0 && !equal(i, Ids.this, table[slot] - 1)) {
          slot = slot + 1 & slots - 1;
        }
        if (table[slot] != 0) {
          twice = i;
        }
        table[slot] = i + 1;
      }
      duplicate = twice;
    }

    /// An id that is there twice; -1 where none is.
    int duplicate() {
      return duplicate;
    }

    /// The place of another's id; -1 where it is not here.
    int find(Ids other, int j) {
      int slot = other.slot(j, table.length);
      while (table[slot] != 0) {
        if (equal(table[slot] - 1, other, j)) {
          return table[slot] - 1;
        }
        slot = slot + 1 & table.length - 1;
      }
      return -1;
    }
  }
}

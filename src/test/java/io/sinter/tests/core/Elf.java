// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/// Reads what a 64-bit little-endian ELF library exports.
final class Elf {
  private static final int SHT_DYNSYM = 11;
  private static final int SHN_UNDEF = 0;
  private static final int SECTION_BYTES = 64;
  private static final int SYMBOL_BYTES = 24;

  private Elf() {}

  static Set<String> exports(Path library) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(library)).order(ByteOrder.LITTLE_ENDIAN);
    long sections = file.getLong(40);
    int count = file.getShort(60);
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < count; i++) {
      int section = (int) sections + i * SECTION_BYTES;
      if (file.getInt(section + 4) != SHT_DYNSYM) {
        continue;
      }
      int symbols = (int) file.getLong(section + 24);
      long bytes = file.getLong(section + 32);
      int strings =
          (int) file.getLong((int) sections + file.getInt(section + 40) * SECTION_BYTES + 24);
      for (int at = symbols; at < symbols + bytes; at += SYMBOL_BYTES) {
        if (file.getShort(at + 6) != SHN_UNDEF) {
          names.add(text(file, strings + file.getInt(at)));
        }
      }
    }
    return names;
  }

  private static String text(ByteBuffer file, int start) {
    int end = start;
    while (file.get(end) != 0) {
      end++;
    }
    return new String(file.array(), start, end - start, StandardCharsets.UTF_8);
  }
}

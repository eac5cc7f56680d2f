// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Comma-separated values as RFC 4180 has them, in UTF-8: predictions (`id,prediction`), labels
/// (`id,label,GROUP...`) or groups (`id,GROUP...`).
final class CsvFile {
  private static final String ID = "id";
  private static final int MAX_CELL = 1 << 16;
  private static final int MAX_COLUMNS = 1000;

  private CsvFile() {}

  static Columns read(String origin, InputStream in, Columns.Wanted wanted) throws IOException {
    Reader text =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
    try {
      return read(origin, new Rows(origin, text), wanted);
    } catch (CharacterCodingException e) {
      throw CompatibilityException.of(origin, "is not UTF-8 text", "Save it as UTF-8", e);
    }
  }

  /// What the columns are; -1 is none.
  private record Head(int id, int number, List<Grouping.Builder> groups, List<Integer> at) {}

  private static Columns read(String origin, Rows rows, Columns.Wanted wanted) throws IOException {
    if (!rows.next()) {
      throw Columns.empty(origin);
    }
    int width = rows.cells().size();
    Head named = header(origin, rows, wanted);
    Head head = named == null ? headless(origin, rows, wanted) : named;
    Ids.@Nullable Builder ids = head.id() < 0 ? null : new Ids.Builder();
    IntColumn numbers = new IntColumn();
    int examples = 0;
    boolean more = named == null || rows.next();
    while (more) {
      if (rows.cells().size() != width) {
        throw rows.bad(
            "there are " + rows.cells().size() + " cells, and " + width + " in the first line",
            "Give every line the same columns");
      }
      if (++examples == IntColumn.MAX) {
        throw Columns.tooMany(origin);
      }
      if (head.number() >= 0) {
        numbers.add(number(rows, rows.cells().get(head.number()), wanted));
      }
      if (ids != null && !ids.add(rows.cells().get(head.id()))) {
        throw CompatibilityException.of(origin, "has more than 2 GiB of ids", "Leave the ids out");
      }
      for (int i = 0; i < head.groups().size(); i++) {
        head.groups().get(i).add(rows.cells().get(head.at().get(i)));
      }
      more = rows.next();
    }
    if (examples == 0) {
      throw Columns.empty(origin);
    }
    return new Columns(
        origin,
        ids == null ? null : ids.build(),
        numbers.toArray(),
        0,
        head.groups().stream().map(Grouping.Builder::build).toList());
  }

  /// The columns that a first line names; `null` where it is no header.
  private static @Nullable Head header(String origin, Rows rows, Columns.Wanted wanted) {
    List<String> names = rows.cells().stream().map(String::strip).toList();
    List<String> known = names.stream().map(name -> name.toLowerCase(Locale.ROOT)).toList();
    int number = known.indexOf(wanted.column());
    if (number < 0 && wanted != Columns.Wanted.GROUPS) {
      return null;
    }
    Set<String> seen = new HashSet<>();
    for (String name : known) {
      if (!name.isEmpty() && !seen.add(name)) {
        throw rows.bad("there are two columns '" + name + "'", "Give each a name of its own");
      }
    }
    int id = known.indexOf(ID);
    List<Grouping.Builder> groups = new ArrayList<>();
    List<Integer> at = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      boolean value = wanted == Columns.Wanted.LABELS && i == number;
      if (wanted != Columns.Wanted.PREDICTIONS && i != id && !value && !names.get(i).isEmpty()) {
        groups.add(new Grouping.Builder(origin, names.get(i)));
        at.add(i);
      }
    }
    if (wanted == Columns.Wanted.GROUPS && groups.isEmpty()) {
      throw rows.bad(
          "no column has a name but 'id'", "Name the columns in the first line, such as id,group");
    }
    return new Head(id, wanted == Columns.Wanted.GROUPS ? -1 : number, groups, at);
  }

  /// The columns where nothing names them: the number alone, or behind an id; groups come last.
  private static Head headless(String origin, Rows rows, Columns.Wanted wanted) {
    List<String> cells = rows.cells();
    int number = cells.size() == 1 ? 0 : 1;
    if (cells.size() > 2 && wanted == Columns.Wanted.PREDICTIONS
        || !isNumber(cells.get(number).strip())) {
      throw rows.bad(
          "it is neither a header with a column '"
              + wanted.column()
              + "' nor "
              + (wanted == Columns.Wanted.LABELS ? "id,label,group" : "id,prediction")
              + " with a class number",
          "Write '" + ID + "," + wanted.column() + "' above the rows");
    }
    List<Grouping.Builder> groups = new ArrayList<>();
    List<Integer> at = new ArrayList<>();
    for (int i = 2; i < cells.size(); i++) {
      groups.add(new Grouping.Builder(origin, i == 2 ? "group" : "group" + (i - 1)));
      at.add(i);
    }
    return new Head(number - 1, number, groups, at);
  }

  private static boolean isNumber(String text) {
    int digits = text.startsWith("-") ? 1 : 0;
    return text.length() > digits && text.chars().skip(digits).allMatch(c -> c >= '0' && c <= '9');
  }

  private static int number(Rows rows, String cell, Columns.Wanted wanted) {
    String text = cell.strip();
    if (!isNumber(text)) {
      throw rows.bad(
          wanted.column()
              + " is "
              + (text.isEmpty() ? "empty" : "'" + text + "'")
              + ", not a class number",
          "Number the classes from 0");
    }
    long number = text.length() > 18 ? Long.MAX_VALUE : Long.parseLong(text);
    if (!Columns.isClass(number)) {
      throw Columns.outOfRange(rows.origin, "line " + rows.line() + ": " + wanted.column(), text);
    }
    return (int) number;
  }

  /// The lines of a file, cell by cell.
  private static final class Rows {
    private static final int END = -1;
    private static final int NOTHING = -2;

    private final String origin;
    private final Reader text;
    private final List<String> cells = new ArrayList<>();
    private final StringBuilder cell = new StringBuilder();
    private int ahead = NOTHING;
    private int line;
    private int breaks;

    Rows(String origin, Reader text) throws IOException {
      this.origin = origin;
      this.text = text;
      if (peek() == 0xfeff) { // The mark that some programs put before UTF-8.
        take();
      }
    }

    /// The line a row begins on, from 1.
    int line() {
      return line;
    }

    List<String> cells() {
      return cells;
    }

    CompatibilityException bad(String problem, String remedy) {
      return CompatibilityException.of(origin, "line " + line + ": " + problem, remedy);
    }

    private int peek() throws IOException {
      if (ahead == NOTHING) {
        ahead = text.read();
      }
      return ahead;
    }

    private int take() throws IOException {
      int c = peek();
      ahead = NOTHING;
      return c;
    }

    /// Takes the next row that is not empty; false at the end.
    boolean next() throws IOException {
      do {
        if (peek() == END) {
          return false;
        }
        line = breaks + 1;
        row();
      } while (cells.size() == 1 && cells.getFirst().isEmpty());
      return true;
    }

    private void row() throws IOException {
      cells.clear();
      boolean more = true;
      while (more) {
        cell.setLength(0);
        if (peek() == '"') {
          quoted();
        } else {
          while (peek() != ',' && peek() != '\n' && peek() != '\r' && peek() != END) {
            add(take());
          }
        }
        if (cells.size() == MAX_COLUMNS) {
          throw bad("there are more than " + MAX_COLUMNS + " cells", "Leave columns out");
        }
        cells.add(cell.toString());
        more = separator();
      }
    }

    /// Takes what follows a cell; false where the row ends.
    private boolean separator() throws IOException {
      switch (take()) {
        case ',' -> {
          return true;
        }
        case '\r' -> {
          if (peek() == '\n') {
            take();
          }
          breaks++;
        }
        case '\n' -> breaks++;
        case END -> ahead = END;
        default ->
            throw bad("text follows the quotes that end a cell", "Double the quotes inside a cell");
      }
      return false;
    }

    private void quoted() throws IOException {
      take();
      while (true) {
        int c = take();
        if (c == END) {
          throw bad("the quotes of a cell are not closed", "The file is damaged; write it again");
        }
        if (c == '"') {
          if (peek() != '"') {
            return;
          }
          take();
        }
        if (c == '\n') {
          breaks++;
        }
        add(c);
      }
    }

    private void add(int c) {
      if (cell.length() == MAX_CELL) {
        throw bad("a cell has more than " + MAX_CELL + " characters", "Leave its column out");
      }
      cell.append((char) c);
    }
  }
}

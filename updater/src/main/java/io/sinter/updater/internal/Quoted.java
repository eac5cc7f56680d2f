// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.internal;

/// Text of foreign files as messages may show it: names in a header or a recipe can hold line
/// breaks, terminal escapes, marks that turn the writing around, and megabytes.
public final class Quoted {
  /// What a message says at most about one problem.
  public static final int MAX_CHARS = 2000;

  private Quoted() {}

  /// The text on one line, without characters that a terminal would act on, cut in the middle where
  /// it is long.
  public static String text(String text) {
    return text.length() <= MAX_CHARS && text.codePoints().allMatch(Quoted::harmless)
        ? text
        : escape(cut(text));
  }

  private static String cut(String text) {
    return text.length() <= MAX_CHARS
        ? text
        : text.substring(0, MAX_CHARS / 2)
            + " ... "
            + text.substring(
                text.length() - MAX_CHARS / 2 + 5); // the remedy, lists of names with it
  }

  private static String escape(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (harmless(c)) {
                out.appendCodePoint(c);
              } else {
                out.append(c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c));
              }
            });
    return out.length() <= MAX_CHARS ? out.toString() : cut(out.toString());
  }

  private static boolean harmless(int c) {
    return c >= ' ' && c < 0x7f
        || c >= 0xa0
            && switch (Character.getType(c)) {
              case Character.CONTROL,
                  Character.FORMAT,
                  Character.LINE_SEPARATOR,
                  Character.PARAGRAPH_SEPARATOR,
                  Character.SURROGATE,
                  Character.UNASSIGNED ->
                  false;
              default -> true;
            };
  }

  /// Whether a string can be written as UTF-8: escapes in JSON can make half of a surrogate pair.
  public static boolean isUnicode(String text) {
    return text.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff);
  }
}

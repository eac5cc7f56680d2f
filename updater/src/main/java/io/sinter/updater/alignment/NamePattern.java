// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A name with placeholders: `{i}` is a number, told apart by the letter and the same wherever it
/// comes again; `{a|b}` is one of several texts, of which one may be empty.
final class NamePattern {
  private static final Pattern BRACES = Pattern.compile("\\{([^{}]*)}");
  private static final Pattern LETTER = Pattern.compile("[a-z]");

  private final Pattern pattern;
  private final List<String> letters = new ArrayList<>();

  private NamePattern(String text) {
    StringBuilder regex = new StringBuilder();
    Matcher braces = BRACES.matcher(text);
    int end = 0;
    while (braces.find()) {
      regex.append(Pattern.quote(text.substring(end, braces.start())));
      String inner = braces.group(1);
      if (LETTER.matcher(inner).matches()) {
        regex.append(letters.contains(inner) ? "\\k<" + inner + ">" : "(?<" + inner + ">\\d{1,6})");
        letters.add(inner);
      } else {
        List<String> choices = new ArrayList<>();
        for (String choice : inner.split("\\|", -1)) {
          choices.add(Pattern.quote(choice));
        }
        regex.append("(?:").append(String.join("|", choices)).append(")");
      }
      end = braces.end();
    }
    regex.append(Pattern.quote(text.substring(end)));
    pattern = Pattern.compile(regex.toString());
  }

  static NamePattern of(String text) {
    return new NamePattern(text);
  }

  Matcher matcher(String name) {
    return pattern.matcher(name);
  }

  boolean matches(String name) {
    return matcher(name).matches();
  }

  /// A letter of `text` that this has not, or an empty text where there is none.
  String unknownLetter(String text) {
    Matcher braces = BRACES.matcher(text);
    while (braces.find()) {
      if (!letters.contains(braces.group(1))) {
        return braces.group();
      }
    }
    return "";
  }

  /// `text` with its placeholders filled from what this matched.
  String fill(String text, Matcher matched) {
    String filled = text;
    for (String letter : letters) {
      filled = filled.replace("{" + letter + "}", matched.group(letter));
    }
    return filled;
  }
}

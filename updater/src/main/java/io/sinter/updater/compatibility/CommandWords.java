// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.util.ArrayList;
import java.util.List;

/// A command in one string, split into words as a shell quotes them, and nothing more.
final class CommandWords {
  private CommandWords() {}

  /// Words end at white space. What is in single quotes is taken as it is; in double quotes a
  /// backslash protects `"` and `\`, outside of quotes any character. Everything else, `$`, `*`,
  /// `|` and `>` among it, means itself.
  ///
  /// @throws IllegalArgumentException where there is no word, or a quote is not closed
  static List<String> split(String command) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean inWord = false;
    char quote = 0;
    for (int i = 0; i < command.length(); i++) {
      char c = command.charAt(i);
      boolean escaped =
          c == '\\'
              && i + 1 < command.length()
              && (quote == 0 || quote == '"' && "\"\\".indexOf(command.charAt(i + 1)) >= 0);
      if (escaped) {
        word.append(command.charAt(++i));
        inWord = true;
      } else if (quote != 0) {
        if (c == quote) {
          quote = 0;
        } else {
          word.append(c);
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
        inWord = true;
      } else if (Character.isWhitespace(c)) {
        if (inWord) {
          words.add(word.toString());
        }
        word.setLength(0);
        inWord = false;
      } else {
        word.append(c);
        inWord = true;
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException(
          "the command " + command + " opens a quote " + quote + " and does not close it; add one");
    }
    if (inWord) {
      words.add(word.toString());
    }
    if (words.isEmpty() || words.getFirst().isEmpty()) {
      throw new IllegalArgumentException("the command is empty; name a program");
    }
    return words;
  }
}

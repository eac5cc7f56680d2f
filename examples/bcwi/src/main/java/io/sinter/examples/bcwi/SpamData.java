// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The SpamAssassin corpus of mail: what people wanted, what they did not, and `hard ham`, which
/// they wanted although it looks as if they did not.
///
/// A mail is told by its subject line alone. Whole mails are too easy to learn anything from
/// about updates: a model gets 98 % of them right, and hardly an answer changes. Other headers
/// name mailing lists and days, by which the corpus was collected.
///
/// Subjects are bags of words: a word's place among the features is its hash, a feature is `1 +
/// ln(count)`, and a mail's features are scaled to length 1.
final class SpamData {

  /// Places for words.
  static final int FEATURES = 2048;

  static final int HAM = 0;
  static final int SPAM = 1;
  static final int HARD_HAM = 2;

  private static final int UNITS = 64;

  /// Folders of the corpus, and their classes.
  private static final List<String> GROUPS =
      List.of("easy-ham-1", "easy-ham-2", "spam-1", "spam-2", "hard-ham-1");

  private static final int[] CLASS_OF_GROUP = {HAM, HAM, SPAM, SPAM, HARD_HAM};

  /// A longer run is no word but an encoding or an identifier.
  private static final Pattern WORD =
      Pattern.compile("(?<![a-z0-9$!])[a-z0-9$!]{2,20}(?![a-z0-9$!])");

  private static final Pattern SUBJECT =
      Pattern.compile("^subject:(.*(?:\n[ \t].*)*)", Pattern.MULTILINE);

  private SpamData() {}

  /// Reads the corpus.
  ///
  /// @param folder the package's folder `data`
  /// @param hardHam whether hard ham is a class of its own; else it is ham
  static Data read(Path folder, boolean hardHam, Arena arena) throws IOException {
    List<float[]> rows = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int group = 0; group < GROUPS.size(); group++) {
      int label = CLASS_OF_GROUP[group] == HARD_HAM && !hardHam ? HAM : CLASS_OF_GROUP[group];
      for (Path mail : mails(folder.resolve(GROUPS.get(group)))) {
        rows.add(features(Files.readString(mail, StandardCharsets.ISO_8859_1)));
        labels.add(label);
      }
    }
    MemorySegment features = arena.allocate(4L * FEATURES * rows.size(), 64);
    for (int i = 0; i < rows.size(); i++) {
      MemorySegment.copy(rows.get(i), 0, features, JAVA_FLOAT, 4L * FEATURES * i, FEATURES);
    }
    Examples examples =
        new Examples(
            features,
            FEATURES,
            labels.stream().mapToInt(Integer::intValue).toArray(),
            hardHam ? 3 : 2);
    return new Data("SpamAssassin", examples.all(), Optional.empty(), UNITS);
  }

  private static List<Path> mails(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> mails = files.filter(f -> f.toString().endsWith(".txt")).sorted().toList();
      if (mails.isEmpty()) {
        throw new IOException(folder + " holds no mails (*.txt)");
      }
      return mails;
    }
  }

  /// The features of a mail.
  static float[] features(String mail) {
    String text = mail.replace("\r\n", "\n").toLowerCase(Locale.ROOT);
    int blank = text.indexOf("\n\n");
    float[] counts = new float[FEATURES];
    Matcher subject = SUBJECT.matcher(blank < 0 ? text : text.substring(0, blank));
    if (subject.find()) {
      count(subject.group(1), counts);
    }
    double squares = 0;
    for (int i = 0; i < FEATURES; i++) {
      if (counts[i] > 0) {
        counts[i] = (float) (1 + StrictMath.log(counts[i]));
        squares += (double) counts[i] * counts[i];
      }
    }
    float norm = squares == 0 ? 1f : (float) Math.sqrt(squares);
    for (int i = 0; i < FEATURES; i++) {
      counts[i] /= norm;
    }
    return counts;
  }

  private static void count(String text, float[] counts) {
    Matcher words = WORD.matcher(text);
    while (words.find()) {
      counts[place(text, words.start(), words.end())]++;
    }
  }

  /// A word's place: FNV-1a, folded.
  private static int place(String text, int from, int to) {
    int hash = 0x811c9dc5;
    for (int i = from; i < to; i++) {
      hash = (hash ^ text.charAt(i)) * 0x01000193;
    }
    return (hash ^ hash >>> 16) & FEATURES - 1;
  }
}

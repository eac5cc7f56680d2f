// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/// The journal of an interrupted merge.
///
/// The input is its lines without their checksums, which are added here, so that what lies behind
/// them is reached; but a line that starts with `!` stands as it is behind that.
public final class JournalFuzz {
  private JournalFuzz() {}

  public static void fuzzerTestOneInput(byte[] input) {
    byte[] journal = withChecksums(input);
    Journal.Content content = parse(journal);
    check(content, journal);
    // Whatever is cut off, what is before stays: a power failure may do that.
    checkPrefix(content, parse(Arrays.copyOf(journal, journal.length / 2)));
    if (!content.ends().isEmpty()) {
      int end = content.ends().getLast().intValue();
      Reading.require(
          parse(Arrays.copyOf(journal, end)).equals(content), () -> "needs more than it read");
      checkPrefix(content, parse(Arrays.copyOf(journal, end - 1)));
    }
  }

  /// No journal is refused: a damaged one says less.
  private static Journal.Content parse(byte[] journal) {
    return Reading.of(
            Path.of(Journal.NAME).toString(),
            journal.length,
            CheckpointException.class,
            () -> Journal.parse(journal))
        .orElseThrow(() -> new AssertionError("refused"));
  }

  private static void check(Journal.Content content, byte[] journal) {
    List<Journal.Mark> marks = content.marks();
    Reading.require(
        content.ends().size() == (content.fingerprint() == null ? 0 : 1 + marks.size()),
        () -> "places do not fit lines: " + content);
    long last = 0;
    for (long end : content.ends()) {
      long before = last;
      Reading.require(
          end > before && end <= journal.length && journal[(int) end - 1] == '\n',
          () -> "no line ends at " + end);
      last = end;
    }
    for (int i = 0; i < marks.size(); i++) {
      Journal.Mark mark = marks.get(i);
      Reading.require(
          mark.file() >= 0
              && mark.bytes() >= 0
              && mark.nonFinite() >= 0
              && mark.saturated() >= 0
              && mark.fallbacks() >= 0,
          () -> "negative: " + mark);
      if (i > 0) {
        Journal.Mark previous = marks.get(i - 1);
        Reading.require(
            mark.file() > previous.file()
                || mark.file() == previous.file() && mark.bytes() > previous.bytes(),
            () -> mark + " is not behind " + previous);
      }
    }
  }

  private static void checkPrefix(Journal.Content whole, Journal.Content part) {
    int marks = part.marks().size();
    Reading.require(
        marks <= whole.marks().size()
            && part.marks().equals(whole.marks().subList(0, marks))
            && (part.fingerprint() == null || part.fingerprint().equals(whole.fingerprint())),
        () -> part + " is no beginning of " + whole);
  }

  private static byte[] withChecksums(byte[] input) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(2 * input.length);
    int start = 0;
    for (int i = 0; i <= input.length; i++) {
      if (i < input.length && input[i] != '\n') {
        continue;
      }
      if (start < i && input[start] == '!') {
        out.write(input, start + 1, i - start - 1);
      } else {
        CRC32 crc = new CRC32();
        crc.update(input, start, i - start);
        out.write(input, start, i - start);
        out.writeBytes(" %08x".formatted(crc.getValue()).getBytes(StandardCharsets.US_ASCII));
      }
      out.write('\n');
      start = i + 1;
    }
    return out.toByteArray();
  }
}

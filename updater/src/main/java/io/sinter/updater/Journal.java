// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/// How far an output has come: a file in its partial folder, from which an interrupted merge can be
/// gone on with.
///
/// One line each: JSON, a space, the CRC-32 of the JSON. The first line is the merge's
/// [Fingerprint]; each further line a [Mark]. Files are written in order and from front to back, so
/// the last mark says all. A mark is a claim, which [Resumption] verifies by reading the data, so
/// nothing rests on the order in which journal and data reach the disk.
final class Journal implements AutoCloseable {
  static final String NAME = ".sinter-journal";

  private static final String FINGERPRINT = "fingerprint";

  /// No journal of a merge comes near: a line is of some 150 bytes, for some megabytes of output.
  static final long MAX_BYTES = 1L << 30;

  /// Everything before this place is finished: the files before number `file`, and the first
  /// `bytes` bytes of it.
  ///
  /// @param hash of those bytes of the file, in hexadecimal
  /// @param nonFinite [MergeReport#nonFinite] of everything before
  /// @param saturated [MergeReport#saturated] of everything before
  /// @param fallbacks [MergeReport#fallbacks] of everything before
  record Mark(int file, long bytes, String hash, long nonFinite, long saturated, long fallbacks) {}

  /// What a journal says.
  ///
  /// @param fingerprint `null` where the first line is missing or damaged
  /// @param marks each behind the one before, up to the first damaged line
  /// @param ends where in the journal the first line ends, and then each mark's
  record Content(
      @Nullable SequencedMap<String, String> fingerprint, List<Mark> marks, List<Long> ends) {}

  private final OutputFile file;
  private long end;

  private Journal(OutputFile file, long end) {
    this.file = file;
    this.end = end;
  }

  /// Starts the journal of an output.
  static Journal create(OutputFolder folder, SequencedMap<String, String> fingerprint) {
    OutputFile file = folder.create(NAME);
    try {
      file.lock();
      Journal journal = new Journal(file, 0);
      journal.line(
          json -> {
            json.writeObjectFieldStart(FINGERPRINT);
            for (Map.Entry<String, String> entry : fingerprint.entrySet()) {
              json.writeStringField(entry.getKey(), entry.getValue());
            }
            json.writeEndObject();
          });
      return journal;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /// Goes on with a journal after its first `marks` marks.
  ///
  /// @param file the journal, locked
  static Journal continued(OutputFile file, Content content, int marks) {
    long end = content.ends().get(marks);
    file.truncate(end);
    return new Journal(file, end);
  }

  /// Adds a mark.
  void append(Mark mark) {
    line(
        json -> {
          json.writeNumberField("file", mark.file());
          json.writeNumberField("bytes", mark.bytes());
          json.writeStringField("hash", mark.hash());
          json.writeNumberField("nonFinite", mark.nonFinite());
          json.writeNumberField("saturated", mark.saturated());
          json.writeNumberField("fallbacks", mark.fallbacks());
        });
  }

  private interface Fields {
    void write(JsonGenerator json) throws IOException;
  }

  private void line(Fields fields) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(out)) {
      json.writeStartObject();
      fields.write(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An array in memory does not fail.
    }
    byte[] text = out.toByteArray();
    out.writeBytes((" " + checksum(text) + "\n").getBytes(StandardCharsets.US_ASCII));
    byte[] line = out.toByteArray();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_BYTE, line);
      file.write(end, segment);
    }
    end += line.length;
  }

  /// Forces what was added to the disk.
  void sync() {
    file.sync();
  }

  @Override
  public void close() {
    file.close();
  }

  private static String checksum(byte[] text) {
    CRC32 crc = new CRC32();
    crc.update(text);
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /// What the bytes of a journal say, up to the first line that is damaged or cut short.
  static Content parse(byte[] journal) {
    @Nullable SequencedMap<String, String> fingerprint = null;
    List<Mark> marks = new ArrayList<>();
    List<Long> ends = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < journal.length; i++) {
      if (journal[i] != '\n') {
        continue;
      }
      ObjectNode line = line(journal, start, i);
      if (line == null) {
        break;
      }
      if (fingerprint == null) {
        fingerprint = fingerprint(line);
        if (fingerprint == null) {
          break;
        }
      } else {
        Mark mark = mark(line);
        if (mark == null || !marks.isEmpty() && !follows(marks.getLast(), mark)) {
          break;
        }
        marks.add(mark);
      }
      ends.add(i + 1L);
      start = i + 1;
    }
    return new Content(fingerprint, marks, ends);
  }

  private static boolean follows(Mark last, Mark next) {
    return next.file() == last.file()
        ? next.bytes() > last.bytes()
        : next.file() == last.file() + 1;
  }

  /// A line's object; `null` where it is damaged.
  private static @Nullable ObjectNode line(byte[] journal, int from, int to) {
    int space = to - 9;
    if (space < from || journal[space] != ' ') {
      return null;
    }
    byte[] text = new byte[space - from];
    System.arraycopy(journal, from, text, 0, text.length);
    String checksum = new String(journal, space + 1, 8, StandardCharsets.US_ASCII);
    if (!checksum.equals(checksum(text))) {
      return null;
    }
    try {
      JsonNode tree = Json.tree(text);
      return tree instanceof ObjectNode object ? object : null;
    } catch (IOException e) {
      return null; // Not JSON: damaged, which is what this says.
    }
  }

  private static @Nullable SequencedMap<String, String> fingerprint(ObjectNode line) {
    if (!(line.get(FINGERPRINT) instanceof ObjectNode object)) {
      return null;
    }
    SequencedMap<String, String> values = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      if (!entry.getValue().isTextual()) {
        return null;
      }
      values.put(entry.getKey(), entry.getValue().asText());
    }
    return Collections.unmodifiableSequencedMap(values);
  }

  private static @Nullable Mark mark(ObjectNode line) {
    for (String name : List.of("file", "bytes", "nonFinite", "saturated", "fallbacks")) {
      if (!line.path(name).canConvertToLong()
          || !line.path(name).isIntegralNumber()
          || line.path(name).asLong() < 0) {
        return null;
      }
    }
    if (!line.path("file").canConvertToInt() || !line.path("hash").isTextual()) {
      return null;
    }
    return new Mark(
        line.path("file").asInt(),
        line.path("bytes").asLong(),
        line.path("hash").asText(),
        line.path("nonFinite").asLong(),
        line.path("saturated").asLong(),
        line.path("fallbacks").asLong());
  }
}

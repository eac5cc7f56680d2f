// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sinter.updater.internal.Quoted;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The header of one safetensors file: 8 bytes of length, little-endian, and that many bytes of
/// JSON, after which the tensors follow without gaps.
///
/// @param tensors in the order of their offsets
/// @param metadata free text, by key
record Header(List<TensorEntry> tensors, Map<String, String> metadata) {
  /// The format's own limit.
  static final int MAX_BYTES = 100_000_000;

  /// The tensors of one file, or of one index, at most: several times as many as any model has. The
  /// limit, and the two below, keep what is made of a header in proportion to its bytes.
  static final int MAX_TENSORS = 1 << 19;

  private static final int MAX_METADATA = 100_000;
  private static final int MAX_DIMENSIONS = 64;

  private static final String METADATA = "__metadata__";
  private static final String REPLACE =
      "The file is damaged or was not written whole; fetch it again";

  /// Reads and checks the header of a file of `size` bytes.
  static Header read(Path file, long size, ReadAt source) {
    if (size < 8) {
      throw CheckpointException.of(
          file,
          size == 0
              ? "is empty"
              : "has " + size + " bytes, too few for a safetensors header (8 and more)",
          REPLACE);
    }
    byte[] prefix = new byte[8];
    source.read(0, MemorySegment.ofArray(prefix));
    long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 0 || length > MAX_BYTES) {
      throw CheckpointException.of(
          file,
          "its header claims "
              + Long.toUnsignedString(length)
              + " bytes, more than the "
              + MAX_BYTES
              + " that the format allows",
          "It is not a safetensors file, or damaged; fetch it again");
    }
    if (length > size - 8) {
      throw CheckpointException.of(
          file,
          "its header claims "
              + length
              + " bytes, but only "
              + (size - 8)
              + " follow: the file is truncated",
          REPLACE);
    }
    return new Parser(file, 8 + length, size).parse(new Text(source, 8, (int) length));
  }

  /// The header's JSON, read piece by piece: a header of 100 MB is never in memory whole.
  private static final class Text extends InputStream {
    private static final int PIECE = 1 << 16;

    private final ReadAt source;
    private final byte[] piece;
    private long position;
    private long left;
    private int next;
    private int filled;

    Text(ReadAt source, long position, int length) {
      this.source = source;
      this.position = position;
      this.left = length;
      this.piece = new byte[Math.min(PIECE, length)];
    }

    private boolean atEnd() {
      if (next == filled && left > 0) {
        next = 0;
        filled = (int) Math.min(piece.length, left);
        source.read(position, MemorySegment.ofArray(piece).asSlice(0, filled));
        position += filled;
        left -= filled;
      }
      return next == filled;
    }

    boolean startsWith(char first) {
      return !atEnd() && piece[next] == first;
    }

    @Override
    public int read() {
      return atEnd() ? -1 : piece[next++] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (length == 0 || atEnd()) {
        return length == 0 ? 0 : -1;
      }
      int n = Math.min(length, filled - next);
      System.arraycopy(piece, next, target, offset, n);
      next += n;
      return n;
    }
  }

  /// One tensor of a file to be written; tensors follow each other in the list's order.
  record Planned(String name, StorageType type, long[] shape, long bytes) {}

  /// The bytes before the data of a file with these tensors: padded so that the data starts at a
  /// multiple of `alignment`.
  static byte[] encode(List<Planned> tensors, Map<String, String> metadata, int alignment) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[8]);
    try (JsonGenerator json = Json.generator(out)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(METADATA);
        for (var entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long offset = 0;
      for (Planned tensor : tensors) {
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", tensor.type().code());
        json.writeFieldName("shape");
        json.writeArray(tensor.shape(), 0, tensor.shape().length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, offset + tensor.bytes()}, 0, 2);
        json.writeEndObject();
        offset += tensor.bytes();
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An array in memory does not fail.
    }
    int padded = Math.ceilDiv(out.size(), alignment) * alignment;
    byte[] bytes = Arrays.copyOf(out.toByteArray(), padded);
    Arrays.fill(bytes, out.size(), padded, (byte) ' ');
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, padded - 8L);
    return bytes;
  }

  private static final class Parser {
    private final Path file;
    private final long dataStart;
    private final long dataBytes;
    private final List<TensorEntry> tensors = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    Parser(Path file, long dataStart, long size) {
      this.file = file;
      this.dataStart = dataStart;
      this.dataBytes = size - dataStart;
    }

    Header parse(Text text) {
      if (!text.startsWith('{')) {
        throw bad("its header does not start with '{'");
      }
      try (JsonParser json = Json.parser(text)) {
        json.nextToken();
        while (json.nextToken() != JsonToken.END_OBJECT) {
          String name = json.currentName();
          if (json.nextToken() != JsonToken.START_OBJECT) {
            throw bad(name, "its entry is not a JSON object");
          }
          if (name.equals(METADATA)) {
            parseMetadata(json);
          } else if (tensors.size() == MAX_TENSORS) {
            throw CheckpointException.of(
                file, "holds more than " + MAX_TENSORS + " tensors", "Split it into shards");
          } else {
            tensors.add(parseTensor(json, name));
          }
        }
        if (json.nextToken() != null) {
          throw bad("its header goes on after the closing brace");
        }
      } catch (CharacterCodingException e) {
        throw CheckpointException.of(file, "its header is not UTF-8 text", REPLACE, e);
      } catch (IOException e) {
        throw CheckpointException.of(
            file, "its header is not valid JSON (" + Json.problem(e) + ")", REPLACE, e);
      }
      tensors.sort(Comparator.comparingLong(TensorEntry::offset).thenComparing(TensorEntry::bytes));
      checkLayout();
      return new Header(List.copyOf(tensors), Collections.unmodifiableMap(metadata));
    }

    private void parseMetadata(JsonParser json) throws IOException {
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        if (json.nextToken() != JsonToken.VALUE_STRING) {
          throw bad("metadata '" + key + "' is not a string");
        }
        String value = json.getText();
        if (!Quoted.isUnicode(key) || !Quoted.isUnicode(value)) {
          throw bad("metadata '" + key + "' holds half of a surrogate pair, which is not text");
        }
        if (metadata.size() == MAX_METADATA) {
          throw bad("it has more than " + MAX_METADATA + " entries of metadata");
        }
        metadata.put(key, value);
      }
    }

    private TensorEntry parseTensor(JsonParser json, String name) throws IOException {
      if (!Quoted.isUnicode(name)) {
        throw bad(name, "its name holds half of a surrogate pair, which is not text");
      }
      @Nullable StorageType type = null;
      long @Nullable [] shape = null;
      long @Nullable [] offsets = null;
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        JsonToken value = json.nextToken();
        switch (key) {
          case "dtype" -> {
            if (value != JsonToken.VALUE_STRING) {
              throw bad(name, "its dtype is not a string");
            }
            String code = json.getText();
            type =
                StorageType.find(code)
                    .orElseThrow(
                        () ->
                            CheckpointException.of(
                                file,
                                name,
                                "unknown dtype '" + code + "'",
                                "Convert it to one of " + StorageType.known()));
          }
          case "shape" -> shape = parseNumbers(json, name, key);
          case "data_offsets" -> offsets = parseNumbers(json, name, key);
          default -> throw bad(name, "its entry has an unknown key '" + key + "'");
        }
      }
      if (type == null || shape == null || offsets == null) {
        throw bad(
            name,
            "its entry lacks "
                + (type == null ? "dtype" : shape == null ? "shape" : "data_offsets"));
      }
      if (offsets.length != 2 || offsets[0] > offsets[1]) {
        throw bad(name, "data_offsets " + Arrays.toString(offsets) + " are not a range");
      }
      if (offsets[1] > dataBytes) {
        throw bad(
            name,
            "ends at byte "
                + offsets[1]
                + " of the data, of which the file has "
                + dataBytes
                + ": it is truncated, or the offsets are out of range");
      }
      long bytes = offsets[1] - offsets[0];
      long needed = bytesOf(name, type, shape);
      if (needed != bytes) {
        throw bad(
            name,
            "shape "
                + Arrays.toString(shape)
                + " of "
                + type.code()
                + " needs "
                + needed
                + " bytes, but data_offsets hold "
                + bytes);
      }
      return new TensorEntry(name, type, shape, file, dataStart + offsets[0], bytes);
    }

    private long bytesOf(String name, StorageType type, long[] shape) {
      try {
        long elements = 1;
        for (long size : shape) {
          elements = Math.multiplyExact(elements, size);
        }
        return type.bytes(elements);
      } catch (ArithmeticException e) {
        throw bad(
            name,
            "shape "
                + Arrays.toString(shape)
                + " of "
                + type.code()
                + " has no size in whole bytes below 2^63");
      }
    }

    private long[] parseNumbers(JsonParser json, String name, String key) throws IOException {
      if (json.currentToken() != JsonToken.START_ARRAY) {
        throw bad(name, key + " is not an array");
      }
      long[] numbers = new long[4];
      int count = 0;
      while (json.nextToken() != JsonToken.END_ARRAY) {
        if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
            || json.getNumberType() == JsonParser.NumberType.BIG_INTEGER
            || json.getLongValue() < 0) {
          throw bad(name, key + " holds " + json.getText() + ", not a size from 0 to 2^63 - 1");
        }
        if (count == MAX_DIMENSIONS) {
          throw bad(name, key + " holds more than " + MAX_DIMENSIONS + " numbers");
        }
        if (count == numbers.length) {
          numbers = Arrays.copyOf(numbers, 2 * count);
        }
        numbers[count++] = json.getLongValue();
      }
      return Arrays.copyOf(numbers, count);
    }

    /// The data is the tensors, one after the other: no overlap, no gap, nothing before or behind.
    private void checkLayout() {
      long end = dataStart;
      @Nullable String previous = null;
      for (TensorEntry tensor : tensors) {
        if (tensor.offset() < end) {
          throw bad(tensor.name(), "overlaps tensor '" + previous + "'");
        }
        if (tensor.offset() > end) {
          throw bad(
              tensor.name(),
              "a gap of "
                  + (tensor.offset() - end)
                  + " bytes lies before it, which the format forbids");
        }
        end = tensor.offset() + tensor.bytes();
        previous = tensor.name();
      }
      long rest = dataStart + dataBytes - end;
      if (rest != 0) {
        throw bad(rest + " bytes follow the last tensor, which the format forbids");
      }
    }

    private CheckpointException bad(String problem) {
      return CheckpointException.of(file, problem, REPLACE);
    }

    private CheckpointException bad(String tensor, String problem) {
      return CheckpointException.of(file, tensor, problem, REPLACE);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// NumPy's `.npy`, versions 1 to 3: a magic, a version, and a header that is a Python dictionary of
/// three keys, padded by spaces; the elements follow.
final class NpyFile {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /// NumPy's own limit on headers that it is not told to trust.
  private static final int MAX_HEADER = 10_000;

  private static final String REPLACE = "Write it with numpy.save";

  private static final Pattern ENTRY =
      Pattern.compile(
          "\\s*'(?<key>[a-z_]{1,20})'\\s*:\\s*"
              + "(?:'(?<text>[^'\\\\]{0,100})'|(?<flag>True|False)"
              + "|\\(\\s*(?<shape>(?:\\d{1,19}\\s*,\\s*){0,32}(?:\\d{1,19})?)\\s*\\)"
              + "|(?<other>[\\[(].*))\\s*(?<end>,|\\})",
          Pattern.DOTALL);

  private NpyFile() {}

  static Columns read(String origin, InputStream in, Columns.Wanted wanted) throws IOException {
    ArrayData data = header(origin, in);
    Columns columns;
    if (wanted == Columns.Wanted.GROUPS) {
      columns =
          new Columns(origin, null, new int[0], 0, List.of(data.grouping(in, wanted.column())));
    } else {
      columns = data.classes(in, wanted);
    }
    if (in.read() >= 0) {
      throw CompatibilityException.of(
          origin, "goes on behind the last element of its array", REPLACE);
    }
    return columns;
  }

  private static ArrayData header(String origin, InputStream in) throws IOException {
    byte[] start = in.readNBytes(8);
    for (int i = 0; i < MAGIC.length; i++) {
      if (i >= start.length || start[i] != MAGIC[i]) {
        throw CompatibilityException.of(origin, "does not begin as a .npy file does", REPLACE);
      }
    }
    int version = start.length == 8 ? start[6] : 0;
    int lengthBytes = version == 1 ? 2 : 4;
    byte[] length = in.readNBytes(lengthBytes);
    if (version < 1 || version > 3 || start[7] != 0) {
      throw CompatibilityException.of(
          origin,
          start.length == 8
              ? "is of version " + version + "." + start[7] + " of its format"
              : "ends in its header",
          "Known are 1.0, 2.0 and 3.0; write it with numpy.save");
    }
    long size = 0;
    for (int i = length.length - 1; i >= 0; i--) {
      size = size << 8 | Byte.toUnsignedInt(length[i]);
    }
    if (size > MAX_HEADER) {
      throw CompatibilityException.of(
          origin,
          "has a header of " + size + " bytes, more than the " + MAX_HEADER + " it may have",
          "Write a plain array with numpy.save");
    }
    byte[] header = in.readNBytes((int) size);
    if (length.length < lengthBytes || header.length < size) {
      throw CompatibilityException.of(origin, "ends in its header", REPLACE);
    }
    return dictionary(origin, new String(header, StandardCharsets.UTF_8).strip());
  }

  private static ArrayData dictionary(String origin, String text) {
    String descr = null;
    Boolean fortran = null;
    long[] shape = null;
    if (!text.startsWith("{")) {
      throw notHeader(origin, text);
    }
    Matcher entry = ENTRY.matcher(text);
    int at = 1;
    boolean open = true;
    while (open && !text.substring(at).strip().equals("}")) {
      if (!entry.region(at, text.length()).lookingAt()) {
        throw notHeader(origin, text);
      }
      String key = entry.group("key");
      if (key.equals("descr") && descr == null && entry.group("other") != null) {
        throw CompatibilityException.of(
            origin,
            "is an array of records (" + entry.group("other") + ")",
            "Write one field alone with numpy.save");
      }
      if (key.equals("descr") && descr == null && entry.group("text") != null) {
        descr = entry.group("text");
      } else if (key.equals("fortran_order") && fortran == null && entry.group("flag") != null) {
        fortran = entry.group("flag").equals("True");
      } else if (key.equals("shape") && shape == null && entry.group("shape") != null) {
        shape = shape(origin, entry.group("shape"));
      } else {
        throw notHeader(origin, text);
      }
      at = entry.end();
      open = entry.group("end").equals(",");
    }
    if (descr == null || fortran == null || shape == null || !open && at < text.length()) {
      throw notHeader(origin, text);
    }
    if (fortran && shape.length > 1) {
      throw CompatibilityException.of(
          origin,
          "is in Fortran's order, column by column",
          "Write numpy.ascontiguousarray(x) with numpy.save");
    }
    return new ArrayData(origin, "its array", element(origin, descr), shape);
  }

  private static Element element(String origin, String descr) {
    return Element.ofNumpy(descr)
        .orElseThrow(
            () ->
                CompatibilityException.of(
                    origin,
                    "its elements are '"
                        + descr
                        + "'"
                        + (descr.startsWith(">")
                            ? ", which is big-endian"
                            : descr.contains("O") ? ", which is Python objects" : ""),
                    "Convert them with numpy's astype to '<i4', or to '<f4' for logits"));
  }

  private static long[] shape(String origin, String text) {
    List<Long> sizes = new ArrayList<>();
    for (String size : text.split(",")) {
      if (!size.isBlank()) {
        try {
          sizes.add(Long.parseLong(size.strip()));
        } catch (NumberFormatException e) {
          throw notHeader(origin, text);
        }
      }
    }
    return sizes.stream().mapToLong(Long::longValue).toArray();
  }

  private static CompatibilityException notHeader(String origin, String text) {
    return CompatibilityException.of(
        origin, "its header is not one that NumPy writes (" + text + ")", REPLACE);
  }
}

// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Sizes and times as people write and read them.
final class Units {

  private static final Pattern SIZE =
      Pattern.compile("(\\d{1,18}(?:\\.\\d{1,18})?)\\s*([KMGT]?I?B?)");

  private static final Map<String, Long> FACTORS =
      Map.of(
          "", 1L,
          "K", 1000L,
          "M", 1000_000L,
          "G", 1000_000_000L,
          "T", 1000_000_000_000L,
          "KI", 1L << 10,
          "MI", 1L << 20,
          "GI", 1L << 30,
          "TI", 1L << 40);

  private Units() {}

  /// `5GB` is 5 000 000 000, `1.5GiB` is 1.5 times 2^30; a bare number is bytes.
  static final class SizeConverter implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Matcher size = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
      String unit = size.matches() ? size.group(2).replaceFirst("B$", "") : "none";
      Long factor = FACTORS.get(unit);
      if (factor == null) {
        throw new TypeConversionException("'" + text + "' is not a size; write 5GB, 500MB or 2GiB");
      }
      BigDecimal bytes = new BigDecimal(size.group(1)).multiply(BigDecimal.valueOf(factor));
      if (bytes.signum() == 0 || bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
        throw new TypeConversionException("'" + text + "' is out of range");
      }
      return bytes.longValue();
    }
  }

  /// Three significant digits in powers of 1000: `1.23 GB`.
  static String bytes(double bytes) {
    String[] units = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = bytes;
    int unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return String.format(Locale.ROOT, "%." + digits + "f %s", value, units[unit]);
  }

  /// `12 s`, `3 min 20 s`, `2 h 5 min`.
  static String time(double seconds) {
    long s = Math.round(seconds);
    if (s < 60) {
      return s + " s";
    }
    if (s < 3600) {
      return s / 60 + " min " + s % 60 + " s";
    }
    return s / 3600 + " h " + s / 60 % 60 + " min";
  }
}

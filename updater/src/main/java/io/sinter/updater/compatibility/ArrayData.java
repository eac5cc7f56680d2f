// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/// The elements of an array file, read piece by piece: logits become predictions as they pass, so
/// what is kept is 4 bytes for each example, and no more than has really been there.
///
/// @param name of the array, as messages call it
record ArrayData(String origin, String name, Element type, long[] shape) {
  private static final int PIECE = 1 << 16;

  /// Class numbers: those that are written, or those that the logits make.
  ///
  /// @param in at the first element
  Columns classes(InputStream in, Columns.Wanted wanted) throws IOException {
    if (shape.length == 1 && type.whole()) {
      return new Columns(origin, null, numbers(in), 0, List.of());
    }
    if (shape.length == 2 && !type.whole() && wanted == Columns.Wanted.PREDICTIONS) {
      return logits(in);
    }
    throw CompatibilityException.of(
        origin,
        name + " is " + Arrays.toString(shape) + " of " + type,
        wanted == Columns.Wanted.PREDICTIONS
            ? "Predictions are whole numbers [examples], logits floating-point numbers"
                + " [examples, classes]"
            : "Labels and groups are whole numbers [examples]");
  }

  /// Whole numbers as the groups of a grouping.
  Grouping grouping(InputStream in, String called) throws IOException {
    if (shape.length != 1 || !type.whole()) {
      throw CompatibilityException.of(
          origin,
          name + " is " + Arrays.toString(shape) + " of " + type,
          "Labels and groups are whole numbers [examples]");
    }
    Grouping.Builder groups = new Grouping.Builder(origin, called);
    each(in, (at, piece, place) -> groups.add(Long.toString(type.integer(piece, place))));
    return groups.build();
  }

  private interface Visitor {
    void visit(long at, ByteBuffer piece, int place);
  }

  private int[] numbers(InputStream in) throws IOException {
    IntColumn numbers = new IntColumn();
    each(
        in,
        (at, piece, place) -> {
          long number = type.integer(piece, place);
          if (!Columns.isClass(number)) {
            throw Columns.outOfRange(
                origin,
                name + "[" + at + "]",
                type == Element.U64
                    ? Long.toUnsignedString(piece.getLong(place))
                    : Long.toString(number));
          }
          if (numbers.size() == IntColumn.MAX) {
            throw Columns.tooMany(origin);
          }
          numbers.add((int) number);
        });
    if (numbers.size() == 0) {
      throw Columns.empty(origin);
    }
    return numbers.toArray();
  }

  private Columns logits(InputStream in) throws IOException {
    if (shape[0] == 0) {
      throw Columns.empty(origin);
    }
    if (shape[1] < 1 || shape[1] > Columns.MAX_CLASSES) {
      throw CompatibilityException.of(
          origin,
          name
              + " has "
              + shape[1]
              + " columns, and there are 1 to "
              + Columns.MAX_CLASSES
              + " classes",
          "Write them as [examples, classes]");
    }
    int classes = (int) shape[1];
    Largest largest = new Largest(origin, name, classes);
    each(in, (at, piece, place) -> largest.add(type.real(piece, place)));
    return new Columns(origin, null, largest.predictions.toArray(), classes, List.of());
  }

  /// The place of each row's largest element; of equal ones the first.
  static final class Largest {
    private final String origin;
    private final String name;
    private final int classes;
    private final IntColumn predictions = new IntColumn();
    private double best;
    private int bestColumn;
    private int column;

    Largest(String origin, String name, int classes) {
      this.origin = origin;
      this.name = name;
      this.classes = classes;
    }

    void add(double logit) {
      if (logit != logit) {
        throw CompatibilityException.of(
            origin,
            name + " has NaN at row " + predictions.size() + ", column " + column,
            "Find out why the model gives NaN, or leave that example out");
      }
      if (column == 0 || logit > best) {
        best = logit;
        bestColumn = column;
      }
      if (++column == classes) {
        if (predictions.size() == IntColumn.MAX) {
          throw Columns.tooMany(origin);
        }
        predictions.add(bestColumn);
        column = 0;
      }
    }

    int[] predictions() {
      return predictions.toArray();
    }
  }

  private long elements() {
    try {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    } catch (ArithmeticException e) {
      throw CompatibilityException.of(
          origin, name + " is said to be " + Arrays.toString(shape), "The file is damaged", e);
    }
  }

  private void each(InputStream in, Visitor visitor) throws IOException {
    long elements = elements();
    byte[] bytes = new byte[(int) Math.max(type.bytes(), Math.min(PIECE, elements * type.bytes()))];
    ByteBuffer piece = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (long at = 0; at < elements; ) {
      int count = (int) Math.min(bytes.length / type.bytes(), elements - at);
      int read = in.readNBytes(bytes, 0, count * type.bytes());
      if (read < count * type.bytes()) {
        throw CompatibilityException.of(
            origin,
            "is truncated: "
                + name
                + " has "
                + elements
                + " elements of "
                + type
                + ", and the file ends in number "
                + (at + read / type.bytes()),
            "Write it again");
      }
      for (int i = 0; i < count; i++) {
        visitor.visit(at + i, piece, i * type.bytes());
      }
      at += count;
    }
  }
}
